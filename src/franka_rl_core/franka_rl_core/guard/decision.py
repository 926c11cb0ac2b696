# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From a target to the velocity that leads there, in parts of about the same length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.guard.motion import Sample
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import ArmState, RobotState


class Look(NamedTuple):
    """Where the command stream is."""

    here: Sample
    arm: ArmState  # with the tool


class Answer(NamedTuple):
    """What the safety chain says of a target."""

    verdict: Verdict
    reason: Reason
    velocity: NDArray[np.float64]  # (7,) to go on with for a control period [rad/s]


class Decider:
    """
    Checks targets by the safety chain, as in training, from where the command stream is.

    :param model: the arm.
    :param chain: the safety chain of the policy's environment.
    :param control_period_s: period of the policy [s].
    """

    def __init__(self, model: RobotModel, chain: SafetyChain, control_period_s: float) -> None:
        self._model, self._chain, self._period = model, chain, control_period_s

    def look(self, here: Sample) -> Look:
        """See where the tool is: the part that needs no target."""
        position, velocity = here.position[None], here.velocity[None]
        state = RobotState(position, velocity, np.zeros(1, np.int64))
        return Look(here, self._model.arm_state(state))

    def parts(
        self, target: NDArray[np.float64], look: Look, state_age: float, target_age: float
    ) -> Iterator[Answer | None]:
        """
        Check a target, with pauses.

        :param target: (7,) [rad].
        :param look: where the command stream is.
        :param state_age: age of the newest joint state [s].
        :param target_age: age of the target's observation [s].
        :returns: yields None at each pause, and the answer at last.
        """
        here, arm = look
        ages = (state_age, target_age)
        for command in self._chain.parts(target[None], arm, arm.joint_position, *ages):
            if command is None:
                yield None
                continue
            velocity = (command.joint_position[0] - here.position) / self._period
            yield Answer(Verdict(int(command.verdict[0])), Reason(int(command.reason[0])), velocity)
