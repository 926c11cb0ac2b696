# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl up``: what ``ros2 launch franka_rl`` does, on machines without it."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from franka_rl_core.cli.options import JsonFile, pairs
from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.json_file import write_json
from franka_rl_core.settings import build, from_strings
from franka_rl_nodes.systems import SYSTEMS, System, find_system


def command(
    system: Annotated[str, typer.Argument(help=f'System: {", ".join(SYSTEMS)}.')],
    arguments: Annotated[
        list[str] | None, typer.Argument(help='What to choose, as name:=value; see --show-args.')
    ] = None,
    show_args: Annotated[
        bool, typer.Option('--show-args', help='List the arguments of the system, and end.')
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Start all nodes of a system, and end them together when its work is done."""
    chosen = find_system(system)
    if show_args:
        print(_describe(chosen))
        return
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        result = Path(folder) / 'result.json'
        values = pairs(arguments or [])
        if json_file is not None:
            if 'result' in values:
                raise RefusedError('--json and result:= are two names of one file; give one')
            values['result'] = str(result)
        values = chosen.choose(values)
        namespace = values.get('namespace', '')
        typed = check(chosen.parameters(values), namespace)
        from franka_rl_nodes import processes

        code = processes.run(typed, lambda: _pass_on(result, json_file), namespace)
    raise typer.Exit(code)


def _pass_on(result: Path, json_file: Path | None) -> None:
    """Write the numbers of the last node where the user wants them."""
    if json_file is not None:
        write_json(json_file, json.loads(result.read_text()))


def check(
    nodes: Mapping[str, Mapping[str, str]], namespace: str = ''
) -> dict[str, dict[str, Any]]:
    """
    Refuse a system before anything of it is started.

    :param nodes: node name → parameters, as they were typed.
    :param namespace: of all nodes.
    :returns: the same with the values that the parameters have.
    :raises RefusedError: a parameter or what it names is wrong, or a node is running already.
    """
    if find_spec('rclpy') is None:
        raise MissingDependencyError(
            'rclpy', "make setup, or ROS 2 Jazzy from apt; then '. ./env.sh'"
        )
    from franka_rl_nodes import processes
    from franka_rl_nodes.single_instance import refuse_if_taken

    typed = {}
    for name, parameters in nodes.items():
        config = importlib.import_module(f'franka_rl_nodes.{name}_node').CONFIG
        typed[name] = from_strings(config, parameters)
        build(config, typed[name]).check()
    refuse_if_taken(processes.full_name(name, namespace) for name in nodes)
    return typed


def _describe(system: System) -> str:
    width = max(len(argument.name) for argument in system.arguments) + 2
    lines = [
        f'  {argument.name + ":=":{width}}  {argument.text} (default: {argument.default or "none"})'
        for argument in system.arguments
    ]
    return '\n'.join([system.text, '', *lines])
