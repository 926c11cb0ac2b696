# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The environment with one world, as Gymnasium's goal-conditioned environments are."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from franka_rl_core.envs.base import Observation
from franka_rl_core.envs.vector import FrankaVectorEnv


class FrankaEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """
    :class:`FrankaVectorEnv` with one world and without automatic resets.

    :param render_mode: ``'rgb_array'`` or None.
    :param settings: fields of :class:`EnvConfig`.
    """

    metadata = {'render_modes': ['rgb_array'], 'render_fps': 25}

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        self._worlds = FrankaVectorEnv(
            autoreset=False, render_mode=render_mode, **settings, num_envs=1
        )
        self.config = self._worlds.config
        self.metadata = {**self.metadata, 'render_fps': self._worlds.metadata['render_fps']}
        self.observation_space = self._worlds.single_observation_space
        self.action_space = self._worlds.single_action_space
        self.render_mode = render_mode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new episode."""
        super().reset(seed=seed)
        observation, _ = self._worlds.reset(seed=seed)
        return _first(observation), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act for one control period; see :meth:`FrankaVectorEnv.step`."""
        observation, reward, terminated, truncated, infos = self._worlds.step(
            np.asarray(action)[None]
        )
        # final_obs repeats the observation where nothing is reset automatically.
        info = _first({key: infos[key] for key in infos if 'final_obs' not in key})
        return _first(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]), info

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Give the reward of achieving one goal when another is desired: (..., G) → (...)."""
        reward = self._worlds.compute_reward(achieved_goal, desired_goal, info)
        return reward if reward.ndim else float(reward)

    def render(self) -> NDArray[np.uint8] | None:
        """Take a picture: (height, width, 3)."""
        return self._worlds.render()[0] if self.render_mode == 'rgb_array' else None

    def close(self) -> None:
        """Close the backend."""
        self._worlds.close()


def _first(batch: dict[str, Any]) -> dict[str, Any]:
    """Take the first world's part of nested arrays."""
    return {
        key: _first(value) if isinstance(value, dict) else value[0] for key, value in batch.items()
    }
