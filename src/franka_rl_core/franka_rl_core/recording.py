# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos of what an environment does."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.envs.base import Observation
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import MissingDependencyError, RefusedError

SUFFIXES = ('.gif', '.mp4')
# Length of a video [pictures]; one for each control period.
LENGTH = 150
# Share of real time: a trained arm reaches its goal in a third of a second, too fast to watch.
PLAYBACK = 0.4


def check_video(path: Path | None) -> None:
    """
    Refuse a video that cannot be written.

    :raises RefusedError: another ending than those of :data:`SUFFIXES`, or no such folder.
    """
    if path is None:
        return
    if path.suffix not in SUFFIXES:
        raise RefusedError(f'{path} must end in one of {", ".join(SUFFIXES)}')
    if not path.parent.is_dir():
        raise RefusedError(f'there is no folder {path.parent}')


class Recorder:
    """
    An environment whose first world is filmed.

    :param env: the environment; it is closed with the recorder.
    :param path: the video, or None for none.
    """

    def __init__(self, env: FrankaVectorEnv, path: Path | None) -> None:
        self._env = env
        self._path = path
        self._frames: list[NDArray[np.uint8]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def step(self, actions: NDArray[np.float32]) -> Any:
        """Act, and take a picture."""
        result = self._env.step(actions)
        if self._path and len(self._frames) < LENGTH:
            self._frames.append(self._env.picture(0))
        return result

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start new episodes."""
        return self._env.reset(seed=seed)

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
        if self._path and self._frames:
            fps = round(PLAYBACK * self._env.metadata['render_fps'])
            write_video(self._path, self._frames, fps)


def write_video(path: Path, frames: list[NDArray[np.uint8]], fps: int) -> None:
    """
    Write pictures (height, width, 3) as a GIF or MP4.

    :raises MissingDependencyError: imageio is not installed.
    """
    try:
        import imageio.v3 as imageio
    except ModuleNotFoundError as error:
        raise MissingDependencyError('imageio', 'pip install "imageio[ffmpeg]"') from error
    if path.suffix == '.gif':
        imageio.imwrite(path, frames, duration=1000 / fps, loop=0)
    else:
        imageio.imwrite(path, frames, fps=fps)
