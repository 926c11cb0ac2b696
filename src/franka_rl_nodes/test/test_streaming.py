# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator as a driver, in real time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import JointState

from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.robot_model import load_robot
from franka_rl_interfaces.srv import ResetWorlds
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import to_field
from franka_rl_nodes.streaming import Streaming

pytestmark = pytest.mark.real_time


def test_a_command_from_before_a_reset_is_not_obeyed(context: Context) -> None:
    node = Node('simulator', context=context)
    model = load_robot('panda')
    streaming = Streaming(node, MockBackend(model, 1, 0.1), command_timeout_s=10.0)
    commands = node.create_publisher(JointState, 'joint_command', qos.COMMAND)
    assert wait_until(lambda: commands.get_subscription_count() > 0)
    elsewhere = JointState(name=model.joint_names, position=(model.home + 0.2).tolist())
    commands.publish(elsewhere)
    assert wait_until(lambda: streaming._commands.newest() is not None), 'commands do arrive'
    commands.publish(elsewhere)
    wait_until(lambda: False, 0.3)  # until it is there
    start = model.home - 0.1
    request = ResetWorlds.Request(joint_position=to_field(start, 'float64'))
    streaming._on_reset(request, ResetWorlds.Response())
    streaming._on_tick()
    np.testing.assert_array_equal(streaming._state.joint_position[0], start)
    node.destroy_node()
