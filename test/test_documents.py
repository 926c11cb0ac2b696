# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The documents speak of what is there."""

from __future__ import annotations

import dataclasses
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from franka_rl_core.fci.config import FciConfig
from franka_rl_core.guard.explanations import EXPLANATIONS
from franka_rl_core.guard.guard import GuardLimits
from franka_rl_core.safety.base import Reason

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md')])


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r'\]\(([^)#]+)[^)]*\)', page.read_text())
    missing = [x for x in links if '://' not in x and not (page.parent / x).exists()]
    assert missing == []


def test_the_readme_names_every_command_and_every_system() -> None:
    text = (ROOT / 'README.md').read_text()
    commands = entry_points(group='franka_rl.commands')
    assert len(commands) >= 5
    assert [c.name for c in commands if f'`franka-rl {c.name}`' not in text] == []
    systems = [path.name for path in (ROOT / 'launch').glob('*.launch.py')]
    assert [name for name in systems if name not in text] == []


def test_the_architecture_names_every_node() -> None:
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    nodes = (ROOT / 'src' / 'franka_rl_nodes' / 'franka_rl_nodes').glob('*_node.py')
    assert [path.stem for path in nodes if path.stem not in text] == []


def rows(page: str, word: str) -> str:
    """Give the lines of a page's tables that begin with a word in backticks."""
    lines = (ROOT / 'docs' / page).read_text().splitlines()
    return '\n'.join(line for line in lines if line.startswith(f'| `{word}` |'))


@pytest.mark.parametrize('reason', Reason, ids=lambda reason: reason.name.lower())
def test_the_guide_explains_every_reason_in_the_words_of_the_guard(reason: Reason) -> None:
    words = f'| {EXPLANATIONS[reason] or "–"} |'
    assert words in rows('operators_guide.md', reason.name.lower())


@pytest.mark.parametrize(
    ('page', 'config'),
    [('operators_guide.md', GuardLimits), ('simulated_robot.md', FciConfig)],
    ids=['guard', 'fci'],
)
def test_every_setting_is_in_its_table_as_it_is(page: str, config: type) -> None:
    for field in dataclasses.fields(config):
        unit = f' {field.metadata["unit"]}' if field.metadata['unit'] else ''
        default = f'{str(field.default).lower()}{unit}'
        row = f'| `{field.name}` | {default} | {field.metadata["text"]} |'
        assert row in rows(page, field.name)


def test_every_argument_that_a_document_gives_exists() -> None:
    from franka_rl_nodes.systems import SYSTEMS

    known = {argument.name for system in SYSTEMS.values() for argument in system.arguments}
    # Of the launch files of the drivers, of ROS and of the nodes.
    known |= {'robot_type', 'controllers_yaml', 'mode', 'interface'}
    for page in PAGES:
        used = set(re.findall(r'(?<![\w_])([a-z_]+):=', page.read_text()))
        assert used <= known, page.name
