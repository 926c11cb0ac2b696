# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The gripper gets a command when the wish changes, and one at a time."""

from __future__ import annotations

import math

import pytest

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.gripper import Grip, GripperLogic, GripperThresholds


@pytest.fixture
def logic() -> GripperLogic:
    return GripperLogic(GripperThresholds(close_below=0.03, open_above=0.05))


def _send(logic: GripperLogic, width: float, success: bool = True) -> None:
    logic.want(width)
    logic.begin()
    logic.end(success)


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    for close, open_ in ((0.05, 0.03), (0.04, 0.04), (math.nan, 0.05)):
        with pytest.raises(RefusedError, match='must be less than'):
            GripperThresholds(close_below=close, open_above=open_)


def test_nothing_is_done_before_a_wish(logic: GripperLogic) -> None:
    assert logic.due is None
    logic.want(0.04)
    assert logic.due is None, 'between the thresholds nothing was meant before'
    with pytest.raises(RefusedError, match='nothing to do'):
        logic.begin()


@pytest.mark.parametrize(
    ('width', 'grip'),
    [(0.08, Grip.OPEN), (0.0501, Grip.OPEN), (0.0299, Grip.CLOSED), (0.0, Grip.CLOSED),
     (-1.0, Grip.CLOSED), (9.0, Grip.OPEN), (0.05, None), (0.03, None)],
)  # fmt: skip
def test_widths_mean_open_or_closed(logic: GripperLogic, width: float, grip: Grip | None) -> None:
    logic.want(width)
    assert logic.due is grip


def test_between_the_thresholds_a_wish_stays(logic: GripperLogic) -> None:
    _send(logic, 0.06)
    for width in (0.049, 0.031, 0.05, 0.03):
        logic.want(width)
        assert logic.due is None
    logic.want(0.029)
    assert logic.due is Grip.CLOSED


def test_a_policy_that_trembles_gives_one_command(logic: GripperLogic) -> None:
    for step in range(100):
        logic.want(0.045 + 0.01 * (-1) ** step)
        if logic.due:
            logic.begin()
            logic.end(True)
    assert logic.sent == 1


def test_what_is_no_number_changes_nothing(logic: GripperLogic) -> None:
    _send(logic, 0.08)
    for width in (math.nan, math.inf, -math.inf):
        logic.want(width)
    assert (logic.wish, logic.due, logic.refused) == (Grip.OPEN, None, 3)


def test_wishes_during_a_command_wait_and_the_newest_counts(logic: GripperLogic) -> None:
    logic.want(0.0)
    assert logic.begin() is Grip.CLOSED
    for width in (0.08, 0.0, 0.08):
        logic.want(width)
        assert logic.due is None
    logic.end(True)
    assert logic.due is Grip.OPEN


def test_a_wish_that_has_come_back_needs_no_command(logic: GripperLogic) -> None:
    logic.want(0.0)
    logic.begin()
    logic.want(0.08)
    logic.want(0.0)
    logic.end(True)
    assert logic.due is None


def test_a_failure_is_counted_and_not_repeated(logic: GripperLogic) -> None:
    _send(logic, 0.0, success=False)
    assert (logic.due, logic.failed) == (None, 1)
    logic.want(0.08)
    assert logic.due is Grip.OPEN


def test_a_lost_command_is_given_again(logic: GripperLogic) -> None:
    logic.want(0.0)
    logic.begin()
    logic.lose()
    assert logic.due is Grip.CLOSED


def test_after_a_loss_the_old_posture_is_not_taken_for_known(logic: GripperLogic) -> None:
    _send(logic, 0.08)
    logic.want(0.0)
    logic.begin()
    logic.lose()
    logic.want(0.08)
    assert logic.due is Grip.OPEN
