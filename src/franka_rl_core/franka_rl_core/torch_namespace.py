# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
PyTorch's functions under the names of the array API standard, as far as they are used here.

array-api-compat has them all, but promotes types in a way that ``torch.compile`` cannot follow, and
that takes several times as long as the arithmetic of a few worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, eye, full_like, linalg, logical_or, reshape, uint8

from franka_rl_core.rows import Rows

__all__ = [
    'abs',
    'all',
    'any',
    'astype',
    'ceil',
    'clip',
    'concat',
    'copysign',
    'cos',
    'eye',
    'floor',
    'full_like',
    'is_small',
    'isfinite',
    'linalg',
    'log',
    'logical_and',
    'logical_or',
    'matrix_transpose',
    'max',
    'maximum',
    'minimum',
    'nonzero',
    'permute_dims',
    'reshape',
    'sin',
    'sqrt',
    'stack',
    'sum',
    'uint8',
    'unstack',
    'where',
    'zeros_like',
]

# Measured on one core of a server.
SMALL = 512

Axis = int | tuple[int, ...]


def _by_rows(function: Any) -> Any:
    """Make an elementwise function take :class:`Rows` as well."""

    def call(*arguments: Any, **options: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, Rows):
                return argument.apply(function, arguments)
        return function(*arguments, **options)

    return call


def _maximum(x: Tensor, y: Any) -> Tensor:
    return torch.clamp(x, min=y)


def _minimum(x: Tensor, y: Any) -> Tensor:
    return torch.clamp(x, max=y)


abs = _by_rows(torch.abs)  # noqa: A001 - the standard's name
ceil = _by_rows(torch.ceil)
copysign = _by_rows(torch.copysign)
cos = _by_rows(torch.cos)
floor = _by_rows(torch.floor)
isfinite = _by_rows(torch.isfinite)
log = _by_rows(torch.log)
logical_and = _by_rows(torch.logical_and)
maximum = _by_rows(_maximum)
minimum = _by_rows(_minimum)
sin = _by_rows(torch.sin)
sqrt = _by_rows(torch.sqrt)
where = _by_rows(torch.where)
zeros_like = _by_rows(torch.zeros_like)


def all(x: Any, axis: Axis) -> Tensor:  # noqa: A001
    """See the standard."""
    if isinstance(x, Rows):
        return cast(Tensor, x.reduce(torch.logical_and))
    return torch.all(x, dim=axis)


def any(x: Any, axis: Axis) -> Tensor:  # noqa: A001
    """See the standard."""
    if isinstance(x, Rows):
        return cast(Tensor, x.reduce(torch.logical_or))
    return torch.any(x, dim=axis)


def astype(x: Tensor, dtype: Any, copy: bool = True) -> Tensor:
    """See the standard; without a copy where the type is right already."""
    return x.to(dtype)


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """See the standard."""
    return torch.clamp(x, min, max)


def concat(arrays: Sequence[Any], axis: int = 0) -> Any:
    """See the standard; components that are laid side by side each keep their row in memory."""
    if isinstance(arrays[0], Rows):
        return Rows([row for array in arrays for row in array])
    if axis == 1 and arrays[0].ndim == 2:
        return torch.cat([array.T for array in arrays]).T
    return torch.cat(tuple(arrays), dim=axis)


def is_small(x: Tensor) -> bool:
    """Say whether calls take longer than arithmetic; not of the standard."""
    return x.device.type == 'cpu' and not torch.compiler.is_compiling() and len(x) <= SMALL


def matrix_transpose(x: Tensor) -> Tensor:
    """See the standard."""
    return x.mT


def max(x: Any, axis: Axis, keepdims: bool = False) -> Any:  # noqa: A001
    """See the standard."""
    if isinstance(x, Rows):
        # As rows again: compilers know no arithmetic of rows and tensors.
        return Rows([x.reduce(torch.maximum)] * len(x.rows))
    return torch.amax(x, dim=axis, keepdim=keepdims)


def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """See the standard."""
    return torch.nonzero(x, as_tuple=True)


def permute_dims(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """See the standard."""
    return x.permute(axes)


def stack(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    """See the standard."""
    return torch.stack(tuple(arrays), dim=axis)


def sum(x: Tensor, axis: Axis, keepdims: bool = False) -> Tensor:  # noqa: A001
    """See the standard."""
    return torch.sum(x, dim=axis, keepdim=keepdims)


def unstack(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """See the standard."""
    return x.unbind(axis)
