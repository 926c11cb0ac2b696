# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl show-ik`` and ``evaluate --video``: the files that are left."""

import json

import numpy as np
import pytest

from franka_rl_core.cli.main import run
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exit_codes import DONE
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_core.robot_model import load_robot
from franka_rl_core.tasks.touch_plane import TouchPlaneTask
from franka_rl_core.tasks.touch_point import TouchPointTask

pytest.importorskip('matplotlib')
imageio = pytest.importorskip('imageio.v3')


@pytest.fixture
def show(tmp_path, capsys):
    """Give a function that runs it: picture, lines of the table, numbers."""

    def show(*words):
        picture, numbers = tmp_path / 'ik.png', tmp_path / 'ik.json'
        assert run(['show-ik', '--out', str(picture), '--json', str(numbers), *words]) == DONE
        table = capsys.readouterr().out.splitlines()
        return imageio.imread(picture)[:, :, :3], table, json.loads(numbers.read_text())

    return show


def redness(picture):
    return picture[:, :, 0].astype(int) - picture[:, :, 1]


def test_all_goals_of_a_task_are_reached(show):
    picture, (_, *table), numbers = show('--task', 'touch_plane', '--backend', 'mock')
    solutions = numbers['solutions']
    np.testing.assert_allclose([item['goal'] for item in solutions], TouchPlaneTask.goals)
    q = np.array([item['joint_position'] for item in solutions])
    tool = load_robot('panda').tool_position(q)
    assert np.abs(tool - TouchPlaneTask.goals).max() < 1e-3
    assert all(item['is_reached'] and item['error_mm'] < 0.1 for item in solutions)
    assert len(table) == 9 and table[0].startswith('(0.40, -0.20, 0.00)')
    assert f'{q[0, 3]:.3f}' in table[0]
    assert picture.std() > 10.0 and (redness(picture) > 100).sum() == 0


def test_a_goal_out_of_reach_is_red_and_named(show, monkeypatch):
    monkeypatch.setattr(TouchPointTask, 'goals', ((0.4, 0.0, 0.2), (2.0, 0.0, 0.2)))
    picture, (_, near, far), numbers = show('--task', 'touch_point', '--backend', 'mock')
    assert [item['is_reached'] for item in numbers['solutions']] == [True, False]
    assert numbers['solutions'][1]['error_mm'] > 1000.0
    assert far.endswith('not reached') and not near.endswith('not reached')
    half = picture.shape[1] // 2
    assert (redness(picture[:, half:]) > 60).sum() > 500
    assert (redness(picture[:, :half]) > 60).sum() == 0


def test_random_goals_are_those_of_the_seed(show):
    words = ('--task', 'reach', '--backend', 'mock', '--robot', 'fr3', '--seed')
    first, again, other = (
        [item['goal'] for item in show(*words, seed)[2]['solutions']] for seed in '112'
    )
    assert len(first) == 9 and first == again and first != other


@pytest.mark.parametrize(('backend', 'suffix'), [('mock', '.gif'), ('pybullet', '.mp4')])
def test_an_evaluation_is_filmed(tmp_path, backend, suffix, capsys):
    pytest.importorskip('onnx')
    if backend == 'pybullet':
        pytest.importorskip('pybullet')
    write_proportional_bundle(tmp_path / 'policy', EnvConfig(backend=backend))
    path = tmp_path / f'out{suffix}'
    words = ['evaluate', str(tmp_path / 'policy'), '--backend', backend, '--episodes', '2']
    assert run([*words, '--video', str(path)]) == DONE
    captured = capsys.readouterr()
    assert captured.out == 'success_rate: 1.00 [0.34, 1.00]\n' and captured.err == ''
    pictures = imageio.imread(path)
    assert pictures.shape[1:] == (360, 480, 3) and len(pictures) > 4
    green = (pictures[:, :60, :, 1].astype(int) - pictures[:, :60, :, 0] > 80).sum(axis=(1, 2))
    assert green[-1] > 300 and green[0] == 0
