# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every vector environment of the suite shares: spaces, rewards, observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.envs.config import EnvConfig, Parts, make_parts
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.observation import observe
from franka_rl_core.state import ArmState

#: Arrays of float32, of NumPy's or of what the worlds live in
Observation = dict[str, Any]
Step = tuple[Observation, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
#: Keys of an observation, in the order in which a policy's flat input holds them.
KEYS = ('observation', 'achieved_goal', 'desired_goal')
# Bound that the observation space shows for goals [m].
GOAL_BOUND = 10.0
RENDER_MODES = ('rgb_array',)


class GoalVectorEnv(VectorEnv[Observation, NDArray[np.float32], NDArray[Any]]):
    """
    N worlds that are stepped together, with Gymnasium's goal-conditioned observations.

    Observations are float32 arrays under ``observation`` (N, D), ``achieved_goal`` (N, G),
    ``desired_goal`` (N, G), actions are (N, K) in [-1, 1]. The infos hold for every world
    ``is_success``, ``distance`` [m], the safety ``verdict`` and ``reason`` and each raw term under
    ``reward_terms``; ``final_obs`` is the observation before the automatic reset, which differs
    from the one returned where ``_final_obs`` is true.

    :param config: the environment.
    :param autoreset_mode: who starts the next episode.
    :param parts: the objects that the configuration names, if they exist already.
    """

    #: Whether steps take real time: what an agent needs for an action is part of the period.
    real_time = False

    def __init__(
        self, config: EnvConfig, autoreset_mode: AutoresetMode, parts: Parts | None = None
    ) -> None:
        self.config = config
        self.parts = parts or make_parts(config)
        self.num_envs = config.num_envs
        self.metadata = {
            'autoreset_mode': autoreset_mode,
            'render_modes': list(RENDER_MODES),
            'render_fps': round(1.0 / config.control_period),
        }
        self.single_observation_space = observation_space(self.parts)
        self.single_action_space = spaces.Box(-1.0, 1.0, (self.parts.decoder.size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> NDArray[Any]:
        """Give the reward of achieving one goal when another is desired: (..., G) → (...)."""
        task, arrays = self.parts.task, self.parts.arrays
        terms = task.judge(*map(arrays.constant, (achieved_goal, desired_goal))).terms
        return np.asarray(arrays.numpy(task.reward(terms)), np.float64)

    def _checked(self, actions: Any) -> NDArray[Any]:
        array: NDArray[Any] = np.asarray(actions)
        if array.shape != self.action_space.shape:
            raise ValueError(f'actions must be {self.action_space.shape}, not {array.shape}')
        return array


def check_render_mode(mode: str | None) -> None:
    """
    Refuse what Gymnasium's ``render_mode`` cannot be.

    :raises UnknownNameError: lists what it can be.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise UnknownNameError('render mode', mode, RENDER_MODES)


def observation_space(parts: Parts) -> spaces.Dict:
    """Give the space of one world's observation."""
    bound = np.concatenate([np.full(term.size, term.bound, np.float32) for term in parts.terms])
    goal = spaces.Box(-GOAL_BOUND, GOAL_BOUND, (parts.task.goal_size,), np.float32)
    values = (spaces.Box(-bound, bound, dtype=np.float32), goal, goal)
    return spaces.Dict(dict(zip(KEYS, values, strict=True)))


def goal_observation(parts: Parts, arm: ArmState, goal: Array) -> Observation:
    """
    Build the observation of N arms; training and deployment both call this.

    :param goal: (N, G).
    """
    arrays = parts.arrays
    values = (
        observe(parts.terms, arm, arrays),
        # Copies: what is handed out must not change with the worlds.
        arrays.join([parts.task.achieved_goal(arm)]),
        arrays.join([goal]),
    )
    return dict(zip(KEYS, values, strict=True))
