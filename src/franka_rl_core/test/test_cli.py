# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: exit codes, messages, numbers for other programs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint

import pytest

from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.cli.main import GROUP, run
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import BackendLostError
from franka_rl_core.exit_codes import DONE, FAILED, INTERRUPTED, REFUSED
from franka_rl_core.policies.proportional import write_proportional_bundle

pytest.importorskip('onnx')

PROGRAM = (sys.executable, '-c', 'from franka_rl_core.cli.main import main; main()')
WIDE = {**os.environ, 'COLUMNS': '200', 'NO_COLOR': '1', 'TERM': 'dumb'}


@pytest.fixture
def bundle(tmp_path):
    write_proportional_bundle(tmp_path / 'policy', EnvConfig(backend='mock'))
    return tmp_path / 'policy'


def _program(*words, **more):
    command = [*PROGRAM, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=WIDE, check=False, **more
    )


def test_evaluate_prints_the_success_rate_last_and_writes_the_numbers(bundle, tmp_path, capsys):
    numbers = tmp_path / 'numbers.json'
    words = ['evaluate', str(bundle), '--backend', 'mock', '--episodes', '10', '--seed', '3']
    assert run([*words, '--json', str(numbers)]) == DONE
    assert capsys.readouterr().out == 'success_rate: 1.00 [0.72, 1.00]\n'
    content = json.loads(numbers.read_text())
    assert content.keys() >= {
        'success_rate',
        'success_interval',
        'episodes',
        'final_distance_m',
        'time_to_success_s',
        'seed',
        'backend',
        'bundle',
    }
    assert content['final_distance_m'].keys() == {'mean', 'median', 'p95'}
    assert (content['episodes'], content['seed'], content['backend']) == (10, 3, 'mock')
    assert content['bundle'] == str(bundle)


def test_json_to_standard_output_comes_before_the_last_line(bundle):
    words = ['--backend', 'mock', '--episodes', 2, '--json', '/dev/stdout']
    result = _program('evaluate', bundle, *words)
    assert result.returncode == DONE, result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1].startswith('success_rate: ')
    assert json.loads('\n'.join(lines[:-1]))['episodes'] == 2


def test_the_same_seed_gives_the_same_numbers(bundle, tmp_path):
    texts = []
    for name in 'ab':
        path = tmp_path / name
        run(['evaluate', str(bundle), '--backend', 'mock', '--episodes', '5', '--json', str(path)])
        texts.append(path.read_text())
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['evaluate', 'nowhere'], 'nowhere is no policy bundle'),
        (
            ['evaluate', 'BUNDLE', '--backend', 'gazebo'],
            "backend 'gazebo'; known: ikpy, kinematic, mock",
        ),
        (['evaluate', 'BUNDLE', '--robot', 'fr3'], "the policy has 'panda', this system has 'fr3'"),
        (['evaluate', 'BUNDLE', '--robot', 'ur5'], "unknown robot 'ur5'; known: fr3, panda"),
        (['evaluate', 'BUNDLE', '--video', 'out.avi'], 'must end in one of .gif, .mp4'),
        (['evaluate', 'BUNDLE', '--video', 'no/out.gif'], 'cannot write no/out.gif'),
        (['evaluate', 'BUNDLE', '--backend', 'mock', '--json', 'no/out.json'], 'no/out.json'),
        (['evaluate', 'BUNDLE', '--backend-option', 'look'], "'look' must have the form name="),
        (['evaluate', 'BUNDLE', '--backend-option', 'lok=1'], "option of PybulletBackend 'lok'"),
        (['show-ik', '--out', 'out.gif'], 'out.gif must end in one of .png, .svg, .pdf'),
        (['show-ik', '--out', 'no/out.png'], 'cannot write no/out.png'),
        (['show-ik', '--out', 'out.png', '--task', 'fly'], "unknown task 'fly'; known: "),
        (['show-ik', '--out', 'out.png', '--backend', 'fly'], "unknown backend 'fly'; known: "),
        (['show-ik', '--out', 'out.png', '--robot', 'ur5'], "unknown robot 'ur5'; known: fr3"),
        (['random', 'fly'], "unknown task 'fly'; known: reach"),
        (['random', '--control', 'feet'], 'ee, joints'),
        (['random', '--num-envs', '0'], 'num_envs = 0 is out of bounds'),
    ],
)
def test_bad_input_is_refused_with_what_would_have_worked(bundle, capsys, words, message):
    assert run([str(bundle) if word == 'BUNDLE' else word for word in words]) == REFUSED
    captured = capsys.readouterr()
    assert captured.err.startswith('franka-rl: refused: ')
    assert message in captured.err
    assert captured.out == ''


def test_numbers_that_cannot_be_written_are_refused_before_the_work(bundle, capsys, monkeypatch):
    def work(*_):
        raise AssertionError('it was started')

    monkeypatch.setattr('franka_rl_core.evaluation.evaluate', work)
    words = ['evaluate', str(bundle), '--backend', 'mock']
    for file in ('no/out.json', str(bundle)):
        assert run([*words, '--json', file]) == REFUSED
        assert f'refused: cannot write {file}' in capsys.readouterr().err


def test_json_to_a_redirected_standard_output_is_not_overwritten(bundle, tmp_path):
    path = tmp_path / 'out.txt'
    words = ['evaluate', str(bundle), '--backend', 'mock', '--episodes', '2']
    with path.open('w') as file:
        command = [*PROGRAM, *words, '--json', '/dev/stdout']
        subprocess.run(command, stdout=file, timeout=60, env=WIDE, check=True)
    *numbers, last = path.read_text().splitlines()
    assert json.loads('\n'.join(numbers))['episodes'] == 2
    assert last.startswith('success_rate: ')


def test_a_lost_simulator_is_a_failure(bundle, capsys, monkeypatch):
    def lose(self, joint_target):
        raise BackendLostError('a simulator process has died')

    monkeypatch.setattr(MockBackend, 'step', lose)
    assert run(['evaluate', str(bundle), '--backend', 'mock', '--episodes', '1']) == FAILED
    assert capsys.readouterr().err == 'franka-rl: failed: a simulator process has died\n'


def test_an_episode_without_success_has_no_time(tmp_path, capsys):
    numbers = tmp_path / 'numbers.json'
    words = ['random', '--backend', 'mock', '--episodes', '2', '--seed', '0']
    assert run([*words, '--json', str(numbers)]) == DONE
    content = json.loads(numbers.read_text())
    assert content['success_rate'] == 0.0
    assert content['time_to_success_s'] == {'mean': None, 'median': None, 'p95': None}
    assert capsys.readouterr().out.splitlines()[-1] == 'success_rate: 0.00 [0.00, 0.66]'


def test_a_command_of_a_package_that_is_not_installed_says_so(capsys, monkeypatch):
    entries = [
        EntryPoint('fly', 'no_such_package.cli:command', GROUP),
        EntryPoint('doctor', 'franka_rl_core.cli.doctor:command', GROUP),
    ]
    monkeypatch.setattr('franka_rl_core.cli.main.entry_points', lambda group: entries)
    assert run(['fly']) == REFUSED
    assert "'no_such_package' is not installed" in capsys.readouterr().err


@pytest.mark.parametrize('words', [['fly'], ['evaluate'], ['evaluate', 'x', '--episodes', '0']])
def test_wrong_usage_is_refused(words):
    assert run(words) == REFUSED


def test_an_interrupt_is_an_exit_code(tmp_path):
    command = [*PROGRAM, 'random', '--backend', 'mock', '--episodes', '1000000']
    with (tmp_path / 'output').open('w') as output:
        process = subprocess.Popen(command, env=WIDE, stdout=output)
    try:
        deadline = time.monotonic() + 30.0
        while 'observation: ' not in (tmp_path / 'output').read_text():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == INTERRUPTED
    finally:
        process.kill()


def test_random_shows_spaces_and_speed(capsys, tmp_path):
    numbers = tmp_path / 'numbers.json'
    words = ['random', 'reach', '--backend', 'mock', '--episodes', '3', '--json', str(numbers)]
    assert run(words) == DONE
    output = capsys.readouterr().out
    assert 'action: Box(-1.0, 1.0, (3,), float32)' in output and ' steps/s' in output
    assert json.loads(numbers.read_text())['steps_per_second'] > 0


def test_doctor_lists_the_machine(tmp_path):
    numbers = tmp_path / 'numbers.json'
    result = _program('doctor', '--json', numbers)
    content = json.loads(numbers.read_text())
    assert result.returncode == (1 if content['missing'] else 0)
    for word in ('python', 'cores', 'gpu', 'ros_distro', 'rmw', 'numpy', 'torch'):
        assert f'\n{word} ' in '\n' + result.stdout


def test_commands_have_help_with_units_and_defaults():
    top = _program('--help').stdout
    for command in ('doctor', 'evaluate', 'random'):
        assert f' {command} ' in top
        page = _program(command, '--help')
        assert page.returncode == 0
    assert 'Kind of control' in _program('random', '--help').stdout


OPTIONAL = {'--control', '--json', '--video', '--backend-option', '--help'}


@pytest.mark.parametrize('command', ['evaluate', 'random', 'doctor'])
def test_every_option_shows_its_default(command):
    page = _program(command, '--help').stdout
    options = re.findall(r'^\W*(--[a-z-]+)((?:.(?!\n\W*--))*)', page, re.M | re.S)
    assert {name for name, _ in options} >= {'--json', '--help'}
    for name, text in options:
        assert '[default: ' in text or name in OPTIONAL, name


def test_a_video_is_written(bundle, tmp_path):
    imageio = pytest.importorskip('imageio.v3')
    path = tmp_path / 'reach.gif'
    words = ['evaluate', str(bundle), '--episodes', '1', '--video', str(path)]
    assert run(words) == DONE
    frames = imageio.imread(path)
    assert len(frames) >= 3 and frames.shape[1:] == (360, 480, 3)
    assert (frames[0] != frames[-1]).any()
