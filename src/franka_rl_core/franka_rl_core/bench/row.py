# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""One measured figure, and what all measurements are told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BenchOptions:
    """What the user of ``franka-rl bench`` chooses."""

    peers: bool = False  # measure other people's software too, in turn with ours
    quick: bool = False  # fewer and shorter measurements: shows that they work
    device: str = 'cpu'  # of what computes in PyTorch: cpu, or a GPU as cuda or cuda:1

    @property
    def seconds(self) -> float:
        """Duration of one measurement of a rate [s]."""
        return 0.1 if self.quick else 1.0

    @property
    def rounds(self) -> int:
        """How often every candidate is measured."""
        return 2 if self.quick else 5


@dataclass(frozen=True)
class Row:
    """
    One figure, alone or beside the same of other software.

    :param name: slashes separate what was measured and on what.
    :param value: NaN if there is none; ``settings`` say why.
    :param ratio: how many times better ours is than the peer: > 1 is better.
    :param settings: everything that the figure depends on, as plain data.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give the row as data for JSON, which has no NaN: None."""
        content: dict[str, Any] = _finite(dataclasses.asdict(self))
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Row:
        """Read what :meth:`to_dict` gave."""
        value = math.nan if content['value'] is None else float(content['value'])
        return cls(**{**content, 'value': value})

    def line(self) -> str:
        """Give the row as one line of text."""
        text = f'{self.name}  {digits(self.value)} {self.unit}'
        return text if self.peer is None else f'{text}  {digits(self.ratio)} × {self.peer}'


def digits(value: float | None) -> str:
    """Write a number with three significant digits; '–' if there is none."""
    if value is None or not math.isfinite(value):
        return '–'
    rounded = float(f'{value:.3g}')
    return f'{rounded:,.0f}' if abs(rounded) >= 100.0 else f'{rounded:.3g}'


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
