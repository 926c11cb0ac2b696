# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A film shows what an evaluation saw, and does not change it."""

import dataclasses

import numpy as np
import pytest

from franka_rl_core import kinematics, recording
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.evaluation import evaluate

pytest.importorskip('matplotlib')


def towards_the_goals(env):
    """Give a policy in joint control that goes straight to the goals."""

    def act(observation):
        arm = env.arm
        away = observation['desired_goal'][:, :3] - arm.tool_position
        jacobian = arm.jacobian[:, :3]
        motion = kinematics.damped_least_squares(jacobian, 0.2 * away, 0.1)
        return np.clip(motion / 0.032, -1.0, 1.0).astype(np.float32)

    return act


def still(env):
    return lambda observation: np.zeros(env.action_space.shape, np.float32)


@pytest.fixture
def film(monkeypatch, tmp_path):
    """Give a function that films an evaluation: report, stories of the pictures, written ones."""
    told, written = [], []

    def draw(self, picture, story):
        assert picture.shape == (360, 480, 3)
        told.append(dataclasses.replace(story, path=list(story.path), reached=list(story.reached)))
        return np.full((4, 4, 3), len(told) % 256, np.uint8)

    monkeypatch.setattr(recording.Overlay, 'draw', draw)
    monkeypatch.setattr(FrankaVectorEnv, 'picture', lambda *_: np.zeros((360, 480, 3), np.uint8))
    monkeypatch.setattr(recording, 'write_video', lambda *arguments: written.append(arguments))

    def film(policy, episodes, **settings):
        settings = {'backend': 'mock', 'control': 'joints', **settings}
        env = FrankaVectorEnv(**settings, autoreset=False)
        with recording.Recorder(env, tmp_path / 'out.gif') as filmed:
            report = evaluate(filmed, policy(env), episodes, 3)
        return report, told, written

    return film


@pytest.mark.parametrize('num_envs', [1, 3])
def test_the_numbers_are_those_without_a_film(film, num_envs):
    settings = {'task': 'touch_plane', 'num_envs': num_envs}
    report, _, _ = film(towards_the_goals, 7, **settings)
    env = FrankaVectorEnv(backend='mock', control='joints', **settings)
    assert report == evaluate(env, towards_the_goals(env), 7, 3)
    assert report.success_rate == 1.0


def test_the_film_goes_to_the_goal_and_stays_there(film):
    _, told, ((_, frames, fps),) = film(towards_the_goals, 2, task='reach')
    ends = [i for i, story in enumerate(told) if story.is_reached is not None]
    assert len(ends) == 2 and [told[i].episode for i in ends] == [1, 2]
    start = FrankaVectorEnv(backend='mock', task='reach')
    start.reset(seed=0)
    for end in ends:
        story = told[end]
        assert story.is_reached and story.distance < 0.05
        assert np.linalg.norm(story.path[-1] - story.goal) == pytest.approx(
            story.distance, abs=1e-6
        )
        np.testing.assert_allclose(story.path[0], start.arm.tool_position[0])
    assert told[0].reached == [] and len(told[ends[1]].reached) == 1
    assert (told[ends[1]].reached[0] == told[ends[0]].goal).all()
    # Every control period has its picture, the last one some more.
    paths = [len(told[i].path) for i in ends]
    assert len(frames) == sum(paths) + 2 * recording.HOLD
    assert (frames[ends[0]] == frames[ends[0] + recording.HOLD]).all()
    assert fps == pytest.approx(10.0)


def test_long_episodes_are_shown_in_part(film):
    _, told, ((_, frames, _),) = film(towards_the_goals, 9, task='touch_plane')
    steps = [len(story.path) - 1 for story in told]
    assert {step % 3 for step, story in zip(steps, told, strict=True) if not story.is_reached} == {
        0
    }
    assert len(frames) <= recording.LENGTH + 200
    assert max(story.episode for story in told) >= 3
    assert len(told[0].goals) == 9


def test_an_episode_without_success_says_so_and_the_film_ends_with_an_episode(film):
    _, told, ((_, frames, _),) = film(still, 4, task='touch_point')
    outcomes = [story.is_reached for story in told if story.is_reached is not None]
    assert outcomes == [False, False]
    assert (frames[-1] == len(told) % 256).all() and told[-1].is_reached is False
    assert len(frames) == 2 * (168 + recording.HOLD)


def test_a_film_that_ends_within_an_episode_is_written(tmp_path):
    env = FrankaVectorEnv(backend='mock', autoreset=False)
    path = tmp_path / 'out.gif'
    with recording.Recorder(env, path) as filmed:
        filmed.reset(seed=0)
        filmed.step(np.zeros((1, 3), np.float32))
    assert path.read_bytes().startswith(b'GIF89a')
