# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs episodes in the deployment graph and judges them: reset, arm, drive, disarm."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from franka_rl_core.envs.config import make_parts
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.evaluation import Episode, report
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.json_file import check_json, write_json
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.settings import setting
from franka_rl_interfaces.action import RunEpisode
from franka_rl_interfaces.msg import GuardStatus, StepLatency
from franka_rl_interfaces.srv import ResetWorlds
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_position_from_msg, to_field
from franka_rl_nodes.episode import DISCOVERY_S, PATIENCE_S
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.runtime import (
    BackgroundNode,
    call,
    first_call,
    hold_name,
    leave,
    result_of,
    work,
)

START_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 5.0
# An arm so close to the start of an episode has been reset.
START_TOLERANCE_RAD = 0.01


@dataclass(frozen=True)
class EvaluatorConfig:
    """Parameters of the evaluator node."""

    policy: str = setting('', 'folder of the policy bundle')
    episodes: int = setting(20, 'episodes to run', low=1)
    seed: int = setting(1, 'seed of the goals', low=0)
    simulator: str = setting('simulator', 'name of the simulator node, which resets the arm')
    result: str = setting('', 'file for the numbers, JSON; empty for none')

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: the bundle is none.
        """
        if not self.policy:
            raise RefusedError('parameter policy must name the folder of a policy bundle')
        PolicyBundle(self.policy)
        check_json(Path(self.result) if self.result else None)


CONFIG = EvaluatorConfig


class Evaluator:
    """Runs episodes through the policy, the guard and the robot driver of the graph."""

    def __init__(self) -> None:
        self._ros = BackgroundNode(Node('evaluator'))
        node = self._ros.node
        self._config = declare(node, EvaluatorConfig)
        hold_name(node)
        self._config.check()
        policy = PolicyBundle(self._config.policy)
        self._parts = make_parts(policy.metadata.config)
        steps = self._parts.task.max_episode_steps
        self._time_limit = steps * policy.metadata.config.control_period
        self._latencies: list[float] = []
        self._armed = False
        self._fault = ''
        self._position: Any = None
        self._counts = dict.fromkeys(('passed', 'clipped', 'held'), 0)
        self._arm = self._ros.client(SetBool, 'guard/arm')
        self._reset = self._ros.client(ResetWorlds, f'{self._config.simulator}/reset_worlds')
        self._run = ActionClient(node, RunEpisode, 'policy/run_episode')
        node.create_subscription(StepLatency, 'guard/latency', self._on_latency, qos.REPORT)
        node.create_subscription(JointState, 'franka/joint_states', self._on_state, qos.SENSOR)
        node.create_subscription(GuardStatus, 'guard/status', self._on_status, qos.LATCHED)

    def main(self) -> int:
        """Run all episodes and print the success rate."""
        first_call(self._arm, SetBool.Request(data=False), START_TIMEOUT_S)
        if not self._run.wait_for_server(timeout_sec=START_TIMEOUT_S):
            raise BackendLostError('the policy does not answer')
        goals = GoalSampler(self._parts.task, 1)
        goals.seed(self._config.seed)
        episodes = []
        for index in range(self._config.episodes):
            goals.draw(np.array([0]))
            episodes.append(self._episode(goals.goal[0]))
            print(f'episode {index + 1}: {_describe(episodes[-1])}', flush=True)
        result = report(episodes)
        path = Path(self._config.result) if self._config.result else None
        write_json(path, result.to_dict() | self._more())
        print(result.summary(), flush=True)
        return 0

    def close(self) -> None:
        """Leave the arm held."""
        self._ros.close()

    def _episode(self, goal: Any) -> Episode:
        self._set_armed(False)
        start = self._parts.task.start_joint_position(self._parts.model)
        request = ResetWorlds.Request(joint_position=to_field(start, 'float64'))
        # Repeating it does no harm.
        if error := first_call(self._reset, request, START_TIMEOUT_S).error:
            raise BackendLostError(f'the simulator refused: {error}')
        self._wait_for(start)
        self._set_armed(True)
        handle = result_of(
            self._run.send_goal_async(RunEpisode.Goal(goal=to_field(goal, 'float64'))),
            CALL_TIMEOUT_S,
            'the policy',
            self._ros.node.context,
        )
        if not handle.accepted:
            raise BackendLostError('the policy refused the goal; its log says why')
        # The policy gives up by itself, by its own limit; this is for a policy that has died.
        wait = DISCOVERY_S + self._time_limit + PATIENCE_S + CALL_TIMEOUT_S
        answer = result_of(handle.get_result_async(), wait, 'the policy', self._ros.node.context)
        self._set_armed(False)
        result = answer.result
        if answer.status != GoalStatus.STATUS_SUCCEEDED:
            raise BackendLostError(f'the policy gave up: {result.message or "see its log"}')
        return Episode(result.success, result.final_distance, result.time_to_success)

    def _wait_for(self, posture: Any) -> None:
        """Wait until the driver has shown a posture twice: the guard arms where the arm is."""
        seen, self._position = 0, None
        deadline = time.monotonic() + CALL_TIMEOUT_S
        while seen < 2:
            if time.monotonic() > deadline:
                raise BackendLostError('the arm does not come to the start of the episode')
            time.sleep(0.005)
            position = self._position
            if position is not None and np.abs(position - posture).max() < START_TOLERANCE_RAD:
                seen, self._position = seen + 1, None

    def _on_state(self, message: JointState) -> None:
        self._position = joint_position_from_msg(message, self._parts.model)

    def _set_armed(self, armed: bool) -> None:
        if self._fault:
            raise BackendLostError(f'the guard has a fault: {self._fault}')
        response = call(self._arm, SetBool.Request(data=armed), CALL_TIMEOUT_S)
        if not response.success:
            raise BackendLostError(f'the guard refused: {response.message}')

    def _on_latency(self, message: StepLatency) -> None:
        self._latencies.append(message.total)

    def _on_status(self, message: GuardStatus) -> None:
        if message.state == GuardStatus.FAULT:
            self._fault = message.reason
        if message.state != GuardStatus.ARMED and self._armed:
            for name in self._counts:
                self._counts[name] += getattr(message, name)
        self._armed = message.state == GuardStatus.ARMED

    def _more(self) -> dict[str, Any]:
        latency = {
            f'p{p}': 1e3 * float(np.percentile(self._latencies, p)) if self._latencies else None
            for p in (50, 99)
        }
        config = self._config
        return {
            'seed': config.seed,
            'bundle': config.policy,
            'backend': 'deployment graph',
            'command_latency_ms': latency,
            'guard': self._counts,
        }


def _describe(episode: Episode) -> str:
    if episode.success:
        return f'reached in {episode.duration:.2f} s'
    return f'missed by {100.0 * episode.distance:.1f} cm'


def _main() -> int:
    evaluator = Evaluator()
    try:
        return evaluator.main()
    finally:
        evaluator.close()


def main() -> None:
    """Run the node."""
    leave(work(_main))


if __name__ == '__main__':
    main()
