# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of pictures and videos."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.json_file import check_json

VIDEOS = ('.gif', '.mp4')
PICTURES = ('.png', '.svg', '.pdf')
# What a format needs beside matplotlib, which brings Pillow for GIFs.
_NEEDS = {'.mp4': ('imageio', 'imageio_ffmpeg')}
# A GIF has one palette of so many colors, found in so many of its pictures: half the size of one
# palette for each picture, and no flicker.
_COLORS, _SAMPLES = 128, 16


def check_file(path: Path, suffixes: Sequence[str]) -> None:
    """
    Refuse a picture that cannot be written, before the work that it shall show.

    :param suffixes: the endings that it may have.
    :raises RefusedError: it has another, or the file cannot be written.
    :raises MissingDependencyError: what draws or writes it is not installed.
    """
    if path.suffix not in suffixes:
        raise RefusedError(f'{path} must end in one of {", ".join(suffixes)}')
    check_json(path)
    for package in ('matplotlib', *_NEEDS.get(path.suffix, ())):
        if find_spec(package) is None:
            install = package if package == 'matplotlib' else '"imageio[ffmpeg]"'
            raise MissingDependencyError(package, f'pip install {install}')


def write_video(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    """
    Write pictures (height, width, 3) as a GIF or MP4.

    :param path: a file that :func:`check_file` has let through.
    :param fps: pictures per second.
    """
    if path.suffix == '.gif':
        _write_gif(path, frames, fps)
        return
    import imageio.v3 as imageio

    # By default, imageio stretches pictures to multiples of 16.
    imageio.imwrite(path, frames, fps=fps, macro_block_size=2)


def _write_gif(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    from PIL import Image

    samples = frames[:: -(-len(frames) // _SAMPLES)]
    # This method also keeps colors of which there is little, the goal's and the path's.
    palette = Image.fromarray(np.vstack(samples)).quantize(_COLORS, Image.Quantize.FASTOCTREE)
    first, *others = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    )
    first.save(path, save_all=True, append_images=others, duration=1000.0 / fps, loop=0)
