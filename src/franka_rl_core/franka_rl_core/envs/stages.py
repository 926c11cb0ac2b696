# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The stages of a step: decode, limit, act and see, each a function of arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import ArithmeticBackend, Backend
from franka_rl_core.envs.base import KEYS, Observation, goal_observation
from franka_rl_core.envs.config import Parts
from franka_rl_core.safety.chain import SafeCommand, SafetyChain
from franka_rl_core.safety.fused import FusedChain
from franka_rl_core.state import ArmState, RobotState


@dataclass(frozen=True)
class Outcome:
    """What came of one step."""

    observation: Observation  # after the restart of the episodes that ended
    reward: Array  # (N,)
    terminated: Array  # (N,) of bool
    truncated: Array  # (N,) of bool
    ended: Array  # (N,) of bool, either of them
    distance: Array  # (N,) to the goal [m]
    reward_terms: dict[str, Array]  # raw, each (N,)
    final_observation: Observation  # before the restart
    verdict: Array  # (N,) of Verdict
    reason: Array  # (N,) of Reason


class Stages:
    """
    The stages of a step of N worlds.

    :param parts: of the environment.
    :param backend: what moves the arms.
    """

    def __init__(self, parts: Parts, backend: Backend) -> None:
        self.parts, self.backend = parts, backend
        #: Actions and the state they were chosen in → joint targets, see ``ActionDecoder.decode``.
        self.decode = backend.decoding(parts.decoder)
        #: Joint targets → commands, see ``SafetyChain``.
        self.limit: SafetyChain | FusedChain = parts.chain

    def act(
        self, target: Array, goal: Array, elapsed: Array, command: SafeCommand
    ) -> tuple[ArmState, Outcome]:
        """
        Move the arms for one control period, and see what came of it.

        :param target: (N, 7) where the arms are sent [rad].
        :param goal: (N, G).
        :param elapsed: (N,) int64, steps of the episodes up to the end of this period.
        :param command: what the safety chain said.
        """
        arm, outcome = self.see(self.backend.step(target), goal, elapsed, command)
        if self.backend.interrupted is not None:
            outcome = _cut_short(outcome, self.backend.interrupted)
        return arm, outcome

    def see(
        self, state: RobotState, goal: Array, elapsed: Array, command: SafeCommand
    ) -> tuple[ArmState, Outcome]:
        """Judge a state by the float32 goals of the observation, as ``compute_reward`` does."""
        task, xp = self.parts.task, self.parts.arrays.xp
        arm = self.parts.model.arm_state(state)
        observation = goal_observation(self.parts, arm, goal)
        goals = [xp.astype(observation[key], self.parts.arrays.dtype) for key in KEYS[1:]]
        distance, success, terms = task.judge(*goals)
        truncated = xp.logical_and(elapsed >= task.max_episode_steps, ~success)
        return arm, Outcome(
            observation=observation,
            reward=task.reward(terms),
            terminated=success,
            truncated=truncated,
            ended=xp.logical_or(success, truncated),
            distance=distance,
            reward_terms=terms,
            final_observation=observation,
            verdict=command.verdict,
            reason=command.reason,
        )


def _cut_short(outcome: Outcome, interrupted: Array) -> Outcome:
    """End the episodes of arms that have stopped by themselves, as when their time is up."""
    truncated = (outcome.truncated | interrupted) & ~outcome.terminated
    return replace(outcome, truncated=truncated, ended=outcome.terminated | truncated)


class FusedStages(Stages):
    """
    The stages, each compiled.

    They are not compiled together: what is fused is computed again wherever it is used.

    :raises RefusedError: nothing can be compiled where the worlds live.
    """

    def __init__(self, parts: Parts, backend: Backend) -> None:
        super().__init__(parts, backend)
        compiled = parts.arrays.compiled
        self.decode = compiled(self.decode)
        self.limit = FusedChain(parts.chain, parts.arrays)
        self._see = compiled(super().see)
        self._move = compiled(self._moved)

    def act(
        self, target: Array, goal: Array, elapsed: Array, command: SafeCommand
    ) -> tuple[ArmState, Outcome]:
        """See :meth:`Stages.act`."""
        judged = (goal, elapsed, command)
        if not isinstance(self.backend, ArithmeticBackend):
            arm, outcome = self._see(self.backend.step(target), *judged)
        else:
            arm, outcome = self._move(self.backend.state, target, *judged)
            self.backend.state = arm
        return arm, outcome

    def _moved(self, state: RobotState, target: Array, *judged: Any) -> tuple[ArmState, Outcome]:
        assert isinstance(self.backend, ArithmeticBackend)
        return self.see(self.backend.moved(state, target), *judged)
