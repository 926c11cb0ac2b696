# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What other programs read of ``config/``: controllers of the robot, DDS, RViz."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from franka_rl_core.robot_model import load_robot

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / 'config'
NODES = ROOT / 'src' / 'franka_rl_nodes' / 'franka_rl_nodes'
ROBOTS = {'fr3': 'fr3', 'mock': 'fr3', 'panda': 'panda'}
# Of franka_fr3_moveit_config, follower.launch.py and multipanda's single_controllers.yaml alike.
STIFFNESS = [600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0]  # [Nm/rad]
DAMPING = [30.0, 30.0, 30.0, 30.0, 10.0, 10.0, 5.0]  # [Nm s/rad]
TRAJECTORY = 'joint_trajectory_controller'
FOLLOWER = 'joint_follower_controller'


def _read(name: str) -> dict[str, Any]:
    """Give the parameters of every node of a file."""
    path = CONFIG / 'real' / f'{name}_controllers.yaml'
    nodes = yaml.safe_load(path.read_text(encoding='utf-8'))['/**']
    return {node: content['ros__parameters'] for node, content in nodes.items()}


def _constant(module: str, name: str) -> Any:
    """Read a constant of a node without importing ROS."""
    tree = ast.parse((NODES / module).read_text(encoding='utf-8'))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield ast.literal_eval(node.value)


@pytest.mark.parametrize('name', ROBOTS)
def test_the_controllers_run_at_franka_s_rate(name: str) -> None:
    nodes = _read(name)
    manager = nodes.pop('controller_manager')
    assert manager['update_rate'] == 1000
    controllers = {key for key, value in manager.items() if isinstance(value, dict)} - {'overruns'}
    assert set(nodes) <= controllers, 'parameters of a controller that is not loaded'
    assert {'joint_state_broadcaster', TRAJECTORY} <= controllers
    for controller in controllers:
        assert set(manager[controller]) == {'type'}
        package, _, kind = manager[controller]['type'].partition('/')
        assert package and kind


@pytest.mark.parametrize(('name', 'robot'), ROBOTS.items())
def test_the_trajectory_controller_knows_the_joints(name: str, robot: str) -> None:
    controller = _read(name)[TRAJECTORY]
    assert tuple(controller['joints']) == load_robot(robot).joint_names
    assert controller['state_interfaces'] == ['position', 'velocity']
    assert controller['allow_nonzero_velocity_at_trajectory_end'] is False
    assert controller['allow_partial_joints_goal'] is False
    assert controller['cmd_timeout'] > controller['constraints']['goal_time']


@pytest.mark.parametrize(('name', 'robot'), [('fr3', 'fr3'), ('panda', 'panda')])
def test_the_robot_is_commanded_by_efforts_with_franka_s_gains(name: str, robot: str) -> None:
    controller = _read(name)[TRAJECTORY]
    assert controller['command_interfaces'] == ['effort']
    gains = [controller['gains'][joint] for joint in load_robot(robot).joint_names]
    assert len(controller['gains']) == len(gains)
    assert [gain['p'] for gain in gains] == STIFFNESS
    assert [gain['d'] for gain in gains] == DAMPING
    assert {gain['i'] for gain in gains} == {0.0}


def test_a_stream_of_trajectories_has_no_jerks() -> None:
    assert _read('fr3')[TRAJECTORY]['interpolate_from_desired_state'] is True
    assert _read('mock')[TRAJECTORY]['interpolate_from_desired_state'] is True
    assert _read('panda')[TRAJECTORY]['open_loop_control'] is True


def test_only_the_mock_arm_is_commanded_by_positions() -> None:
    mock = _read('mock')
    assert mock[TRAJECTORY]['command_interfaces'] == ['position']
    assert 'gains' not in mock[TRAJECTORY]
    assert FOLLOWER not in mock


def test_overruns_are_not_managed() -> None:
    manager = _read('fr3')['controller_manager']
    assert manager['thread_priority'] == 98
    assert manager['overruns'] == {'manage': False, 'print_warnings': False}


def test_the_follower_listens_to_the_guard() -> None:
    follower = _read('fr3')[FOLLOWER]
    topics = list(_constant('command_stream.py', 'topic'))
    assert follower['target_joint_states_topic_name'] in topics
    assert follower['sync_after_activation'] is True
    assert (follower['k_gains'], follower['d_gains']) == (STIFFNESS, DAMPING)


def test_cyclonedds_is_bound_to_one_interface_and_to_peers() -> None:
    root = ElementTree.parse(CONFIG / 'dds' / 'cyclonedds.xml').getroot()
    space = {'c': 'https://cdds.io/config'}
    assert root.tag == '{https://cdds.io/config}CycloneDDS'
    interfaces = root.findall('.//c:NetworkInterface', space)
    assert [i.get('name') for i in interfaces] == ['${FRANKA_RL_INTERFACE:-lo}']
    assert root.findtext('.//c:AllowMulticast', namespaces=space) == 'false'
    peers = [peer.get('Address') for peer in root.findall('.//c:Peer', space)]
    assert peers == ['localhost', '${FRANKA_RL_PEER:-localhost}']


def test_rviz_shows_the_arm_and_the_goal() -> None:
    path = CONFIG / 'rviz' / 'franka_rl.rviz'
    manager = yaml.safe_load(path.read_text(encoding='utf-8'))['Visualization Manager']
    assert manager['Global Options']['Fixed Frame'] == load_robot('fr3').base_frame
    shown = {display['Class'].partition('/')[2]: display for display in manager['Displays']}
    assert {'Grid', 'RobotModel', 'TF', 'Marker'} <= set(shown)
    assert shown['Marker']['Topic']['Value'] == '/target_marker'
    for topic in (shown['Marker']['Topic'], shown['RobotModel']['Description Topic']):
        assert topic['Durability Policy'] == 'Transient Local'
