# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees: named terms of the arm's state, in order, with unit and frame.

Training and deployment build their observations here, from the same terms, so that the same
recorded state gives the bit-same observation in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.state import ArmState


@dataclass(frozen=True)
class ObservationTerm:
    """One term of a flat observation vector; ``name`` is an attribute of :class:`ArmState`."""

    name: str
    size: int
    unit: str
    frame: str
    bound: float  # largest magnitude that an observation space shows [unit]


TERMS = {
    term.name: term
    for term in (
        ObservationTerm('tool_position', 3, 'm', 'base', 10.0),
        ObservationTerm('tool_velocity', 3, 'm/s', 'base', 10.0),
        ObservationTerm('joint_position', 7, 'rad', 'joint', 10.0),
        ObservationTerm('joint_velocity', 7, 'rad/s', 'joint', 10.0),
    )
}


def terms_by_name(names: Sequence[str]) -> tuple[ObservationTerm, ...]:
    """
    Look up observation terms.

    :raises UnknownNameError: a name is not in :data:`TERMS`; the message lists those that are.
    """
    for name in names:
        if name not in TERMS:
            raise UnknownNameError('observation term', name, TERMS)
    return tuple(TERMS[name] for name in names)


def observe(terms: Sequence[ObservationTerm], arm: ArmState, arrays: Arrays = NUMPY) -> Array:
    """
    Lay the terms side by side.

    :param terms: the terms, in order.
    :param arm: state of N arms.
    :param arrays: where it lives.
    :returns: (N, sum of sizes) float32 in the units of the terms.
    """
    return arrays.join([getattr(arm, term.name) for term in terms])
