# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos of what an environment does."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.envs.base import Observation, Step
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.pictures.arm import arm_strokes
from franka_rl_core.pictures.files import write_video
from franka_rl_core.pictures.overlay import Overlay, Story
from franka_rl_core.pictures.stage import fitting_camera

# A video ends with the episode in which it has got so long [pictures].
LENGTH = 300
# The last picture of an episode stays for so long [pictures].
HOLD = 8
# An episode that takes all its time has about so many pictures, or one for each control period.
EPISODE_LENGTH = 170
# Share of real time, where every control period has its picture: a trained arm reaches its goal in
# a third of a second, too fast to watch.
PLAYBACK = 0.4


class Recorder:
    """
    An environment whose first world is filmed, with its goal, the tool's path and the distance.

    It restarts episodes that end, in the step that ends them, as an environment with ``autoreset``
    does; but the arm is filmed before.

    :param env: an environment without ``autoreset``; it is closed with the recorder.
    :param path: the video.
    :raises MissingDependencyError: matplotlib is not installed.
    """

    def __init__(self, env: FrankaVectorEnv, path: Path) -> None:
        self._env, self._path = env, path
        model, task = env.parts.model, env.parts.task
        self._camera = fitting_camera(arm_strokes(model, task.start_joint_position(model)))
        self._overlay = Overlay(self._camera)
        goals = task.fixed_goals()
        self._story = Story(goals=[] if goals is None else list(goals[:, :3]))
        self._every = max(1, round(task.max_episode_steps / EPISODE_LENGTH))
        # Of the episodes that are over, and of the one that is not.
        self._frames: list[NDArray[np.uint8]] = []
        self._newest: list[NDArray[np.uint8]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start new episodes."""
        observation, infos = self._env.reset(seed=seed)
        self._begin(observation)
        return observation, infos

    def step(self, actions: NDArray[np.float32]) -> Step:
        """Act, and take a picture."""
        observation, reward, terminated, truncated, infos = self._env.step(actions)
        ended = terminated | truncated
        self._film(observation, is_reached=bool(terminated[0]) if ended[0] else None)
        if ended.any():
            observation, _ = self._env.reset(options={'reset_mask': ended})
        if ended[0]:
            self._begin(observation)
        return observation, reward, terminated, truncated, infos

    def __enter__(self) -> Recorder:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the video and close the environment."""
        self._env.close()
        if frames := self._frames or self._newest:
            write_video(self._path, frames, PLAYBACK * self._env.metadata['render_fps'])

    def _begin(self, observation: Observation) -> None:
        """Begin the story of an episode."""
        story = self._story
        if story.is_reached:
            story.reached.append(story.goal)
        story.episode += 1
        story.goal, story.path = observation['desired_goal'][0, :3], []
        self._film(observation)

    def _film(self, observation: Observation, is_reached: bool | None = None) -> None:
        """Go on with the story, which ends where it is known whether the goal is reached."""
        if len(self._frames) >= LENGTH:
            return
        story, is_last = self._story, is_reached is not None
        goals = (observation[key][0] for key in ('achieved_goal', 'desired_goal'))
        story.distance = float(self._env.parts.task.judge(*goals).distance)
        story.is_reached = is_reached
        story.path.append(self._env.arm.tool_position[0].copy())
        if is_last or (len(story.path) - 1) % self._every == 0:
            picture = self._env.picture(0, self._camera)
            self._newest.append(self._overlay.draw(picture, story))
        if is_last:
            self._frames += self._newest + HOLD * self._newest[-1:]
            self._newest = []
