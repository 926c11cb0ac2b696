# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The robot model: what the files say, what follows from it, and what is refused."""

import pickle

import numpy as np
import pytest
import yaml

from franka_rl_core.exceptions import (
    FrankaRLError,
    MissingDependencyError,
    RefusedError,
    UnknownNameError,
)
from franka_rl_core.robot_model import available_robots, load_robot, read_robot
from franka_rl_core.share import config_file, share_dir, urdf_file
from franka_rl_core.state import RobotState

READY = [0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4]

# Worked by hand from frankarobotics/docs source/robot_specifications.rst, per joint of the FR3
FR3_UNREACHABLE = [0.0363, 0.0123, 0.0057, 0.0156, 0.0097, 0.0216, 0.0063]
FR3_FULL_SPEED_FROM = [0.896, 1.595, 1.136, 1.105, 1.002, 1.981, 0.963]


@pytest.fixture(params=available_robots())
def model(request):
    return load_robot(request.param)


@pytest.fixture
def fr3():
    return load_robot('fr3')


def robot_file(tmp_path, change):
    """Write panda.yaml with some keys changed; the value ... drops the key."""
    values = yaml.safe_load(config_file('robots', 'panda.yaml').read_text()) | change
    path = tmp_path / 'arm.yaml'
    path.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not ...}))
    return path


def test_panda_and_fr3_are_there():
    assert {'panda', 'fr3'} <= set(available_robots())


def test_same_object_every_time(model):
    assert load_robot(model.name) is model


def test_unknown_robot_lists_the_known_ones():
    with pytest.raises(
        UnknownNameError, match="unknown robot 'pamda'; known: .*fr3.*panda"
    ) as info:
        load_robot('pamda')
    assert info.value.known == available_robots()
    assert "did you mean 'panda'?" in str(info.value)
    assert isinstance(info.value, RefusedError) and isinstance(info.value, FrankaRLError)


@pytest.mark.parametrize(
    'error',
    [
        UnknownNameError('task', 'reech', ['reach']),
        MissingDependencyError('ikpy', 'pip install ikpy'),
    ],
)
def test_errors_survive_a_process_border(error):
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_home_is_the_ready_posture(model):
    assert model.home == pytest.approx(READY, abs=1e-12)
    assert (model.range_lower < model.home).all() and (model.home < model.range_upper).all()


def test_home_keeps_the_tool_in_the_workspace(model):
    tool = model.tool_position(model.home[None])[0]
    assert (model.workspace_lower < tool).all() and (tool < model.workspace_upper).all()


def test_official_numbers():
    panda, fr3 = load_robot('panda'), load_robot('fr3')
    assert panda.upper[3] == -0.0698 and panda.lower[5] == -0.0175
    assert fr3.upper[3] == -0.1169 and fr3.lower[5] == 0.4398
    for robot in (panda, fr3):
        assert robot.effort.tolist() == [87] * 4 + [12] * 3
        assert robot.effort_rate.tolist() == [1000] * 7
    assert panda.velocity.tolist() == [2.175] * 4 + [2.61] * 3
    assert fr3.velocity.tolist() == [2.62] * 4 + [5.26, 4.18, 5.26]
    assert panda.acceleration.tolist() == [15, 7.5, 10, 12.5, 15, 20, 20]
    assert panda.jerk.tolist() == [7500, 3750, 5000, 6250, 7500, 10000, 10000]
    assert fr3.acceleration.tolist() == [10] * 7 and fr3.jerk.tolist() == [5000] * 7


def test_arrays_are_read_only(model):
    for array in (model.lower, model.home, model.range_upper):
        with pytest.raises(ValueError, match='read-only'):
            array[0] = 1.0


def test_model_survives_a_process_border(model):
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.tool_position(model.home[None]) == model.tool_position(model.home[None])).all()


def test_panda_velocity_limit_is_constant():
    panda = load_robot('panda')
    low, high = panda.velocity_bounds(np.stack([panda.lower, panda.home, panda.upper]))
    assert (high == panda.velocity).all() and (low == -panda.velocity).all()
    assert (panda.range_upper == panda.upper).all() and (panda.range_lower == panda.lower).all()


def test_fr3_reachable_range(fr3):
    assert fr3.upper - fr3.range_upper == pytest.approx(FR3_UNREACHABLE, abs=5e-5)
    assert fr3.range_lower - fr3.lower == pytest.approx(FR3_UNREACHABLE, abs=5e-5)


def test_fr3_velocity_bounds_by_hand(fr3):
    # joint 1 half a radian below its limit: -0.6599 + sqrt(2 * 6 * 0.5) = 1.78959
    # joint 4 0.2 rad above its limit: -(-0.3533 + sqrt(2 * 4 * 0.2)) = -0.91161
    q = fr3.home.copy()
    q[0], q[3] = fr3.upper[0] - 0.5, fr3.lower[3] + 0.2
    low, high = fr3.velocity_bounds(q)
    assert high[0] == pytest.approx(1.78959, abs=1e-5) and low[0] == -2.62
    assert low[3] == pytest.approx(-0.91161, abs=1e-5) and high[3] == 2.62


def test_fr3_velocity_bounds_vanish_where_the_range_ends(fr3):
    assert fr3.velocity_bounds(fr3.range_upper)[1] == pytest.approx(np.zeros(7), abs=1e-12)
    assert fr3.velocity_bounds(fr3.range_lower)[0] == pytest.approx(np.zeros(7), abs=1e-12)
    beyond = fr3.upper + [[0.0], [0.1]]
    low, high = fr3.velocity_bounds(beyond)
    assert (high == 0.0).all() and (low == -fr3.velocity).all()


def test_fr3_full_speed_away_from_the_limits(fr3):
    distance = np.array(FR3_FULL_SPEED_FROM)
    assert (fr3.velocity_bounds(fr3.upper - distance - 1e-3)[1] == fr3.velocity).all()
    assert (fr3.velocity_bounds(fr3.upper - distance + 1e-3)[1] < fr3.velocity).all()


def test_velocity_bounds_do_not_hide_nan(fr3):
    low, high = fr3.velocity_bounds(np.full((2, 7), np.nan))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_order_maps_by_name(model):
    names = [*model.finger_joint_names, *reversed(model.joint_names)]
    position = np.arange(9.0)
    assert position[model.order(names)].tolist() == [8, 7, 6, 5, 4, 3, 2]


@pytest.mark.parametrize('change', ['none', 'missing', 'twice'])
def test_order_refuses_other_names(model, change):
    names = {
        'none': [],
        'missing': model.joint_names[:6],
        'twice': [*model.joint_names, model.joint_names[0]],
    }[change]
    with pytest.raises(RefusedError, match=', '.join(model.joint_names)):
        model.order(names)


@pytest.mark.parametrize('shape', [(7,), (1, 6), (1, 1, 7)])
def test_wrong_shapes_are_refused(model, shape):
    with pytest.raises(ValueError, match=r'expected shape \(N, 7\)'):
        model.tool_position(np.zeros(shape))
    with pytest.raises(ValueError, match=r'expected shape \(N, 7\)'):
        model.arm_state(RobotState(np.zeros(shape), np.zeros(shape), np.zeros(1, np.int64)))


def test_robot_file_is_called_as_the_file(tmp_path):
    assert read_robot(robot_file(tmp_path, {})).name == 'arm'


@pytest.mark.parametrize(
    'change, message',
    [
        ({'velocty': 1.0}, "unknown key in arm.yaml 'velocty'; known: .*did you mean 'velocity'"),
        ({'velocity': ...}, 'lacks velocity; needed: urdf, base_frame, .*velocity'),
        ({'velocity': [1.0] * 6}, r'velocity must have shape \(7,\), not \(6,\)'),
        ({'velocity': [1.0] * 6 + [0.0]}, 'velocity must be positive'),
        ({'velocity': [1.0] * 6 + [float('nan')]}, 'velocity must be finite'),
        ({'velocity': ['fast'] * 7}, 'velocity must be numbers'),
        ({'velocity': None}, 'velocity must'),
        ({'deceleration': [1.0] * 7}, 'belong together'),
        ({'lower': [3.0] * 7}, 'must hold: lower < upper'),
        ({'home': [0.0] * 7}, 'must hold: home below the upper limit'),
        ({'workspace_upper': [0.0, 0.0, 0.0]}, 'must hold: workspace_lower < workspace_upper'),
        ({'tool_frame': 7}, 'tool_frame must be a string'),
        ({'joint_names': 'all'}, 'joint_names must be a list of strings'),
        ({'dh': [[0.1, 0.0, 0.0]] * 7}, 'alpha must be a multiple of pi/2'),
    ],
)
def test_wrong_robot_files_are_refused(tmp_path, change, message):
    with pytest.raises(RefusedError, match=message):
        read_robot(robot_file(tmp_path, change))


def test_share_prefers_a_sourced_workspace(tmp_path, monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    source = share_dir()
    installed = tmp_path / 'share' / 'franka_rl'
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}')
    assert share_dir() == source  # that prefix does not hold franka_rl
    (installed / 'config' / 'robots').mkdir(parents=True)
    (installed / 'urdf').mkdir()
    assert share_dir() == installed


def test_missing_files_are_answered_with_those_that_exist():
    with pytest.raises(UnknownNameError, match='fr3.urdf, panda.urdf'):
        urdf_file('pr2.urdf')
    with pytest.raises(UnknownNameError, match='fr3.yaml, panda.yaml'):
        config_file('robots', 'pr2.yaml')
