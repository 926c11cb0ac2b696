# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""How much of the joint limits a recorded motion used, and where the tool went."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_nodes.prove.recording import Recording

Array = NDArray[np.float64]

MOVE = 2  # RobotStatus.MOVE
_PERIOD_NS = 1_000_000
# Stamps lie on a grid, but for the rounding.
_NEAR_NS = 1_000
# A measurement so much older than a reference is no measure of it.
_RECENT_NS = 5_000_000
# When the arm begins and ends to follow, its controller's reference steps to or from the measured
# position; the modes are reported a little later.
_EDGE_NS = 50_000_000
# The first observation of an episode may be so much older than its goal; the way to the start of an
# episode, on which nothing is acted, takes longer.
_OLDER_NS = 200_000_000


def limits_used(model: RobotModel, stamps_ns: Array, reference: Array) -> dict[str, Array]:
    """
    Give the largest shares (7,) of the limits that a reference of 1 kHz uses; 1 is the limit.

    Of velocity (where it depends on the position, as it is there), acceleration and jerk, by
    backward differences, as Franka defines them; and of the range, from its middle to its ends.
    Derivatives are left out where a sample is missing.

    :param stamps_ns: (N,) [ns].
    :param reference: (N, 7) [rad].
    """
    middle, half = 0.5 * (model.upper + model.lower), 0.5 * (model.upper - model.lower)
    regular = np.abs(np.diff(stamps_ns) - _PERIOD_NS) <= _NEAR_NS
    velocity = np.where(regular[:, None], np.diff(reference, axis=0), np.nan) * 1e3
    acceleration = np.diff(velocity, axis=0) * 1e3
    low, high = model.velocity_bounds(reference[:-1])
    bound = np.where(velocity < 0.0, -low, high)
    with np.errstate(divide='ignore', invalid='ignore'):
        speed = np.where(velocity == 0.0, 0.0, np.abs(velocity) / bound)
    return {
        'position': _largest((reference - middle) / half),
        'velocity': _largest(speed),
        'acceleration': _largest(acceleration / model.acceleration),
        'jerk': _largest(np.diff(acceleration, axis=0) * 1e3 / model.jerk),
    }


def _largest(values: Array) -> Array:
    """Give the largest size in each column; what is NaN does not count."""
    sizes = np.where(np.isnan(values), 0.0, np.abs(values))
    return sizes.max(axis=0, initial=0.0)


def followed(recording: Recording, controller: str) -> tuple[Array, Array]:
    """Give stamps and samples of the reference while the arm followed it."""
    stamps, reference = recording.reference_ns, recording.reference
    if controller == 'joint_follower':  # it is sent only then
        return stamps, reference
    follows = np.zeros(len(stamps), bool)
    moving = recording.mode == MOVE
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]])))
    for begin, end in edges.reshape(-1, 2):
        first = recording.mode_ns[begin] + _EDGE_NS
        last = recording.mode_ns[end - 1] - _EDGE_NS
        follows |= (stamps >= first) & (stamps <= last)
    return stamps[follows], reference[follows]


def tracking_error(recording: Recording, stamps_ns: Array, reference: Array) -> Array:
    """Give how far the measured joints (7,) were at most from the reference [rad]."""
    if not len(recording.state_ns) or not len(stamps_ns):
        return np.zeros(recording.reference.shape[1])
    index = np.searchsorted(recording.state_ns, stamps_ns, side='right') - 1
    recent = (index >= 0) & (stamps_ns - recording.state_ns[index] <= _RECENT_NS)
    error = reference[recent] - recording.position[index[recent]]
    return np.abs(error).max(axis=0, initial=0.0)


def distances(model: RobotModel, recording: Recording, period_s: float) -> list[dict[str, list]]:
    """
    Give the distance of the tool from the goal over the time of each episode.

    An episode lasts from its first action to a control period after its last one.

    :returns: for each ``time_s`` and ``distance_m``, a point in every control period.
    """
    curves = []
    ends = [*recording.goal_ns[1:], np.iinfo(np.int64).max]
    for goal, begin, end in zip(recording.goal, recording.goal_ns, ends, strict=False):
        acted = recording.action_ns
        acted = acted[(acted >= begin - _OLDER_NS) & (acted < end - _OLDER_NS)]
        if len(acted) and len(recording.state_ns):
            curves.append(_distance(model, recording, goal, acted, round(1e9 * period_s)))
    return curves


def _distance(
    model: RobotModel, recording: Recording, goal: Array, acted: Array, period_ns: int
) -> dict[str, list]:
    times = np.append(acted, acted[-1] + period_ns)
    index = np.minimum(np.searchsorted(recording.state_ns, times), len(recording.state_ns) - 1)
    tool = np.asarray(model.tool_position(recording.position[index]))
    return {
        'time_s': (1e-9 * (times - times[0])).round(4).tolist(),
        'distance_m': np.linalg.norm(tool - goal, axis=1).round(5).tolist(),
    }
