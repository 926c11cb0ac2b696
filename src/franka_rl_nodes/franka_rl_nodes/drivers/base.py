# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every driver has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from rclpy.client import Client
from rclpy.node import Node

from franka_rl_core.exceptions import BackendLostError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.settings import setting
from franka_rl_interfaces.msg import RobotStatus
from franka_rl_nodes.runtime import call

# A driver that runs has had its services discovered by then [s].
_DISCOVERY_S = 2.0

OnStatus = Callable[[RobotStatus], None]


@dataclass(frozen=True)
class DriverConfig:
    """
    Names of the driver that differ between installations.

    Those of topics, services and actions are relative to the guard's namespace. A driver uses what
    it knows of, and leaves the rest alone.
    """

    arm_prefix: str = setting('', 'prefix of the arm in the description of the robot, e.g. left_')
    joint_follower: str = setting('joint_follower_controller', 'name of the joint follower')
    joint_trajectory: str = setting(
        'joint_trajectory_controller', 'name of the joint trajectory controller'
    )
    broadcasters: tuple[str, ...] = setting(
        ('joint_state_broadcaster', 'franka_robot_state_broadcaster'),
        'controllers that only publish; an error of the robot stops them too',
    )
    controller_manager: str = setting('controller_manager', 'name of the controller manager')
    hardware_component: str = setting(
        '', 'name of the hardware component; empty for <arm_prefix>FrankaHardwareInterface'
    )
    robot_state_topic: str = setting(
        'franka_robot_state_broadcaster/robot_state', 'topic of the state of the robot'
    )
    recovery_action: str = setting(
        '', 'action of the error recovery; empty for <arm_prefix>/action_server/error_recovery'
    )
    recovery_service: str = setting(
        'panda_error_recovery_service_server/error_recovery',
        'service of the error recovery (multipanda)',
    )
    simulator: str = setting('simulator', 'name of the simulator node (fci)')


class Driver(ABC):
    """
    What a robot's driver does for the guard beyond the streams.

    Its methods block until the driver has answered: they are for a worker thread, while another
    thread spins the node.

    :param node: the guard.
    :param model: the robot.
    :param on_status: called, in the node's executor, with what the robot says of itself.
    :param config: names of the driver.
    """

    #: the only robot that it drives, '' if it drives any
    robot: ClassVar[str] = ''

    def __init__(
        self,
        node: Node,
        model: RobotModel,
        on_status: OnStatus,
        config: DriverConfig | None = None,
    ) -> None:
        self.node = node
        self.model = model
        self.config = config or DriverConfig()
        self._on_status = on_status

    @abstractmethod
    def activate(self, controller: str) -> None:
        """
        Start a controller.

        :param controller: ``'joint_follower'``, ``'joint_trajectory'``, or a name that the driver
            knows.
        :raises BackendLostError: the driver did not answer.
        :raises RefusedError: the driver said no; in its words.
        """

    @abstractmethod
    def deactivate(self, controller: str) -> None:
        """Stop a controller; one that does not run is fine. Parameters as :meth:`activate`."""

    @abstractmethod
    def recover(self) -> Iterator[str]:
        """
        Bring the robot out of an error; no controller runs afterwards.

        :returns: gives what is done next, in a few words, before it is done.
        :raises BackendLostError: the driver did not answer.
        :raises RefusedError: the driver said no; in its words.
        """

    def client(self, kind: Any, name: str) -> Client:
        """Make a client of a service, whose messages will have its full name."""
        return self.node.create_client(kind, self.node.resolve_service_name(name))


def ask(client: Client, request: Any, timeout_s: float) -> Any:
    """
    Call a service of the driver.

    :raises BackendLostError: there is no such service, or it did not answer within the time.
    """
    if not client.wait_for_service(timeout_sec=_DISCOVERY_S):
        raise BackendLostError(f'there is no service {client.srv_name}: does the driver run?')
    return call(client, request, timeout_s)
