# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations: terms side by side, in order."""

import itertools

import numpy as np
import pytest

from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.observation import TERMS, observe, terms_by_name


@pytest.fixture
def arm(model, arm_of):
    rng = np.random.default_rng(0)
    return arm_of(model, model.home + rng.normal(0, 0.1, (4, 7)), rng.normal(0, 0.5, (4, 7)))


@pytest.mark.parametrize('name', TERMS)
def test_a_term_is_a_quantity_of_the_arm(arm, name):
    term = TERMS[name]
    assert term.name == name and term.unit and term.frame
    value = getattr(arm, name)
    assert value.shape == (4, term.size)
    assert (np.abs(value) < term.bound).all()
    assert observe((term,), arm).tobytes() == value.astype(np.float32).tobytes()


@pytest.mark.parametrize('names', list(itertools.permutations(list(TERMS)[:3])))
def test_terms_lie_side_by_side_in_order(arm, names):
    observation = observe(terms_by_name(names), arm)
    assert observation.dtype == np.float32
    expected = np.hstack([getattr(arm, name) for name in names]).astype(np.float32)
    assert observation.tobytes() == expected.tobytes()


def test_a_row_does_not_depend_on_the_others(model, arm, arm_of):
    terms = tuple(TERMS.values())
    together = observe(terms, arm)
    for i in range(4):
        row = slice(i, i + 1)
        alone = arm_of(model, arm.joint_position[row], arm.joint_velocity[row])
        assert observe(terms, alone).tobytes() == together[row].tobytes()


def test_the_tool_velocity_is_the_derivative_of_its_position(model, arm, arm_of):
    step = 1e-6
    later = arm_of(model, arm.joint_position + step * arm.joint_velocity)
    difference = (later.tool_position - arm.tool_position) / step
    assert observe(terms_by_name(['tool_velocity']), arm) == pytest.approx(difference, abs=1e-4)


def test_unknown_terms_list_the_known_ones():
    message = "unknown observation term 'tool_pose'; known: joint_"
    with pytest.raises(UnknownNameError, match=message):
        terms_by_name(['tool_position', 'tool_pose'])
