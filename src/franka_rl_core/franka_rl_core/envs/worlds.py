# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""N worlds in the arrays they live in: backend + task + action decoder + safety chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import Backend
from franka_rl_core.envs.base import KEYS, Observation, goal_observation
from franka_rl_core.envs.config import EnvConfig, make_backend, make_parts
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.envs.randomization import make_randomizer
from franka_rl_core.safety.chain import SafeCommand
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


class Worlds:
    """
    Steps N worlds and judges them; everything stays on the backend's device.

    With a differentiable backend, gradients flow from rewards and observations to the actions of
    this and earlier steps, until :meth:`detach`; but not to actions that would have led a tool out
    of the workspace.

    :param config: the environment.
    :param backend: a backend to use instead of the one that the configuration names.
    :param autoreset: start a new episode in the step that ends one.
    :raises RefusedError: the configuration names something unknown.
    """

    def __init__(
        self, config: EnvConfig, backend: Backend | None = None, autoreset: bool = True
    ) -> None:
        self.config = config
        self.backend = backend or make_backend(config)
        self.arrays = arrays = self.backend.arrays
        self.parts = make_parts(config, arrays)
        self.goals = GoalSampler(self.parts.task, config.num_envs, arrays)
        size = self.parts.decoder.size
        self._randomizer = make_randomizer(
            config.randomization, self.parts.terms, config.num_envs, size, arrays
        )
        self._autoreset = autoreset
        self._elapsed = arrays.index([0] * config.num_envs)
        self._arm: ArmState | None = None
        # Kinematics of an arm that was put back, where they are the same for all.
        self._start = self._arm_at_start() if self.backend.resets_exactly else None
        # Where the arms were sent last. A held arm stays there: one that is held where it is
        # measured sags, a little every period.
        self._sent = arrays.repeated(self.parts.model.home, config.num_envs)
        compiled: Callable[[Any], Any] = arrays.compiled if config.compile else lambda f: f
        # One by one: what is fused is computed again wherever it is used.
        self._decode = compiled(self.parts.decoder.decode)
        self._limit = compiled(self.parts.chain.__call__)
        self._see = compiled(self.parts.model.arm_state)
        self._judge = compiled(self._judged)

    @property
    def arm(self) -> ArmState:
        """Measured state of the N arms."""
        if self._arm is None:
            raise RuntimeError('call reset() before the first step')
        return self._arm

    def reset(self, seed: int | None = None, mask: Any = None) -> Observation:
        """
        Start new episodes.

        :param seed: seed of the goals; world i draws the same goals however many worlds there are.
        :param mask: (N,) of bool, restarts only these worlds.
        """
        if seed is not None:
            self.goals.seed(seed)
            if self._randomizer:
                self._randomizer.seed(seed)
        rows = self.arrays.index(range(self.config.num_envs))
        if mask is not None and self._arm is not None:
            rows = rows[self.arrays.index(mask) != 0]
        self._restart(rows)
        return self._observation()

    def step(self, actions: Array) -> Outcome:
        """
        Act for one control period.

        :param actions: (N, K) in [-1, 1]; an arm whose action is not finite holds.
        """
        if self._randomizer:
            actions = self._randomizer.action(actions)
        command = self._limit(self._decode(actions, self.arm), self.arm, hold=self._sent)
        self._sent = target = command.joint_position
        if self._randomizer:
            target = self._randomizer.target(target, self.arm.joint_position)
        self._arm = self._see(self.backend.step(target))
        self._elapsed = self._elapsed + 1
        outcome: Outcome = self._judge(self._arm, self.goals.goal, self._elapsed, command)
        if self._randomizer:
            noisy = self._randomizer.observation(outcome.observation)
            outcome = replace(outcome, observation=noisy, final_observation=noisy)
        if not self._autoreset:
            return outcome
        (rows,) = self.arrays.xp.nonzero(outcome.ended)
        if not len(rows):
            return outcome
        self._restart(rows)
        return replace(outcome, observation=self._observation())

    def detach(self) -> None:
        """Let gradients end here, on a differentiable backend."""
        self._arm = self._see(self.backend.detach())
        self._sent = self._sent.detach()
        if self._randomizer:
            self._randomizer.detach()

    def _observation(self) -> Observation:
        observation = goal_observation(self.parts, self.arm, self.goals.goal)
        return self._randomizer.observation(observation) if self._randomizer else observation

    def _arm_at_start(self) -> ArmState:
        model = self.parts.model
        posture = self.arrays.repeated(self.parts.task.start_joint_position(model), 1)
        return model.arm_state(RobotState(posture, 0.0 * posture, self.arrays.index([0])))

    def _judged(self, arm: ArmState, goal: Array, elapsed: Array, command: SafeCommand) -> Outcome:
        """Judge by the float32 goals that the observation holds, as ``compute_reward`` does."""
        task, xp = self.parts.task, self.arrays.xp
        observation = goal_observation(self.parts, arm, goal)
        goals = [xp.astype(observation[key], self.arrays.dtype) for key in KEYS[1:]]
        terms = task.reward_terms(*goals)
        success = task.is_success(*goals)
        truncated = xp.logical_and(elapsed >= task.max_episode_steps, ~success)
        return Outcome(
            observation=observation,
            reward=task.reward(terms),
            terminated=success,
            truncated=truncated,
            ended=xp.logical_or(success, truncated),
            distance=task.distance(*goals),
            reward_terms=terms,
            final_observation=observation,
            verdict=command.verdict,
            reason=command.reason,
        )

    def _restart(self, worlds: Array) -> None:
        """Put some arms, (M,) int64, back to the start, with new goals."""
        arrays = self.arrays
        self.goals.draw(worlds)
        if self._randomizer:
            self._randomizer.draw(worlds)
        start = self.parts.task.start_joint_position(self.parts.model)
        posture = arrays.repeated(start, len(worlds))
        self._sent = arrays.replaced(self._sent, worlds, posture)
        self._elapsed = arrays.replaced(self._elapsed, worlds, 0)
        state = self.backend.reset(posture, worlds)
        if self._arm is None or len(worlds) == self.config.num_envs:
            self._arm = self._see(state)
        else:
            self._arm = self._with_rows(self._arm, state, worlds)

    def _with_rows(self, arm: ArmState, state: RobotState, worlds: Array) -> ArmState:
        """Bring the kinematics of some arms up to date."""
        names = [field.name for field in fields(RobotState)]
        measured = {name: getattr(state, name) for name in names}
        rows = self._start or self.parts.model.arm_state(
            RobotState(*(self.arrays.taken(values, worlds) for values in measured.values()))
        )
        kinematics = {
            field.name: self.arrays.overwritten(
                getattr(arm, field.name), worlds, getattr(rows, field.name)
            )
            for field in fields(ArmState)
            if field.name not in names
        }
        return ArmState(**measured, **kinematics)
