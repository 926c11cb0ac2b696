# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The environment: backend + task + action decoder + safety chain, N worlds at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from franka_rl_core.backends.base import Backend, Marker
from franka_rl_core.envs.base import (
    GoalVectorEnv,
    Observation,
    Step,
    as_double,
    check_render_mode,
    goal_observation,
)
from franka_rl_core.envs.config import EnvConfig, make_backend
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.settings import build
from franka_rl_core.state import ArmState


class FrankaVectorEnv(GoalVectorEnv):
    """
    N simulated or real arms in this process; see :class:`GoalVectorEnv`.

    :param config: the environment; keyword arguments override it.
    :param backend: name of the backend, or a backend to use instead of the one that the
        configuration names.
    :param autoreset: start a new episode in the step that ends one (Gymnasium's ``SAME_STEP``),
        else leave it to ``reset(options={'reset_mask': mask})``.
    :param render_mode: ``'rgb_array'`` or None, for Gymnasium's wrappers; :meth:`render` takes
        pictures with either.
    :raises RefusedError: the configuration names something unknown.
    """

    def __init__(
        self,
        config: EnvConfig | None = None,
        *,
        backend: Backend | str | None = None,
        autoreset: bool = True,
        render_mode: str | None = None,
        **overrides: Any,
    ) -> None:
        if isinstance(backend, str):
            overrides['backend'], backend = backend, None
        check_render_mode(render_mode)
        config = build(EnvConfig, {**(config or EnvConfig()).to_dict(), **overrides})
        super().__init__(config, AutoresetMode.SAME_STEP if autoreset else AutoresetMode.DISABLED)
        self.backend = backend or make_backend(self.config)
        self._autoreset = autoreset
        self.render_mode = render_mode
        self._goals = GoalSampler(self.parts.task, self.num_envs)
        self._elapsed = np.zeros(self.num_envs, np.int64)
        self._arm: ArmState | None = None
        # Where the arms were sent last. A held arm stays there: one that is held where it is
        # measured sags, a little every period.
        self._sent = np.tile(self.parts.model.home, (self.num_envs, 1))

    @property
    def arm(self) -> ArmState:
        """Measured state of the N arms."""
        if self._arm is None:
            raise RuntimeError('call reset() before the first step')
        return self._arm

    @property
    def goals(self) -> GoalSampler:
        """The goals of the N worlds and the random streams they come from."""
        return self._goals

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """
        Start new episodes.

        :param seed: seed of the goals; world i draws the same goals however many worlds there are.
        :param options: ``reset_mask`` (N,) of bool restarts only these worlds.
        """
        if seed is not None:
            self._goals.seed(seed)
        everything = np.ones(self.num_envs, bool)
        mask = (options or {}).get('reset_mask', everything)
        self._restart(np.flatnonzero(everything if self._arm is None else mask))
        return self._observation(), {}

    def step(self, actions: NDArray[np.float32]) -> Step:
        """
        Act for one control period.

        :param actions: (N, K) in [-1, 1]; an arm whose action is not finite holds.
        :raises ValueError: the actions have another shape.
        """
        parts, arm = self.parts, self.arm
        target = parts.decoder.decode(self._checked(actions), arm)
        command = parts.chain(target, arm, hold=self._sent)
        self._sent = command.joint_position
        self._arm = parts.model.arm_state(self.backend.step(command.joint_position))
        self._elapsed += 1
        observation = self._observation()
        reward, terminated, truncated, infos = self._outcome(observation)
        ended = terminated | truncated
        infos |= {'verdict': command.verdict, 'reason': command.reason}
        infos |= {'final_obs': observation, '_final_obs': ended}
        if self._autoreset and ended.any():
            self._restart(np.flatnonzero(ended))
            observation = self._observation()
        return observation, reward, terminated, truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        """Take a picture of every world, with its goal: N times (height, width, 3)."""
        return tuple(self.picture(world) for world in range(self.num_envs))

    def picture(self, world: int) -> NDArray[np.uint8]:
        """Take a picture of one world, with its goal: (height, width, 3)."""
        goal = tuple(self._goals.goal[world].tolist())
        return self.backend.render(world, markers=[Marker(goal)])

    def close_extras(self, **kwargs: Any) -> None:
        """Close the backend."""
        self.backend.close()

    def _restart(self, worlds: NDArray[np.int64]) -> None:
        self._goals.draw(worlds)
        start = self.parts.task.start_joint_position(self.parts.model)
        posture = np.tile(start, (len(worlds), 1))
        self._sent[worlds] = posture
        self._arm = self.parts.model.arm_state(self.backend.reset(posture, worlds.tolist()))
        self._elapsed[worlds] = 0

    def _observation(self) -> Observation:
        return goal_observation(self.parts, self.arm, self._goals.goal)

    def _outcome(
        self, observation: Observation
    ) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Judge by the float32 goals that the observation holds, as :meth:`compute_reward` does."""
        task = self.parts.task
        goals = as_double(observation['achieved_goal'], observation['desired_goal'])
        terms = task.reward_terms(*goals)
        success = task.is_success(*goals)
        truncated = (self._elapsed >= task.max_episode_steps) & ~success
        infos = {'is_success': success, 'distance': task.distance(*goals), 'reward_terms': terms}
        return task.reward(terms), success, truncated, infos
