# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator that is kept outside the project is found by its name, as docs/simulators.md says."""

import json
import os
import subprocess
import sys

import pytest

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.policies.proportional import write_proportional_bundle

SIMULATOR = '''
"""A simulator whose joints go half of the way in every step."""
import numpy as np
from franka_rl_core.backends.base import Backend
from franka_rl_core.state import RobotState


class LazyBackend(Backend):
    name = 'lazy'

    def __init__(self, model, num_worlds=1, control_period_s=0.04, *, share=0.5):
        super().__init__(model, num_worlds, control_period_s)
        self._share, self._stamp = share, np.zeros(num_worlds, np.int64)
        self._position = np.tile(model.home, (num_worlds, 1))
        self._velocity = 0.0 * self._position

    def reset(self, joint_position, worlds=None):
        rows = slice(None) if worlds is None else worlds
        self._position, self._velocity = self._position.copy(), self._velocity.copy()
        self._position[rows], self._velocity[rows] = joint_position, 0.0
        return self._state()

    def step(self, joint_target):
        moved = self._share * (self._checked(joint_target) - self._position)
        self._position, self._velocity = self._position + moved, moved / self.control_period_s
        self._stamp = self._stamp + round(1e9 * self.control_period_s)
        return self._state()

    def _state(self):
        return RobotState(self._position, self._velocity, self._stamp)
'''
PROGRAM = 'from franka_rl_core.cli.main import main; main()'


@pytest.fixture
def run(tmp_path):
    """Run ``franka-rl`` where the simulator is on Python's path."""
    (tmp_path / 'their_package').mkdir()
    (tmp_path / 'their_package' / 'lazy.py').write_text(SIMULATOR)
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])

    def run(*words):
        return subprocess.run(
            [sys.executable, '-c', PROGRAM, *words],
            env={**os.environ, 'PYTHONPATH': path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.parametrize('worlds', [('1', '1'), ('4', '2')], ids=['one', 'in-two-processes'])
def test_it_is_found_by_its_name(run, tmp_path, worlds):
    file = tmp_path / 'numbers.json'
    number = ('--num-envs', worlds[0], '--workers', worlds[1])
    backend = ('--backend', 'their_package.lazy:LazyBackend')
    done = run('random', 'reach', *backend, *number, '--episodes', '8', '--json', str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text())['episodes'] == 8


def test_its_options_can_be_chosen_and_its_pictures_are_drawn(run, tmp_path):
    bundle, video = tmp_path / 'policy', tmp_path / 'lazy.gif'
    write_proportional_bundle(bundle, EnvConfig(backend='mock'))
    words = ('evaluate', str(bundle), '--backend', 'their_package.lazy:LazyBackend')
    few = ('--episodes', '2', '--num-envs', '1', '--backend-option')
    done = run(*words, *few, 'share=0.9', '--video', str(video))
    assert done.returncode == 0, done.stderr
    assert video.stat().st_size > 10_000
    wrong = run(*words, *few, 'part=0.9')
    assert wrong.returncode == 2
    assert 'known: share' in wrong.stderr


def test_a_name_that_leads_nowhere_is_refused(run):
    done = run('random', 'reach', '--backend', 'their_package.lazy:NoBackend')
    assert done.returncode == 2
    assert "cannot find backend 'their_package.lazy:NoBackend'" in done.stderr
