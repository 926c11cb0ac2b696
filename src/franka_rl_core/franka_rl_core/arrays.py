# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Arrays of NumPy or PyTorch, under one set of words.

What computes on worlds is written once: with the functions of the array API standard that
:func:`namespace` or :attr:`Arrays.xp` gives, with constants from :meth:`Arrays.constant`, and with
the world as the first axis. PyTorch's arrays hold each component of all worlds in a row in memory
(``(N, 7)`` is a transposed ``(7, N)``), which is several times as fast for large batches.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from franka_rl_core import numpy_namespace
from franka_rl_core.exceptions import RefusedError

#: An array of NumPy or of PyTorch
Array = Any

F = TypeVar('F', bound=Callable[..., Any])


def namespace(array: Array) -> Any:
    """Give the array API functions for an array."""
    if isinstance(array, (np.ndarray, np.generic)):
        return numpy_namespace
    from franka_rl_core import torch_namespace

    return torch_namespace


def as_array(values: Any) -> Array:
    """Take numbers as an array: as they are if they are PyTorch's, else as NumPy's float64."""
    if not isinstance(values, (np.ndarray, np.generic)) and hasattr(values, 'requires_grad'):
        return values
    return np.asarray(values, np.float64)


class Arrays:
    """Where the numbers of all worlds live; these are NumPy's, float64, on the CPU."""

    #: Functions of the array API standard.
    xp: Any = numpy_namespace
    #: Type of every real number but those in observations.
    dtype: Any = np.float64
    #: Type of numbers in observations.
    single: Any = np.float32

    @property
    def of_few(self) -> Arrays:
        """Where a few worlds are best looked after: NumPy's calls take least, where it has them."""
        return self

    @property
    def hardware(self) -> str:
        """Name of what computes."""
        return platform.machine()

    def few(self, array: Array) -> Array:
        """Give what belongs to a few worlds to :attr:`of_few`; gradients end."""
        return array

    def constant(self, values: Any) -> Array:
        """Take over numbers as an array."""
        return np.asarray(values, self.dtype)

    def column(self, values: Any) -> Array:
        """Take over one number per component, to be used with arrays that have those first."""
        return self.constant(values)[:, None]

    def numpy(self, array: Array) -> NDArray[Any]:
        """Give an array to the world of NumPy, without a copy where that is possible."""
        return np.asarray(array)

    def view(self, array: Array) -> NDArray[Any]:
        """Let NumPy read an array, in the memory that it has if that is possible."""
        return np.asarray(array)

    def index(self, values: Any) -> Array:
        """Take over integers, such as the indices of worlds."""
        return np.asarray(values, np.int64)

    def repeated(self, row: Any, count: int) -> Array:
        """Give an array that holds one row (k,) for each of N worlds: (N, k)."""
        return np.tile(self.constant(row), (count, 1))

    def replaced(self, array: Array, rows: Array, values: Any) -> Array:
        """Give a new array with other values in some rows."""
        array = array.copy()
        array[rows] = values
        return array

    def overwritten(self, array: Array, rows: Array, values: Any) -> Array:
        """Give :meth:`replaced`; the array given must not be used any more."""
        return self.replaced(array, rows, values)

    def taken(self, array: Array, rows: Array) -> Array:
        """Give some rows of an array."""
        return array[rows]

    def rows(self, array: Array) -> Array:
        """Give an array (n, N) in the form in which it is best computed with."""
        return array

    def whole(self, array: Array) -> Array:
        """Undo :meth:`rows`."""
        return array

    def may_be_any(self, mask: Array) -> bool:
        """Say whether any is true; where finding out takes longer than it saves: yes."""
        return bool(mask.any())

    def join(self, parts: Sequence[Array]) -> Array:
        """Lay (N, k) arrays side by side, as type :attr:`single`."""
        return np.concatenate(parts, axis=1, dtype=self.single, casting='same_kind')

    def synchronize(self) -> None:
        """Wait until everything is computed, on devices that work behind the program's back."""

    def compiled(self, function: F) -> F:
        """
        Fuse a function's arithmetic.

        :raises RefusedError: this library cannot.
        """
        raise RefusedError('compile: NumPy has no compiler; backend kinematic has')


NUMPY = Arrays()
