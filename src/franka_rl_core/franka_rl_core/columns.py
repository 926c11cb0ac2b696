# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Formulas on single components, for one world or for all.

Such a formula is written once, with ``+ - * /`` on scalars, and is fed either with Python floats
(one world; NumPy's overhead per call would cost ten times the arithmetic) or with arrays that hold
one component of all worlds, NumPy's or PyTorch's. All do the same IEEE operations in the same
order, so NumPy's result for a world is the same to the last bit however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from franka_rl_core.arrays import Array, namespace

#: A Python float, or an array with one value per world
Scalar = Any

#: Up to this many worlds Python floats are faster than columns (measured, NumPy 2.2)
FEW_WORLDS = 10


def evaluate(values: Callable[..., Sequence[Scalar]], *arrays: Array) -> Array:
    """
    Compute a formula for N worlds.

    :param values: takes one sequence of scalars for each of the arrays, and gives k scalars.
    :param arrays: each (N, n).
    :returns: (N, k); with PyTorch the worlds of a component lie in a row in memory.
    """
    first = arrays[0]
    is_numpy = isinstance(first, np.ndarray)
    if is_numpy and 0 < len(first) <= FEW_WORLDS:
        worlds = zip(*(array.tolist() for array in arrays), strict=True)
        return np.array([values(*world) for world in worlds])
    xp = namespace(first)
    columns = values(*(xp.unstack(array, axis=1) for array in arrays))
    like = first[:, 0]
    # A constant stays a float even among columns.
    full = [c if hasattr(c, 'shape') else xp.full_like(like, c) for c in columns]
    # LAPACK wants the components of a world in a row.
    return np.stack(full, axis=1) if is_numpy else xp.stack(full, axis=0).T


def total(values: Sequence[Scalar]) -> Scalar:
    """Add up scalars in their order."""
    result = values[0]
    for value in values[1:]:
        result = result + value
    return result


def dot(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Give the sum of the products of scalars."""
    return total([x * y for x, y in zip(a, b, strict=True)])


def solve(matrix: Sequence[Sequence[Scalar]], right: Sequence[Scalar]) -> list[Scalar]:
    """
    Solve ``A x = b`` for a positive definite A by its LDLᵀ decomposition, which needs no root.

    Source: G. H. Golub and C. F. Van Loan, Matrix Computations, section 4.1.

    :param matrix: the rows of A, n scalars each; what is above the diagonal is not read.
    :param right: b, n scalars.
    :returns: x, n scalars.
    """
    n = len(right)
    lower: list[list[Scalar]] = []  # rows of L, without its diagonal of ones
    inverse: list[Scalar] = []  # of D
    solution: list[Scalar] = []
    for i in range(n):
        scaled: list[Scalar] = []  # row i of L D
        for j in range(i):
            scaled.append(_less(matrix[i][j], scaled, lower[j]))
        row = [value * inverse[j] for j, value in enumerate(scaled)]
        inverse.append(1.0 / _less(matrix[i][i], scaled, row))
        lower.append(row)
        solution.append(_less(right[i], row, solution))
    solution = [value * inverse[i] for i, value in enumerate(solution)]
    for i in reversed(range(n)):
        below = range(i + 1, n)
        solution[i] = _less(solution[i], [lower[k][i] for k in below], solution[i + 1 :])
    return solution


def _less(value: Scalar, a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Take the products off a value, one after the other; the shorter sequence counts."""
    for x, y in zip(a, b, strict=False):
        value = value - x * y
    return value
