# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Drivers against small servers that answer, refuse, and stay silent.

Those of Franka's drivers need franka_msgs and controller_manager_msgs, which come with the drivers
and are in no package index: elsewhere those tests are skipped.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from rclpy.action import ActionServer
from rclpy.node import Node
from std_srvs.srv import Trigger

from franka_rl_core.exceptions import (
    BackendLostError,
    MissingDependencyError,
    RefusedError,
    UnknownNameError,
)
from franka_rl_core.robot_model import load_robot
from franka_rl_interfaces.msg import RobotStatus
from franka_rl_interfaces.srv import SwitchController
from franka_rl_nodes import drivers, qos
from franka_rl_nodes.drivers import base, franka_ros2, robot_state
from franka_rl_nodes.drivers.ros_packages import message
from franka_rl_nodes.runtime import BackgroundNode

NO_MESSAGES = 'comes with the driver of the robot, and is in no package index'


class Running:
    """Starts nodes and drivers, and ends them with the test."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._nodes: list[BackgroundNode] = []
        self.reports: list[RobotStatus] = []

    def node(self, name: str, namespace: str = '') -> Node:
        node = Node(name, context=self._context, namespace=namespace)
        self._nodes.append(BackgroundNode(node))
        return node

    def driver(self, name: str, namespace: str = '', **config: Any) -> drivers.Driver:
        guard = self.node('guard', namespace)
        configuration = drivers.DriverConfig(**config)
        return drivers.find(name)(guard, load_robot('fr3'), self.reports.append, configuration)

    def end(self) -> None:
        for node in self._nodes:
            node.close()


@pytest.fixture
def running(context: Any, monkeypatch: Any) -> Iterator[Running]:
    # Shorter, for the tests in which there is no server.
    monkeypatch.setattr(base, '_DISCOVERY_S', 4.0)
    nodes = Running(context)
    yield nodes
    nodes.end()


# --- which there are -----------------------------------------------------------------------------


@pytest.mark.parametrize('name', drivers.available())
def test_every_driver_is_found_without_its_messages(name: str) -> None:
    assert issubclass(drivers.find(name), drivers.Driver)


def test_an_unknown_driver_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'franka_ros2'"):
        drivers.find('franka_ros')


def test_missing_messages_name_their_apt_package(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, 'franka_msgs.action', None)
    monkeypatch.delenv('ROS_DISTRO', raising=False)
    with pytest.raises(MissingDependencyError, match='apt install ros-jazzy-franka-msgs'):
        message('franka_msgs.action', 'ErrorRecovery')


def test_a_message_that_another_version_has_is_missing(monkeypatch: Any) -> None:
    monkeypatch.setenv('ROS_DISTRO', 'humble')
    with pytest.raises(MissingDependencyError, match='apt install ros-humble-std-msgs'):
        message('std_msgs.msg', 'NoSuchMessage')


# --- none ----------------------------------------------------------------------------------------


def test_none_has_nothing_to_do(running: Running) -> None:
    driver = running.driver('none')
    driver.activate('joint_follower')
    driver.deactivate('joint_follower')
    assert list(driver.recover()) == []
    assert running.reports == []


# --- fci -----------------------------------------------------------------------------------------


class FakeSimulator:
    """Answers as the simulator's mode ``fci``."""

    def __init__(self, node: Node) -> None:
        self.asked: list[Any] = []
        self.problem = ''
        node.create_service(SwitchController, 'simulator/switch_controller', self._on_switch)
        node.create_service(Trigger, 'simulator/error_recovery', self._on_recovery)
        self.publish = node.create_publisher(RobotStatus, 'robot_status', qos.LATCHED).publish

    def _on_switch(self, request: Any, response: Any) -> Any:
        self.asked.append((request.controller, request.active))
        response.success, response.message = not self.problem, self.problem
        return response

    def _on_recovery(self, request: Any, response: Any) -> Any:
        self.asked.append('recovery')
        response.success, response.message = not self.problem, self.problem
        return response


def test_fci_switches_and_recovers(running: Running) -> None:
    simulator = FakeSimulator(running.node('simulator'))
    driver = running.driver('fci')
    driver.activate('joint_follower')
    driver.deactivate('joint_follower')
    assert list(driver.recover()) == ['error recovery']
    assert simulator.asked == [('joint_follower', True), ('joint_follower', False), 'recovery']


def test_fci_says_what_it_does_before_it_does_it(running: Running) -> None:
    simulator = FakeSimulator(running.node('simulator'))
    steps = running.driver('fci').recover()
    assert next(steps) == 'error recovery'
    assert simulator.asked == []


def test_fci_gives_the_words_of_a_refusal(running: Running) -> None:
    simulator = FakeSimulator(running.node('simulator'))
    simulator.problem = 'the robot is in REFLEX'
    driver = running.driver('fci')
    with pytest.raises(RefusedError, match='cannot start joint_follower: the robot is in REFLEX'):
        driver.activate('joint_follower')
    with pytest.raises(RefusedError, match='does not recover: the robot is in REFLEX'):
        list(driver.recover())


def test_fci_passes_a_late_guard_the_status(running: Running) -> None:
    simulator = FakeSimulator(running.node('simulator'))
    simulator.publish(RobotStatus(mode=RobotStatus.REFLEX, errors=['joint_reflex']))
    running.driver('fci')
    assert wait_until(lambda: len(running.reports) == 1)
    assert running.reports[0].errors == ['joint_reflex']


def test_fci_without_a_simulator_names_the_service(running: Running, monkeypatch: Any) -> None:
    monkeypatch.setattr(base, '_DISCOVERY_S', 0.2)
    driver = running.driver('fci', '/left', simulator='other')
    with pytest.raises(BackendLostError, match='no service /left/other/switch_controller'):
        driver.activate('joint_follower')


# --- the state of the robot, from any message that has these fields ------------------------------


class Errors(SimpleNamespace):
    """As a message of Franka: a bool for each error."""

    def get_fields_and_field_types(self) -> dict[str, str]:
        return dict.fromkeys(vars(self), 'boolean')


def test_errors_are_named_by_the_fields_that_are_true() -> None:
    state = SimpleNamespace(
        header=RobotStatus().header,
        robot_mode=4,
        control_command_success_rate=0.98,
        current_errors=Errors(joint_reflex=True, cartesian_reflex=False, newer_than_us=True),
        last_motion_errors=Errors(joint_reflex=False),
    )
    status = robot_state.status_from_state(state)
    assert (status.mode, status.control_command_success_rate) == (RobotStatus.REFLEX, 0.98)
    assert status.errors == ['joint_reflex', 'newer_than_us']
    assert status.last_motion_errors == []


# --- Franka's drivers ----------------------------------------------------------------------------


class FakeRos2Control:
    """A controller manager and Franka's servers, in the order in which they are asked."""

    COMPONENT = 'FrankaHardwareInterface'

    def __init__(self, node: Node, recovery: str = 'action_server/error_recovery') -> None:
        services = pytest.importorskip('controller_manager_msgs.srv', reason=NO_MESSAGES)
        actions = pytest.importorskip('franka_msgs.action', reason=NO_MESSAGES)
        messages = pytest.importorskip('franka_msgs.msg', reason=NO_MESSAGES)
        self._services = services
        self.asked: list[Any] = []
        self.hardware = 'active'
        self.user_stopped = False
        self.controllers = {
            'joint_follower_controller': 'inactive',
            'joint_trajectory_controller': 'inactive',
            'joint_state_broadcaster': 'active',
            'franka_robot_state_broadcaster': 'active',
        }
        name = 'controller_manager'
        node.create_service(services.ListControllers, f'{name}/list_controllers', self._on_list)
        node.create_service(services.SwitchController, f'{name}/switch_controller', self._on_switch)
        node.create_service(
            services.SetHardwareComponentState,
            f'{name}/set_hardware_component_state',
            self._on_hardware,
        )
        self._recovery = ActionServer(node, actions.ErrorRecovery, recovery, self._on_recovery)
        self._actions = actions
        self.state = messages.FrankaRobotState(robot_mode=2)
        topic = 'franka_robot_state_broadcaster/robot_state'
        self._states = node.create_publisher(messages.FrankaRobotState, topic, 10)
        node.create_timer(0.005, self._publish)

    def fail(self) -> None:
        """Break as ros2_control does when its hardware reports an error."""
        self.hardware = 'unconfigured'
        self.state.robot_mode = 4
        self.controllers = dict.fromkeys(self.controllers, 'inactive')

    def _publish(self) -> None:
        if self.controllers.get('franka_robot_state_broadcaster') == 'active':
            self._states.publish(self.state)

    def _on_list(self, request: Any, response: Any) -> Any:
        import controller_manager_msgs.msg as messages

        response.controller = [
            messages.ControllerState(name=name, state=state)
            for name, state in self.controllers.items()
        ]
        return response

    def _on_switch(self, request: Any, response: Any) -> Any:
        """Switch, with strictness STRICT."""
        start, stop = request.activate_controllers, request.deactivate_controllers
        self.asked.append((list(start), list(stop)))
        assert request.strictness == request.STRICT
        wrong = [n for n in start if self.controllers.get(n) != 'inactive']
        wrong += [n for n in stop if self.controllers.get(n) != 'active']
        if self.hardware != 'active' and start:
            response.message = 'Could not activate: the hardware is not active'
        elif wrong:
            response.message = f'wrong state: {wrong}'
        else:
            response.ok = True
            self.controllers |= dict.fromkeys(start, 'active') | dict.fromkeys(stop, 'inactive')
        return response

    def _on_recovery(self, handle: Any) -> Any:
        self.asked.append('recovery')
        if self.user_stopped:
            handle.abort()
        else:
            self.state.robot_mode = 1
            handle.succeed()
        return self._actions.ErrorRecovery.Result()

    def _on_hardware(self, request: Any, response: Any) -> Any:
        self.asked.append((request.name, request.target_state.label, request.target_state.id))
        response.ok = self.state.robot_mode != 4 and request.name == self.COMPONENT
        if response.ok:
            self.hardware = 'active'
        response.state.label = self.hardware if request.name == self.COMPONENT else ''
        return response


@pytest.fixture
def robot(running: Running) -> FakeRos2Control:
    return FakeRos2Control(running.node('robot'))


def test_franka_ros2_starts_and_stops_the_configured_controller(
    running: Running, robot: FakeRos2Control
) -> None:
    robot.controllers['fr3_arm_controller'] = 'inactive'
    driver = running.driver('franka_ros2', joint_trajectory='fr3_arm_controller')
    driver.activate('joint_trajectory')
    driver.activate('joint_trajectory')  # runs already
    driver.deactivate('joint_trajectory')
    driver.deactivate('joint_trajectory')
    assert robot.asked == [(['fr3_arm_controller'], []), ([], ['fr3_arm_controller'])]


def test_franka_ros2_says_how_to_load_a_controller(
    running: Running, robot: FakeRos2Control
) -> None:
    del robot.controllers['joint_follower_controller']
    driver = running.driver('franka_ros2')
    with pytest.raises(RefusedError) as error:
        driver.activate('joint_follower')
    assert 'is not loaded; loaded: joint_trajectory_controller, joint_state' in str(error.value)
    assert 'spawner joint_follower_controller --inactive' in str(error.value)
    driver.deactivate('joint_follower')


def test_franka_ros2_recovers_in_the_order_of_franka(
    running: Running, robot: FakeRos2Control
) -> None:
    driver = running.driver('franka_ros2')
    driver.activate('joint_follower')
    robot.fail()
    # As on Humble: listed as active over hardware that is not.
    robot.controllers['joint_follower_controller'] = 'active'
    robot.asked.clear()
    steps = driver.recover()
    assert next(steps) == 'stopping the controllers'
    assert robot.asked == []
    assert list(steps) == [
        'error recovery',
        'starting the hardware component',
        'starting the broadcasters',
    ]
    assert robot.asked == [
        ([], ['joint_follower_controller']),
        'recovery',
        ('FrankaHardwareInterface', 'active', 3),
        (['joint_state_broadcaster', 'franka_robot_state_broadcaster'], []),
    ]
    # The guard starts the controller, when it streams the measured posture.
    assert robot.controllers['joint_follower_controller'] == 'inactive'
    driver.activate('joint_follower')
    assert robot.controllers['joint_follower_controller'] == 'active'


def test_franka_ros2_recovers_without_a_robot_state_broadcaster(
    running: Running, robot: FakeRos2Control
) -> None:
    del robot.controllers['franka_robot_state_broadcaster']
    robot.controllers['joint_state_broadcaster'] = 'inactive'
    list(running.driver('franka_ros2').recover())
    assert robot.asked[-1] == (['joint_state_broadcaster'], [])


def test_franka_ros2_stops_when_the_robot_stays_in_its_error(
    running: Running, robot: FakeRos2Control
) -> None:
    robot.fail()
    robot.user_stopped = True
    driver = running.driver('franka_ros2')
    with pytest.raises(RefusedError, match=r'/action_server/error_recovery failed.*user stop'):
        list(driver.recover())
    assert robot.asked == ['recovery']


def test_franka_ros2_gives_the_words_of_the_controller_manager(
    running: Running, robot: FakeRos2Control
) -> None:
    robot.fail()
    driver = running.driver('franka_ros2', hardware_component='Other')
    with pytest.raises(RefusedError, match='cannot start joint_follower_controller: Could not act'):
        driver.activate('joint_follower')
    with pytest.raises(RefusedError, match='hardware component Other is unknown'):
        list(driver.recover())


def test_franka_ros2_has_the_names_of_an_arm_with_a_prefix(running: Running) -> None:
    node = running.node('robot', '/cell')
    robot = FakeRos2Control(node, 'left/action_server/error_recovery')
    robot.COMPONENT = 'left_FrankaHardwareInterface'
    driver = running.driver('franka_ros2', '/cell', arm_prefix='left_')
    list(driver.recover())
    assert robot.asked == ['recovery', ('left_FrankaHardwareInterface', 'active', 3)]


def test_franka_ros2_without_a_driver_names_what_is_missing(
    running: Running, monkeypatch: Any
) -> None:
    pytest.importorskip('controller_manager_msgs.srv', reason=NO_MESSAGES)
    pytest.importorskip('franka_msgs.action', reason=NO_MESSAGES)
    monkeypatch.setattr(base, '_DISCOVERY_S', 0.2)
    monkeypatch.setattr(franka_ros2, '_DISCOVERY_S', 0.2)
    driver = running.driver('franka_ros2')
    with pytest.raises(BackendLostError, match='no service /controller_manager/list_controllers'):
        driver.activate('joint_follower')
    with pytest.raises(BackendLostError, match='no action /action_server/error_recovery'):
        driver.clear_error()  # type: ignore[attr-defined]


def test_franka_ros2_reports_changes_and_silence(running: Running, robot: FakeRos2Control) -> None:
    running.driver('franka_ros2')
    reports = running.reports
    assert wait_until(lambda: bool(reports))
    assert (reports[0].mode, reports[0].errors) == (RobotStatus.MOVE, [])
    robot.state.robot_mode = 4
    robot.state.current_errors.joint_reflex = True
    assert wait_until(lambda: reports[-1].errors == ['joint_reflex'])
    assert reports[-1].mode == RobotStatus.REFLEX
    count = len(reports)
    assert wait_until(lambda: len(reports) > count, 2.0), 'repeated once a second'
    robot.fail()
    assert wait_until(lambda: reports[-1].errors == [robot_state.SILENT])
    assert reports[-1].mode == RobotStatus.OTHER
    assert math.isnan(reports[-1].control_command_success_rate)
    assert len(reports) < count + 6, 'not every state is a report'


def test_a_driver_that_never_publishes_its_state_is_no_error(
    running: Running, robot: FakeRos2Control, sleep: Any
) -> None:
    robot.controllers['franka_robot_state_broadcaster'] = 'inactive'
    running.driver('franka_ros2')
    sleep(0.8)
    assert running.reports == []


def test_the_status_of_franka_is_there_for_others_too(
    running: Running, robot: FakeRos2Control
) -> None:
    heard: list[RobotStatus] = []
    running.driver('franka_ros2')
    assert wait_until(lambda: bool(running.reports))
    viewer = running.node('viewer')
    viewer.create_subscription(RobotStatus, 'robot_status', heard.append, qos.LATCHED)
    assert wait_until(lambda: bool(heard))
    assert heard[0].mode == RobotStatus.MOVE


# --- multipanda: its franka_msgs has the name of Franka's, so that both cannot be installed -------


@pytest.fixture
def panda(running: Running, monkeypatch: Any) -> Any:
    """Run a controller manager, and stand in for the two types that Franka's package lacks."""
    robot = FakeRos2Control(running.node('robot'))
    states = pytest.importorskip('franka_msgs.msg')
    recovery = SimpleNamespace(Request=Trigger.Request)
    monkeypatch.setattr(states, 'FrankaState', states.FrankaRobotState, raising=False)
    services = sys.modules.get('franka_msgs.srv') or __import__('franka_msgs.srv').srv
    monkeypatch.setattr(services, 'ErrorRecovery', recovery, raising=False)
    return robot


@pytest.mark.parametrize(
    ('success', 'error', 'refused'),
    [(True, '', False), (False, 'No errors', False), (False, 'timeout', True)],
)
def test_multipanda_recovers_by_a_service(
    running: Running, panda: Any, monkeypatch: Any, success: bool, error: str, refused: bool
) -> None:
    from franka_rl_nodes.drivers import multipanda

    asked = []

    def answer(client: Any, request: Any, timeout_s: float) -> Any:
        asked.append(client)
        return SimpleNamespace(success=success, error=error)

    monkeypatch.setattr(multipanda, 'ask', answer)
    monkeypatch.setattr(drivers.Driver, 'client', _named_client(drivers.Driver.client))
    driver = running.driver('multipanda')
    if refused:
        with pytest.raises(RefusedError, match='does not recover: timeout'):
            list(driver.recover())
    else:
        list(driver.recover())
        assert panda.asked == [('FrankaHardwareInterface', 'active', 3)]
    assert asked == ['panda_error_recovery_service_server/error_recovery']


def _named_client(make: Any) -> Any:
    """Give the name of a service whose type is not there, in the place of its client."""

    def client(self: Any, kind: Any, name: str) -> Any:
        return name if isinstance(kind, SimpleNamespace) else make(self, kind, name)

    return client
