# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The environment: N worlds as a vector environment of Gymnasium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import REAL_TIME, Backend, Camera, Marker
from franka_rl_core.envs.base import GoalVectorEnv, Observation, Step, check_render_mode
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.envs.worlds import Worlds
from franka_rl_core.settings import build
from franka_rl_core.state import ArmState, as_numpy

if TYPE_CHECKING:
    from franka_rl_core.pictures.stage import Skeleton


class FrankaVectorEnv(GoalVectorEnv):
    """
    N simulated or real arms in this process; see :class:`GoalVectorEnv`.

    Its arrays are NumPy's; :attr:`worlds` has the same in those of the backend.

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
        given = config.to_dict() if config else {}
        config = build(EnvConfig, {**given, **overrides})
        #: The worlds, in the arrays of the backend
        self.worlds = Worlds(config, backend, autoreset)
        mode = AutoresetMode.SAME_STEP if autoreset else AutoresetMode.DISABLED
        super().__init__(config, mode, self.worlds.parts)
        self.backend = self.worlds.backend
        self.real_time = REAL_TIME in self.backend.capabilities
        self.render_mode = render_mode
        self._skeleton: Skeleton | None = None

    @property
    def arm(self) -> ArmState:
        """Measured state of the N arms."""
        return as_numpy(self.worlds.arm, self.worlds.arrays)

    @property
    def goals(self) -> GoalSampler:
        """The goals of the N worlds."""
        return self.worlds.goals

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """
        Start new episodes.

        :param seed: seed of the goals; world i draws the same goals however many worlds there are.
        :param options: ``reset_mask`` (N,) of bool restarts only these worlds.
        """
        mask = (options or {}).get('reset_mask')
        return self._numpy(self.worlds.reset(seed, mask)), {}

    def step(self, actions: NDArray[np.float32]) -> Step:
        """
        Act for one control period.

        :param actions: (N, K) in [-1, 1]; an arm whose action is not finite holds.
        :raises ValueError: the actions have another shape.
        """
        arrays = self.worlds.arrays
        outcome = self.worlds.step(arrays.constant(self._checked(actions)))
        numpy, double = arrays.numpy, self._double
        terminated, truncated = numpy(outcome.terminated), numpy(outcome.truncated)
        infos = {
            'is_success': terminated,
            'distance': double(outcome.distance),
            'reward_terms': {name: double(term) for name, term in outcome.reward_terms.items()},
            'verdict': numpy(outcome.verdict),
            'reason': numpy(outcome.reason),
            'final_obs': self._numpy(outcome.final_observation),
            '_final_obs': numpy(outcome.ended),
        }
        observation = self._numpy(outcome.observation)
        return observation, double(outcome.reward), terminated, truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        """Take a picture of every world, with its goal: N times (height, width, 3)."""
        return tuple(self.picture(world) for world in range(self.num_envs))

    def picture(self, world: int, camera: Camera | None = None) -> NDArray[np.uint8]:
        """
        Take a picture of one world, with its goal: (height, width, 3).

        An arm whose backend has no pictures is drawn as a skeleton.

        :raises MissingDependencyError: there is nothing to draw it with.
        """
        x, y, z, *_ = self.goals.goal[world].tolist()
        markers = [Marker((x, y, z))]
        if 'pictures' in self.backend.capabilities:
            return self.backend.render(world, camera, markers)
        if self._skeleton is None or self._skeleton.camera != camera:
            from franka_rl_core.pictures.stage import Skeleton

            self._skeleton = Skeleton(self.parts.model, camera)
        return self._skeleton.picture(self.arm.joint_position[world], markers)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the backend."""
        self.backend.close()

    def _double(self, array: Array) -> NDArray[np.float64]:
        return np.asarray(self.worlds.arrays.numpy(array), np.float64)

    def _numpy(self, observation: Observation) -> Observation:
        return {key: self.worlds.arrays.numpy(value) for key, value in observation.items()}
