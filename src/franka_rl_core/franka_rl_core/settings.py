# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Configuration as dataclasses: names, types, units, bounds and defaults in one place.

A configuration is a frozen dataclass whose fields are made by :func:`setting`. The same field
serves YAML files and command lines (through :func:`build`) and ROS parameters (through the nodes'
parameter declaration).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from franka_rl_core.exceptions import RefusedError, UnknownNameError

T = TypeVar('T')


def setting(
    default: Any,
    text: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: Callable[[], Iterable[str]] | None = None,
) -> Any:
    """
    Declare one field of a configuration.

    :param default: its default; a ``dict`` or ``list`` is copied for every instance.
    :param text: what it means, one sentence.
    :param unit: its unit, as it is written in brackets.
    :param low: smallest value allowed.
    :param high: largest value allowed.
    :param choices: gives the known values, for descriptions; who uses the value checks it.
    """
    metadata = {'text': text, 'unit': unit, 'low': low, 'high': high, 'choices': choices}
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def build(cls: type[T], mapping: Mapping[str, Any]) -> T:
    """
    Make a configuration from a mapping, with its defaults for what the mapping leaves out.

    :raises UnknownNameError: a key is not a field of ``cls``; the message lists those that are.
    :raises RefusedError: a value has the wrong type or lies outside its bounds.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in mapping.items():
        if key not in fields:
            raise UnknownNameError(f'{cls.__name__} key', key, fields)
        values[key] = _checked(fields[key], hints[key], value)
    return cls(**values)


def from_strings(cls: type[T], pairs: Mapping[str, str]) -> dict[str, Any]:
    """
    Read the values of ``name=value`` pairs as YAML, except where the field is a string.

    :raises RefusedError: a value is no YAML.
    """
    hints = typing.get_type_hints(cls)
    return {
        key: text if hints.get(key) is str else parse_yaml(text, key) for key, text in pairs.items()
    }


def parse_yaml(text: str, name: str) -> Any:
    """
    Read one value.

    :param name: what it is the value of.
    :raises RefusedError: it is no YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RefusedError(f'{name} = {text!r} is no YAML') from error


def read_yaml(path: Path) -> dict[str, Any]:
    """
    Read a YAML file that holds a mapping.

    :raises RefusedError: the file cannot be read, is no YAML, or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise RefusedError(f'cannot read {path}: {error}') from error
    if not isinstance(content, dict):
        raise RefusedError(f'{path} must hold a mapping, not {type(content).__name__}')
    return content


def describe(field: dataclasses.Field[Any]) -> str:
    """Give one line on a field: meaning, known values, unit and bounds."""
    text, unit = str(field.metadata['text']), field.metadata['unit']
    if field.metadata['choices']:
        text += ': ' + ', '.join(field.metadata['choices']())
    low, high = field.metadata['low'], field.metadata['high']
    bounds = '' if low is None and high is None else f', {_bound(low)} to {_bound(high)}'
    return text + (f' [{unit}{bounds}]' if unit else f' [{bounds[2:]}]' if bounds else '')


def _bound(value: float | None) -> str:
    return 'any' if value is None else f'{value:g}'


def _checked(field: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    kind = typing.get_origin(hint) or hint
    if kind is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        # A string, because YAML 1.1 takes 1e-3 (without a point) for one.
        with contextlib.suppress(ValueError):
            value = float(value)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if isinstance(kind, type) and (not isinstance(value, kind) or wrong_bool):
        meaning = f': {describe(field)}' if field.metadata else ''
        raise RefusedError(f'{field.name} must be {_name(kind)}, not {value!r}{meaning}')
    low, high = field.metadata.get('low'), field.metadata.get('high')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        inside = (low is None or value >= low) and (high is None or value <= high)
        if not inside or not math.isfinite(value):
            raise RefusedError(f'{field.name} = {value} is out of bounds: {describe(field)}')
    return value


def _name(kind: type) -> str:
    names = {'str': 'a string', 'int': 'an integer', 'float': 'a number', 'bool': 'true or false'}
    return names.get(kind.__name__, f'a {kind.__name__}')
