# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl prove``: its numbers, its page, its refusals, and one small run of all of it."""

import dataclasses
import json
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('psutil')

import psutil
from conftest import wait_until

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.guard.guard import GuardLimits
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_core.robot_model import load_robot
from franka_rl_core.settings import build
from franka_rl_nodes import recorder_node
from franka_rl_nodes.command_stream import STREAMS
from franka_rl_nodes.prove import cli, motion
from franka_rl_nodes.prove.conditions import CONDITIONS, find_conditions
from franka_rl_nodes.prove.page import make_page
from franka_rl_nodes.prove.recording import Recording
from franka_rl_nodes.prove.report import make_report, summary
from franka_rl_nodes.prove.run import Outcome, Plan
from franka_rl_nodes.systems import find_system

pytestmark = pytest.mark.real_time

PANDA = load_robot('panda')
MS = 1_000_000
KINDS = ('velocity', 'acceleration', 'jerk')
NUMBERS = {
    'success_rate': 1.0,
    'success_interval': [0.51, 1.0],
    'episodes': 4,
    'final_distance_m': {'mean': 0.04, 'median': 0.04, 'p95': 0.049},
    'time_to_success_s': {'mean': 0.5, 'median': 0.5, 'p95': 0.9},
    'errors': [],
}
MISSED = {
    **NUMBERS,
    'success_rate': 0.0,
    'success_interval': [0.0, 0.49],
    'time_to_success_s': {'mean': None, 'median': None, 'p95': None},
    'errors': ['joint_reflex'],
}


def make_recording(**changes):
    """Half a second at 1 kHz, in which joint 2 swings; one episode of three actions."""
    stamps = np.arange(500) * MS
    reference = np.tile(PANDA.home, (500, 1))
    reference[:, 1] += 0.01 * (1.0 - np.cos(2e-9 * np.pi * stamps))
    goal = PANDA.tool_position(PANDA.home[None])[0] + [0.1, 0.0, 0.0]
    arrays = {
        'reference_ns': stamps,
        'reference': reference,
        'state_ns': stamps,
        'position': np.tile(PANDA.home, (500, 1)),
        'goal_ns': np.array([100 * MS]),
        'goal': goal[None],
        'action_ns': np.array([100, 140, 180]) * MS,
        'computation': np.array([0.001, 0.002, 0.003]),
        'command_latency': np.array([0.004, 0.006, 0.1]),
        'guard_counts': np.array([[0, 0, 0], [1, 0, 0], [1, 3, 0], [1, 3, 2], [0, 1, 0]]),
        'guard_verdict': np.array([2, 0, 1, 2, 1]),
        'guard_reason': np.array(['no_target', 'none', 'reach', 'stalled', 'workspace']),
        'guard_tick': np.array([[100.0, 200.0]]),
        'mode_ns': np.array([0, 400]) * MS,
        'mode': np.array([2, 2]),
        'arrived': np.array([1.0, 0.9]),
    }
    return Recording(**{**arrays, **changes})


@pytest.fixture
def plan(bundle):
    return Plan(bundle, 'panda', episodes=4)


def outcomes(*numbers):
    pairs = zip(CONDITIONS, numbers, strict=False)
    return [Outcome(condition, n, make_recording()) for condition, n in pairs]


# --- conditions ----------------------------------------------------------------------------------


def test_conditions_are_strict_and_known_to_the_arm():
    assert [c.name for c in CONDITIONS] == ['nominal', 'delayed', 'lossy', 'noisy']
    assert all(build(FciConfig, c.settings).strict for c in CONDITIONS)
    assert build(FciConfig, CONDITIONS[0].settings) == FciConfig()


def test_conditions_are_found_in_the_order_of_the_table():
    assert find_conditions([]) == list(CONDITIONS)
    assert [c.name for c in find_conditions(['noisy', 'nominal'])] == ['nominal', 'noisy']
    with pytest.raises(RefusedError, match="unknown condition 'foggy'; known: delayed, lossy"):
        find_conditions(['foggy'])
    with pytest.raises(RefusedError, match='once'):
        find_conditions(['lossy', 'lossy'])


def test_the_nodes_are_those_of_a_real_arm_and_a_recorder(plan, tmp_path):
    nodes = plan.system(CONDITIONS[2], tmp_path)
    system = find_system('deploy_real')
    expected = system.parameters(system.choose({'driver': 'fci'}))
    assert list(nodes) == ['recorder', *expected]
    assert list(nodes)[-1] == 'evaluator'  # whose end is that of the system
    assert json.loads(nodes['simulator']['fci']) == {'strict': True, 'packet_loss': 0.05}


def test_there_is_a_reference_to_record_for_every_controller():
    assert recorder_node.REFERENCES.keys() == STREAMS.keys()


# --- numbers -------------------------------------------------------------------------------------


def test_shares_of_limits_are_those_of_a_motion_with_known_derivatives():
    # 0.01 (1 - cos(2 pi t)): its derivatives are 0.01 (2 pi)^n at most.
    recording = make_recording()
    used = motion.limits_used(PANDA, recording.reference_ns, recording.reference)
    limits = PANDA.velocity, PANDA.acceleration, PANDA.jerk
    for power, (kind, limit) in enumerate(zip(KINDS, limits, strict=True), 1):
        expected = 0.01 * (2.0 * np.pi) ** power / limit[1]
        assert used[kind][1] == pytest.approx(expected, rel=0.02), kind
    assert not np.delete(used['velocity'], 1).any()
    middle = 0.5 * (PANDA.lower + PANDA.upper)
    half = PANDA.upper - middle
    assert used['position'][3] == pytest.approx(abs(PANDA.home[3] - middle[3]) / half[3])


def test_the_velocity_limit_is_that_of_the_position():
    fr3 = load_robot('fr3')
    near = fr3.range_upper - 0.05
    reference = near + np.outer(np.arange(3), np.full(7, 1e-4))  # 0.1 rad/s towards the ends
    used = motion.limits_used(fr3, np.arange(3) * MS, reference)
    assert used['velocity'] == pytest.approx(0.1 / fr3.velocity_bounds(reference[1])[1], rel=1e-6)


def test_a_gap_has_no_derivative():
    reference = np.tile(PANDA.home, (6, 1))
    reference[3:] += 1.0
    gap = np.array([0, 1, 2, 50, 51, 52]) * MS
    assert not motion.limits_used(PANDA, gap, reference)['velocity'].any()
    assert motion.limits_used(PANDA, np.arange(6) * MS, reference)['velocity'].all()


def test_only_what_the_arm_followed_counts_with_the_trajectory_controller():
    stamps, _ = motion.followed(make_recording(), 'joint_trajectory')
    assert (stamps[0], stamps[-1]) == (50 * MS, 350 * MS)
    idle = make_recording(mode=np.array([1, 1]))
    assert not len(motion.followed(idle, 'joint_trajectory')[0])
    assert len(motion.followed(idle, 'joint_follower')[0]) == 500


def test_the_report_has_the_numbers_of_the_run(plan):
    report = make_report(plan, outcomes(NUMBERS))
    nominal = report['conditions']['nominal']
    assert report['passed'] and nominal['passed'] and report['robot'] == 'panda'
    assert len(report['policy']['sha256']) == 64
    targets = nominal['targets']
    assert (targets['passed'], targets['clipped'], targets['held']) == (1, 4, 2)
    assert targets['reasons'] == {'clipped': {'reach': 3, 'workspace': 1}, 'held': {'stalled': 2}}
    assert nominal['interruptions'] == 1
    latency = nominal['latency_ms']
    assert latency['policy_computation']['p50'] == 2.0
    assert latency['observation_to_command']['max'] == 100.0
    assert sum(latency['histogram']['count']) == 3 and latency['histogram']['count'][-1] == 1
    assert nominal['packets_arrived'] == 0.95
    tether = GuardLimits().tether * PANDA.velocity.min()
    assert max(nominal['limits_used']['tether']) == pytest.approx(0.02 / tether, 0.01)
    (episode,) = nominal['episodes']
    assert episode['time_s'] == [0.0, 0.04, 0.08, 0.12]
    assert episode['distance_m'] == pytest.approx([0.1] * 4, abs=1e-4)


def test_a_reflex_or_a_lost_run_is_no_pass(plan):
    lost = Outcome(CONDITIONS[1], problem='the simulator has ended')
    report = make_report(plan, [*outcomes(NUMBERS), lost])
    assert not report['passed'] and report['conditions']['nominal']['passed']
    assert summary(report)[1:] == ['delayed: NOT PASSED: the simulator has ended', 'NOT PASSED']
    reflex = make_report(plan, outcomes({**NUMBERS, 'errors': ['joint_reflex']}))
    assert not reflex['passed']
    assert summary(reflex)[0].startswith('nominal: success_rate: 1.00 [0.51, 1.00], reflexes: 1')


def test_success_is_required_more_of_the_nominal_arm(plan):
    some = {**NUMBERS, 'success_rate': 0.92}
    report = make_report(plan, outcomes(some, some))
    assert [r['passed'] for r in report['conditions'].values()] == [False, True]
    assert '0.95 (nominal), 0.9 (delayed)' in report['criterion']


def test_json_holds_no_nan_even_where_nothing_was_recorded(plan):
    full = make_recording()
    nothing = {f.name: getattr(full, f.name)[:0] for f in dataclasses.fields(full)}
    report = make_report(plan, [Outcome(CONDITIONS[0], MISSED, Recording(**nothing))])
    json.dumps(report, allow_nan=False)
    make_page(report)


def test_a_recording_is_read_as_it_was_written(tmp_path):
    recording = make_recording()
    recording.save(tmp_path / 'it.npz')
    again = Recording.load(tmp_path / 'it.npz')
    for field in dataclasses.fields(Recording):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(recording, field.name))


# --- page ----------------------------------------------------------------------------------------


class _Reader(HTMLParser):
    """Collects the text, what is loaded from elsewhere, and whether all elements are closed."""

    VOID = ('meta', 'br', 'path', 'use', 'rect')

    def __init__(self):
        super().__init__()
        self.text, self.loaded, self.open = '', [], []

    def handle_starttag(self, tag, attrs):
        links = {k: v for k, v in attrs if k in ('src', 'href', 'xlink:href')}
        self.loaded += [v for v in links.values() if not v.startswith('#')]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def _read(page):
    reader = _Reader()
    reader.feed(page)
    assert reader.open == [] and reader.loaded == [] and '<script' not in page
    return reader.text


def test_the_page_is_whole(plan):
    report = make_report(plan, outcomes(NUMBERS, MISSED, NUMBERS, NUMBERS))
    text = _read(make_page(report))
    words = [*report['conditions'], report['policy']['sha256'], report['date'], report['machine']]
    words += ['NOT PASSED', 'joint reflex', '51 to 100 %', 'workspace 1', 'Limits used', 'Distance']
    assert [word for word in words if word not in text] == []
    assert make_page(report).count('<svg role="img"') == 4
    assert ' nan' not in text.lower()


def test_the_page_of_lost_runs_says_why(plan):
    report = make_report(plan, [Outcome(CONDITIONS[0], problem='it <broke>')])
    page = make_page(report)
    assert 'it <broke>' in _read(page) and '<svg' not in page


def test_the_page_can_be_made_again_of_the_json(plan):
    report = make_report(plan, outcomes(NUMBERS))
    again = json.loads(json.dumps(report, allow_nan=False))
    assert _read(make_page(again)) == _read(make_page(report))


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def refused(tmp_path):
    """Call the command, which has to refuse; gives what it says."""

    def call(policy, **options):
        before = set(tmp_path.rglob('*'))
        with pytest.raises(RefusedError) as raised:
            cli.command(policy, **options)
        assert set(tmp_path.rglob('*')) == before
        return str(raised.value)

    return call


def test_it_refuses_before_anything_starts(refused, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(cli.run, 'run', lambda *_: pytest.fail('it was started'))
    assert 'is no policy bundle' in refused(tmp_path / 'nothing')
    assert "for 'panda', the robot is 'fr3'" in refused(bundle, robot='fr3')
    assert "unknown robot 'ur5'; known: fr3, panda" in refused(bundle, robot='ur5')
    assert 'known: joint_follower' in refused(bundle, controller='forward_command')
    assert "unknown condition 'foggy'" in refused(bundle, conditions='nominal,foggy')
    (bundle / 'policy.onnx').write_bytes(b'another')
    assert 'policy.onnx was changed' in refused(bundle)


def test_without_ros_it_says_what_to_install(refused, bundle, monkeypatch):
    monkeypatch.setattr('franka_rl_nodes.cli.find_spec', lambda name: None)
    assert "'rclpy' is not installed" in refused(bundle)


def _prove(processes, *words):
    program = (
        'import sys, typer\n'
        'from franka_rl_core.cli import main\n'
        'from franka_rl_nodes.prove.cli import command\n'
        'app = typer.Typer(pretty_exceptions_enable=False)\n'
        "app.command('prove')(command)\n"
        'main.application = lambda: app\n'
        'sys.exit(main.run(sys.argv[1:]))\n'
    )
    return processes.start(sys.executable, '-c', program, *words)


def test_files_that_cannot_be_written_are_refused(processes, bundle, tmp_path):
    for option in ('--html', '--json'):
        process = _prove(processes, bundle, option, tmp_path / 'no' / 'file')
        assert process.wait(30) == 2
        assert 'cannot write' in processes.output(process)[1]


@pytest.mark.slow
def test_a_small_proof(processes, domain, tmp_path):
    # Its arm stops within its limits sooner than the one of the mock.
    write_proportional_bundle(tmp_path / 'policy', EnvConfig())
    words = (tmp_path / 'policy', '--episodes', 2, '--conditions', 'nominal', '--domain', domain)
    files = tmp_path / 'proof.html', tmp_path / 'proof.json'
    process = _prove(processes, *words, '--html', files[0], '--json', files[1])
    code = process.wait(150)
    out, log = processes.output(process)
    report = json.loads(files[1].read_text())
    assert code == (0 if report['passed'] else 1), log
    nominal = report['conditions']['nominal']
    assert not nominal['problem'], log
    assert out.splitlines() == summary(report)
    # How many of two episodes succeed is up to how busy this computer is; limits are not.
    assert nominal['reflexes'] == []
    assert nominal['limits_used']['samples'] > 1000
    assert all(0.0 < max(nominal['limits_used'][kind]) < 0.6 for kind in ('velocity', 'jerk'))
    assert nominal['targets']['passed'] + nominal['targets']['clipped'] > 5
    assert nominal['packets_arrived'] == 1.0
    assert nominal['latency_ms']['observation_to_command']['p50'] > 0.0
    assert len(nominal['episodes']) >= 1
    assert 'proof' not in {path.stem for path in tmp_path.glob('.*')}
    _read(files[0].read_text())


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(processes, domain, bundle, tmp_path):
    words = (bundle, '--conditions', 'nominal', '--domain', domain)
    page = tmp_path / 'proof.html'
    process = _prove(processes, *words, '--html', page, '--json', tmp_path / 'proof.json')
    processes.wait_for(process, 'episode 1: ', timeout=60.0)
    children = psutil.Process(process.pid).children(recursive=True)
    assert wait_until(lambda: len(children) >= 5)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert not list(Path(tmp_path).glob('*proof*'))
