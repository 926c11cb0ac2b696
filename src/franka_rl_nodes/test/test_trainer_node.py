# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The trainer node: the Train action, beside the parameters that launch files use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('torch')

from action_msgs.msg import GoalStatus
from conftest import wait_until
from rclpy.action import ActionClient
from rclpy.node import Node

from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_interfaces.action import Train
from franka_rl_nodes.runtime import BackgroundNode, result_of


class Trainer:
    """Sends goals to the trainer node."""

    def __init__(self, context: Any) -> None:
        self.ros = BackgroundNode(Node('test', context=context))
        self._client = ActionClient(self.ros.node, Train, 'trainer/train')
        assert self._client.wait_for_server(timeout_sec=60.0)
        self.feedback: list[Any] = []

    def start(self, **goal: Any) -> Any:
        def listen(message: Any) -> None:
            self.feedback.append(message.feedback)

        return self.ask(self._client.send_goal_async, Train.Goal(**goal), listen)

    def ask(self, question: Any, *arguments: Any) -> Any:
        """Ask from the thread that spins: rclpy loses an answer that comes before it has noted."""
        return self.wait(self.ros.perform(question, *arguments, timeout_s=20.0))

    def wait(self, future: Any) -> Any:
        return result_of(future, 60.0, 'the trainer', self.ros.node.context)


@pytest.fixture
def trainer(processes: Any, context: Any) -> Any:
    processes.node('simulator', backend='mock', num_worlds=4)
    processes.node('env', num_envs=4)
    processes.node('trainer')
    yield (client := Trainer(context))
    client.ros.close()


def test_trains_reports_and_stores_a_bundle(trainer: Trainer, tmp_path: Path) -> None:
    handle = trainer.start(
        algorithm='ppo', steps=1024, out=str(tmp_path / 'run'), evaluation_episodes=4
    )
    answer = trainer.ask(handle.get_result_async)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED, answer.result.message
    result = answer.result
    assert result.success and result.steps >= 1024
    assert result.success_interval[0] <= result.success_rate <= result.success_interval[1]
    assert PolicyBundle(result.bundle).metadata.training['algorithm'] == 'ppo'
    assert trainer.feedback and trainer.feedback[-1].total_steps == 1024


def test_refusals_abort_the_goal_and_the_node_lives_on(trainer: Trainer, tmp_path: Path) -> None:
    for goal, message in (
        ({'algorithm': 'pop'}, "unknown algorithm 'pop'; known: apg, ddpg, ppo, sac, td3"),
        ({'config': 'gama: 0.9'}, "unknown PpoConfig key 'gama'"),
        ({'config': '{a'}, "config = '{a' is no YAML"),
        ({'seed': -1}, 'seed = -1 is out of bounds'),
    ):
        handle = trainer.start(out=str(tmp_path / 'run'), **goal)
        answer = trainer.ask(handle.get_result_async)
        assert answer.status == GoalStatus.STATUS_ABORTED
        assert message in answer.result.message
    assert not (tmp_path / 'run').exists()


def test_a_cancelled_training_leaves_a_checkpoint(trainer: Trainer, tmp_path: Path) -> None:
    handle = trainer.start(steps=1_000_000, out=str(tmp_path / 'run'))
    assert wait_until(lambda: len(trainer.feedback) > 1, 30.0)
    trainer.ask(handle.cancel_goal_async)
    answer = trainer.ask(handle.get_result_async)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert not answer.result.success
    assert list((tmp_path / 'run' / 'checkpoints').iterdir())
