# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The chain of limits that every target passes before it becomes a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from franka_rl_core import registry
from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Proposal, SafetyConfig
from franka_rl_core.safety.envelope import Envelope
from franka_rl_core.state import ArmState

#: Freshness first, because nothing can be said about old data; reach last, because nothing may
#: move the target after it.
ORDER = ('freshness', 'finite', 'joint_range', 'workspace', 'reach')


@dataclass(frozen=True)
class SafeCommand:
    """What may be sent to N arms."""

    joint_position: Array  # (N, 7) [rad]
    verdict: Array  # (N,) of Verdict
    reason: Array  # (N,) of Reason


class SafetyChain:
    """
    Turns targets into commands that the arm may follow.

    :param model: the arm.
    :param control_period_s: time in which a target is to be reached [s].
    :param config: how much of the robot's limits may be used.
    :param limits: names of the limits, in order; ``'reach'`` must be the last.
    :param arrays: where targets and states live.
    :raises RefusedError: a limit is unknown, ``'reach'`` is not the last, or targets would always
        be too old.
    """

    def __init__(
        self,
        model: RobotModel,
        control_period_s: float,
        config: SafetyConfig | None = None,
        limits: Sequence[str] = ORDER,
        arrays: Arrays = NUMPY,
    ) -> None:
        if not limits or limits[-1] != 'reach':
            raise RefusedError(f"the last limit must be 'reach', not in {list(limits)}")
        config = config or SafetyConfig()
        if not config.max_target_age > control_period_s:
            raise RefusedError(
                f'max_target_age = {config.max_target_age} s must be above the control period, '
                f'{control_period_s} s: every target would hold the arm'
            )
        classes = [registry.find('safety', name) for name in limits]
        self.config = config
        self._arrays = arrays
        parameters = (model, config, control_period_s, arrays)
        self._envelope = Envelope(*parameters)
        self._limits = [cls(*parameters) for cls in classes]

    def __call__(
        self,
        target: Array,
        arm: ArmState,
        *,
        hold: Array | None = None,
        state_age: float = 0.0,
        target_age: float = 0.0,
    ) -> SafeCommand:
        """
        Check a batch of targets.

        :param target: (N, 7) where the joints shall be one control period from now [rad].
        :param arm: measured state of the N arms.
        :param hold: (N, 7) where an arm stays whose target is refused, the measured position if
            None [rad].
        :param state_age: age of the measured state [s].
        :param target_age: age of the target [s].
        :raises ValueError: the target has another shape than the measured joint positions.
        """
        if target.shape != arm.joint_position.shape:
            raise ValueError(f'target must be {arm.joint_position.shape}, not {target.shape}')
        return self._decided(self._proposal(target, arm, hold, state_age, target_age), arm)

    def decide_most(
        self, target: Array, arm: ArmState, hold: Array
    ) -> tuple[SafeCommand, Array | None]:
        """
        Check a batch of targets as far as that is one arithmetic for all, see :class:`FusedChain`.

        :returns: commands, and for which arms they must not be used: (N,) of bool, None if for all.
        """
        proposal = self._proposal(target, arm, hold, most=True)
        return self._decided(proposal, arm), proposal.undecided

    def parts(
        self, target: Array, arm: ArmState, hold: Array, state_age: float, target_age: float
    ) -> Iterator[SafeCommand | None]:
        """
        Check a batch of targets as :meth:`__call__`, with pauses, for who has no time to spare.

        :returns: yields None at each pause, and the commands at last.
        """
        proposal = self._proposal(target, arm, hold, state_age, target_age)
        for limit in self._limits:
            yield from limit.parts(proposal, arm)
        yield self._command(proposal)

    def _decided(self, proposal: Proposal, arm: ArmState) -> SafeCommand:
        for limit in self._limits:
            limit.apply(proposal, arm)
        return self._command(proposal)

    def _proposal(
        self,
        target: Array,
        arm: ArmState,
        hold: Array | None,
        state_age: float = 0.0,
        target_age: float = 0.0,
        most: bool = False,
    ) -> Proposal:
        rows = self._arrays.rows
        position = rows(arm.joint_position.T)
        low, high = self._envelope.bounds(position)
        passed = self._arrays.xp.zeros_like(target[:, 0], dtype=self._arrays.xp.uint8)
        return Proposal(
            arrays=self._arrays,
            position=position,
            speed=rows(arm.joint_velocity.T),
            target=rows(self._arrays.constant(target).T),
            hold=position if hold is None else rows(hold.T),
            state_age=state_age,
            target_age=target_age,
            low=low,
            high=high,
            verdict=passed,
            reason=passed,
            most=most,
        )

    def _command(self, proposal: Proposal) -> SafeCommand:
        position = self._arrays.whole(proposal.target).T
        return SafeCommand(position, proposal.verdict, proposal.reason)
