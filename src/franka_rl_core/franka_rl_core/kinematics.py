# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Forward kinematics and geometric Jacobian of a serial arm in modified (Craig) DH parameters.

The formulas are on single components, see ``franka_rl_core.columns``.

Sources: J. J. Craig, Introduction to Robotics, section 3.6 (link transform); B. Siciliano et al.,
Robotics: Modelling, Planning and Control, section 3.1.3 (Jacobian).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.columns import Scalar, dot, evaluate, solve
from franka_rl_core.exceptions import RefusedError

# Steps of the inverse kinematics, the longest of them, and the error that is none [m].
_ITERATIONS, _STEP_M, _NEAR_ENOUGH = 300, 0.2, 1e-9

Vector = tuple[Scalar, Scalar, Scalar]


class Chain(NamedTuple):
    """A serial chain from the base to the tool; plain numbers, made by ``make_chain``."""

    #: per joint: quarter turns alpha / (pi/2), a [m], d [m]
    joints: tuple[tuple[int, float, float], ...]
    #: position of the tool in the frame of the last joint [m]
    tool_position: tuple[float, ...]
    #: rotation from tool to the frame of the last joint; its columns are the tool's axes
    tool_columns: tuple[tuple[float, ...], ...]


class _Pose(NamedTuple):
    position: Vector  # of the tool
    axes: tuple[Vector, Vector, Vector]  # x, y, z of the last joint's frame
    joints: list[tuple[Vector, Vector]]  # a point on each joint's axis, and the axis


def make_chain(dh: ArrayLike, tool: ArrayLike) -> Chain:
    """
    Prepare a chain for the functions below.

    :param dh: (n, 3), per joint ``alpha_(i-1)`` [rad], ``a_(i-1)`` [m], ``d_i`` [m] of
        ``T_i = RotX(alpha) TransX(a) RotZ(q_i) TransZ(d)``.
    :param tool: (4, 4), homogeneous transform of the tool in the frame of the last joint.
    :raises RefusedError: an alpha is not a multiple of pi/2.
    """
    joints = []
    for alpha, a, d in np.asarray(dh, dtype=np.float64).tolist():
        turns = round(alpha / (np.pi / 2))
        if abs(alpha - turns * np.pi / 2) > 1e-9:
            raise RefusedError(f'alpha must be a multiple of pi/2, not {alpha}')
        joints.append((turns % 4, a, d))
    transform = np.asarray(tool, dtype=np.float64).copy()
    transform[np.abs(transform) < 1e-15] = 0.0  # what is left of cos(pi/2)
    columns = tuple(tuple(column) for column in transform[:3, :3].T.tolist())
    return Chain(tuple(joints), tuple(transform[:3, 3].tolist()), columns)


def transform_from_xyz_rpy(xyz_rpy: ArrayLike) -> NDArray[np.float64]:
    """
    Return the (4, 4) homogeneous transform of ``x y z [m], roll pitch yaw [rad]``.

    Fixed-axis angles as in URDF: ``R = RotZ(yaw) RotY(pitch) RotX(roll)``.
    """
    x, y, z, roll, pitch, yaw = np.asarray(xyz_rpy, dtype=np.float64).tolist()
    (sr, sp, sy), (cr, cp, cy) = np.sin([roll, pitch, yaw]), np.cos([roll, pitch, yaw])
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, x],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, y],
            [-sp, cp * sr, cp * cr, z],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def tool_position(chain: Chain, q: Array) -> Array:
    """Return the (N, 3) tool positions in base [m] for (N, n) joint positions [rad]."""
    xp = namespace(q)
    return evaluate(partial(tool_components, chain), xp.sin(q), xp.cos(q))


def joint_origins(chain: Chain, q: Array) -> Array:
    """Return the (N, n, 3) points on the joints' axes in base [m] for (N, n) positions [rad]."""
    xp = namespace(q)
    values = evaluate(partial(_joint_values, chain), xp.sin(q), xp.cos(q))
    return xp.reshape(values, (*q.shape, 3))


def tool_motion(chain: Chain, q: Array, dq: Array) -> tuple[Array, Array, Array, Array]:
    """
    Return position, rotation, linear velocity and geometric Jacobian of the tool, in base.

    :param q: (N, n) joint positions [rad].
    :param dq: (N, n) joint velocities [rad/s].
    :returns: (N, 3) [m], (N, 3, 3), (N, 3) [m/s], (N, 6, n) linear [m/rad] over angular [1].
    """
    xp = namespace(q)
    values = evaluate(partial(_motion_values, chain), xp.sin(q), xp.cos(q), dq)
    count, joints = q.shape
    return (
        values[:, :3],
        xp.reshape(values[:, 3:12], (count, 3, 3)),
        values[:, 12:15],
        xp.reshape(values[:, 15:], (count, 6, joints)),
    )


def tool_displacement(jacobian: Array, motion: Array) -> Array:
    """
    Return how the tool moves, to first order, when the joints do.

    :param jacobian: (N, m, n) rows of the Jacobian.
    :param motion: (N, n) joint motion [rad].
    :returns: (N, m).
    """
    if isinstance(jacobian, np.ndarray):
        return (jacobian @ motion[:, :, None])[:, :, 0]
    return namespace(jacobian).sum(jacobian * motion[:, None, :], axis=-1)


def damped_least_squares(jacobian: Array, motion: Array, damping: float) -> Array:
    """
    Return the small joint motion that moves the tool nearly so: ``Jᵀ (J Jᵀ + λ² I)⁻¹ e``.

    Sources: Wampler 1986; Nakamura and Hanafusa 1986.

    :param jacobian: J, (N, m, n).
    :param motion: e, (N, m) of the tool.
    :param damping: λ, bounds the joint motion where the singular values of J are below it.
    :returns: (N, n) [rad].
    """
    xp = namespace(jacobian)
    # LAPACK is faster than NumPy's columns, and than PyTorch's for few worlds.
    if isinstance(jacobian, np.ndarray) or xp.is_small(motion):
        transposed = xp.matrix_transpose(jacobian)
        ones = _ones(xp, motion.shape[1], jacobian.dtype)
        damped = jacobian @ transposed + damping**2 * ones
        return (transposed @ xp.linalg.solve(damped, motion[:, :, None]))[:, :, 0]
    values = partial(damped_values, damping)
    return evaluate(values, motion, *xp.unstack(jacobian, axis=1))


@lru_cache
def _ones(xp: Any, size: int, dtype: Any) -> Array:
    """Give a unit matrix; to make one takes as long as to solve it."""
    return xp.astype(xp.eye(size), dtype)


def inverse(
    chain: Chain,
    target: NDArray[np.float64],
    start: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Find joint positions in a range that bring the tool as near to a place as they may.

    Repeats damped least squares steps (see :func:`damped_least_squares`), with less damping the
    nearer the tool is (as in Levenberg-Marquardt), and clips to the range.

    :param target: (N, 3) in base [m].
    :param start: (N, n) where the search begins [rad].
    :param lower: (n,) [rad].
    :param upper: (n,) [rad].
    :returns: (N, n) [rad].
    """
    q, joints = np.clip(start, lower, upper), len(lower)
    best, least = q, np.full(len(q), np.inf)
    for _ in range(_ITERATIONS):
        position, _, _, jacobian = tool_motion(chain, q, np.zeros_like(q))
        error = target - position
        distance = np.linalg.norm(error, axis=1)
        best = np.where((distance < least)[:, None], q, best)
        least = np.minimum(distance, least)
        if (least < _NEAR_ENOUGH).all():
            break
        # A joint at an end of its range does not help to go beyond it.
        pull = (jacobian[:, :3] * error[:, :, None]).sum(axis=1)
        stuck = ((q <= lower) & (pull < 0.0)) | ((q >= upper) & (pull > 0.0))
        free = np.where(stuck[:, None], 0.0, jacobian[:, :3])
        error = error * np.minimum(1.0, _STEP_M / np.maximum(distance, 1e-12))[:, None]
        steps = [
            damped_least_squares(free[i : i + 1], error[i : i + 1], _damping(distance[i]))[0]
            for i in range(len(q))
        ]
        q = np.clip(q + np.reshape(steps, (-1, joints)), lower, upper)
    return best


def _damping(distance: float) -> float:
    return float(np.clip(distance, 1e-4, 0.1))


def damped_values(
    damping: float, motion: Sequence[Scalar], *rows: Sequence[Scalar]
) -> Sequence[Scalar]:
    """Return the components of :func:`damped_least_squares` for those of the motion and of J."""
    matrix = [[dot(row, other) for other in rows[: i + 1]] for i, row in enumerate(rows)]
    for i, row in enumerate(matrix):
        row[i] = row[i] + damping**2
    solution = solve(matrix, motion)
    return [dot(column, solution) for column in zip(*rows, strict=True)]


def tool_components(chain: Chain, sin: Sequence[Scalar], cos: Sequence[Scalar]) -> Sequence[Scalar]:
    """
    Return the three components of the tool position for sines and cosines of the joints.

    Walks from the tool to the base, with one point instead of a frame.
    """
    x, y, z = chain.tool_position
    on_axis = x == y == 0.0
    for (turns, a, d), s, c in reversed(list(zip(chain.joints, sin, cos, strict=True))):
        if d:
            z = z + d
        if not on_axis:
            x, y = c * x - s * y, s * x + c * y
        on_axis = False
        if a:
            x = x + a
        if turns == 1:
            y, z = -z, y
        elif turns == 3:
            y, z = z, -y
        elif turns == 2:
            y, z = -y, -z
    return x, y, z


def _joint_values(chain: Chain, sin: Sequence[Scalar], cos: Sequence[Scalar]) -> Sequence[Scalar]:
    """Return the 3n components of the origins of the joints' frames."""
    return [part for origin, _ in _forward(chain, sin, cos).joints for part in origin]


def _motion_values(
    chain: Chain, sin: Sequence[Scalar], cos: Sequence[Scalar], dq: Sequence[Scalar]
) -> Sequence[Scalar]:
    """Return 3 position, 9 rotation (row by row), 3 velocity and 6n Jacobian components."""
    pose = _forward(chain, sin, cos)
    tool = (_combine(*pose.axes, column) for column in chain.tool_columns)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = tool
    # column i of the Jacobian: axis_i x (tool - origin_i) over axis_i
    columns = [
        (*_cross(axis, _minus(pose.position, origin)), *axis) for origin, axis in pose.joints
    ]
    vx, vy, vz = (0.0, 0.0, 0.0)
    for (jx, jy, jz, *_), rate in zip(columns, dq, strict=True):
        vx, vy, vz = vx + jx * rate, vy + jy * rate, vz + jz * rate
    jacobian = [component for row in zip(*columns, strict=True) for component in row]
    return [*pose.position, xx, yx, zx, xy, yy, zy, xz, yz, zz, vx, vy, vz, *jacobian]


def _forward(chain: Chain, sin: Sequence[Scalar], cos: Sequence[Scalar]) -> _Pose:
    """Walk from the base to the tool: ``T_i = RotX(alpha) TransX(a) RotZ(q_i) TransZ(d)``."""
    position: Vector = (0.0, 0.0, 0.0)
    x: Vector = (1.0, 0.0, 0.0)
    y: Vector = (0.0, 1.0, 0.0)
    z: Vector = (0.0, 0.0, 1.0)
    joints = []
    for (turns, a, d), s, c in zip(chain.joints, sin, cos, strict=True):
        if a:
            position = _along(position, x, a)
        if turns == 1:
            y, z = z, _negative(y)
        elif turns == 3:
            y, z = _negative(z), y
        elif turns == 2:
            y, z = _negative(y), _negative(z)
        x, y = _rotate(x, y, s, c)
        if d:
            position = _along(position, z, d)
        joints.append((position, z))
    for axis, distance in zip((x, y, z), chain.tool_position, strict=True):
        if distance:
            position = _along(position, axis, distance)
    return _Pose(position, (x, y, z), joints)


def _along(point: Vector, axis: Vector, distance: float) -> Vector:
    return (
        point[0] + distance * axis[0],
        point[1] + distance * axis[1],
        point[2] + distance * axis[2],
    )


def _rotate(x: Vector, y: Vector, s: Scalar, c: Scalar) -> tuple[Vector, Vector]:
    """Turn the axes x and y about z by the angle with sine s and cosine c."""
    (x0, x1, x2), (y0, y1, y2) = x, y
    return (
        (c * x0 + s * y0, c * x1 + s * y1, c * x2 + s * y2),
        (c * y0 - s * x0, c * y1 - s * x1, c * y2 - s * x2),
    )


def _combine(x: Vector, y: Vector, z: Vector, weights: Sequence[float]) -> Vector:
    """Return the sum of the axes with these weights, leaving out those that are zero."""
    result: Vector = (0.0, 0.0, 0.0)
    for axis, weight in zip((x, y, z), weights, strict=True):
        if weight:
            result = _along(result, axis, weight)
    return result


def _negative(v: Vector) -> Vector:
    return -v[0], -v[1], -v[2]


def _minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    (a0, a1, a2), (b0, b1, b2) = a, b
    return a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
