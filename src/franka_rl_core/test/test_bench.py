# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl bench``: rows, tables, choices, refusals."""

import json
import math
import multiprocessing
import statistics
from importlib.metadata import EntryPoint, entry_points

import pytest

from franka_rl_core.bench import peers, report, workers
from franka_rl_core.bench.row import BenchOptions, Row, digits
from franka_rl_core.bench.timing import rate, rate_row, rounds
from franka_rl_core.cli import bench
from franka_rl_core.cli.main import run
from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.exit_codes import DONE, FAILED, REFUSED
from franka_rl_core.robot_model import load_robot

KEYS = {'name', 'value', 'unit', 'peer', 'peer_value', 'ratio', 'settings'}
SEEN = []


def _measure(options):
    SEEN.append(options)
    yield Row('env_steps/mock/ee/64', 640.0, 'world-steps/s', 'other', 320.0, 2.0, {'a': (1, 2)})
    yield Row('env_steps/mock/ee/1', 10.0, 'world-steps/s')


def _fail(options):
    yield Row('broken/first', math.nan, 's', settings={'given_up': math.inf})
    raise FrankaRLError('no such luck')


@pytest.fixture
def groups(monkeypatch):
    """Stand-ins for the groups that are installed."""
    SEEN.clear()
    values = {'good': _measure, 'broken': _fail}

    def find(*, group):
        assert group == bench.GROUP
        return [EntryPoint(name, f'{__name__}:{name}', group) for name in values]

    monkeypatch.setattr(bench, 'entry_points', find)
    monkeypatch.setattr(bench, '_load', lambda entry: values[entry.name])


@pytest.mark.parametrize(
    'value, text',
    [(12_345.6, '12,300'), (999.6, '1,000'), (3.14159, '3.14'), (0.00123456, '0.00123')],
)
def test_numbers_have_three_digits(value, text):
    assert digits(value) == text


@pytest.mark.parametrize('value', [None, math.nan, math.inf])
def test_what_is_no_number_is_a_dash(value):
    assert digits(value) == '–'


def test_a_row_is_one_line_and_valid_json():
    row = Row('a/b', 1234.5, 'steps/s', 'other', 617.0, 2.0)
    assert row.line() == 'a/b  1,230 steps/s  2 × other'
    assert Row('a/b', 2.5, 's').line() == 'a/b  2.5 s'
    content = Row('a', math.nan, 's', settings={'list': [math.inf, 1]}).to_dict()
    assert content['value'] is None and content['settings'] == {'list': [None, 1]}
    assert content.keys() == KEYS


def test_candidates_take_turns_and_ratios_are_of_rounds():
    order = []

    def candidate(name, values):
        return lambda: (order.append(name), next(values))[1]

    measured = rounds(
        {'ours': candidate('o', iter([2.0, 9.0, 4.0])), 'x': candidate('x', iter([1.0, 1.0, 1.0]))},
        3,
    )
    assert ''.join(order) == 'oxoxox'
    row = rate_row('a', '1/s', measured, {})
    assert (row.value, row.peer, row.peer_value, row.ratio) == (4.0, 'x', 1.0, 4.0)


def test_a_rate_counts_all_worlds():
    steps = []
    measure = rate(steps.append, [0, 1], 10, 0.01)
    value = measure()
    assert 0.0 < value <= 10 * len(steps) / 0.01 and steps[:3] == [0, 1, 0]


def test_the_table_and_the_lines_of_the_picture():
    rows = list(_measure(BenchOptions()))
    table = report.table(rows).splitlines()
    assert len(table) == 4 and len({line.count('|') for line in table}) == 1
    assert '| 640 | world-steps/s | 2 | other | 320 |' in table[2]
    assert report.speed_lines([*rows, Row('other', 1.0, 's')]) == {
        'mock, ee': [(1, 10.0), (64, 640.0)]
    }


def test_only_chooses_groups(groups, capsys):
    assert run(['bench', '--only', 'goo', '--quick']) == DONE
    assert [BenchOptions(quick=True)] == SEEN
    assert 'env_steps/mock/ee/64  640 world-steps/s  2 × other' in capsys.readouterr().out


def test_an_unknown_group_is_answered_with_the_known_ones(groups, capsys):
    assert run(['bench', '--only', 'speed']) == REFUSED
    assert 'known: broken, good' in capsys.readouterr().err and not SEEN


@pytest.mark.parametrize(
    'package, install',
    [('panda_gym', 'pip install -r requirements/peers.txt'), ('ikpy', 'make setup')],
)
def test_a_missing_peer_is_refused_before_anything_is_measured(
    package, install, groups, monkeypatch, capsys
):
    monkeypatch.setattr(peers, 'find_spec', lambda name: None if name == package else object())
    assert run(['bench', '--peers']) == REFUSED
    assert f"'{package}' is not installed; install: {install}" in capsys.readouterr().err
    assert not SEEN


def test_a_device_that_does_not_exist_is_refused_before_anything_is_measured(groups, capsys):
    pytest.importorskip('torch')
    assert run(['bench', '--only', 'good', '--device', 'foo']) == REFUSED
    assert "unknown device 'foo'; known: cpu" in capsys.readouterr().err and not SEEN


def test_a_group_that_fails_does_not_lose_the_others(groups, tmp_path, monkeypatch, capsys):
    pytest.importorskip('matplotlib')
    monkeypatch.chdir(tmp_path)
    assert run(['bench', '--json', 'numbers.json']) == FAILED
    rows = json.loads((tmp_path / 'numbers.json').read_text())
    assert [row['name'] for row in rows] == [
        'broken/first',
        'env_steps/mock/ee/64',
        'env_steps/mock/ee/1',
    ]
    assert rows[0]['value'] is None and {frozenset(row) for row in rows} == {frozenset(KEYS)}
    assert 'broken failed: no such luck' in capsys.readouterr().err
    names = {path.name for path in (tmp_path / 'benchmarks').iterdir()}
    assert names == {'bench.json', 'bench.md', 'bench.png'}
    assert json.loads((tmp_path / 'benchmarks' / 'bench.json').read_text()) == rows


def test_a_part_replaces_its_rows_in_an_earlier_report(groups, tmp_path, monkeypatch, capsys):
    pytest.importorskip('matplotlib')
    monkeypatch.chdir(tmp_path)
    assert run(['bench', '--out', 'all']) == FAILED
    file = tmp_path / 'all' / 'bench.json'
    rows = json.loads(file.read_text())
    file.write_text(json.dumps([{**row, 'value': 0.5 * (row['value'] or 4.0)} for row in rows]))
    assert run(['bench', '--only', 'good', '--out', 'all']) == DONE
    kept, *measured = json.loads(file.read_text())
    assert (kept['name'], kept['value']) == ('broken/first', 2.0)
    assert measured == rows[1:]
    file.write_text('[1]')
    SEEN.clear()
    assert run(['bench', '--only', 'good', '--out', 'all']) == REFUSED
    assert 'holds no rows of franka-rl bench' in capsys.readouterr().err and not SEEN


def test_what_another_device_did_stays_in_the_report(groups, tmp_path, monkeypatch):
    pytest.importorskip('matplotlib')
    monkeypatch.chdir(tmp_path)
    assert run(['bench', '--out', 'all']) == FAILED
    file = tmp_path / 'all' / 'bench.json'
    rows = json.loads(file.read_text())
    there = {**rows[1], 'name': 'env_steps/mock-cuda/ee/64', 'settings': {'device': 'cuda'}}
    gone = {**rows[1], 'name': 'gone', 'settings': {'device': 'cpu'}}
    file.write_text(json.dumps([there, gone, *rows]))
    assert run(['bench', '--out', 'all']) == FAILED
    assert json.loads(file.read_text()) == [*rows, there]


def test_nothing_is_written_for_a_part(groups, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'docs' / 'benchmarks').mkdir(parents=True)
    for words in (['--only', 'good'], ['--quick', '--only', 'good']):
        assert run(['bench', *words]) == DONE
    assert list((tmp_path / 'docs' / 'benchmarks').iterdir()) == []


def test_every_group_that_is_installed_can_be_loaded():
    entries = entry_points(group=bench.GROUP)
    known = {'environments_mock', 'environments_workers', 'inference', 'memory'}
    assert known <= {entry.name for entry in entries}
    for entry in entries:
        if entry.value.startswith('franka_rl_core'):
            assert callable(entry.load())


def test_the_mock_is_measured(tmp_path):
    numbers = tmp_path / 'numbers.json'
    words = ['bench', '--only', 'environments_mock', '--quick', '--json', str(numbers)]
    assert run(words) == DONE
    rows = {row['name']: row for row in json.loads(numbers.read_text())}
    assert rows.keys() == {
        f'env_steps/mock/{control}/{worlds}' for control in ('ee', 'joints') for worlds in (1, 64)
    }
    for row in rows.values():
        assert row['value'] > 0 and row['peer'] is row['ratio'] is None
        assert row['settings']['backend'] == 'mock'


@pytest.mark.slow
def test_a_second_process_is_measured_beside_one(tmp_path):
    numbers = tmp_path / 'numbers.json'
    words = ['bench', '--only', 'environments_workers', '--quick', '--json', str(numbers)]
    assert run(words) == DONE
    rows = {row['name']: row for row in json.loads(numbers.read_text())}
    peers_of = {
        'pybullet-two-programs/{}/2': 'one world',
        'pybullet-two-workers/{}/2': 'one world',
        'pybullet-two-workers/{}/8': 'eight worlds in one process',
    }
    assert {name: row['peer'] for name, row in rows.items()} == {
        f'env_steps/{name.format(control)}': peer
        for control in ('ee', 'joints')
        for name, peer in peers_of.items()
    }
    for row in rows.values():
        pairs = zip(row['settings']['rounds'], row['settings']['peer_rounds'], strict=True)
        assert row['ratio'] == pytest.approx(statistics.median(a / b for a, b in pairs))
    assert multiprocessing.active_children() == []


def test_a_program_that_dies_is_no_crash_of_the_suite():
    program = workers._Program('none', 0.1)
    with pytest.raises(FrankaRLError, match='has died'):
        program.receive()
    program.close()


def test_ikpy_solves_on_our_robots():
    pytest.importorskip('ikpy')
    assert peers.ikpy_rate(load_robot('fr3'), 1)() > 0.0
