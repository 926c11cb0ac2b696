# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters come from one dataclass, with type, bounds and description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip('rclpy')

from rclpy.node import Node
from rclpy.parameter import Parameter

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import setting
from franka_rl_nodes.parameters import declare


@dataclass(frozen=True)
class Config:
    """Parameters of a test."""

    rate: float = setting(10.0, 'how often', unit='Hz', low=1.0, high=100.0)
    count: int = setting(3, 'how many', low=1)
    name: str = setting('x', 'what')
    on: bool = setting(False, 'whether')
    options: dict[str, Any] = setting({}, 'more')


def _declared(context: Any, **values: Any) -> tuple[Config, Node]:
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = Node('test', context=context, parameter_overrides=overrides)
    return declare(node, Config), node


def test_defaults_and_overrides(context: Any) -> None:
    config, node = _declared(context, rate=20, options='{a: 1}', on=True)
    assert config == Config(rate=20.0, options={'a': 1}, on=True)
    node.destroy_node()


def test_descriptors_say_unit_and_bounds_and_are_read_only(context: Any) -> None:
    _, node = _declared(context)
    descriptor = node.describe_parameter('rate')
    assert descriptor.description == 'how often [Hz, 1 to 100]'
    assert descriptor.read_only
    assert descriptor.floating_point_range[0].to_value == 100.0
    assert not node.set_parameters([Parameter('rate', value=5.0)])[0].successful
    node.destroy_node()


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'rate': 1000.0}, 'rate'),
        ({'rate': float('nan')}, 'rate'),
        ({'count': 0}, 'count'),
        ({'count': 'many'}, 'count must be an integer'),
        ({'on': 1}, 'on must be true or false'),
    ],
)
def test_wrong_values_are_refused_by_name(context: Any, values: Any, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        _declared(context, **values)


def test_unknown_parameters_are_refused_with_the_known_ones(context: Any) -> None:
    with pytest.raises(UnknownNameError, match="'rats'.*count, name, on, options, rate.*'rate'"):
        _declared(context, rats=1)
