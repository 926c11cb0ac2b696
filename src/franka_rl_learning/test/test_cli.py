# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl train``, called as the command line calls it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from franka_rl_core.cli import main
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.exit_codes import INTERRUPTED, REFUSED
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_learning import session
from franka_rl_learning.cli import command
from franka_rl_learning.record import read_rows
from franka_rl_learning.run_folder import RunFolder

QUICK = ['--backend', 'mock', '--num-envs', '4', '--steps', '256', '--evaluate', '4']
QUICK += ['--set', 'n_steps=32', '--set', 'batch_size=64', '--set', 'n_epochs=2']


def _call(*arguments: str) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command('train')(command)
    return app(list(arguments), standalone_mode=False)


def test_it_trains_and_prints_bundle_and_success_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = tmp_path / 'numbers.json'
    _call('reach', *QUICK, '--out', str(tmp_path / 'run'), '--json', str(numbers), '--progress')
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == f'bundle: {tmp_path / "run" / "policy"}'
    assert lines[-1].startswith('success_rate: 0.')
    result = json.loads(numbers.read_text())
    assert result['episodes'] == 4 and result['backend'] == 'mock' and result['steps'] == 256
    assert PolicyBundle(tmp_path / 'run' / 'policy').metadata.training['options']['n_epochs'] == 2


def test_a_resumed_run_has_its_own_settings(tmp_path: Path) -> None:
    out = ['--out', str(tmp_path)]
    _call('reach', *QUICK, *out, '--control', 'joints')
    _call('reach', *out, '--resume', '--steps', '384', '--evaluate', '0')
    settings = RunFolder(tmp_path).settings()
    assert settings['control'] == 'joints' and settings['num_envs'] == 4
    assert settings['steps'] == 384
    with pytest.raises(RefusedError, match="control: the run has 'joints', you ask for 'ee'"):
        _call('reach', *out, '--resume', '--control', 'ee')
    with pytest.raises(RefusedError, match="algorithm: the run has 'ppo', you ask for 'sac'"):
        _call('reach', *out, '--resume', '--algo', 'sac')


def test_options_beat_overrides_beat_the_file(tmp_path: Path) -> None:
    file = tmp_path / 'settings.yaml'
    file.write_text('seed: 1\nsteps: 128\ngamma: 0.5\nsafety: {joint_margin: 0.1}\n')
    arguments = ['--config', str(file), '--set', 'gamma=6e-1', '--set', 'steps=64']
    arguments += ['--set', 'safety.velocity_fraction=0.4', '--steps', '256']
    _call('reach', *QUICK, '--out', str(tmp_path / 'run'), *arguments)
    settings = RunFolder(tmp_path / 'run').settings()
    assert (settings['seed'], settings['steps']) == (1, 256)
    assert settings['algorithm_options']['gamma'] == 0.6
    assert settings['safety'] == {'joint_margin': 0.1, 'velocity_fraction': 0.4}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['push'], "unknown task 'push'; known: reach"),
        (['reach', '--robot', 'pamda'], "unknown robot 'pamda'; known: fr3, panda"),
        (['reach', '--algo', 'ppa'], "unknown algorithm 'ppa'; known: apg, ddpg, ppo, sac, td3"),
        (
            ['reach', '--backend', 'bullet'],
            "unknown backend 'bullet'; known: ikpy, kinematic, mock, pybullet",
        ),
        (['reach', '--control', 'torque'], "unknown action 'torque'; known: ee, joints"),
        (['reach', '--reward', 'big'], "unknown reward of task reach 'big'; known: dense, sparse"),
        (['reach', '--set', 'batchsize=3'], "unknown setting 'batchsize'; known: "),
        (['reach', '--set', 'safety.margin=3'], "unknown SafetyConfig key 'margin'; known: "),
        (['reach', '--config', 'nothing'], 'unknown file in .*; known: '),
    ],
)
def test_unknown_names_are_refused_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        _call(*arguments, '--out', str(tmp_path / 'run'))
    assert not (tmp_path / 'run').exists()


def test_a_signal_stops_with_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(tmp_path)

    def interrupt() -> None:
        while not run.checkpoints.newest():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt, daemon=True).start()
    arguments: list[Any] = ['--steps', '100000', '--set', 'checkpoint_interval=256']
    assert _call('reach', *QUICK, '--out', str(tmp_path), *arguments) == INTERRUPTED
    assert f'--out {tmp_path} --resume' in capsys.readouterr().err
    assert run.checkpoints.newest() is not None and not run.policy.exists()
    assert run.trend.is_file() and len(read_rows(run.record))


def test_the_names_of_the_seeds_program_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'run'
    seeds = '--num_epoch 12 --plot 1 --plot_T 4 --info 1 --info_T 4 --save_models_T 8'
    without_steps = [*QUICK[:4], *QUICK[6:]]
    _call('reach', *without_steps, '--out', str(out), *seeds.split(), '--clear_output', '0')
    settings, run = RunFolder(out).settings(), RunFolder(out)
    assert (settings['episodes'], settings['steps']) == (12, 12 * 4 * 50)
    assert (settings['checkpoint_episodes'], settings['checkpoint_interval']) == (8, 0)
    assert settings['plot'] is True and settings['plot_interval'] == 4
    assert run.trend.is_file() and run.record.is_file() and run.policy.is_dir()
    captured = capsys.readouterr()
    assert '12/12' in captured.err.splitlines()[-1] and 'episodes, ' in captured.out
    _call('reach', '--out', str(out), '--resume', '--num_epoch', '16', '--plot', '0')
    settings = RunFolder(out).settings()
    assert (settings['episodes'], settings['steps']) == (16, 16 * 4 * 50)
    assert settings['plot'] is False
    assert len(read_rows(run.record)) >= 16
    _call('reach', '--out', str(out), '--resume', '--steps', '256', '--evaluate', '0')
    assert RunFolder(out).settings()['episodes'] == 0


@pytest.mark.parametrize(
    'option', ['--num_epoch', '--plot_T', '--info_T', '--save_models_T', '--plot-interval']
)
@pytest.mark.parametrize('value', ['0', '-3', 'often'])
def test_intervals_of_no_episode_are_refused_and_nothing_is_written(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ['train', 'reach', *QUICK, '--out', str(tmp_path / 'run'), option, value]
    assert main.run(arguments) == REFUSED
    assert option in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('place', ['file', 'file/run', '/proc/run'])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_starts(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any) -> None:
        raise AssertionError('it was started')

    monkeypatch.setattr(session, '_train', start)
    (tmp_path / 'file').touch()
    with pytest.raises(RefusedError, match=f'cannot write to .*{place}: .*choose another folder'):
        _call('reach', *QUICK, '--out', str(tmp_path / place))
