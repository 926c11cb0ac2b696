# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What franka_ros2 publishes beside the joint states of the arm."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped, Quaternion
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState

from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState, RobotState
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import goal_to_msg, joint_state_to_msg

# Source of names and rates: frankarobotics/franka_ros2, franka_robot_state_broadcaster,
# franka_gripper, franka_bringup/launch/franka.launch.py.
_BROADCASTER = 'franka_robot_state_broadcaster'
_MERGED_HZ = 30.0
_GRIPPER_HZ = 15.0
# Who listens is asked for after so many milliseconds.
_LOOK_EVERY = 100
_FINGER_M = 0.04  # an open gripper


class Broadcasters:
    """
    Publishes the convenience topics of the robot state broadcaster, the gripper and the merge.

    The former at 1 kHz as long as somebody listens.

    :param node: the node.
    :param model: the arm.
    :param driver: the arm and what controls it.
    """

    def __init__(self, node: Node, model: RobotModel, driver: FrankaDriver) -> None:
        self._node, self._model, self._driver = node, model, driver
        self._arm = driver.arm
        states = ('measured_joint_states', 'desired_joint_states', 'external_joint_torques')
        self._states = {
            name: node.create_publisher(JointState, f'{_BROADCASTER}/{name}', qos.SENSOR)
            for name in states
        }
        self._pose = node.create_publisher(PoseStamped, f'{_BROADCASTER}/current_pose', qos.SENSOR)
        self._gripper = node.create_publisher(
            JointState, 'franka_gripper/joint_states', qos.REPORT
        )
        self._merged = node.create_publisher(JointState, 'joint_states', qos.REPORT)
        self._heard: set[str] = set()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(1.0 / _GRIPPER_HZ, self._on_gripper, clock=steady)
        node.create_timer(1.0 / _MERGED_HZ, self._on_merge, clock=steady)

    def publish(self, tick: int, stamp_ns: int) -> None:
        """Publish what somebody listens to, once in every millisecond."""
        if tick % _LOOK_EVERY == 1:
            self._look()
        if not self._heard:
            return
        arm, names = self._arm, self._model.joint_names
        position, velocity = arm.joint_position, arm.joint_velocity
        if 'measured_joint_states' in self._heard:
            message = joint_state_to_msg(names, position, velocity, stamp_ns)
            self._states['measured_joint_states'].publish(message)
        if 'desired_joint_states' in self._heard:
            message = joint_state_to_msg(names, self._driver.reference, (), stamp_ns)
            self._states['desired_joint_states'].publish(message)
        if 'external_joint_torques' in self._heard:
            message = joint_state_to_msg(names, (), (), stamp_ns)
            message.effort = arm.external_torque.tolist()
            self._states['external_joint_torques'].publish(message)
        if 'current_pose' in self._heard:
            state = RobotState(position[None], velocity[None], np.array([stamp_ns]))
            tool = self._model.arm_state(state)
            self._pose.publish(_tool_pose_to_msg(tool, self._model.base_frame))

    def _look(self) -> None:
        publishers = {**self._states, 'current_pose': self._pose}
        self._heard = {n for n, p in publishers.items() if p.get_subscription_count()}

    def _fingers(self) -> tuple[list[str], np.ndarray]:
        names = list(self._model.finger_joint_names)
        return names, np.full(len(names), _FINGER_M)

    def _on_gripper(self) -> None:
        names, position = self._fingers()
        message = joint_state_to_msg(names, position, np.zeros_like(position), self._now())
        self._gripper.publish(message)

    def _on_merge(self) -> None:
        fingers, opening = self._fingers()
        position = np.concatenate([self._arm.joint_position, opening])
        velocity = np.concatenate([self._arm.joint_velocity, np.zeros_like(opening)])
        names = [*self._model.joint_names, *fingers]
        self._merged.publish(joint_state_to_msg(names, position, velocity, self._now()))

    def _now(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _tool_pose_to_msg(arm: ArmState, frame: str) -> PoseStamped:
    """Make a pose of the tool of the first arm."""
    message = goal_to_msg(arm.tool_position[0], frame, int(arm.stamp_ns[0]))
    x, y, z, w = Rotation.from_matrix(arm.tool_rotation[0]).as_quat()
    message.pose.orientation = Quaternion(x=x, y=y, z=z, w=w)
    return message
