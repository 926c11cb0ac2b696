# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, made from the configurations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.json_file import check_json
from franka_rl_core.settings import describe

JsonFile = Annotated[
    Path | None,
    typer.Option('--json', callback=check_json, help='Write the numbers to this file as JSON.'),
]


def option(cls: type[Any], name: str, *flags: str) -> Any:
    """
    Make a command-line option from a field of a configuration; its help holds unit and bounds.

    :param flags: names of the option, ``--name`` if none are given.
    """
    (field,) = (item for item in dataclasses.fields(cls) if item.name == name)
    text = describe(field)
    return typer.Option(*flags, help=text[0].upper() + text[1:])


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """
    Split ``name=value`` (or ROS's ``name:=value``) arguments.

    :raises RefusedError: an argument has another form.
    """
    result = {}
    for text in texts:
        name, separator, value = text.partition('=')
        if not separator or not name.rstrip(':'):
            raise RefusedError(f'{text!r} must have the form name=value')
        result[name.rstrip(':')] = value
    return result
