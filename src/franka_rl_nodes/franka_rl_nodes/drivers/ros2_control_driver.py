# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What Franka's two drivers have in common: they are hardware components of ros2_control."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from franka_rl_nodes.drivers.base import Driver
from franka_rl_nodes.drivers.robot_state import RobotStateWatch
from franka_rl_nodes.drivers.ros2_control import ControllerManager
from franka_rl_nodes.drivers.ros_packages import message


class Ros2ControlDriver(Driver):
    """
    Controllers by the controller manager, and recovery in the order that Franka prescribes.

    Source of the order: frankarobotics/franka_ros2, franka_hardware/doc/index.rst. Two steps are
    added. Controllers are stopped first: on Humble they may stay active over dead hardware
    (ros-controls/ros2_control#2318). The broadcasters are started last: the controller manager
    stops all controllers that use the hardware's interfaces, these too, and does not start them
    again (controller_manager.cpp, "TODO: do auto-start of broadcasters").
    """

    #: message of ``franka_msgs.msg`` on the topic of the robot's state
    STATE: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.manager = ControllerManager(self)
        kind = message('franka_msgs.msg', self.STATE)
        topic = self.config.robot_state_topic
        self._watch = RobotStateWatch(self.node, kind, topic, self._on_status)

    def activate(self, controller: str) -> None:
        """
        See :meth:`Driver.activate`. One that runs is left alone.

        A joint follower that runs may have an old target: stop it before streaming begins.
        """
        self.manager.activate(self._name(controller))

    def deactivate(self, controller: str) -> None:
        """See :meth:`Driver.deactivate`."""
        self.manager.deactivate_loaded([self._name(controller)])

    def recover(self) -> Iterator[str]:
        """See :meth:`Driver.recover`."""
        yield 'stopping the controllers'
        config = self.config
        self.manager.deactivate_loaded((config.joint_follower, config.joint_trajectory))
        yield 'error recovery'
        self.clear_error()
        yield 'starting the hardware component'
        self.manager.activate_hardware(self._hardware_component)
        yield 'starting the broadcasters'
        self.manager.activate_loaded(config.broadcasters)

    @abstractmethod
    def clear_error(self) -> None:
        """
        Have the robot leave its error.

        :raises BackendLostError: the driver did not answer.
        :raises RefusedError: the robot stays in it.
        """

    @property
    def _hardware_component(self) -> str:
        return self.config.hardware_component or f'{self.config.arm_prefix}FrankaHardwareInterface'

    def _name(self, controller: str) -> str:
        names = {
            'joint_follower': self.config.joint_follower,
            'joint_trajectory': self.config.joint_trajectory,
        }
        return names.get(controller, controller)
