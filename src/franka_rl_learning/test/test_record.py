# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a training: its rows, its file, and going on with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_helpers import ROWS, FailingEnv, IdentityEnv, graph, quick, run, small_env

from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_learning.progress import Progress
from franka_rl_learning.record import ROW, EpisodeRecord, read_rows
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.statistics import EpisodeStatistics
from franka_rl_learning.training import train


def _record(*counts: int) -> EpisodeRecord:
    """Make a record of steps in each of which so many episodes ended."""
    record, total = EpisodeRecord(), 0
    for step, count in enumerate(counts, start=1):
        numbers = np.arange(total, total := total + count)
        record.add(-1.0 * numbers, numbers % 50, numbers % 2 == 0)
        record.stamp(10 * step, 0.5 * step)
    return record


def _rows(folder: Path) -> Any:
    return read_rows(RunFolder(folder).record)


def test_thousands_of_episodes_may_end_in_one_step(tmp_path: Path) -> None:
    record = _record(3, 5_000)
    assert len(record) == 5_003
    assert record.rows['steps'].tolist() == [10] * 3 + [20] * 5_000
    assert record.rows['return'][-1] == -5_002.0 and record.rows['seconds'][-1] == 1.0
    assert record.recent == (np.arange(-5_002, -4_902).mean(), 0.5)
    record.save(tmp_path / 'record.npy')
    np.testing.assert_array_equal(np.load(tmp_path / 'record.npy'), record.rows)


def test_a_file_grows_and_can_be_read_whatever_interrupts(tmp_path: Path) -> None:
    path, record = tmp_path / 'record.npy', _record(7)
    record.save(path)
    record.add([1.0] * 20_000, [2] * 20_000, [True] * 20_000)
    record.save(path)  # not stamped yet
    assert len(read_rows(path)) == 7
    record.stamp(90, 9.0)
    with path.open('ab') as file:
        file.write(b'half a row')  # as who is killed before the header is written leaves it
    assert len(read_rows(path)) == 7
    record.save(path)
    np.testing.assert_array_equal(read_rows(path), record.rows)
    assert len(record) == 20_007


def test_what_ended_after_a_checkpoint_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / 'record.npy'
    _record(2, 3, 4).save(path)
    record = EpisodeRecord()
    record.restore(path, steps=20)
    assert len(record) == 5 and record.rows['steps'].max() == 20
    record.add([0.0], [1], [False])
    record.stamp(25, 3.0)
    record.save(path)
    assert read_rows(path)['steps'].tolist() == [10, 10, 20, 20, 20, 25]
    record.restore(tmp_path / 'nothing.npy', steps=20)
    assert len(record) == 0


@pytest.mark.parametrize('content', [b'', b'text', b'\x93NUMPY\x01\x00'])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'record.npy'
    path.write_bytes(content)
    with pytest.raises(RefusedError, match='record.npy holds no training record'):
        read_rows(path)
    np.save(path, np.zeros(3))
    with pytest.raises(RefusedError, match='holds no training record, but other numbers'):
        read_rows(path)


def test_returns_and_lengths_of_tensors_are_those_of_their_episodes() -> None:
    statistics, never = EpisodeStatistics(3, 'cpu'), torch.zeros(3, dtype=torch.bool)
    statistics.add(torch.tensor([9.0, 9.0, 9.0]), never, never)
    statistics.forget()
    statistics.add(torch.tensor([1.0, 2.0, 4.0]), never, torch.tensor([False, False, True]))
    statistics.add(torch.tensor([8.0, 16.0, 32.0]), torch.tensor([True, False, False]), never)
    statistics.add(torch.tensor([0.0, 0.0, 64.0]), never, ~never)
    statistics.record.stamp(9, 1.0)
    rows = statistics.record.rows
    assert rows['return'].tolist() == [4.0, 9.0, 0.0, 18.0, 96.0]
    assert rows['length'].tolist() == [1, 2, 1, 3, 2]
    assert rows['success'].tolist() == [False, True, False, False, False]


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_a_run_records_every_episode(name: str, backend: str, tmp_path: Path) -> None:
    result = run(tmp_path, name, IdentityEnv if name != 'apg' else small_env, backend)
    rows = _rows(tmp_path)
    assert rows.dtype == ROW and result.episodes == len(rows)
    assert rows['length'].sum() <= result.steps
    assert (np.diff(rows['steps']) >= 0).all() and (np.diff(rows['seconds']) >= 0).all()
    assert rows['seconds'][0] > 0 and rows['seconds'][-1] <= result.seconds
    if name != 'apg':  # two segments of 64 steps of 4 worlds, each with 12 whole episodes
        assert (rows['length'] == IdentityEnv.LENGTH).all() and len(rows) >= 96
        assert (np.unique(rows['steps'], return_counts=True)[1] == 4).all()


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_no_episode_is_recorded_twice(name: str, backend: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    run(whole, name, backend=backend)
    with pytest.raises(BackendLostError):
        run(parts, name, env=partial(FailingEnv, 120), backend=backend)
    newest = RunFolder(parts).checkpoints.newest()
    assert newest is not None
    newest.rename(parts / 'lost')  # goes on from the one before, after 256 steps
    assert _rows(parts)['steps'].max() > 256
    run(parts, name, backend=backend, resume=True)
    for column in ('return', 'length', 'success', 'steps'):
        np.testing.assert_array_equal(_rows(parts)[column], _rows(whole)[column])
    assert (np.diff(_rows(parts)['seconds']) >= 0).all()


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_a_run_ends_after_so_many_episodes(name: str, backend: str, tmp_path: Path) -> None:
    reports: list[Progress] = []
    env = small_env(backend=backend)
    config = quick(tmp_path, name, steps=0, episodes=12, evaluation_episodes=4)
    result = train(env, config, on_progress=reports.append, progress_interval=5)
    assert not result.stopped and result.bundle and result.evaluation
    assert 12 <= result.episodes <= 15  # four may end in one step
    assert reports[0].parts == (0, 12, 'episode')
    assert reports[-1].parts == (result.episodes, 12, 'episode')
    assert len(reports) <= 5  # at 0, after 5, after 10, and at the end, which may be reported twice
    again = run(tmp_path, name, backend=backend, steps=0, episodes=12, resume=True)
    assert again.steps == result.steps
    more = run(tmp_path, name, backend=backend, steps=0, episodes=24, resume=True)
    assert more.episodes >= 24 and more.bundle


def test_the_steps_of_so_many_episodes_suffice(tmp_path: Path) -> None:
    """No episode of this environment ends early, and every segment drops some."""
    result = run(
        tmp_path,
        env=small_env,
        steps=0,
        episodes=9,
        checkpoint_interval=300,
        options={'n_steps': 75},
    )
    assert result.episodes >= 9


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_a_run_in_segments_of_episodes_goes_on_as_if_nothing_had_been(
    name: str, backend: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {'checkpoint_interval': 0, 'checkpoint_episodes': 6}
    run(tmp_path / 'whole', name, backend=backend, steps=1_600, **settings)
    checkpoints = sorted((tmp_path / 'whole' / 'checkpoints').iterdir())
    before = int(checkpoints[0].name.split('_')[1])
    assert 400 <= before < 1_600
    (tmp_path / 'parts').mkdir()
    for file in ('run.yaml', 'training_record.npy'):
        (tmp_path / 'whole' / file).rename(tmp_path / 'parts' / file)
    (tmp_path / 'parts' / 'checkpoints').mkdir()
    checkpoints[0].rename(tmp_path / 'parts' / 'checkpoints' / checkpoints[0].name)
    run(tmp_path / 'parts', name, backend=backend, steps=1_600, resume=True, **settings)
    assert graph(tmp_path / 'whole') == graph(tmp_path / 'parts')
