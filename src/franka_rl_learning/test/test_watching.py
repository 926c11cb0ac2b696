# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a person sees of trainings: pictures and the progress."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from learning_helpers import IdentityEnv, quick, run, small_env

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_learning import scribe as scribe_module
from franka_rl_learning.comparison import curves, flat, grouped, labels, read_run
from franka_rl_learning.plot_cli import command
from franka_rl_learning.progress import Progress
from franka_rl_learning.progress_bar import ProgressBar
from franka_rl_learning.record import ROW, EpisodeRecord
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.scribe import Scribe
from franka_rl_learning.training import train
from franka_rl_learning.trend import at_columns, draw_trend, extremes, smoothed

PNG = b'\x89PNG'


def _rows(returns: Any) -> Any:
    rows = np.zeros(len(returns), ROW)
    rows['return'] = returns
    rows['steps'] = rows['seconds'] = np.arange(1, len(rows) + 1)
    return rows


def test_the_moving_average_is_of_the_last_hundred_or_of_all_before() -> None:
    values = np.random.default_rng(0).normal(size=250)
    expected = [values[max(0, end - 100) : end].mean() for end in range(1, 251)]
    np.testing.assert_allclose(smoothed(values), expected)
    assert len(smoothed([])) == 0


@pytest.mark.parametrize('count', [1, 999, 1_000, 1_001, 123_457])
def test_no_extreme_is_lost_where_many_episodes_share_a_column(count: int) -> None:
    values = np.random.default_rng(0).normal(size=count)
    episodes, low, high = extremes(values)
    assert len(episodes) == len(low) == len(high) <= 1_000
    assert (low.min(), high.max()) == (values.min(), values.max())
    assert episodes[0] == 1 and (np.diff(episodes) > 0).all()
    places, taken = at_columns(values)
    assert places[-1] == count and taken[-1] == values[-1] and len(places) <= 1_001
    np.testing.assert_array_equal(values[places.astype(int) - 1], taken)


@pytest.mark.parametrize('count', [0, 1, 50, 200_000])
def test_a_trend_of_any_length_is_drawn(count: int, tmp_path: Path) -> None:
    draw_trend(_rows(np.linspace(-400.0, -5.0, count)), 'touch · ddpg', tmp_path / 'trend.png')
    assert (tmp_path / 'trend.png').read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ['trend.png']


def test_a_picture_is_drawn_at_the_end_whatever_ends_it(tmp_path: Path) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_env(), quick(tmp_path / 'a', plot=True), should_stop=interrupt)
    stopped = train(small_env(), quick(tmp_path / 'b', plot=True), should_stop=lambda: True)
    assert stopped.stopped
    for folder in map(RunFolder, (tmp_path / 'a', tmp_path / 'b')):
        assert folder.trend.read_bytes().startswith(PNG) and folder.record.is_file()
        assert folder.checkpoints.newest() is not None
    run(tmp_path / 'c', plot=False)
    assert not RunFolder(tmp_path / 'c').trend.exists()
    assert RunFolder(tmp_path / 'c').record.is_file()


def test_the_result_says_what_watching_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe_module, 'draw_trend', lambda *_: time.sleep(0.3))
    assert run(tmp_path / 'a', plot=True).watching_seconds > 0.25
    assert run(tmp_path / 'b', plot=False).watching_seconds < 0.2


def test_what_cannot_be_drawn_does_not_end_a_training(tmp_path: Path) -> None:
    RunFolder(tmp_path).trend.mkdir()
    with pytest.warns(UserWarning, match='cannot write'):
        assert run(tmp_path, plot=True).bundle


@pytest.mark.parametrize(
    ('cost', 'first'), [(0.0, [30, 40, 50, 60]), (0.5, [30, 55, 80, 105]), (5.0, [30, 280, 530])]
)
def test_a_trend_is_drawn_in_intervals_or_as_often_as_costs_little(
    cost: float, first: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, drawn = [0.0], []

    def draw(rows: Any, title: str, path: Path) -> None:
        clock[0] += cost
        drawn.append(len(rows))

    monkeypatch.setattr(scribe_module, 'draw_trend', draw)
    monkeypatch.setattr(scribe_module, 'time', SimpleNamespace(monotonic=lambda: clock[0]))
    record = EpisodeRecord()
    scribe = Scribe(RunFolder(tmp_path), record, 'title', interval=10)
    for second in range(700):  # one episode in each
        record.add([0.0], [1], [False])
        record.stamp(second, float(second))
        clock[0] += 1.0
        scribe()
    assert drawn[: len(first)] == first
    assert cost * len(drawn) <= scribe_module.SHARE * clock[0] + cost


def test_runs_that_differ_in_the_seed_alone_are_one_line(tmp_path: Path) -> None:
    for name, changes in {
        'a': {'seed': 1},
        'b': {'seed': 2, 'steps': 400, 'plot_interval': 7},
        'c': {'seed': 1, 'options': {'gamma': 0.5}},
    }.items():
        run(tmp_path / name, env=IdentityEnv, **changes)  # type: ignore[arg-type]
    runs = [read_run(tmp_path / name) for name in ('a', 'c', 'b')]
    groups = grouped(runs)
    assert [[each.seed for each in group] for group in groups] == [[1, 2], [1]]
    assert labels([group[0].settings for group in groups]) == ['gamma 0.95', 'gamma 0.5']
    for over in ('episodes', 'steps', 'seconds'):
        out = tmp_path / f'{over}.png'
        command([tmp_path / name for name in ('a', 'b', 'c')], out, over)
        assert out.read_bytes().startswith(PNG)


def test_labels_of_algorithms_are_their_names() -> None:
    kinds = {'task': 'reach', 'backend': 'mock'}
    ppo = flat({**kinds, 'algorithm': 'ppo', 'algorithm_options': {'n_steps': 3}})
    sac = flat({**kinds, 'algorithm': 'sac', 'safety': {'margin': 1}})
    assert ppo['n_steps'] == 3 and sac['safety.margin'] == 1
    assert labels([ppo, sac]) == ['algorithm ppo', 'algorithm sac']
    assert labels([ppo, sac, {**sac, 'tau': 1}])[1:] == [
        'algorithm sac, safety.margin 1',
        'algorithm sac, safety.margin 1, tau 1',
    ]
    assert labels([ppo]) == ['']


def test_the_mean_of_seeds_ends_where_the_first_of_them_ends(tmp_path: Path) -> None:
    run(tmp_path, env=IdentityEnv)
    short = read_run(tmp_path)
    long = type(short)(short.settings, 5, _rows(np.ones(10_000)))
    grid, scores = curves([short, long], lambda rows: np.arange(1.0, len(rows) + 1.0))
    assert grid[-1] == len(short.rows) and scores.shape == (2, len(grid))
    np.testing.assert_allclose(scores[0, -1], short.rows['return'][-100:].mean(), rtol=1e-5)
    np.testing.assert_allclose(scores[1], 1.0)


def test_what_cannot_be_plotted_is_refused(tmp_path: Path) -> None:
    out = tmp_path / 'trend.png'
    with pytest.raises(RefusedError, match='nothing holds no training_record.npy: name folders'):
        command([tmp_path / 'nothing'], out)
    with pytest.raises(RefusedError, match=r'must end in one of \.png, \.svg, \.pdf'):
        command([tmp_path], tmp_path / 'trend.bmp')
    with pytest.raises(RefusedError, match='name a file in an existing, writable folder'):
        command([tmp_path], tmp_path / 'nowhere' / 'trend.png')
    with pytest.raises(UnknownNameError, match="unknown axis 'hours'; known: episodes, "):
        command([tmp_path], out, 'hours')
    train(small_env(), quick(tmp_path / 'run'), should_stop=lambda: True)
    with pytest.raises(RefusedError, match='no episode has ended yet'):
        command([tmp_path / 'run'], out)
    assert not out.exists()


def _progress(episodes: int) -> Progress:
    return Progress(10 * episodes, 1_000, 5.0, -1.5, 0.25, episodes, 40)


def test_progress_is_a_log_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(True, lines=True) as bar:
        for episodes in (0, 20, 40, 40):
            bar(_progress(episodes))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and '20/40' in lines[0] and 'return -1.50, success 0.25' in lines[0]
    assert '40/40' in lines[1] and 'episode/s' in lines[1]
    with ProgressBar(True) as bar:
        for episodes in (0, 20, 40):
            bar(_progress(episodes))
    text = capsys.readouterr().err
    assert text.count('\n') == 1 and '\r' in text and '40/40' in text
    for show in (False, None):  # not a terminal
        with ProgressBar(show) as bar:
            bar(_progress(0))
            bar(_progress(20))
    assert capsys.readouterr().err == ''


def test_lines_of_a_log_do_not_follow_each_other_faster_than_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressBar(True, lines=True, pause=60.0) as bar:
        for episodes in range(41):
            bar(_progress(episodes))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and '1/40' in lines[0] and '40/40' in lines[1]
