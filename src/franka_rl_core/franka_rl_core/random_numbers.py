# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Random numbers that are a function of a seed, a world and a count.

They depend neither on how many worlds there are nor on when the others restart, and are the same
with NumPy and PyTorch, on every device. The function is the finaliser of SplitMix64 (G. L. Steele,
D. Lea and C. H. Flood, Fast splittable pseudorandom number generators, 2014), once per number.
"""

from __future__ import annotations

import numpy as np

from franka_rl_core.arrays import Array, Arrays

# Constants of SplitMix64, as signed 64-bit integers.
_GAMMA = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
# So many bits are a float32 without rounding.
_BITS = 24


def make_key(seed: int | None) -> int:
    """Turn a seed into a key; None takes entropy from the system."""
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    return int(state.view(np.int64)[0])


def uniform(arrays: Arrays, key: int, world: Array, count: Array, size: int) -> Array:
    """
    Give random numbers.

    :param key: see :func:`make_key`.
    :param world: (M,) int64.
    :param count: (M,) int64, how often the world drew before.
    :param size: numbers for each world.
    :returns: (M, size) in [0, 1), multiples of 2⁻²⁴.
    """
    xp = arrays.xp
    # Added as an array: the sum of two Python integers would not wrap.
    state = _mix(_mix(_GAMMA * (world + 1) + arrays.index(key)) + _GAMMA * (count + 1))
    steps = arrays.index([[_wrapped(i + 1)] for i in range(size)])
    bits = _shifted(_mix(state + steps), 64 - _BITS)
    return (xp.astype(bits, arrays.dtype) * 2.0**-_BITS).T


def normal(arrays: Arrays, key: int, world: Array, count: Array, size: int) -> Array:
    """Give standard normal random numbers (Box and Muller 1958), as :func:`uniform`: (M, size)."""
    xp = arrays.xp
    numbers = uniform(arrays, key, world, count, 2 * size)
    radius = xp.sqrt(-2.0 * xp.log(1.0 - numbers[:, :size]))
    return radius * xp.cos(2.0 * np.pi * numbers[:, size:])


def _wrapped(times: int) -> int:
    """Give a multiple of γ as a signed 64-bit integer."""
    return (_GAMMA * times + 2**63) % 2**64 - 2**63


def _mix(state: Array) -> Array:
    state = (state ^ _shifted(state, 30)) * _FIRST
    state = (state ^ _shifted(state, 27)) * _SECOND
    return state ^ _shifted(state, 31)


def _shifted(state: Array, bits: int) -> Array:
    """Shift right and fill with zeros; the arrays' own shift repeats the sign."""
    return (state >> bits) & (2 ** (64 - bits) - 1)
