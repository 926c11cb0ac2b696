# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Records what a policy, the guard and the arm say to each other, and writes it down at its end."""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.robot_model import RobotModel, available_robots, load_robot
from franka_rl_core.settings import setting
from franka_rl_interfaces.msg import GuardStatus, RobotStatus, StepLatency
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import goal_from_msg, stamp_from_msg
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.prove.recording import Recording
from franka_rl_nodes.runtime import leave, serve

#: Where the reference is that the arm's controller follows. The follower's is taken as it is sent:
#: at the arm, a millisecond may see two messages or none.
REFERENCES = {
    'joint_follower': 'joint_command',
    'joint_trajectory': 'franka_robot_state_broadcaster/desired_joint_states',
}
# DDS keeps what comes between two looks; a thousand messages are enough for a second.
_LOOK_S = 0.05
_MANY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
_TICK = ('tick_us_p50', 'tick_us_p99')


@dataclass(frozen=True)
class RecorderConfig:
    """Parameters of the recorder node."""

    robot: str = setting('panda', 'robot', choices=available_robots)
    controller: str = setting(
        'joint_follower', 'controller whose reference is recorded', choices=lambda: REFERENCES
    )
    out: str = setting('', 'file to write, .npz')

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: robot or controller is unknown, or the file cannot be written.
        """
        load_robot(self.robot)
        if self.controller not in REFERENCES:
            raise UnknownNameError('controller', self.controller, REFERENCES)
        if Path(self.out).suffix != '.npz' or not Path(self.out).parent.is_dir():
            raise RefusedError(f'out must be an .npz file in an existing folder, not {self.out!r}')


CONFIG = RecorderConfig


class _Joints:
    """Collects the positions of joint states; their names are those of the first one."""

    def __init__(self, node: Node, topic: str) -> None:
        self._messages = PolledSubscription(node, JointState, topic, _MANY)
        self._stamps = array.array('q')
        self._positions = array.array('d')
        self._names: list[str] = []

    def look(self) -> None:
        """Take what has come."""
        for message in self._messages.messages():
            self._names = self._names or list(message.name)
            self._stamps.append(stamp_from_msg(message.header.stamp))
            self._positions.extend(message.position)

    def arrays(self, model: RobotModel) -> tuple[Any, Any]:
        """Give stamps (N,) [ns] and positions (N, 7) [rad]."""
        if not self._names:
            return np.zeros(0, np.int64), np.zeros((0, len(model.joint_names)))
        positions = np.array(self._positions).reshape(-1, len(self._names))
        return np.array(self._stamps), positions[:, model.order(self._names)]


class RecorderNode(Node):
    """
    Subscribes what others publish, and publishes nothing.

    Joint states and references come a thousand times a second, and are looked at now and then.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('recorder', **kwargs)
        self._config = declare(self, RecorderConfig)
        self._config.check()
        self._reference = _Joints(self, REFERENCES[self._config.controller])
        self._states = _Joints(self, 'franka/joint_states')
        self._rows: dict[str, list[Any]] = {}
        self._record(PoseStamped, 'goal', qos.LATCHED, self._on_goal)
        self._record(StepLatency, 'policy/latency', qos.REPORT, self._on_action)
        self._record(StepLatency, 'guard/latency', qos.REPORT, self._on_command)
        self._record(GuardStatus, 'guard/status', qos.LATCHED, self._on_guard)
        self._record(RobotStatus, 'robot_status', qos.LATCHED, self._on_robot)
        self._record(DiagnosticArray, '/diagnostics', qos.REPORT, self._on_diagnostics)
        self.create_timer(_LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _record(
        self, kind: type, topic: str, profile: QoSProfile, callback: Callable[[Any], None]
    ) -> None:
        self.create_subscription(kind, topic, callback, profile)

    def destroy_node(self) -> None:
        """Write the file first."""
        self._recording().save(Path(self._config.out))
        super().destroy_node()

    def _recording(self) -> Recording:
        model = load_robot(self._config.robot)
        reference_ns, reference = self._reference.arrays(model)
        state_ns, position = self._states.arrays(model)
        return Recording(
            reference_ns=reference_ns,
            reference=reference,
            state_ns=state_ns,
            position=position,
            goal_ns=self._array('goal_ns', np.int64),
            goal=self._array('goal').reshape(-1, 3),
            action_ns=self._array('action_ns', np.int64),
            computation=self._array('computation'),
            command_latency=self._array('command_latency'),
            guard_counts=self._array('guard_counts', np.int64).reshape(-1, 3),
            guard_verdict=self._array('guard_verdict', np.int64),
            guard_reason=self._array('guard_reason', np.str_),
            guard_tick=self._array('guard_tick').reshape(-1, 2),
            mode_ns=self._array('mode_ns', np.int64),
            mode=self._array('mode', np.int64),
            arrived=self._array('arrived'),
        )

    def _array(self, name: str, dtype: Any = np.float64) -> Any:
        return np.array(self._rows.get(name, []), dtype)

    def _add(self, **values: Any) -> None:
        for name, value in values.items():
            self._rows.setdefault(name, []).append(value)

    def _look(self) -> None:
        self._reference.look()
        self._states.look()

    def _on_goal(self, message: PoseStamped) -> None:
        self._add(goal_ns=stamp_from_msg(message.header.stamp), goal=goal_from_msg(message))

    def _on_action(self, message: StepLatency) -> None:
        stamp = stamp_from_msg(message.header.stamp)
        self._add(action_ns=stamp, computation=message.computation)

    def _on_command(self, message: StepLatency) -> None:
        self._add(command_latency=message.total)

    def _on_guard(self, message: GuardStatus) -> None:
        self._add(
            guard_counts=(message.passed, message.clipped, message.held),
            guard_verdict=message.verdict,
            guard_reason=message.reason,
        )

    def _on_robot(self, message: RobotStatus) -> None:
        self._add(
            mode_ns=stamp_from_msg(message.header.stamp),
            mode=message.mode,
            arrived=message.control_command_success_rate,
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if status.name.startswith('guard') and values.keys() >= set(_TICK):
                self._add(guard_tick=[float(values[key]) for key in _TICK])


def main() -> None:
    """Run the node."""
    leave(serve(RecorderNode))


if __name__ == '__main__':
    main()
