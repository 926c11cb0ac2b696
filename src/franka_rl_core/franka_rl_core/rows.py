# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
An array (n, N) as the list of its n rows, for compilers.

What is computed on such rows becomes one loop over the N worlds, without intermediate results in
memory: ``torch.compile`` fuses what has one shape, but not what is reduced over a small axis.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from franka_rl_core.arrays import Array


class Rows:
    """
    The rows of an array.

    :param rows: n arrays (N,).
    """

    def __init__(self, rows: Sequence[Array]) -> None:
        self.rows = list(rows)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.rows)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.rows[part])

    def apply(self, function: Callable[..., Array], arguments: Sequence[Any]) -> Rows:
        """Call a function for every row; arguments are rows, (n, 1) or (n, N), (N,) or numbers."""
        return Rows(
            [
                function(*(_row(argument, i) for argument in arguments))
                for i in range(len(self.rows))
            ]
        )

    def reduce(self, function: Callable[[Array, Array], Array]) -> Array:
        """Bring all rows together, one after the other: (N,)."""
        result = self.rows[0]
        for row in self.rows[1:]:
            result = function(result, row)
        return result

    def __add__(self, other: Any) -> Rows:
        return self.apply(operator.add, (self, other))

    def __radd__(self, other: Any) -> Rows:
        return self.apply(operator.add, (other, self))

    def __sub__(self, other: Any) -> Rows:
        return self.apply(operator.sub, (self, other))

    def __rsub__(self, other: Any) -> Rows:
        return self.apply(operator.sub, (other, self))

    def __mul__(self, other: Any) -> Rows:
        return self.apply(operator.mul, (self, other))

    def __rmul__(self, other: Any) -> Rows:
        return self.apply(operator.mul, (other, self))

    def __truediv__(self, other: Any) -> Rows:
        return self.apply(operator.truediv, (self, other))

    def __rtruediv__(self, other: Any) -> Rows:
        return self.apply(operator.truediv, (other, self))

    def __neg__(self) -> Rows:
        return self.apply(operator.neg, (self,))

    def __gt__(self, other: Any) -> Rows:
        return self.apply(operator.gt, (self, other))

    def __eq__(self, other: object) -> Rows:  # type: ignore[override]
        return self.apply(operator.eq, (self, other))

    def __ne__(self, other: object) -> Rows:  # type: ignore[override]
        return self.apply(operator.ne, (self, other))

    __hash__ = None  # type: ignore[assignment]


def _row(argument: Any, index: int) -> Any:
    if isinstance(argument, Rows):
        return argument.rows[index]
    return argument[index] if getattr(argument, 'ndim', 0) == 2 else argument
