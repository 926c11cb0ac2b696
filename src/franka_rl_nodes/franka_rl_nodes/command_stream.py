# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""How the guard's motion is said to each of the controllers."""

from __future__ import annotations

import array
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.guard.motion import Motion, Sample
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import stamp_to_msg, to_field
from franka_rl_nodes.steady_loop import GridClock

# Of the first point of a trajectory from the begin of its motion, and between the others [s]. The
# controller goes to the first one from wherever it is when the message comes, a little before the
# begin or after it; the longer that way is, the gentler.
_FIRST_S = 0.08
_KNOT_S = 0.02
# After the first part, long ways are told with points this far apart: making hundreds of them would
# take longer than a few ticks [s].
_DENSE_S = 0.3
_FAR_KNOT_S = 0.1
# An arm that rests is told so again after this time [s].
_REPEAT_S = 0.1


class CommandStream(ABC):
    """
    Publishes the guard's motion.

    :param node: the guard.
    :param joint_names: in the order of the samples.
    :param same_clock: whether the arm's computer has the time of this one.
    """

    #: topic of the commands
    topic: str
    #: commands tell so much of the future that they may arrive so late [s]
    lead_s = 0.0
    #: whether the arm goes on with its motion when nothing is sent
    carries_on = False

    def __init__(self, node: Node, joint_names: Sequence[str], same_clock: bool = True) -> None:
        self._names = list(joint_names)
        self._same_clock = same_clock
        self._clock = GridClock()

    @abstractmethod
    def send(self, sample: Sample, motion: Motion, now: float) -> None:
        """
        Publish, once in every tick of the guard.

        :param sample: where the joints shall be now.
        :param motion: what follows.
        :param now: steady clock [s].
        """


class FollowerStream(CommandStream):
    """
    The joint follower: a position in every tick.

    Stamps are of the system clock, and as far apart as the ticks.
    """

    topic = 'joint_command'

    def __init__(self, node: Node, joint_names: Sequence[str], same_clock: bool = True) -> None:
        super().__init__(node, joint_names, same_clock)
        self._publisher = node.create_publisher(JointState, self.topic, qos.COMMAND)
        self._message = JointState(name=self._names)

    def send(self, sample: Sample, motion: Motion, now: float) -> None:
        """See :meth:`CommandStream.send`."""
        self._message.header.stamp = stamp_to_msg(self._clock.stamp_ns(now))
        self._message.position = to_field(sample.position, 'float64')
        self._message.velocity = to_field(sample.velocity, 'float64')
        self._publisher.publish(self._message)


class TrajectoryStream(CommandStream):
    """
    The joint trajectory controller: all of the motion whenever it changes, and that it rests.

    Points have positions, velocities and accelerations, hence are joined by quintic polynomials;
    the last one rests, so that the arm stops if nothing follows. With the stamp, a message that
    comes before its motion begins loses nothing. Where clocks differ the stamp is
    zero, which means now; each message's delay then shifts the motion.
    """

    topic = 'joint_trajectory_controller/joint_trajectory'
    lead_s = 0.02
    carries_on = True

    def __init__(self, node: Node, joint_names: Sequence[str], same_clock: bool = True) -> None:
        super().__init__(node, joint_names, same_clock)
        self._publisher = node.create_publisher(JointTrajectory, self.topic, qos.COMMAND)
        self._sent: Motion | None = None
        self._when = -np.inf

    def send(self, sample: Sample, motion: Motion, now: float) -> None:
        """See :meth:`CommandStream.send`."""
        rests = now >= motion.end and now - self._when >= _REPEAT_S
        if motion is self._sent and not rests:
            return
        self._sent, self._when = motion, now
        times = _times(max(motion.begin - now, 0.0), motion.end - now)
        points = [_point(motion.at(now + after), after) for after in times]
        message = JointTrajectory(joint_names=self._names, points=points)
        if self._same_clock:
            message.header.stamp = stamp_to_msg(self._clock.stamp_ns(now))
        self._publisher.publish(message)


def _times(begin: float, end: float) -> list[float]:
    """Give the times of the points [s]; the last one rests, and none is nearer than the first."""
    first = begin + _FIRST_S
    dense = np.arange(first, min(end, begin + _DENSE_S), _KNOT_S)
    far = np.arange(begin + _DENSE_S, end, _FAR_KNOT_S)
    return [*np.concatenate([dense, far]).tolist()[:-1], max(end, first)]


def _point(sample: Sample, after: float) -> JointTrajectoryPoint:
    return JointTrajectoryPoint(
        positions=_numbers(sample.position),
        velocities=_numbers(sample.velocity),
        accelerations=_numbers(sample.acceleration),
        time_from_start=Duration(sec=int(after), nanosec=round(1e9 * (after % 1.0))),
    )


def _numbers(values: np.ndarray) -> array.array[float]:
    return to_field(values, 'float64')


STREAMS: dict[str, type[CommandStream]] = {
    'joint_follower': FollowerStream,
    'joint_trajectory': TrajectoryStream,
}


def find_stream(controller: str) -> type[CommandStream]:
    """
    Look up how a controller is commanded.

    :raises UnknownNameError: it is not known; lists those that are. Never among them: anything
        that writes a policy's steps to the robot as they are.
    """
    if controller not in STREAMS:
        raise UnknownNameError('controller', controller, STREAMS)
    return STREAMS[controller]
