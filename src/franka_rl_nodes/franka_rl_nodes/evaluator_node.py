# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs episodes in the deployment graph and judges them: reset, arm, drive, disarm."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from sensor_msgs.msg import JointState

from franka_rl_core.envs.config import make_parts
from franka_rl_core.evaluation import Episode, report
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.json_file import check_json, write_json
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.settings import setting
from franka_rl_interfaces.action import RunEpisode
from franka_rl_interfaces.msg import StepLatency
from franka_rl_interfaces.srv import ResetWorlds
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_position_from_msg, to_field
from franka_rl_nodes.episode import DISCOVERY_S, PATIENCE_S
from franka_rl_nodes.episode_goals import make_goals, parse_goal
from franka_rl_nodes.guard_client import GuardClient, arms_itself, check_arm
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.runtime import BackgroundNode, first_call, hold_name, leave, work

START_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 5.0
# A way to the start that was stopped is begun so often, so long after [s]: a computer that is busy
# for a moment makes the guard hold, and a simulated arm recovers from a reflex.
WAY_ATTEMPTS = 10
WAY_PAUSE_S = 0.5
# An arm so close to the start of an episode has been reset.
START_TOLERANCE_RAD = 0.01
RESETS = ('teleport', 'home')


@dataclass(frozen=True)
class EvaluatorConfig:
    """Parameters of the evaluator node."""

    policy: str = setting('', 'folder of the policy bundle')
    episodes: int = setting(20, 'episodes to run', low=1)
    seed: int = setting(1, 'seed of the goals', low=0)
    goal: str = setting('random', 'random (of the task), x,y,z [m], or topic (target_pose)')
    reset: str = setting('teleport', f'how the arm comes to the start: {" or ".join(RESETS)}')
    arm: str = setting(
        'auto', 'arm the guard: true, false (wait for the operator), auto: only a simulated arm'
    )
    driver: str = setting('none', 'what drives the robot; none and fci are simulated')
    simulator: str = setting('simulator', 'name of the simulator node, for teleport')
    result: str = setting('', 'file for the numbers, JSON; empty for none')

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: the bundle is none, a choice is unknown, or the arm cannot reach the
            goal.
        """
        if not self.policy:
            raise RefusedError('parameter policy must name the folder of a policy bundle')
        parse_goal(self.goal, make_parts(PolicyBundle(self.policy).metadata.config))
        check_arm(self.arm)
        if self.reset not in RESETS:
            raise RefusedError(f'reset must be {" or ".join(RESETS)}, not {self.reset!r}')
        check_json(Path(self.result) if self.result else None)

    @property
    def arms(self) -> bool:
        """Whether to arm the guard without an operator."""
        return arms_itself(self.arm, self.driver)


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
        self._start = self._parts.task.start_joint_position(self._parts.model)
        steps = self._parts.task.max_episode_steps
        self._time_limit = steps * policy.metadata.config.control_period
        self._latencies: list[float] = []
        self._computations: list[float] = []
        self._guard = GuardClient(self._ros)
        self._goals = make_goals(self._config.goal, node, self._parts, self._config.seed)
        self._reset = self._ros.client(ResetWorlds, f'{self._config.simulator}/reset_worlds')
        self._run = ActionClient(node, RunEpisode, 'policy/run_episode')
        self._states = PolledSubscription(node, JointState, 'franka/joint_states', qos.SENSOR)
        node.create_subscription(StepLatency, 'guard/latency', self._on_latency, qos.REPORT)
        node.create_subscription(
            StepLatency,
            'policy/latency',
            lambda message: self._computations.append(message.computation),
            qos.REPORT,
        )

    def main(self) -> int:
        """Run all episodes and print the success rate."""
        if not self._run.wait_for_server(timeout_sec=START_TIMEOUT_S):
            raise BackendLostError('the policy does not answer')
        episodes = []
        for index in range(self._config.episodes):
            episodes.append(self._episode())
            print(f'episode {index + 1}: {_describe(episodes[-1])}', flush=True)
        if self._guard.armed:
            self._guard.arm(False)
        result = report(episodes)
        path = Path(self._config.result) if self._config.result else None
        write_json(path, result.to_dict() | self._more())
        print(result.summary(), flush=True)
        return 0

    def close(self) -> None:
        """Leave the arm held."""
        self._ros.close()

    def _episode(self) -> Episode:
        self._begin()
        goal = self._goals()  # only now: one from a topic would be old
        ask = partial(self._ros.answer, what='the policy')
        request = RunEpisode.Goal(goal=to_field(goal, 'float64'))
        handle = ask(self._run.send_goal_async, request, timeout_s=CALL_TIMEOUT_S)
        if not handle.accepted:
            raise BackendLostError('the policy refused the goal; its log says why')
        # The policy gives up by itself, by its own limit; this is for a policy that has died.
        wait = DISCOVERY_S + self._time_limit + PATIENCE_S + CALL_TIMEOUT_S
        answer = ask(handle.get_result_async, timeout_s=wait)
        result = answer.result
        if answer.status != GoalStatus.STATUS_SUCCEEDED:
            raise BackendLostError(f'the policy gave up: {result.message or "see its log"}')
        return Episode(result.success, result.final_distance, result.time_to_success)

    def _begin(self) -> None:
        """Bring the arm to the start of an episode, and have the guard armed there."""
        if self._config.reset == 'teleport':
            self._teleport()
            return
        for _ in range(WAY_ATTEMPTS - 1):
            try:
                self._go_to_start()
                return
            except RefusedError as error:
                print(f'{error}; once more', flush=True)
                time.sleep(WAY_PAUSE_S)
        self._go_to_start()

    def _go_to_start(self) -> None:
        if self._guard.fault:
            self._recover()
        if not self._guard.armed:
            self._arm()
        self._guard.go_to(self._start)

    def _teleport(self) -> None:
        if self._guard.fault:
            raise BackendLostError(f'the guard has a fault: {self._guard.fault}')
        self._guard.arm(False)
        request = ResetWorlds.Request(joint_position=to_field(self._start, 'float64'))
        # Repeating it does no harm.
        if error := first_call(self._reset, request, START_TIMEOUT_S).error:
            raise BackendLostError(f'the simulator refused: {error}')
        self._wait_for(self._start)
        self._guard.arm(True)

    def _recover(self) -> None:
        """Go on after a reflex of a simulated arm; with a real one, that is for people."""
        if not self._config.arms:
            raise BackendLostError(f'the guard has a fault: {self._guard.fault}')
        print(f'fault: {self._guard.fault}; recovering', flush=True)
        self._guard.recover()

    def _arm(self) -> None:
        if self._config.arms:
            self._guard.arm(True)
        else:
            self._guard.wait_for_operator()

    def _wait_for(self, posture: Any) -> None:
        """Wait until the driver has shown a posture twice: the guard arms where the arm is."""
        seen, deadline = 0, time.monotonic() + CALL_TIMEOUT_S
        self._states.newest()
        while seen < 2:
            if time.monotonic() > deadline:
                raise BackendLostError('the arm does not come to the start of the episode')
            time.sleep(0.002)
            if (message := self._states.newest()) is not None:
                position = joint_position_from_msg(message, self._parts.model)
                near = np.abs(position - posture).max() < START_TOLERANCE_RAD
                seen = seen + 1 if near else 0

    def _on_latency(self, message: StepLatency) -> None:
        self._latencies.append(message.total)

    def _more(self) -> dict[str, Any]:
        config = self._config
        return {
            'seed': config.seed,
            'bundle': config.policy,
            'backend': 'deployment graph',
            'command_latency_ms': _percentiles_ms(self._latencies),
            'policy_computation_ms': _percentiles_ms(self._computations),
            'guard': self._guard.counts,
            'reflexes': len(self._guard.reflexes),
            'errors': self._guard.reflexes,
        }


def _percentiles_ms(seconds: list[float]) -> dict[str, float | None]:
    return {
        f'p{p}': 1e3 * float(np.percentile(seconds, p)) if seconds else None for p in (50, 99)
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
