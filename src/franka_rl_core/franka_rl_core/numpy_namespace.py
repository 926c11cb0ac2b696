# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
NumPy's functions under the names of the array API standard.

They are array-api-compat's, but for a few that are called in every step: for one world, what those
do besides calling NumPy takes as long as NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat.numpy import *  # noqa: F403
from numpy import ceil, floor, linalg, zeros_like  # noqa: F401

Axis = int | tuple[int, ...]


def all(x: Any, axis: Axis) -> Any:  # noqa: A001
    """See the standard."""
    return np.logical_and.reduce(x, axis=axis)


def any(x: Any, axis: Axis) -> Any:  # noqa: A001
    """See the standard."""
    return np.logical_or.reduce(x, axis=axis)


def max(x: Any, axis: Axis, keepdims: Any = False) -> Any:  # noqa: A001
    """See the standard."""
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def sum(x: Any, axis: Axis, keepdims: Any = False) -> Any:  # noqa: A001
    """See the standard."""
    return np.add.reduce(x, axis=axis, keepdims=keepdims)
