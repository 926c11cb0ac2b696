# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The environments: Gymnasium's contract and ours, over everything that is registered."""

import itertools
import re
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from franka_rl_core import register_envs, registry
from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.registration import env_id
from franka_rl_core.envs.single import FrankaEnv
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import MissingDependencyError, UnknownNameError
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.safety.base import Reason, Verdict

IDS = register_envs()
BACKENDS, CONTROLS = registry.available('backends'), registry.available('actions')
SYSTEMS = list(itertools.product(BACKENDS, CONTROLS, available_robots()))
EPISODE = 50


@pytest.fixture(params=SYSTEMS, ids='-'.join)
def system(request):
    """Give the settings of every backend, control and robot."""
    backend, control, robot = request.param
    try:
        registry.find('backends', backend)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    return {'backend': backend, 'control': control, 'robot': robot}


@pytest.fixture
def make():
    """Give a function that makes a vector environment; it is closed after the test."""
    made = []

    def make(num_envs=1, **settings):
        made.append(FrankaVectorEnv(num_envs=num_envs, **settings))
        return made[-1]

    yield make
    for env in made:
        env.close()


def actions_of(env, steps, seed=0):
    """Return (steps, N, K) actions; those of world i do not depend on N."""
    size = env.single_action_space.shape
    worlds = [
        np.random.default_rng([seed, i]).uniform(-1, 1, (steps, *size)) for i in range(env.num_envs)
    ]
    return np.stack(worlds, axis=1).astype(np.float32)


def reach(observation):
    """Act for ee control: straight to the goal."""
    return np.clip(10.0 * (observation['desired_goal'] - observation['achieved_goal']), -1, 1)


def rows(step, which, read=np.ndarray.tobytes):
    """Return the bytes of some worlds' part of everything that a step returned."""

    def walk(value):
        if isinstance(value, dict):
            return {key: walk(part) for key, part in value.items()}
        return read(np.asarray(value)[which])

    return [walk(part) for part in step]


def play(env, actions, seed=3, which=slice(None), read=np.ndarray.tobytes):
    start = rows(env.reset(seed=seed), which, read)
    return [start, *(rows(env.step(action), which, read) for action in actions)]


# Gymnasium's contract


def test_an_id_per_task():
    assert tuple(env_id(task) for task in registry.available('tasks')) == IDS
    assert env_id('pick_and_place') == 'FrankaPickAndPlace-v0'
    assert register_envs() == IDS  # once more, without a warning or an error


@pytest.mark.parametrize('env_name', IDS)
def test_check_env(env_name, system):
    pictures = 'pictures' in registry.find('backends', system['backend']).capabilities
    render_mode = 'rgb_array' if pictures else None
    env = gymnasium.make(env_name, render_mode=render_mode, **system)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_env(env.unwrapped, skip_render_check=not pictures)
    env.close()


def test_check_env_can_fail(monkeypatch):
    env = gymnasium.make('FrankaReach-v0', backend='mock').unwrapped
    monkeypatch.setattr(type(env), 'step', lambda self, action: (None, 0.0, False, False, {}))
    with pytest.raises(AssertionError):
        check_env(env, skip_render_check=True)


def test_made_as_the_readme_says():
    env = gymnasium.make('FrankaReach-v0', robot='fr3', backend='mock', control='joints')
    observation, info = env.reset(seed=0)
    assert {key: value.shape for key, value in observation.items()} == {
        'observation': (20,),
        'achieved_goal': (3,),
        'desired_goal': (3,),
    }
    assert all(value.dtype == np.float32 for value in observation.values()) and info == {}
    assert env.unwrapped.config == EnvConfig(robot='fr3', backend='mock', control='joints')
    env.close()


def test_made_as_a_vector():
    env = gymnasium.make_vec('FrankaReach-v0', num_envs=3, backend='mock', robot='fr3')
    assert isinstance(env, FrankaVectorEnv) and env.num_envs == 3
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert env.metadata['autoreset_mode'] is AutoresetMode.SAME_STEP
    env.close()


def test_gymnasium_can_batch_single_environments_too(make):
    """The same worlds, and the same numbers, by Gymnasium's way of making vectors."""
    theirs = gymnasium.make_vec(
        'FrankaReach-v0', num_envs=2, backend='mock', vectorization_mode='sync'
    )
    observation, _ = theirs.reset(seed=[0, 1])
    assert theirs.observation_space.contains(observation)
    actions = actions_of(theirs, 3)
    for action in actions:
        observation = theirs.step(action)[0]
    ours = make(backend='mock')
    ours.reset(seed=1)
    for action in actions:
        expected = ours.step(action[1:])[0]
    for key, value in expected.items():
        assert observation[key][1].tobytes() == value[0].tobytes()
    theirs.close()


# Spaces and what steps return


def test_spaces(make, system):
    env = make(4, **system)
    size = {'ee': 3, 'joints': 7}[system['control']]
    assert env.single_action_space == gymnasium.spaces.Box(-1.0, 1.0, (size,), np.float32)
    observation, infos = env.reset(seed=0)
    assert infos == {}
    for action in actions_of(env, 20):
        assert env.observation_space.contains(observation)
        assert all(env.single_observation_space.contains(one(observation, i)) for i in range(4))
        observation = env.step(action)[0]
    width = {'ee': 6, 'joints': 20}[system['control']]
    assert env.single_observation_space['observation'].shape == (width,)


def one(observation, world):
    return {key: value[world] for key, value in observation.items()}


def test_types_of_what_steps_return(make, system):
    env = make(3, **system)
    env.reset(seed=0)
    observation, reward, terminated, truncated, infos = env.step(actions_of(env, 1)[0])
    for value in (*observation.values(), *infos['final_obs'].values()):
        assert value.dtype == np.float32 and len(value) == 3
    assert reward.dtype == np.float64 and reward.shape == (3,)
    for flags in (terminated, truncated, infos['is_success'], infos['_final_obs']):
        assert flags.dtype == np.bool_ and flags.shape == (3,)
    assert infos['distance'].dtype == np.float64 and infos['distance'].shape == (3,)
    for codes in (infos['verdict'], infos['reason']):
        assert codes.dtype == np.uint8 and codes.shape == (3,)
    assert set(infos['reward_terms']) == set(env.parts.task.reward_term_names)
    assert all(term.shape == (3,) for term in infos['reward_terms'].values())


def test_the_arm_starts_inside_its_limits(make, system):
    env = make(1, **system)
    env.reset(seed=0)
    model, arm = env.parts.model, env.arm
    assert (model.range_lower < arm.joint_position).all()
    assert (arm.joint_position < model.range_upper).all()
    assert (model.workspace_lower < arm.tool_position).all()
    assert (arm.tool_position < model.workspace_upper).all()
    assert not arm.joint_velocity.any()


def test_what_was_returned_is_not_changed_later(make, system):
    env = make(2, **system)
    steps = [env.reset(seed=0)] + [env.step(action) for action in actions_of(env, 60)]
    replay = play(make(2, **system), actions_of(env, 60), seed=0)
    assert [rows(step, slice(None)) for step in steps] == replay


def test_goals_that_were_read_are_not_changed_later(make):
    env = make(2, backend='mock')
    env.reset(seed=0)
    goal = env.goals.goal
    copy = goal.copy()
    env.reset()
    assert (goal == copy).all() and (env.goals.goal != copy).any()


@pytest.mark.parametrize('reward', ['sparse', 'dense'])
def test_compute_reward_gives_the_reward_of_the_step(make, system, reward):
    env = make(3, reward=reward, **system)
    env.reset(seed=0)
    for action in actions_of(env, 5):
        _, given, _, _, infos = env.step(action)
        goals = infos['final_obs']['achieved_goal'], infos['final_obs']['desired_goal']
        assert env.compute_reward(*goals, {}).tobytes() == given.tobytes()
        deep = env.compute_reward(*(np.stack([goal] * 4) for goal in goals), {})
        assert deep.shape == (4, 3) and (deep == given).all()


def test_compute_reward_of_one_world():
    env = gymnasium.make('FrankaReach-v0', backend='mock').unwrapped
    env.reset(seed=0)
    observation, reward, *_ = env.step(np.ones(3, np.float32))
    goals = observation['achieved_goal'], observation['desired_goal']
    assert env.compute_reward(*goals, {}) == reward and isinstance(reward, float)
    several = env.compute_reward(*(np.stack([goal] * 5) for goal in goals), [{}] * 5)
    assert several.shape == (5,) and (several == reward).all()


# Determinism


def test_same_seed_same_episodes(make, system):
    first, second = make(2, **system), make(2, **system)
    actions = actions_of(first, EPISODE + 10)  # into the second episode
    expected = play(first, actions)
    assert play(second, actions) == expected
    assert play(first, actions) == expected  # and again in the same environment


def test_another_seed_other_goals(make):
    env = make(2, backend='mock')
    goals = [env.reset(seed=seed)[0]['desired_goal'].tolist() for seed in (0, 1, None, None)]
    assert len({tuple(goal) for pair in goals for goal in pair}) == 8


@pytest.mark.parametrize('count', [3, 12])
def test_a_world_does_not_depend_on_how_many_there_are(make, system, count):
    """Also across the border between few worlds (Python floats) and many (columns)."""
    alone, together = make(2, **system), make(count, **system)
    steps = 12 if system['backend'] == 'pybullet' else EPISODE + 10
    in_torch = system['backend'] == 'kinematic'
    reading = {'which': slice(0, 2), 'read': np.copy if in_torch else np.ndarray.tobytes}
    expected = play(alone, actions_of(alone, steps), **reading)
    given = play(together, actions_of(together, steps), **reading)
    if in_torch:  # whose last bits depend on a world's place in the batch
        torch = pytest.importorskip('torch')
        torch.testing.assert_close(given, expected, rtol=0.0, atol=1e-4)
    else:
        assert given == expected


def test_processes_change_nothing(make):
    pytest.importorskip('pybullet')
    one, two = make(2), make(2, workers=2)
    actions = actions_of(one, 5)
    assert play(one, actions) == play(two, actions)


def test_an_episode_does_not_depend_on_the_one_before(make, system):
    """Restarted in the same process, with the goals of the first episode, all is as it was."""
    env = make(1, **system)
    actions = actions_of(env, 10)
    first = play(env, actions, seed=7)
    play(env, actions_of(env, 17, seed=5), seed=8)
    assert play(env, actions, seed=7) == first


# Episodes


def test_truncated_after_fifty_steps(make, system):
    env = make(4, **system)
    env.reset(seed=2)
    still = np.zeros(env.action_space.shape, np.float32)
    lengths, ended = [], np.zeros(4, bool)
    for step in range(1, EPISODE + 1):
        _, _, terminated, truncated, infos = env.step(still)
        assert not (truncated & ~ended).any() or step == EPISODE
        ended |= terminated
        lengths.append(truncated.copy())
    assert lengths[-1].any()  # some goal is not where the arm rests
    assert (lengths[-1] == ~ended).all()
    assert (infos['_final_obs'] == lengths[-1]).all()


@pytest.mark.parametrize('robot', available_robots())
def test_ends_in_success_at_the_goal(make, robot):
    env = make(4, backend='mock', robot=robot)
    observation, _ = env.reset(seed=0)
    successes = 0
    for _ in range(2 * EPISODE):
        goal = observation['desired_goal']
        observation, reward, terminated, truncated, infos = env.step(reach(observation))
        final = infos['final_obs']
        assert (final['desired_goal'] == goal).all()
        distance = np.linalg.norm(final['achieved_goal'].astype(float) - goal, axis=1)
        assert infos['distance'] == pytest.approx(distance, abs=1e-12)
        assert (infos['is_success'] == (distance < 0.05)).all()
        assert (terminated == infos['is_success']).all() and not (terminated & truncated).any()
        assert reward == pytest.approx(-distance, abs=1e-12)
        successes += terminated.sum()
    assert successes >= 20


def test_success_in_the_last_step_is_no_truncation(make):
    env = make(1, backend='mock')
    env.reset(seed=0)
    still = np.zeros((1, 3), np.float32)
    for _ in range(EPISODE - 1):
        assert not any(env.step(still)[3])
    env.goals.goal = env.arm.tool_position.copy()
    _, _, terminated, truncated, _ = env.step(still)
    assert terminated.tolist() == [True] and truncated.tolist() == [False]


def test_same_step_reset(make, system):
    env = make(3, **system)
    env.reset(seed=1)
    fresh = env.reset(seed=1)[0]
    start = fresh['achieved_goal']
    resets = 0
    for action in actions_of(env, EPISODE + 5):
        observation, _, terminated, truncated, infos = env.step(action)
        ended = terminated | truncated
        assert (infos['_final_obs'] == ended).all()
        for key, value in observation.items():
            assert (value[~ended] == infos['final_obs'][key][~ended]).all()
        assert (observation['achieved_goal'][ended] == start[ended]).all()
        before = infos['final_obs']['desired_goal'][ended]
        assert (observation['desired_goal'][ended] != before).any(axis=1).all()
        resets += ended.sum()
    assert resets >= 3


def test_without_automatic_reset(make):
    env = make(2, backend='mock', autoreset=False)
    assert env.metadata['autoreset_mode'] is AutoresetMode.DISABLED
    observation, _ = env.reset(seed=0)
    goal = observation['desired_goal']
    for _ in range(EPISODE):
        observation, _, terminated, truncated, infos = env.step(reach(observation))
        assert (observation['desired_goal'] == goal).all()
        assert observation['achieved_goal'] is infos['final_obs']['achieved_goal']
    assert terminated.all() and not truncated.any()


def test_reset_mask_restarts_only_these_worlds(make, system):
    env, twin = make(3, **system), make(3, **system)
    actions = actions_of(env, EPISODE)
    env.reset(seed=4), twin.reset(seed=4)
    for action in actions[:5]:
        before = env.step(action)[0]
        twin.step(action)
    observation, _ = env.reset(options={'reset_mask': np.array([False, True, False])})
    others = [0, 2]
    for key, value in observation.items():
        assert (value[others] == before[key][others]).all()
    assert (observation['desired_goal'][1] != before['desired_goal'][1]).any()
    steps = 20 if system['backend'] == 'pybullet' else EPISODE - 5
    for action in actions[5 : 5 + steps]:
        given, expected = env.step(action), twin.step(action)
        # The others go on, and their fifty steps are counted on.
        assert rows(given, others) == rows(expected, others)


def test_step_before_reset_says_so(make):
    env = make(1, backend='mock')
    with pytest.raises(RuntimeError, match='call reset'):
        env.step(np.zeros((1, 3), np.float32))


# Bad input


@pytest.mark.parametrize('shape', [(3,), (2, 3), (3, 4), (3, 3, 1), ()])
def test_wrong_shape_of_actions(make, shape):
    env = make(3, backend='mock')
    before, _ = env.reset(seed=0)
    message = re.escape(f'actions must be (3, 3), not {shape}')
    with pytest.raises(ValueError, match=f'^{message}$'):
        env.step(np.zeros(shape, np.float32))
    after, _ = env.reset(options={'reset_mask': np.zeros(3, bool)})
    assert all((after[key] == before[key]).all() for key in before)  # nothing moved


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('whole_row', [True, False])
def test_a_bad_action_holds_its_arm_and_no_other(make, system, bad, whole_row):
    env, twin = make(3, **system), make(3, **system)
    env.reset(seed=0), twin.reset(seed=0)
    start = env.arm.joint_position.copy()
    actions = actions_of(env, 4)
    for good in actions:
        action = good.copy()
        action[1, : None if whole_row else 1] = bad
        given, expected = env.step(action), twin.step(good)
        infos = given[4]
        assert infos['verdict'][1] == Verdict.HELD
        assert infos['reason'][1] == Reason.NOT_FINITE
        assert rows(given, [0, 2]) == rows(expected, [0, 2])
        assert np.isfinite(given[0]['observation']).all()
    assert np.abs(env.arm.joint_position[1] - start[1]).max() < 5e-4
    assert np.abs(env.arm.joint_position[0] - start[0]).max() > 1e-3


def test_a_bad_action_stops_a_moving_arm_without_a_jump(make, system):
    env = make(1, **system)
    env.reset(seed=0)
    for _ in range(8):
        env.step(np.full(env.action_space.shape, 0.5, np.float32))
    change = env.parts.chain.config.acceleration_fraction * env.parts.model.acceleration * 0.04
    bad = np.full(env.action_space.shape, np.nan, np.float32)
    speeds = [env.arm.joint_velocity[0]]
    for _ in range(12):
        env.step(bad)
        speeds.append(env.arm.joint_velocity[0])
    assert np.abs(speeds[0]).max() > 0.3
    assert (np.abs(np.diff(speeds, axis=0)) < change + 0.02).all()
    assert np.abs(speeds[-1]).max() < 2e-3


def test_a_held_arm_does_not_sag(make, system):
    env = make(1, **system)
    env.reset(seed=0)
    start = env.arm.joint_position
    for _ in range(EPISODE - 1):
        env.step(np.full(env.action_space.shape, np.nan, np.float32))
    assert np.abs(env.arm.joint_position - start).max() < 1e-3


def test_actions_beyond_one_count_as_one(make, system):
    env, twin = make(2, **system), make(2, **system)
    size = env.action_space.shape
    for action, same in ((5.0, 1.0), (-1e30, -1.0)):
        given = play(env, [np.full(size, action, np.float32)])
        assert given == play(twin, [np.full(size, same, np.float32)])


@pytest.mark.parametrize(
    'settings, text',
    [
        ({'robot': 'pamda'}, "unknown robot 'pamda'; known: fr3, panda"),
        ({'task': 'reech'}, "unknown task 'reech'; known: reach"),
        ({'backend': 'mok'}, "unknown backend 'mok'; known: ikpy, kinematic, mock, pybullet"),
        ({'control': 'eee'}, "unknown action 'eee'; known: ee, joints"),
        ({'reward': 'none'}, "unknown reward of task reach 'none'; known: dense, sparse"),
        ({'robots': 'panda'}, "unknown EnvConfig key 'robots'; known: action_scale, backend, .*"),
        ({'safety': {'speed': 1}}, "unknown SafetyConfig key 'speed'; known: acceleration_.*"),
        ({'backend_options': {'look': 1}}, "unknown option of MockBackend 'look'; known: none"),
        ({'render_mode': 'human'}, "unknown render mode 'human'; known: rgb_array"),
    ],
)
def test_unknown_names_list_the_known_ones(settings, text):
    with pytest.raises(UnknownNameError, match=text):
        FrankaVectorEnv(**{'backend': 'mock', **settings})
    with pytest.raises(UnknownNameError, match=text):
        FrankaEnv(**{'backend': 'mock', **settings})


def test_a_task_refuses_a_backend_that_lacks_what_it_needs(monkeypatch):
    monkeypatch.setattr(registry.find('tasks', 'reach'), 'needs', frozenset({'physics'}))
    with pytest.raises(Exception, match=r"needs \['physics'\], which backend 'mock' lacks"):
        FrankaVectorEnv(backend='mock')


# Parts


def test_a_configuration_and_what_overrides_it(make):
    config = EnvConfig(backend='mock', robot='fr3', num_envs=5)
    env = FrankaVectorEnv(config, control='joints', num_envs=2)
    assert env.config == EnvConfig(backend='mock', robot='fr3', control='joints', num_envs=2)
    assert FrankaVectorEnv(config).num_envs == 5


def test_a_backend_of_ones_own():
    backend = MockBackend(load_robot('fr3'), 2)
    env = FrankaVectorEnv(backend=backend, robot='fr3', num_envs=2)
    assert env.backend is backend
    env.reset(seed=0)
    env.step(np.ones((2, 3), np.float32))
    assert backend.state.stamp_ns.tolist() == [40_000_000] * 2


@pytest.mark.parametrize('itself', [False, True])
def test_a_backend_that_limits_targets_gets_what_was_asked_for(itself):
    """The guard limits from where its command stream is, which a lagging arm has not reached."""

    class Recorded(MockBackend):
        limits_targets = itself

        def step(self, joint_target):
            self.target = joint_target
            return super().step(joint_target)

    config = EnvConfig(backend='mock', control='joints', action_scale=0.2)
    backend = Recorded(load_robot(config.robot), 1, config.control_period)
    env = FrankaVectorEnv(config, backend=backend)
    env.reset(seed=0)
    before = env.arm.joint_position
    *_, infos = env.step(np.ones((1, 7), np.float32))
    assert infos['verdict'] == Verdict.CLIPPED
    moved = np.abs(backend.target - before)
    assert (moved > 0.05).all() if itself else (moved < 0.05).all()
    env.close()


def test_the_period_and_the_scale_are_settings(make):
    moves = []
    for scale, period in ((0.0, 0.04), (0.001, 0.04), (0.001, 0.1)):
        env = make(backend='mock', control='joints', action_scale=scale, control_period=period)
        env.reset(seed=0)
        start = env.arm.joint_position
        env.step(np.full((1, 7), 0.1, np.float32))
        moves.append((env.arm.joint_position - start).max())
        assert env.arm.stamp_ns == round(period * 1e9)
    assert moves == pytest.approx([0.005, 0.0001, 0.0001], rel=1e-6)
    assert make(backend='mock', control_period=0.1).metadata['render_fps'] == 10


def test_closing_twice(make, system):
    env = make(**system)
    env.close()
    env.close()


def test_pictures(make):
    pytest.importorskip('pybullet')
    env = make(2, backend='pybullet', render_mode='rgb_array')
    env.reset(seed=0)
    pictures = env.render()
    assert len(pictures) == 2 and pictures[0].shape == (360, 480, 3)
    assert (pictures[0] != pictures[1]).any()  # the arms stand alike, the goals do not
    single = gymnasium.make('FrankaReach-v0', render_mode='rgb_array')
    single.reset(seed=0)
    assert (single.render() == pictures[0]).all()
    single.close()


def test_no_pictures_unless_asked_for():
    env = gymnasium.make('FrankaReach-v0', backend='mock')
    env.reset(seed=0)
    assert env.unwrapped.render() is None
