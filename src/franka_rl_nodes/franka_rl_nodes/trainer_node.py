# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Trains policies on the environment that the environment node serves."""

from __future__ import annotations

import dataclasses
import math
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import FrankaRLError, RefusedError
from franka_rl_core.exit_codes import DONE
from franka_rl_core.json_file import check_json, write_json
from franka_rl_core.settings import build, parse_yaml, setting
from franka_rl_interfaces.action import Train
from franka_rl_learning.config import TrainConfig, with_folder
from franka_rl_learning.progress import Progress
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.training import TrainResult, train
from franka_rl_nodes.diagnostics import OK, Diagnostics, Report
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.ros_vector_env import RosVectorEnv
from franka_rl_nodes.runtime import BackgroundNode, hold_name, leave, work

# Time between two lines of progress in the log [s].
LOG_INTERVAL_S = 5.0


@dataclass(frozen=True)
class TrainerConfig(TrainConfig):
    """Parameters of the trainer node: those of a run, and how it is started."""

    autostart: bool = setting(
        False, 'train at once with these parameters, and end; else serve the action ~/train'
    )
    env: str = setting('env', 'name of the environment node')
    env_timeout: float = setting(
        8.0, 'a step that takes longer means that the environment is lost', unit='s', low=0.1
    )
    result: str = setting('', 'file for the numbers, JSON; empty for none')

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: the algorithm or one of its options is unknown, or the folder cannot
            be used.
        """
        # The rows of one name have the same settings, whatever the backend will be.
        self.options(EnvConfig.backend)
        if self.find(EnvConfig.backend).needs_gradients:
            raise RefusedError(
                f'{self.algorithm} cannot learn over ROS 2, where gradients do not flow: '
                f'franka-rl train --algo {self.algorithm}; ppo and sac can'
            )
        check_json(Path(self.result) if self.result else None)
        if self.out:
            RunFolder(self.out).check_state(self.resume)

    @property
    def run(self) -> TrainConfig:
        """The run alone."""
        fields = dataclasses.fields(TrainConfig)
        return TrainConfig(**{field.name: getattr(self, field.name) for field in fields})


CONFIG = TrainerConfig
Job = tuple[ServerGoalHandle, Future]


class Trainer:
    """
    Trains in the main thread, which signals can interrupt, while another thread spins the node.

    :param ros: the node.
    :param config: its parameters.
    """

    def __init__(self, ros: BackgroundNode, config: TrainerConfig) -> None:
        self._node = ros.node
        self._config = config
        self._env = RosVectorEnv(
            config.env, config.env_timeout, context=self._node.context
        )
        self._progress: Progress | None = None
        self._logged = -math.inf
        self._jobs: queue.Queue[Job] = queue.Queue()
        self._diagnostics = Diagnostics(self._node, self._report)

    def close(self) -> None:
        """Close the connection to the environment."""
        self._env.close()

    def run_once(self) -> int:
        """Train by the parameters, and print bundle and success rate."""
        result = self._train(self._config.run)
        path = Path(self._config.result) if self._config.result else None
        evaluation = result.evaluation
        numbers = {'bundle': str(result.bundle), 'steps': result.steps, 'seconds': result.seconds}
        numbers |= {'backend': self._env.config.backend, 'seed': result.evaluation_seed}
        write_json(path, (evaluation.to_dict() if evaluation else {}) | numbers)
        print(f'bundle: {result.bundle}')
        print(evaluation.summary() if evaluation else 'success_rate: not evaluated', flush=True)
        return DONE

    def serve(self) -> int:
        """Serve the action until the program is interrupted."""
        server = ActionServer(
            self._node,
            Train,
            '~/train',
            self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        try:
            while True:
                self._do(*self._jobs.get())
        finally:
            server.destroy()

    async def _on_goal(self, handle: ServerGoalHandle) -> Train.Result:
        done: Future = Future(executor=self._node.executor)
        self._jobs.put((handle, done))
        return await done

    def _do(self, handle: ServerGoalHandle, done: Future) -> None:
        """Train as a goal of the action asks for."""
        result = Train.Result()
        try:
            trained = self._train(_config_of(handle.request), handle)
            (handle.canceled if trained.stopped else handle.succeed)()
            result = _result_of(trained)
        except Exception as error:  # noqa: BLE001 - the client must not wait for ever
            self._node.get_logger().error(repr(error))
            result.message = str(error)
            handle.abort()
        done.set_result(result)

    def _train(self, config: TrainConfig, handle: ServerGoalHandle | None = None) -> TrainResult:
        config = with_folder(config, self._env.config.task).complete(self._env.config)
        self._node.get_logger().info(
            f'training {config.algorithm} for {config.steps} steps in {config.out}'
        )
        stop: Callable[[], bool] | None = None
        if handle is not None:
            stop = lambda: bool(handle.is_cancel_requested)  # noqa: E731
        try:
            return train(
                self._env,
                config,
                on_progress=lambda progress: self._show(progress, handle),
                should_stop=stop,
            )
        except (FrankaRLError, KeyboardInterrupt):
            if self._progress is not None:
                self._node.get_logger().error(
                    f'stopped after {self._progress.steps} steps; '
                    f'go on with resume:=true out:={config.out}'
                )
            raise

    def _show(self, progress: Progress, handle: ServerGoalHandle | None) -> None:
        self._progress = progress
        if handle is not None:
            handle.publish_feedback(
                Train.Feedback(
                    steps=progress.steps,
                    total_steps=progress.total,
                    steps_per_second=progress.steps_per_second,
                    episode_return=progress.episode_return,
                    success_rate=progress.success_rate,
                )
            )
        # Not the one before anything is learned.
        if progress.steps and time.monotonic() - self._logged >= LOG_INTERVAL_S:
            self._logged = time.monotonic()
            self._node.get_logger().info(
                f'{progress.steps}/{progress.total} steps, {progress.steps_per_second:.0f}/s, '
                + progress.summary()
            )

    def _report(self) -> Report:
        if self._progress is None:
            return OK, 'waiting', {}
        return OK, 'training', dataclasses.asdict(self._progress)


def _config_of(goal: Train.Goal) -> TrainConfig:
    defaults = TrainConfig()
    return build(
        TrainConfig,
        {
            'algorithm': goal.algorithm or defaults.algorithm,
            'algorithm_options': parse_yaml(goal.config, 'config') or {},
            'steps': goal.steps or defaults.steps,
            'seed': goal.seed,
            'out': goal.out,
            'resume': goal.resume,
            'evaluation_episodes': goal.evaluation_episodes,
        },
    )


def _result_of(trained: TrainResult) -> Train.Result:
    evaluation = trained.evaluation
    return Train.Result(
        success=not trained.stopped,
        message=evaluation.summary()
        if evaluation
        else 'stopped'
        if trained.stopped
        else 'finished',
        bundle=str(trained.bundle or ''),
        steps=trained.steps,
        success_rate=evaluation.success_rate if evaluation else math.nan,
        success_interval=evaluation.success_interval if evaluation else (math.nan, math.nan),
    )


def _main() -> int:
    ros = BackgroundNode(Node('trainer'))
    try:
        config = declare(ros.node, TrainerConfig)
        hold_name(ros.node)
        config.check()
        trainer = Trainer(ros, config)
        try:
            return trainer.run_once() if config.autostart else trainer.serve()
        finally:
            trainer.close()
    finally:
        ros.close()


def main() -> None:
    """Run the node."""
    leave(work(_main))


if __name__ == '__main__':
    main()
