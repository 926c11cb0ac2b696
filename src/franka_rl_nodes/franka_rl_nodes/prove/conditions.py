# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The conditions that a policy is proven under, and what is required of it in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from franka_rl_core.exceptions import RefusedError, UnknownNameError


@dataclass(frozen=True)
class Condition:
    """
    One way in which an arm and the link to it may be bad.

    :param name: its name.
    :param text: what it is, one sentence.
    :param fci: overrides of ``FciConfig``; the limits of a motion hold in all of them.
    :param required_success: share of the episodes that have to reach their goal. A reflex is
        allowed in none.
    """

    name: str
    text: str
    fci: Mapping[str, float] = field(default_factory=dict)
    required_success: float = 0.9

    @property
    def settings(self) -> dict[str, float | bool]:
        """All that the simulated arm is started with."""
        return {'strict': True, **self.fci}


CONDITIONS = (
    Condition(
        'nominal',
        'The arm and its link are as Franka asks for.',
        required_success=0.95,
    ),
    # 20 ms: a link that is silent for so long is cut (frankarobotics/libfranka, docs/overview.rst),
    # so that no worse one lasts. 50 ms: the follower's own lag, damping by stiffness, once more
    # (30 by 600, frankarobotics/franka_follower_controllers, launch/follower.launch.py).
    Condition(
        'delayed',
        'Commands arrive 20 ms late, and the arm follows them with 50 ms more lag than its '
        'controller has.',
        {'command_delay': 0.02, 'tracking_lag': 0.05},
    ),
    # The share at which Franka's own test of a network begins to warn that many packets get lost
    # (frankarobotics/libfranka, examples/communication_test.cpp).
    Condition(
        'lossy',
        'Of the packets to the arm, 5 % get lost: where Franka’s own test begins to warn.',
        {'packet_loss': 0.05},
    ),
    # Franka states a repeatability of 0.1 mm at a reach of 855 mm, 1.2e-4 rad in one joint: about
    # eight times that. Of velocities it states nothing: 1 % of the Panda's lowest limit.
    Condition(
        'noisy',
        'Measured joint positions have a noise of 1 mrad (about eight times the arm’s '
        'repeatability), velocities one of 0.02 rad/s.',
        {'position_noise': 1e-3, 'velocity_noise': 0.02},
    ),
)


def find_conditions(names: Sequence[str]) -> list[Condition]:
    """
    Look up conditions, in the order of the table.

    :param names: of them; none for all.
    :raises RefusedError: one is named twice.
    :raises UnknownNameError: there is none of that name; lists those that are.
    """
    known = {condition.name: condition for condition in CONDITIONS}
    for name in names:
        if name not in known:
            raise UnknownNameError('condition', name, known)
    if len(set(names)) != len(names):
        raise RefusedError(f'every condition once: {", ".join(names)}')
    return [known[name] for name in known if name in names or not names]


def to_dict(condition: Condition) -> dict[str, object]:
    """Give a condition as plain data."""
    return {**dataclasses.asdict(condition), 'fci': condition.settings}
