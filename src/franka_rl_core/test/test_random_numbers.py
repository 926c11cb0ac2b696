# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers: SplitMix64's own, the same in every library, and without a pattern."""

import itertools
from statistics import NormalDist

import numpy as np
import pytest

from franka_rl_core.arrays import NUMPY
from franka_rl_core.random_numbers import _GAMMA, _mix, make_key, normal, uniform

KEY = make_key(0)


@pytest.fixture(params=['numpy', 'float32', 'float64'])
def arrays(request):
    """Give NumPy's arrays, then PyTorch's of each type."""
    if request.param == 'numpy':
        return NUMPY
    torch_arrays = pytest.importorskip('franka_rl_core.torch_arrays')
    return torch_arrays.TorchArrays('cpu', request.param)


def draw(function, arrays, world, count, size, key=KEY):
    """Return (M, size) numbers as NumPy's float64."""
    numbers = function(arrays, key, arrays.index(world), arrays.index(count), size)
    return arrays.numpy(numbers).astype(np.float64)


def grid(function, *shape):
    """Return 100,000 numbers by world, count and place."""
    world, count = np.indices(shape[:2]).reshape(2, -1)
    return draw(function, NUMPY, world, count, shape[2]).reshape(shape)


def test_the_first_outputs_of_splitmix64(arrays):
    """With seed 0, as published with the reference implementation (S. Vigna, splitmix64.c)."""
    state = arrays.index([_GAMMA, (2 * _GAMMA + 2**63) % 2**64 - 2**63])
    given = [number % 2**64 for number in _mix(state).tolist()]
    assert given == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_the_same_in_every_library(arrays):
    world, count = np.arange(1000) % 70, np.arange(1000) // 70
    assert (draw(uniform, arrays, world, count, 3) == draw(uniform, NUMPY, world, count, 3)).all()
    precision = 1e-12 if arrays.constant(1.0).dtype.itemsize == 8 else 1e-5
    expected = draw(normal, NUMPY, world, count, 3)
    assert draw(normal, arrays, world, count, 3) == pytest.approx(expected, rel=0, abs=precision)


@pytest.mark.parametrize('function', [uniform, normal])
def test_a_world_does_not_depend_on_the_others(arrays, function):
    world, count = np.arange(40), np.arange(40) % 7
    together = draw(function, arrays, world, count, 3)
    order = np.random.default_rng(0).permutation(40)
    assert draw(function, arrays, order, count[order], 3) == pytest.approx(
        together[order], abs=1e-6
    )
    for i in (0, 17, 39):
        alone = draw(function, arrays, [i], [count[i]], 3)
        assert alone == pytest.approx(together[[i]], abs=1e-6)


def test_more_numbers_do_not_change_the_first():
    assert (draw(uniform, NUMPY, [5], [2], 9)[:, :4] == draw(uniform, NUMPY, [5], [2], 4)).all()


def test_keys():
    assert make_key(1) == make_key(1) != make_key(2)
    assert make_key(None) != make_key(None)
    first, other = (draw(uniform, NUMPY, [0, 1], [0, 0], 3, make_key(seed)) for seed in (1, 2))
    assert (first != other).all()


@pytest.mark.parametrize('shape', [(100, 100, 10), (50_000, 1, 2), (1, 50_000, 2)])
def test_uniform_numbers_have_no_pattern(shape):
    """Tolerances are 5 standard deviations of what is measured."""
    numbers = grid(uniform, *shape)
    assert (numbers >= 0.0).all() and (numbers < 1.0).all()
    assert (numbers * 2**24 == np.floor(numbers * 2**24)).all()
    assert len(np.unique(numbers)) > 99_600  # of 2^24 values; 300 twice is to be expected
    assert numbers.mean() == pytest.approx(1 / 2, abs=0.0046)
    assert numbers.var() == pytest.approx(1 / 12, abs=0.0012)
    filled = np.histogram(numbers, 100, (0.0, 1.0))[0]
    assert ((filled - 1000.0) ** 2 / 1000.0).sum() < 170.0  # chi-squared, 99 degrees of freedom
    assert_uncorrelated(numbers)


@pytest.mark.parametrize('shape', [(100, 100, 10), (50_000, 1, 2), (1, 50_000, 2)])
def test_normal_numbers_are_normal_and_have_no_pattern(shape):
    numbers = grid(normal, *shape)
    assert np.isfinite(numbers).all()
    assert numbers.mean() == pytest.approx(0.0, abs=0.016)
    assert numbers.var() == pytest.approx(1.0, abs=0.023)
    for value in (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0):
        assert (numbers < value).mean() == pytest.approx(NormalDist().cdf(value), abs=0.008)
    assert_uncorrelated(numbers)


@pytest.mark.parametrize('number, expected', [(0.0, 0.0), (1.0 - 2.0**-24, 5.768)])
def test_the_smallest_and_the_largest_make_finite_normal_numbers(monkeypatch, number, expected):
    def constant(arrays, key, world, count, size):
        return np.full((len(world), size), number)

    monkeypatch.setattr('franka_rl_core.random_numbers.uniform', constant)
    assert draw(normal, NUMPY, [0], [0], 1) == pytest.approx(np.array([[expected]]), abs=1e-3)


def assert_uncorrelated(numbers):
    """Check neighbouring worlds, counts and places, and the squares of their numbers."""
    for power, axis in itertools.product((1, 2), range(3)):
        if numbers.shape[axis] == 1:
            continue
        lined_up = np.moveaxis(numbers - numbers.mean(), axis, 0) ** power
        correlation = np.corrcoef(lined_up[:-1].ravel(), lined_up[1:].ravel())[0, 1]
        assert abs(correlation) < 5.0 / np.sqrt(lined_up[1:].size), (power, axis)


def test_neighbouring_seeds_are_uncorrelated():
    world = np.arange(1000)
    by_seed = [draw(uniform, NUMPY, world, 0 * world, 3, make_key(seed)) for seed in range(34)]
    assert_uncorrelated(np.array(by_seed))
