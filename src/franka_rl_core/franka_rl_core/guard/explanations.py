# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every reason of the guard means, and what to do about it."""

from __future__ import annotations

from franka_rl_core.safety.base import Reason

EXPLANATIONS = {
    Reason.NONE: '',
    Reason.STALE_STATE: 'the joint states are too old or have stopped: look at the robot driver '
    'and the network',
    Reason.STALE_TARGET: 'the policy has sent nothing new: it has ended, died, or is too slow',
    Reason.NOT_FINITE: 'the policy asked for something that is not a number',
    Reason.JOINT_RANGE: 'the target is beyond the range of a joint',
    Reason.WORKSPACE: 'the target is outside the workspace box of the robot',
    Reason.REACH: 'the target is further than the arm can go in a control period',
    Reason.WRONG_SHAPE: 'the target has not one value per joint',
    Reason.WRONG_JOINTS: 'the target names other joints than those of this robot',
    Reason.OUT_OF_ORDER: 'a target came twice or too late; a policy that was started again needs '
    'the guard to be armed again',
    Reason.NO_STATE: 'there is no joint state yet: is the robot driver running?',
    Reason.NO_TARGET: 'no policy has sent a target yet',
    Reason.TETHER: 'the arm is not where it was sent: it is blocked, held, or its controller does '
    'not run',
    Reason.WRONG_PERIOD: 'the policy has another control period than the guard was started with',
    Reason.STATE_NOT_FINITE: 'the robot driver sent a joint state that is not a number',
    Reason.STATE_JUMP: 'the measured joints have jumped further than they can move: an encoder, '
    'another robot, or the clock of the driver',
    Reason.COLLISION: 'the motion would bring links, or a link and the table, too close together',
    Reason.ROBOT: 'the robot has stopped by itself',
    Reason.CONTROLLER: "the robot's controller does not follow yet",
    Reason.OTHER_COMMANDER: 'another node publishes on the command topic: there must be one guard',
    Reason.STALLED: 'the guard itself was not run for some time: the computer is overloaded',
}
