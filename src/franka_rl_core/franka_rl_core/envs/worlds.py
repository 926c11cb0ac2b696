# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""N worlds in the arrays they live in: backend + task + action decoder + safety chain."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import Backend
from franka_rl_core.envs.base import Observation, goal_observation
from franka_rl_core.envs.config import EnvConfig, make_backend, make_parts
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.envs.randomization import make_randomizer
from franka_rl_core.envs.stages import FusedStages, Outcome, Stages
from franka_rl_core.state import ArmState, RobotState


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
        self._ended: Array | None = None  # worlds whose arms :meth:`settle` puts back
        # Where the arms were sent last. A held arm stays there: one that is held where it is
        # measured sags, a little every period.
        self._sent = arrays.repeated(self.parts.model.home, config.num_envs)
        stages = FusedStages if config.compile else Stages
        self._stages = stages(self.parts, self.backend)

    @property
    def arm(self) -> ArmState:
        """Measured state of the N arms; valid until the next step or reset."""
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
        self.settle()
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
        outcome = self.advance(actions)
        self.settle()
        return outcome

    def advance(self, actions: Array) -> Outcome:
        """
        Act as :meth:`step`, but leave to :meth:`settle` what the outcome does not need.

        So somebody who waits for the outcome has it earlier. Until then :attr:`arm` is that before
        the restarts.
        """
        self.settle()
        if self._randomizer:
            actions = self._randomizer.action(actions)
        stages, arm = self._stages, self.arm
        asked = stages.decode(actions, arm)
        command = stages.limit(asked, arm, hold=self._sent)
        self._sent = command.joint_position
        target = asked if self.backend.limits_targets else self._sent
        if self._randomizer:
            target = self._randomizer.target(target, arm.joint_position)
        self._elapsed = self._elapsed + 1
        self._arm, outcome = stages.act(target, self.goals.goal, self._elapsed, command)
        if self._randomizer:
            noisy = self._randomizer.observation(outcome.observation, self._elapsed)
            outcome = replace(outcome, observation=noisy, final_observation=noisy)
        if not self._autoreset:
            return outcome
        (rows,) = self.arrays.xp.nonzero(outcome.ended)
        if not len(rows):
            return outcome
        if self._start is None or self._randomizer:
            self._restart(rows)
            return replace(outcome, observation=self._observation())
        self.goals.draw(rows)
        self._ended = rows
        return replace(outcome, observation=self._started(outcome.observation, rows, self._start))

    def settle(self) -> None:
        """Put the arms back whose episodes have ended, and draw the goals of the next ones."""
        if self._ended is not None:
            self._put_back(self._ended)
            self._ended = None
        self.goals.prepare()

    def spread(self, elapsed: Any) -> None:
        """
        Shorten the running episodes, so that those of many worlds do not all end together.

        :param elapsed: (N,) steps that count as done already.
        """
        self._elapsed = self.arrays.index(elapsed)

    def detach(self) -> None:
        """Let gradients end here, on a differentiable backend."""
        self._arm = self.parts.model.arm_state(self.backend.detach())
        self._sent = self._sent.detach()
        if self._randomizer:
            self._randomizer.detach()

    def _observation(self) -> Observation:
        observation = goal_observation(self.parts, self.arm, self.goals.goal)
        if self._randomizer:
            return self._randomizer.observation(observation, self._elapsed)
        return observation

    def _started(self, observation: Observation, worlds: Array, start: ArmState) -> Observation:
        """Give an observation in which some arms, (M,) int64, are back at the start."""
        rows = goal_observation(self.parts, start, self.goals.goal[worlds])
        replaced = self.arrays.replaced
        return {key: replaced(values, worlds, rows[key]) for key, values in observation.items()}

    def _arm_at_start(self) -> ArmState:
        model = self.parts.model
        posture = self.arrays.repeated(self.parts.task.start_joint_position(model), 1)
        rest = self.arrays.xp.zeros_like(posture)
        return model.arm_state(RobotState(posture, rest, self.arrays.index([0])))

    def _restart(self, worlds: Array) -> None:
        """Begin new episodes in some worlds, (M,) int64."""
        self.goals.draw(worlds)
        if self._randomizer:
            self._randomizer.draw(worlds)
        self._put_back(worlds)

    def _put_back(self, worlds: Array) -> None:
        """Put some arms, (M,) int64, back to the start."""
        arrays = self.arrays
        start = self.parts.task.start_joint_position(self.parts.model)
        posture = arrays.repeated(start, len(worlds))
        self._sent = arrays.overwritten(self._sent, worlds, posture)
        self._elapsed = arrays.overwritten(self._elapsed, worlds, 0)
        state = self.backend.reset(posture, worlds)
        if self._arm is None or len(worlds) == self.config.num_envs:
            self._arm = self.parts.model.arm_state(state)
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
