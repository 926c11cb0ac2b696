# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training: from an environment to a policy bundle, in segments that end with a checkpoint.

Every segment starts with new episodes, whose goals come from the run's seed and the number of
steps so far. So a run that is resumed from the checkpoint at the end of a segment goes on exactly
as if it had not been interrupted, on every environment whose episodes do not depend on those
before. An interruption within a segment costs the episodes in progress, and with PPO the steps
since the last update.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv

from franka_rl_core.envs.config import make_parts
from franka_rl_core.evaluation import Episode, EvaluationReport, evaluate
from franka_rl_core.policies.bundle import GRAPH_FILE, PolicyBundle, write_bundle
from franka_rl_core.policies.metadata import describe
from franka_rl_learning.algorithms.base import Learner
from franka_rl_learning.config import TrainConfig, with_folder
from franka_rl_learning.progress import Progress, Watch
from franka_rl_learning.provenance import commit, versions
from franka_rl_learning.run_folder import RunFolder, plain


@dataclass(frozen=True)
class TrainResult:
    """What a session of training came to."""

    folder: Path  # of the run
    steps: int  # world steps so far
    seconds: float  # duration of this session's learning [s]
    steps_per_second: float
    stopped: bool  # by ``should_stop``, before all was done
    bundle: Path | None  # None if learning was stopped
    evaluation: EvaluationReport | None
    evaluation_seed: int


def train(
    env: VectorEnv,
    config: TrainConfig,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """
    Learn, and export the policy. Works in any thread; installs no signal handlers.

    A checkpoint is written whenever learning ends, by an error too.

    :param env: a :class:`FrankaVectorEnv` or one with the same interface; it stays open.
    :param config: the run.
    :param on_progress: called a few times a second.
    :param should_stop: asked after every step of the worlds; when it answers True, training ends.
    :raises RefusedError: the run may not be started, see :meth:`RunFolder.check`.
    :raises FrankaRLError: the environment's, after the checkpoint.
    """
    environment = env.config  # type: ignore[attr-defined]
    backend = environment.backend
    config = with_folder(config, environment.task).complete(environment)
    run = RunFolder(config.out)
    run.check(environment, config)
    algorithm, options = config.find(backend), config.options(backend)
    algorithm.check(environment)
    run.make()
    learner = algorithm.learner(env, options, seed=config.seed, log=run.tensorboard)
    if config.resume and (newest := run.checkpoints.newest()):
        learner.load(newest)
    run.open(environment, config)
    watch = Watch(learner, config.steps, on_progress, should_stop)
    _learn(learner, config, run, watch)
    progress, seconds = watch.now(), watch.seconds
    bundle = None if watch.stopped else _export(learner, env, config, run.policy)
    seed = goal_seed(config.seed, learner.steps, 1)
    report = _evaluate(bundle, env, config.evaluation_episodes, seed, watch) if bundle else None
    return TrainResult(
        run.folder,
        progress.steps,
        seconds,
        progress.steps_per_second,
        watch.stopped,
        bundle,
        report,
        seed,
    )


def goal_seed(*numbers: int) -> int:
    """Give the seed of the goals of a segment, from the run's seed and the steps so far."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _learn(learner: Learner, config: TrainConfig, run: RunFolder, watch: Watch) -> None:
    while learner.steps < config.steps and not watch.stopped:
        learner.restart(goal_seed(config.seed, learner.steps))
        interval = config.checkpoint_interval
        end = (learner.steps // interval + 1) * interval
        try:
            learner.learn(min(end, config.steps), watch)
        finally:
            run.checkpoints.save(learner.steps, learner.save)
    watch.report()


def _export(learner: Learner, env: VectorEnv, config: TrainConfig, folder: Path) -> Path:
    environment = env.config  # type: ignore[attr-defined]
    training = {
        'algorithm': config.algorithm,
        'library': config.find(environment.backend).library,
        'options': plain(config.options(environment.backend)),
        'steps': learner.steps,
        'seed': config.seed,
        'commit': commit(),
        'versions': versions(),
    }
    metadata = describe(environment, make_parts(environment), training=training)
    write_bundle(folder, learner.graph(), metadata)
    return folder


def _evaluate(
    folder: Path, env: VectorEnv, episodes: int, seed: int, watch: Watch
) -> EvaluationReport | None:
    """Evaluate what was exported, and write it into the bundle; None if not wanted or stopped."""
    if not episodes:
        return None
    environment = env.config  # type: ignore[attr-defined]
    bundle = PolicyBundle(folder)
    bundle.check(environment)

    def ask(_: Episode) -> None:
        if not watch.go_on():
            raise _StoppedError

    try:
        report = evaluate(env, bundle.act, episodes, seed, on_episode=ask)  # type: ignore[arg-type]
    except _StoppedError:
        return None
    evaluation = report.to_dict() | {'seed': seed, 'backend': environment.backend}
    metadata = dataclasses.replace(bundle.metadata, evaluation=evaluation)
    write_bundle(folder, (folder / GRAPH_FILE).read_bytes(), metadata)
    return report


class _StoppedError(Exception):
    """Ends an evaluation."""
