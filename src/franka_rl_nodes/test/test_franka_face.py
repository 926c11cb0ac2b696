# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator's ``fci`` mode: what franka_ros2 shows, and how it refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.fci.motion_check import MotionCheck
from franka_rl_interfaces.msg import RobotStatus
from franka_rl_interfaces.srv import SwitchController
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_state_to_msg
from franka_rl_nodes.runtime import call, first_call
from franka_rl_nodes.simulator_node import SimulatorNode

pytestmark = pytest.mark.real_time

BROADCASTER = 'franka_robot_state_broadcaster'
BEST_EFFORT, RELIABLE = QoSReliabilityPolicy.BEST_EFFORT, QoSReliabilityPolicy.RELIABLE


class Commander:
    """Streams positions to the joint follower, as a guard would, but whatever a test wants."""

    def __init__(self, watch: Any) -> None:
        self._watch = watch
        self._node = watch.ros.node
        self.position = watch.model.home.copy()
        self.streaming = True
        self._publisher = self._node.create_publisher(JointState, 'joint_command', qos.COMMAND)
        self._switch = watch.ros.client(SwitchController, 'simulator/switch_controller')
        self._recovery = watch.ros.client(Trigger, 'simulator/error_recovery')
        first_call(self._switch, SwitchController.Request(), 20.0)
        assert wait_until(lambda: bool(watch.states and watch.robot and watch.follower))
        assert wait_until(self._publisher.get_subscription_count)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._stream, daemon=True)
        self._thread.start()

    def _stream(self) -> None:
        while not self._end.wait(0.005):
            if self.streaming:
                self.send(self.position)

    def close(self) -> None:
        self._end.set()
        self._thread.join(2.0)

    def send(self, position: Any) -> None:
        names = self._watch.model.joint_names
        self._publisher.publish(joint_state_to_msg(names, position, (), time.time_ns()))

    def switch(self, active: bool, controller: str = 'joint_follower') -> str:
        """Start or stop a controller; gives '' or why not."""
        request = SwitchController.Request(controller=controller, active=active)
        answer = call(self._switch, request, 5.0)
        assert answer.success is not bool(answer.message)
        return answer.message

    def recover(self) -> str:
        """Have the robot leave its error; gives '' or why not."""
        answer = call(self._recovery, Trigger.Request(), 5.0)
        assert answer.success is not bool(answer.message)
        return answer.message

    def follows(self) -> bool:
        return bool(self._watch.follower) and self._watch.follower[-1].data == 'FOLLOWING'


@pytest.fixture
def simulator(processes: Any) -> Any:
    return processes.node('simulator', mode='fci')


@pytest.fixture
def commander(simulator: Any, watch: Any) -> Iterator[Commander]:
    sending = Commander(watch)
    yield sending
    sending.close()


def _slow_down(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, pause: Any) -> None:
    """Have a method wait before it does anything."""
    method = getattr(kind, name)

    def slowly(*arguments: Any) -> Any:
        pause()
        return method(*arguments)

    monkeypatch.setattr(kind, name, slowly)


def _seen(watch: Any, topic: str, kind: Any, count: int) -> list[Any]:
    """Subscribe to a topic, and give its first messages."""
    seen: list[Any] = []
    subscription = watch.ros.node.create_subscription(kind, topic, seen.append, qos.SENSOR)
    assert wait_until(lambda: len(seen) >= count), f'{topic}: {len(seen)} messages'
    watch.ros.perform(watch.ros.node.destroy_subscription, subscription)
    return seen


def _found(find: Any, topic: str) -> Any:
    """Give the one end of a topic that is not of this test, as soon as DDS has found it."""

    def others() -> list[Any]:
        return [info for info in find(topic) if info.node_name != 'watch']

    assert wait_until(lambda: bool(others())), topic
    (end,) = others()
    return end


@pytest.mark.parametrize('robot', ['panda', 'fr3'])
def test_shows_the_topics_of_franka_ros2(processes: Any, watch: Any, robot: str) -> None:
    processes.node('simulator', mode='fci', robot=robot)
    assert wait_until(lambda: len(watch.states) > 500 and bool(watch.robot), 20.0)
    node = watch.ros.node
    for topic, kind, reliability in (
        ('franka/joint_states', 'sensor_msgs/msg/JointState', BEST_EFFORT),
        (f'{BROADCASTER}/measured_joint_states', 'sensor_msgs/msg/JointState', BEST_EFFORT),
        (f'{BROADCASTER}/desired_joint_states', 'sensor_msgs/msg/JointState', BEST_EFFORT),
        (f'{BROADCASTER}/external_joint_torques', 'sensor_msgs/msg/JointState', BEST_EFFORT),
        (f'{BROADCASTER}/current_pose', 'geometry_msgs/msg/PoseStamped', BEST_EFFORT),
        ('franka_gripper/joint_states', 'sensor_msgs/msg/JointState', RELIABLE),
        ('joint_states', 'sensor_msgs/msg/JointState', RELIABLE),
        ('robot_status', 'franka_rl_interfaces/msg/RobotStatus', RELIABLE),
        ('joint_follower_controller/state', 'std_msgs/msg/String', RELIABLE),
    ):
        publisher = _found(node.get_publishers_info_by_topic, topic)
        assert publisher.topic_type == kind
        assert publisher.qos_profile.reliability == reliability, topic
    for topic in ('robot_status', 'joint_follower_controller/state'):
        publisher = _found(node.get_publishers_info_by_topic, topic)
        assert publisher.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL
    for topic in ('joint_command', 'joint_trajectory_controller/joint_trajectory'):
        listener = _found(node.get_subscriptions_info_by_topic, topic)
        assert listener.qos_profile.reliability == RELIABLE


@pytest.mark.parametrize('robot', ['panda', 'fr3'])
def test_shows_the_arm_as_franka_ros2_does(processes: Any, watch: Any, robot: str) -> None:
    processes.node('simulator', mode='fci', robot=robot)
    assert wait_until(lambda: len(watch.states) > 500 and bool(watch.robot), 20.0)
    joints = [f'{robot}_joint{index}' for index in range(1, 8)]
    fingers = [f'{robot}_finger_joint{index}' for index in (1, 2)]
    assert watch.states[-1].name == joints
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in watch.states]
    assert np.median(np.diff(stamps)) == pytest.approx(1e6, abs=10), '1 kHz'
    assert (watch.robot[-1].mode, watch.robot[-1].errors) == (RobotStatus.IDLE, [])
    assert wait_until(lambda: bool(watch.follower))
    assert watch.follower[-1].data == 'INACTIVE'
    merged = _seen(watch, 'joint_states', JointState, 3)[-1]
    assert merged.name == joints + fingers
    assert np.allclose(merged.position[:7], watch.model.home, atol=1e-3)
    assert _seen(watch, 'franka_gripper/joint_states', JointState, 1)[0].name == fingers
    for name in ('measured_joint_states', 'desired_joint_states'):
        shown = _seen(watch, f'{BROADCASTER}/{name}', JointState, 3)[-1]
        assert (shown.name, np.allclose(shown.position, watch.model.home, atol=1e-3)) == (
            joints,
            True,
        )
    torque = _seen(watch, f'{BROADCASTER}/external_joint_torques', JointState, 3)[-1]
    assert np.abs(torque.effort).max() < 1.0
    pose = _seen(watch, f'{BROADCASTER}/current_pose', PoseStamped, 3)[-1]
    assert pose.header.frame_id == watch.model.base_frame.replace('panda', robot)


def test_a_controller_is_started_by_its_name(commander: Commander, watch: Any) -> None:
    commander.position = commander.position + 0.02  # it goes there slowly first
    known = 'known: joint_follower, joint_trajectory'
    assert known in commander.switch(True, 'joint_velocity')
    assert commander.switch(False) == '', 'stopping what does not run is fine'
    assert commander.switch(True) == ''
    assert wait_until(commander.follows)
    assert [message.data for message in watch.follower] == ['INACTIVE', 'SYNCING', 'FOLLOWING']
    assert commander.switch(False) == ''
    assert wait_until(lambda: watch.follower[-1].data == 'INACTIVE')
    assert commander.recover() == '', 'without an error there is nothing to do'


def test_starting_a_controller_that_runs_is_fine(commander: Commander) -> None:
    assert commander.switch(True) == ''
    assert commander.switch(True) == ''


def test_a_reflex_has_franka_s_name_and_lasts_until_recovery(
    commander: Commander, watch: Any
) -> None:
    bad = {
        'joint_motion_generator_velocity_limits_violation': 0.05,  # a raw step of a 20 Hz policy
        'Commanding value is infinite or NaN.': np.nan,
        'joint_motion_generator_velocity_discontinuity': 0.0005,
    }
    home = commander.position
    for name, step in bad.items():
        assert commander.switch(True) == ''
        assert wait_until(commander.follows)
        assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.MOVE)
        commander.position = home + step
        assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.REFLEX), name
        assert watch.robot[-1].errors == [name]
        assert wait_until(lambda: watch.follower[-1].data == 'INACTIVE')
        commander.position = home
        assert 'mode REFLEX' in commander.switch(True), 'commands are refused'
        assert wait_until(watch.rests)
        assert commander.recover() == ''
        assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.IDLE)
        assert watch.robot[-1].errors == []
        assert watch.robot[-1].last_motion_errors == [name]
    assert np.abs(watch.position - home).max() < 0.05


def test_a_start_far_from_the_arm_is_a_reflex(commander: Commander, watch: Any) -> None:
    commander.position = commander.position + 0.3
    assert commander.switch(True) == ''
    assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.REFLEX)
    name = 'joint_position_motion_generator_start_pose_invalid'
    assert watch.robot[-1].errors == [name]


def test_lost_packets_are_a_reflex(processes: Any, watch: Any) -> None:
    processes.node('simulator', mode='fci', fci="'{packet_loss: 1.0}'")
    sending = Commander(watch)
    assert sending.switch(True) == ''
    assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.REFLEX)
    assert watch.robot[-1].errors == ['communication_constraints_violation']
    sending.close()


def test_a_gap_in_the_commands_ends_the_driver(
    processes: Any, simulator: Any, commander: Commander
) -> None:
    """The follower's watchdog is a check of the next message, and it shuts the process down."""
    assert commander.switch(True) == ''
    assert wait_until(commander.follows)
    commander.streaming = False
    assert not wait_until(lambda: simulator.poll() is not None, 0.7), 'a gap alone ends nothing'
    commander.streaming = True
    assert simulator.wait(10) == 1
    assert 'Timeout: No valid target joint states received!' in processes.output(simulator)[1]


def test_a_tick_does_not_see_a_controller_that_is_half_started(
    spin: Any, watch: Any, sleep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is answered by another thread than the arm's, and may lose its core anywhere."""
    _slow_down(monkeypatch, MotionCheck, 'start', lambda: sleep(0.05))
    spin(SimulatorNode, mode='fci')
    commander = Commander(watch)
    assert commander.switch(True, 'joint_trajectory') == ''
    commander.close()
    assert wait_until(lambda: watch.robot[-1].mode != RobotStatus.IDLE)
    sleep(0.2)  # twice the period of the status
    assert watch.robot[-1].mode == RobotStatus.MOVE, watch.robot[-1]


def test_an_arm_that_cannot_keep_up_is_seen_all_the_same(
    spin: Any, watch: Any, sleep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that is too slow for a while must not look like a robot that is lost."""
    _slow_down(monkeypatch, FrankaDriver, 'step', lambda: sleep(0.002))
    spin(SimulatorNode, mode='fci')
    assert wait_until(lambda: len(watch.states) > 100)
    begin = len(watch.states)
    sleep(1.0)
    assert len(watch.states) - begin > 30
