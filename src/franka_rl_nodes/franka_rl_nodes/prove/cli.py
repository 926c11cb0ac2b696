# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl prove``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from franka_rl_core.cli.options import JsonFile
from franka_rl_core.exceptions import FrankaRLError, RefusedError
from franka_rl_core.exit_codes import DONE, FAILED, INTERRUPTED
from franka_rl_core.json_file import check_json, write_json
from franka_rl_nodes.prove import run
from franka_rl_nodes.prove.conditions import CONDITIONS, Condition, find_conditions


def command(
    policy: Annotated[Path, typer.Argument(help='Folder of the policy bundle.')],
    robot: Annotated[
        str, typer.Option(help='Robot it shall drive; another than it was trained for is refused.')
    ] = 'the bundle’s',
    controller: Annotated[
        str, typer.Option(help='Controller of the arm: joint_follower or joint_trajectory.')
    ] = 'joint_follower',
    episodes: Annotated[int, typer.Option(min=1, help='Episodes under each condition.')] = 20,
    seed: Annotated[int, typer.Option(min=0, help='Seed of goals, noise and losses.')] = 1,
    conditions: Annotated[
        str,
        typer.Option(
            help=f'With commas, of: {", ".join(c.name for c in CONDITIONS)}; empty for all.'
        ),
    ] = '',
    domain: Annotated[
        int, typer.Option(min=-1, max=232, help='ROS domain to run in; -1 for one that is free.')
    ] = -1,
    html: Annotated[
        Path | None, typer.Option(callback=check_json, help='Write the page to this file.')
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """
    Prove a policy against a simulated arm that refuses what Franka's control interface refuses.

    It drives the arm through the same nodes as a real one, under several conditions. Exit code 0:
    it passed; 1: it did not.
    """
    chosen = find_conditions([name for name in conditions.split(',') if name])
    plan = run.Plan(policy, _robot(policy, robot), controller, episodes, seed, domain)
    _check_plots(html)
    try:
        run.check(plan, chosen)
        report = _prove(plan, chosen)
        _write(report, json_file, html)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(DONE if report['passed'] else FAILED)


def _prove(plan: run.Plan, conditions: list[Condition]) -> dict[str, Any]:
    # What this imports is slow, and what it needs was checked before.
    from franka_rl_nodes.prove.report import make_report

    outcomes = []
    for condition in conditions:
        print(f'{condition.name}: {condition.text}', file=sys.stderr, flush=True)
        outcomes.append(run.run(plan, condition))
    return make_report(plan, outcomes)


def _write(report: dict[str, Any], json_file: Path | None, html: Path | None) -> None:
    """Write whole files, and say how it went: not where the numbers go."""
    from franka_rl_nodes.prove.page import make_page
    from franka_rl_nodes.prove.report import summary

    page = make_page(report) if html is not None else ''
    if json_file is not None and not json_file.is_symlink():
        _replace(json_file, json.dumps(report, indent=2, allow_nan=False) + '\n')
    else:
        write_json(json_file, report)
    if html is not None:
        _replace(html, page)
    said = sys.stderr if json_file == Path('/dev/stdout') else sys.stdout
    print('\n'.join(summary(report)), file=said, flush=True)


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole, or not at all; what is no file is written to as it is."""
    device = path.is_symlink() or (path.exists() and not path.is_file())
    part = path if device else path.with_name(f'.{path.name}.part')
    try:
        part.write_text(text, encoding='utf-8')
        if not device:
            part.replace(path)
    except OSError as error:
        raise FrankaRLError(f'cannot write {path}: {error.strerror}') from error
    finally:
        if not device:
            part.unlink(missing_ok=True)


def _robot(policy: Path, robot: str) -> str:
    """
    Give the robot of the bundle.

    :raises RefusedError: there is no such bundle.
    """
    from franka_rl_core.policies.bundle import read_metadata

    trained = read_metadata(policy).config.robot
    return trained if robot in ('', 'the bundle’s') else robot


def _check_plots(html: Path | None) -> None:
    if html is None:
        return
    from importlib.util import find_spec

    if find_spec('matplotlib') is None:
        raise RefusedError('the page needs matplotlib: pip install matplotlib, or leave out --html')
