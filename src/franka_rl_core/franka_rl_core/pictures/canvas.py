# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of matplotlib whose unit is the pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import FrankaRLError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# At this many dots per inch a point, matplotlib's unit of widths and fonts, is a pixel.
_DPI = 72
INK = (0.13, 0.19, 0.24)


class Canvas:
    """
    Fields in a picture, each measured from its upper left corner.

    :param width: of the picture [pixels].
    :param height: of the picture [pixels].
    :raises MissingDependencyError: matplotlib is not installed.
    """

    def __init__(self, width: int, height: int) -> None:
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ModuleNotFoundError as error:
            raise MissingDependencyError('matplotlib', 'pip install matplotlib') from error
        self._size = np.array([width, height])
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        self._agg: Any = FigureCanvasAgg(self._figure)  # without type hints

    def field(self, left: int, top: int, width: int, height: int) -> Axes:
        """Add a field at a place [pixels]."""
        size = np.array([width, height]) / self._size
        corner = np.array([left, self._size[1] - top - height]) / self._size
        axes = self._figure.add_axes((*corner, *size))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        return axes

    def pixels(self) -> NDArray[np.uint8]:
        """Draw: (height, width, 3) red, green, blue."""
        self._agg.draw()
        return np.asarray(self._agg.buffer_rgba())[:, :, :3].copy()

    def save(self, path: Path, zoom: float = 1.0) -> None:
        """
        Write the picture.

        :param zoom: pixels of the file for one of ours.
        :raises FrankaRLError: the file cannot be written.
        """
        try:
            self._figure.savefig(path, dpi=zoom * _DPI)
        except OSError as error:
            raise FrankaRLError(f'cannot write {path}: {error.strerror}') from error
