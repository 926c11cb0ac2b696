# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups ``training`` and ``zero_shot``: how fast policies are learned, and what they are worth."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from franka_rl_core.bench.peers import panda_gym_version
from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.envs.config import EnvConfig, useful_workers
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.evaluation import EvaluationReport, as_it_is, evaluate
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_learning.algorithms.base import Algorithm, Learner
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.config import configure
from franka_rl_learning.training import goal_seed, train

SUCCESS_RATE = 0.98
SEEDS = (0, 1, 2)
# An attempt is given up after so many times the default steps.
_PATIENCE = 4
# Evaluations within the default steps.
_CHUNKS = 20
_PEER = 'panda-gym + Stable-Baselines3 PPO'
_PEER_STEPS = 150_000
_PEER_CHUNK = 2_000
_PEER_ENVS = 8
_PEER_EPISODES = 200

#: What a policy is trained to stand, for ``+randomization``.
RANDOMIZATION = {
    'delay_steps': 2,
    'action_scale': 0.1,
    'position_noise': 0.002,
    'velocity_noise': 0.02,
    'tracking_lag': 0.2,
}


@dataclass(frozen=True)
class Attempt:
    """One training, until it was good enough or given up."""

    seconds: float  # of learning, without evaluation; infinite if it was given up [s]
    steps: int  # of all worlds
    success_rate: float  # of the last evaluation


@dataclass(frozen=True)
class Case:
    """One row of the group ``training``."""

    backend: str
    algorithm: str
    control: str
    episodes: int  # of an evaluation, each with a new goal
    evaluation_worlds: int

    @property
    def name(self) -> str:
        """Name of the row."""
        suffix = '' if self.control == 'ee' else f'-{self.control}'
        return f'train_seconds/{self.backend}/{self.algorithm}{suffix}'


CASES = (
    Case('kinematic', 'apg', 'ee', 1_000, 1_000),
    Case('kinematic', 'ppo', 'ee', 1_000, 1_000),
    Case('kinematic', 'apg', 'joints', 1_000, 1_000),
    Case('kinematic', 'ppo', 'joints', 1_000, 1_000),
    Case('pybullet', 'ppo', 'ee', 200, 8),
)


def measure_training(options: BenchOptions) -> Iterator[Row]:
    """Measure the seconds of learning until 98 % of fresh goals are reached."""
    import torch

    threads = torch.get_num_threads()
    for case in CASES:
        ours, theirs = [], []
        with_peer = options.peers and case.backend == 'pybullet'
        for seed in SEEDS[:1] if options.quick else SEEDS:
            torch.set_num_threads(threads)  # learners change it for the whole process
            ours.append(_attempt(case, seed, options.device))
            if with_peer:
                theirs.append(_peer_attempt(seed))
        torch.set_num_threads(threads)
        yield _training_row(case, options.device, ours, theirs)


def _training_row(case: Case, device: str, ours: list[Attempt], theirs: list[Attempt]) -> Row:
    algorithm = find_algorithm(case.algorithm, case.backend)
    num_envs = algorithm.defaults.num_envs
    settings = {
        **dataclasses.asdict(case),
        'device': _device(case.backend, device),
        'num_envs': num_envs,
        'workers': useful_workers(case.backend, num_envs),
        'success_rate': SUCCESS_RATE,
        'given_up_after_steps': _limit(algorithm),
        **_record(ours, ''),
    }
    value = statistics.median(attempt.seconds for attempt in ours)
    if not theirs:
        return Row(case.name, _or_nan(value), 's', settings=settings)
    settings |= {
        'peer_versions': [panda_gym_version(), _sb3_version()],
        'peer_num_envs': _PEER_ENVS,
        'peer_workers': 1,
        'peer_episodes': _PEER_EPISODES,
        'peer_given_up_after_steps': _PEER_STEPS,
        **_record(theirs, 'peer_'),
    }
    pairs = zip(ours, theirs, strict=True)
    ratios = [b.seconds / a.seconds for a, b in pairs]  # NaN where both have given up
    ratio = math.nan if any(map(math.isnan, ratios)) else statistics.median(ratios)
    peer_value = statistics.median(attempt.seconds for attempt in theirs)
    return Row(case.name, _or_nan(value), 's', _PEER, _or_nan(peer_value), _or_nan(ratio), settings)


def _record(attempts: list[Attempt], prefix: str) -> dict[str, Any]:
    """Give what came of all attempts, in the order of their seeds."""
    given_up = [seed for seed, attempt in enumerate(attempts) if math.isinf(attempt.seconds)]
    return {
        f'{prefix}seconds': [_or_nan(attempt.seconds) for attempt in attempts],
        f'{prefix}steps': [attempt.steps for attempt in attempts],
        f'{prefix}success_rates': [attempt.success_rate for attempt in attempts],
        f'{prefix}seeds_given_up': given_up,
    }


def _attempt(case: Case, seed: int, device: str) -> Attempt:
    """Train as ``franka-rl train`` does, and evaluate between chunks of learning."""
    algorithm = find_algorithm(case.algorithm, case.backend)
    train_env = _env(case, algorithm.defaults.num_envs, device)
    test_env = _env(case, case.evaluation_worlds, device)

    def judge(learner: Learner) -> float:
        goals = goal_seed(seed, learner.steps, 2)
        return evaluate(test_env, learner.act, case.episodes, goals).success_rate

    try:
        with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
            learner = algorithm.learner(train_env, algorithm.config(), seed=seed, log=Path(folder))
            learner.restart(goal_seed(seed, 0))
            limit = _limit(algorithm)
            return _until_good(learner, limit, limit // (_PATIENCE * _CHUNKS), judge)
    finally:
        train_env.close()
        test_env.close()


def _until_good(
    learner: Learner, limit: int, chunk: int, judge: Callable[[Learner], float]
) -> Attempt:
    seconds, rate = 0.0, 0.0
    while learner.steps < limit:
        start = time.perf_counter()
        learner.learn(learner.steps + chunk, lambda: True)
        seconds += time.perf_counter() - start
        rate = judge(learner)
        if rate >= SUCCESS_RATE:
            return Attempt(seconds, learner.steps, rate)
    return Attempt(math.inf, learner.steps, rate)


def _env(case: Case, num_envs: int, device: str) -> FrankaVectorEnv:
    return FrankaVectorEnv(
        backend=case.backend,
        control=case.control,
        num_envs=num_envs,
        workers=useful_workers(case.backend, num_envs),
        device=_device(case.backend, device),
    )


def _device(backend: str, device: str) -> str:
    return device if backend == 'kinematic' else 'cpu'


def _limit(algorithm: Algorithm) -> int:
    """Give the world steps after which a training is given up."""
    return _PATIENCE * algorithm.defaults.total(algorithm.defaults.num_envs)


def _or_nan(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _sb3_version() -> str:
    import stable_baselines3

    return f'stable-baselines3 {stable_baselines3.__version__}'


def _peer_attempt(seed: int) -> Attempt:
    """Train on panda-gym with Stable-Baselines3, with the settings that ours has on PyBullet."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    from franka_rl_learning.algorithms.sb3 import arguments

    torch.set_num_threads(1)  # as our learner does
    config = find_algorithm('ppo', 'pybullet').config()
    settings, normalize = arguments(config)
    env = VecNormalize(DummyVecEnv([_panda_gym_env] * _PEER_ENVS), gamma=config.gamma, **normalize)
    test_env = DummyVecEnv([_panda_gym_env] * _PEER_ENVS)
    env.seed(seed)
    model = PPO('MultiInputPolicy', env, seed=seed, device='cpu', **settings)

    def act(observation: Any) -> Any:
        return model.predict(env.normalize_obs(observation), deterministic=True)[0]

    seconds, rate = 0.0, 0.0
    try:
        while model.num_timesteps < _PEER_STEPS:
            start = time.perf_counter()
            model.learn(_PEER_CHUNK, reset_num_timesteps=False)
            seconds += time.perf_counter() - start
            test_env.seed(goal_seed(seed, model.num_timesteps, 2))
            rate = _peer_success(test_env, act)
            if rate >= SUCCESS_RATE:
                return Attempt(seconds, model.num_timesteps, rate)
        return Attempt(math.inf, model.num_timesteps, rate)
    finally:
        env.close()
        test_env.close()


def _panda_gym_env() -> Any:
    import gymnasium
    import panda_gym  # noqa: F401 - registers the environments

    return gymnasium.make('PandaReachDense-v3')


def _peer_success(env: Any, act: Callable[[Any], Any]) -> float:
    """Run the same number of episodes in every world, as our evaluation does."""
    left = np.full(env.num_envs, _PEER_EPISODES // env.num_envs)
    successes, observation = 0, env.reset()
    while left.any():
        observation, _, done, infos = env.step(act(observation))
        for world in np.flatnonzero(done):
            if left[world]:
                left[world] -= 1
                successes += bool(infos[world]['is_success'])
    return successes / (_PEER_EPISODES // env.num_envs * env.num_envs)


def measure_zero_shot(options: BenchOptions) -> Iterator[Row]:
    """Measure policies that learned on the kinematics alone, on PyBullet."""
    for name, bundle in trained_bundles(options):
        policy = PolicyBundle(bundle)
        metadata = policy.metadata
        episodes = 40 if options.quick else 200
        physics = _evaluated(policy, 'pybullet', episodes, 8)
        kinematic = _evaluated(policy, 'kinematic', 1_000, 1_000)
        settings = {
            'algorithm': metadata.training,
            'control': metadata.config.control,
            'randomization': metadata.config.randomization,
            'pybullet': physics.to_dict(),
            'kinematic': kinematic.to_dict(),
        }
        yield Row(f'zero_shot/{name}', physics.success_rate, 'success rate', settings=settings)


def _evaluated(
    policy: PolicyBundle, backend: str, episodes: int, num_envs: int
) -> EvaluationReport:
    workers = useful_workers(backend, num_envs)
    trained = policy.metadata.config
    config = as_it_is(trained, backend=backend, num_envs=num_envs, workers=workers)
    env = FrankaVectorEnv(config)
    try:
        return evaluate(env, policy.act, episodes, goal_seed(0, episodes, 3))
    finally:
        env.close()


def trained_bundles(options: BenchOptions) -> Iterator[tuple[str, Path]]:
    """
    Train the policies of ``zero_shot``, or take those that this process has trained before.

    :returns: names, such as ``apg-joints+randomization``, and folders of the bundles.
    """
    folder = Path(_folder().name)
    for randomized, control, algorithm in itertools.product(
        (False,) if options.quick else (False, True), ('ee', 'joints'), ('apg', 'ppo')
    ):
        suffix = '' if control == 'ee' else f'-{control}'
        name = f'{algorithm}{suffix}' + ('+randomization' if randomized else '')
        yield name, trained_bundle(folder / name, algorithm, control, randomized, options.device)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of what this process has trained; it is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix='franka_rl_')


def trained_bundle(
    folder: Path, algorithm: str, control: str, randomized: bool, device: str = 'cpu'
) -> Path:
    """
    Train on the kinematics with the defaults of ``franka-rl train``.

    :param folder: of the run; one that has been trained already is not trained again.
    :param randomized: with :data:`RANDOMIZATION`.
    :returns: the folder of the bundle.
    """
    bundle = folder / 'policy'
    if bundle.is_dir():
        return bundle
    environment, run = configure(
        {
            'backend': 'kinematic',
            'algorithm': algorithm,
            'control': control,
            'device': device,
            'randomization': RANDOMIZATION if randomized else EnvConfig().randomization,
            'out': str(folder),
            'evaluation_episodes': 0,
        }
    )
    env = FrankaVectorEnv(environment)
    try:
        train(env, run)
    finally:
        env.close()
    return bundle
