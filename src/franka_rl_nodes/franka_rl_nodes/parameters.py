# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
ROS parameters from configuration dataclasses.

Type, default, unit, bounds and description are declared once.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, TypeVar

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import build, describe, parse_yaml

T = TypeVar('T')
# rclpy wants two bounds; a bound that the configuration leaves open becomes this.
_OPEN = 1e9


def declare(node: Node, cls: type[T]) -> T:
    """
    Declare the fields of a configuration as read-only parameters of a node, and read them.

    A field that holds a mapping is a string parameter with YAML in it.

    :raises UnknownNameError: a parameter was given that the configuration does not have.
    :raises RefusedError: a value has the wrong type or is out of bounds.
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    _refuse_unknown(node, {field.name for field in fields})
    hints = typing.get_type_hints(cls)
    defaults = cls()
    values = {}
    for field in fields:
        default = getattr(defaults, field.name)
        mapping = (typing.get_origin(hints[field.name]) or hints[field.name]) is dict
        shown = yaml.safe_dump(default) if mapping else default
        try:
            value = node.declare_parameter(field.name, shown, _descriptor(field)).value
        except InvalidParameterValueException as error:
            raise RefusedError(f'{field.name} is out of bounds: {describe(field)}') from error
        values[field.name] = (parse_yaml(str(value), field.name) or {}) if mapping else value
    return build(cls, values)


def _refuse_unknown(node: Node, known: set[str]) -> None:
    builtin = ('use_sim_time', 'start_type_description_service')
    for name in node._parameter_overrides:  # noqa: SLF001 - rclpy has no public way to list them
        if name not in known and name not in builtin and not name.startswith('qos_overrides.'):
            raise UnknownNameError(f'parameter of {node.get_name()}', name, known)


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=describe(field), read_only=True, dynamic_typing=True
    )
    low, high = field.metadata['low'], field.metadata['high']
    if low is None and high is None:
        return descriptor
    low, high = -_OPEN if low is None else low, _OPEN if high is None else high
    if isinstance(field.default, int):
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
    else:
        span = FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
        descriptor.floating_point_range = [span]
    return descriptor
