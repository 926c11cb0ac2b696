# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs: their folder, their checkpoints, and going on after an interruption."""

from __future__ import annotations

import signal
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from learning_helpers import ROWS, FailingEnv, graph, quick, run, small_env

from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_learning import training
from franka_rl_learning.config import configure
from franka_rl_learning.progress import Progress
from franka_rl_learning.record import EpisodeRecord
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.training import train


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_a_resumed_run_equals_one_without_interruption(
    name: str, backend: str, tmp_path: Path
) -> None:
    run(tmp_path / 'whole', name, backend=backend, steps=512)
    run(tmp_path / 'parts', name, backend=backend, steps=256)
    resumed = run(tmp_path / 'parts', name, backend=backend, steps=512, resume=True)
    assert resumed.steps == 512
    assert graph(tmp_path / 'whole') == graph(tmp_path / 'parts')


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_a_lost_backend_leaves_a_checkpoint_to_go_on_from(
    name: str, backend: str, tmp_path: Path
) -> None:
    with pytest.raises(BackendLostError, match='does not answer'):
        run(tmp_path, name, env=partial(FailingEnv, 80), backend=backend)
    newest = RunFolder(tmp_path).checkpoints.newest()
    # Those that learn in PyTorch look at the worlds for a tenth of an episode before.
    learned = 4 * (75 if backend == 'kinematic' else 80)
    assert newest is not None and newest.name == f'step_{learned:012}'
    assert not (tmp_path / 'policy').exists()
    result = run(tmp_path, name, backend=backend, resume=True)
    assert result.steps >= 512 and result.bundle == tmp_path / 'policy'


def test_a_request_to_stop_ends_at_once_with_a_checkpoint(tmp_path: Path) -> None:
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) == 20

    result = train(small_env(), quick(tmp_path), should_stop=should_stop)
    assert result.stopped and result.bundle is None and result.steps == 80
    assert run(tmp_path, resume=True).steps >= 512


@pytest.mark.parametrize(('rate', 'steps'), [(0.5, 512), (1.0, 1024)])
def test_a_success_rate_ends_a_training_before_its_steps(
    rate: float, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([0.4, 0.6, 0.9, 0.99])
    judged: list[int] = []

    def judge(env: object, act: object, episodes: int, seed: int, on_episode: object) -> object:
        judged.append(seed)
        return SimpleNamespace(success_rate=next(rates))

    monkeypatch.setattr(training, 'evaluate', judge)
    monkeypatch.setattr(training, '_PROMISING', 0.0)
    result = run(tmp_path, stop_at=rate, steps=1024, checkpoint_interval=256)
    assert (result.steps, result.stopped) == (steps, False)
    assert len(set(judged)) == steps // 256 and result.bundle is not None


def test_a_training_without_promise_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, 'evaluate', lambda *_, **__: pytest.fail('it takes time'))
    assert run(tmp_path, stop_at=1.0, checkpoint_interval=128).steps == 512


def test_who_says_how_long_to_learn_learns_so_long() -> None:
    touch = {'task': 'touch_plane', 'backend': 'ikpy'}
    assert configure(touch)[1].stop_at == 1.0
    for said in ({'steps': 1000}, {'episodes': 10}):
        assert configure({**touch, **said})[1].stop_at == 0.0
        assert configure({**touch, **said, 'stop_at': 0.9})[1].stop_at == 0.9


def test_an_interrupt_leaves_a_checkpoint(tmp_path: Path) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_env(), quick(tmp_path), should_stop=interrupt)
    assert RunFolder(tmp_path).checkpoints.newest() is not None


def test_a_signal_while_a_checkpoint_is_written_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the simulator is told to end just before the trainer is."""
    save = EpisodeRecord.save

    def interrupted(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        save(*arguments)

    monkeypatch.setattr(EpisodeRecord, 'save', interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, env=partial(FailingEnv, 40))
    newest = RunFolder(tmp_path).checkpoints.newest()
    assert newest is not None and newest.name == 'step_000000000160'
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_the_newest_checkpoints_are_kept_and_drafts_do_not_count(tmp_path: Path) -> None:
    run(tmp_path, checkpoint_interval=128)
    folder = tmp_path / 'checkpoints'
    names = sorted(path.name for path in folder.iterdir())
    assert names == ['step_000000000384', 'step_000000000512']
    (folder / 'draft').mkdir()  # as a process leaves it that is killed while writing
    assert run(tmp_path, steps=640, resume=True).steps == 640


def test_the_folder_says_what_was_done(tmp_path: Path) -> None:
    reports: list[Progress] = []
    config = quick(tmp_path, evaluation_episodes=4, seed=3)
    result = train(small_env(), config, on_progress=reports.append)
    content = yaml.safe_load((tmp_path / 'run.yaml').read_text())
    assert content['environment'] == small_env().config.to_dict()
    assert content['run']['algorithm_options']['n_steps'] == 32
    assert content['run']['algorithm_options']['clip_range'] == 0.2  # defaults too
    assert content['sessions'][0]['versions']['torch']
    assert list((tmp_path / 'tensorboard').iterdir())
    assert reports[-1].steps == result.steps == 512 and reports[-1].total == 512
    assert result.bundle and result.evaluation
    metadata = PolicyBundle(result.bundle).metadata
    assert metadata.evaluation['episodes'] == 4
    assert metadata.evaluation['seed'] == result.evaluation_seed
    assert metadata.training['seed'] == 3 and metadata.training['steps'] == 512


def test_tensorboard_has_reward_terms_success_and_verdicts(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, steps=2_048, checkpoint_interval=4_096)
    events = EventAccumulator(str(tmp_path / 'tensorboard')).Reload()
    assert set(events.Tags()['scalars']) >= {
        *('rollout/ep_rew_mean', 'rollout/ep_len_mean', 'rollout/success_rate', 'time/fps'),
        *('reward/distance', 'reward/missed', 'safety/clipped', 'safety/held', 'train/loss'),
    }


def test_training_works_outside_the_main_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=run, args=(tmp_path,))
    thread.start()
    thread.join()
    assert (tmp_path / 'policy' / 'policy.onnx').is_file()


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(RefusedError, match='holds a run already: resume it, or choose another'):
        run(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(RefusedError, match='cannot write to .*file/run: Not a directory'):
        run(tmp_path / 'file' / 'run')


def test_nothing_to_resume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match='holds no run to resume: there is no run.yaml'):
        run(tmp_path, resume=True)
    run(tmp_path)
    for checkpoint in (tmp_path / 'checkpoints').iterdir():
        checkpoint.rename(tmp_path / checkpoint.name)
    with pytest.raises(RefusedError, match='without a checkpoint to resume from'):
        run(tmp_path, resume=True)


def test_another_run_is_refused_naming_both_sides(tmp_path: Path) -> None:
    run(tmp_path)
    cases = {
        "robot: the run has 'panda', you ask for 'fr3'": {'env': partial(small_env, robot='fr3')},
        "control: the run has 'ee', you ask for 'joints'": {
            'env': partial(small_env, control='joints')
        },
        'num_envs: the run has 4, you ask for 2': {'env': partial(small_env, num_envs=2)},
        "algorithm: the run has 'ppo', you ask for 'sac'": {'algorithm': 'sac'},
        'seed: the run has 0, you ask for 1': {'seed': 1},
        'gamma: the run has 0.95, you ask for 0.9': {'options': {'gamma': 0.9}},
    }
    for message, changes in cases.items():
        with pytest.raises(RefusedError) as refused:
            run(tmp_path, resume=True, **changes)  # type: ignore[arg-type]
        assert str(refused.value) == f'{tmp_path} holds another run; {message}'


def test_a_complete_run_is_exported_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    before = graph(tmp_path)
    assert first.bundle is not None
    (first.bundle / 'policy.onnx').unlink()
    assert run(tmp_path, resume=True).steps == first.steps
    assert graph(tmp_path) == before
