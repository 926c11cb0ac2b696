# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training: from an environment to a policy bundle, in segments that end with a checkpoint.

A segment ends after so many world steps or episodes, whichever the run asks for. Every segment
starts with new episodes, whose goals come from the run's seed and the number of steps so far. So a
run that is resumed from the checkpoint at the end of a segment goes on exactly as if it had not
been interrupted, on every environment whose episodes do not depend on those before. An
interruption within a segment costs the episodes in progress, and with PPO the steps since the last
update.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv

from franka_rl_core.envs.config import make_parts
from franka_rl_core.evaluation import Act, Episode, EvaluationReport, evaluate
from franka_rl_core.policies.bundle import GRAPH_FILE, PolicyBundle, write_bundle
from franka_rl_core.policies.metadata import describe
from franka_rl_learning.algorithms.base import Learner
from franka_rl_learning.config import LEAST_EPISODES, TrainConfig, one_episode, with_folder
from franka_rl_learning.interruptions import uninterrupted
from franka_rl_learning.progress import Progress, Watch
from franka_rl_learning.provenance import commit, versions
from franka_rl_learning.run_folder import RunFolder, plain
from franka_rl_learning.scribe import Scribe, following
from franka_rl_learning.trend import check_matplotlib, title_of

# World steps after which is looked whether enough episodes have ended for a checkpoint.
_STRIDE = 1_000
# To see whether the success rate is there with which to stop: so many episodes, and only where with
# the noise of exploration this share of it is there.
_JUDGED_EPISODES = 90
_PROMISING = 0.8


@dataclass(frozen=True)
class TrainResult:
    """What a session of training came to."""

    folder: Path  # of the run
    steps: int  # world steps so far
    episodes: int  # that have ended so far
    seconds: float  # duration of this session's learning [s]
    steps_per_second: float
    stopped: bool  # by ``should_stop``, before all was done
    bundle: Path | None  # None if learning was stopped
    evaluation: EvaluationReport | None
    evaluation_seed: int
    watching_seconds: float = 0.0  # that record and picture took of the whole session [s]


def train(
    env: VectorEnv,
    config: TrainConfig,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    progress_interval: int = 0,
) -> TrainResult:
    """
    Learn, and export the policy. Works in any thread.

    Checkpoint, record and picture are written whenever learning ends, by an error or Ctrl-C too.

    :param env: a :class:`FrankaVectorEnv` or one with the same interface; it stays open.
    :param config: the run.
    :param on_progress: called before, a few times a second while, and after it learns.
    :param should_stop: asked after every step of the worlds; when it answers True, training ends.
    :param progress_interval: call ``on_progress`` after so many episodes instead; 0 for by time.
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
    algorithm.learner_class().check(env, options)
    if config.plot:
        check_matplotlib()
    run.make()
    learner = algorithm.learner(env, options, seed=config.seed, log=run.tensorboard)
    if config.resume and (newest := run.checkpoints.newest()):
        learner.load(newest)
        learner.episodes.restore(run.record, learner.steps)
    run.open(environment, config)
    title = title_of(dataclasses.asdict(environment) | dataclasses.asdict(config))
    scribe = Scribe(run, learner.episodes, title if config.plot else None, config.plot_interval)
    watch = Watch(learner, config, scribe, on_progress, should_stop, progress_interval)
    with scribe:
        try:
            _learn(learner, env, config, run, watch, one_episode(environment))
        finally:
            scribe.finish()
        result = _finish(learner, env, config, run, watch)
    return dataclasses.replace(result, watching_seconds=scribe.seconds)


def _finish(
    learner: Learner, env: VectorEnv, config: TrainConfig, run: RunFolder, watch: Watch
) -> TrainResult:
    """Export what was learned, unless it was stopped, and evaluate it."""
    progress, seconds = watch.now(), watch.seconds
    bundle = None if watch.stopped else _export(learner, env, config, run.policy)
    seed = goal_seed(config.seed, learner.steps, 1)
    report = _evaluate(bundle, env, config.evaluation_episodes, seed, watch) if bundle else None
    return TrainResult(
        run.folder,
        progress.steps,
        progress.episodes,
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


def _learn(
    learner: Learner,
    env: VectorEnv,
    config: TrainConfig,
    run: RunFolder,
    watch: Watch,
    one_episode: int,
) -> None:
    watch.report()
    while watch.goes_on:
        learner.restart(goal_seed(config.seed, learner.steps))
        try:
            _learn_segment(learner, config, watch, one_episode)
        finally:
            with uninterrupted():
                # First, because what is more in it than in the checkpoint is cut off by who
                # resumes.
                learner.episodes.save(run.record)
                run.checkpoints.save(learner.steps, learner.save)
        if config.stop_at and _is_solved(learner, env, config, watch):
            break
    watch.report()


def _is_solved(learner: Learner, env: VectorEnv, config: TrainConfig, watch: Watch) -> bool:
    """Look whether it is time to stop; only where the last episodes promise it."""
    if not learner.recent[1] >= _PROMISING * config.stop_at:
        return False
    seed = goal_seed(config.seed, learner.steps, 2)
    report = _judge(learner.act, env, _JUDGED_EPISODES, seed, watch)
    return report is not None and report.success_rate >= config.stop_at


def _learn_segment(learner: Learner, config: TrainConfig, watch: Watch, one_episode: int) -> None:
    """Learn until a checkpoint is due; between updates, so that none is lost."""
    end = min(following(learner.steps, config.checkpoint_interval), config.steps)
    if not config.checkpoint_episodes:
        learner.learn(int(end), watch)
        return
    episodes = following(len(learner.episodes), config.checkpoint_episodes)
    least = learner.steps + LEAST_EPISODES * one_episode
    while watch.goes_on and learner.steps < end:
        if len(learner.episodes) >= episodes and learner.steps >= least:
            return
        learner.learn(int(min(end, max(least, learner.steps + _STRIDE))), watch)


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
    report = _judge(bundle.act, env, episodes, seed, watch)
    if report is None:
        return None
    evaluation = report.to_dict() | {'seed': seed, 'backend': environment.backend}
    metadata = dataclasses.replace(bundle.metadata, evaluation=evaluation)
    write_bundle(folder, (folder / GRAPH_FILE).read_bytes(), metadata)
    return report


def _judge(
    act: Act, env: VectorEnv, episodes: int, seed: int, watch: Watch
) -> EvaluationReport | None:
    """Evaluate; None if it was stopped."""

    def ask(_: Episode) -> None:
        if not watch.go_on():
            raise _StoppedError

    try:
        return evaluate(env, act, episodes, seed, on_episode=ask)  # type: ignore[arg-type]
    except _StoppedError:
        return None


class _StoppedError(Exception):
    """Ends an evaluation."""
