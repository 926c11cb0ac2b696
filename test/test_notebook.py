# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The notebook runs from its first cell to its last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip('nbformat')
nbclient = pytest.importorskip('nbclient')
pytest.importorskip('ipykernel')

NOTEBOOK = Path(__file__).parents[1] / 'docs' / 'notebooks' / 'train_touch_plane.ipynb'


@pytest.mark.timeout(300)
def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('NOTEBOOK_STEPS', '20000')
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get('outputs') for cell in notebook.cells), 'it is kept without results'
    client = nbclient.NotebookClient(notebook, timeout=240, kernel_name='python3')
    client.execute(cwd=str(tmp_path))
    printed = ''.join(
        output.get('text', '') for cell in notebook.cells for output in cell.get('outputs', ())
    )
    assert re.search(r'success_rate: [01]\.\d\d', printed)
    assert {'ikpy', 'pybullet'} <= set(re.findall(r'(\w+): success_rate', printed))
    pictures = [
        output for cell in notebook.cells for output in cell.get('outputs', ()) if 'data' in output
    ]
    assert sum('image/png' in p['data'] or 'image/gif' in p['data'] for p in pictures) == 2
