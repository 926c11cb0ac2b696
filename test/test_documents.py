# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The documents speak of what is there."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

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
