# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a backend, for every backend that is available and every robot."""

from dataclasses import fields

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.backends.base import BATCHED, DIFFERENTIABLE, Camera, Marker
from franka_rl_core.exceptions import MissingDependencyError, RefusedError, UnknownNameError
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.state import RobotState

PERIOD = 0.04
# What makes PyTorch's numbers as exact as NumPy's
OPTIONS = {'kinematic': {'dtype': 'float64'}}


@pytest.fixture(params=registry.available('backends'))
def name(request):
    return request.param


@pytest.fixture
def make(name, model):
    """Give a function that makes the backend; what it made is closed after the test."""
    made = []

    def make(num_worlds=1, period=PERIOD, **options):
        try:
            cls = registry.find('backends', name)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        options = {**OPTIONS.get(name, {}), **options}
        made.append(registry.construct(cls, model, num_worlds, period, options=options))
        return in_numpy(made[-1])

    yield make
    for backend in made:
        backend.close()


def in_numpy(backend):
    """Let a backend give its states as NumPy's arrays, in the same memory."""

    def reading(function):
        def call(*args):
            state = function(*args)
            return RobotState(*(np.asarray(getattr(state, field.name)) for field in fields(state)))

        return call

    backend.reset, backend.step = reading(backend.reset), reading(backend.step)
    return backend


def motion(model, steps, worlds=1, seed=0, size=0.02):
    """Return (steps, worlds, 7) targets: a random walk around the home posture."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.uniform(-size, size, (steps, worlds, 7)), axis=0)
    return model.home + walk


def bits(state):
    return [a.tobytes() for a in (state.joint_position, state.joint_velocity, state.stamp_ns)]


def play(backend, targets):
    return [bits(backend.step(target)) for target in targets]


def at_home(backend):
    return backend.reset(np.tile(backend.model.home, (backend.num_worlds, 1)))


def test_shapes_and_types(make):
    backend = make(3)
    for state in (at_home(backend), backend.step(np.tile(backend.model.home, (3, 1)))):
        for array in (state.joint_position, state.joint_velocity):
            assert array.shape == (3, 7) and array.dtype == np.float64
            assert np.isfinite(array).all()
        assert state.stamp_ns.shape == (3,) and state.stamp_ns.dtype == np.int64


def test_what_it_says_about_itself(make, name, model):
    backend = make(2, 0.02)
    assert backend.name == name and backend.model is model
    assert (backend.num_worlds, backend.control_period_s) == (2, 0.02)
    assert backend.capabilities <= {'physics', 'pictures', BATCHED, DIFFERENTIABLE}


def test_reset_puts_the_arm_at_rest_in_the_posture(make, model):
    backend = make(2)
    posture = model.home + [[0.1], [-0.1]]
    for _ in range(2):
        state = backend.reset(posture)
        assert (state.joint_position == posture).all() and not state.joint_velocity.any()
        backend.step(motion(model, 1, 2)[0])


@pytest.mark.parametrize('period', [0.04, 0.01])
def test_stamps_advance_by_the_period(make, period):
    backend = make(2, period)
    stamps = [at_home(backend).stamp_ns]
    for _ in range(3):
        stamps.append(backend.step(np.tile(backend.model.home, (2, 1))).stamp_ns)
    assert (np.diff(stamps, axis=0) == round(period * 1e9)).all()
    assert (at_home(backend).stamp_ns >= stamps[-1]).all()  # time does not go back


def test_reset_of_some_worlds_leaves_the_others(make, model):
    backend, twin = make(3), make(3)
    targets = motion(model, 6, 3)
    for target in targets[:3]:
        before = backend.step(target)
        twin.step(target)
    after = backend.reset(model.home[None] + 0.05, [1])
    assert (after.joint_position[1] == model.home + 0.05).all()
    assert not after.joint_velocity[1].any()
    others = [0, 2]
    assert (after.joint_position[others] == before.joint_position[others]).all()
    assert (after.joint_velocity[others] == before.joint_velocity[others]).all()
    for target in targets[3:]:
        reset, untouched = backend.step(target), twin.step(target)
        assert (reset.joint_position[others] == untouched.joint_position[others]).all()


def test_reset_takes_worlds_in_any_order(make, model):
    backend = make(3)
    at_home(backend)
    state = backend.reset(model.home + [[0.2], [0.1]], [2, 0])
    assert (state.joint_position - model.home).round(9)[:, 0].tolist() == [0.1, 0.0, 0.2]


def test_states_are_not_changed_later(make, model):
    backend = make(2)
    states = [at_home(backend)]
    for target in motion(model, 3, 2):
        states.append(backend.step(target))
    copies = [bits(state) for state in states]
    backend.reset(model.home[None], [0])
    backend.step(motion(model, 1, 2, seed=5)[0])
    assert [bits(state) for state in states] == copies


def test_the_command_is_not_changed(make, model):
    backend = make()
    at_home(backend)
    target = np.tile(model.upper + 1.0, (1, 1))
    state = backend.step(target)
    assert (target == model.upper + 1.0).all()
    reached = state.joint_position.copy()
    target += 1.0  # nor does it stay tied to the state
    assert (state.joint_position == reached).all()


def swing(model, steps):
    """Return (steps, 1, 7) targets within the limits: up to 0.9 rad/s and 3 rad/s2."""
    time = PERIOD * np.arange(1, steps + 1)[:, None, None]
    return model.home + 0.3 * (1.0 - np.cos(np.pi * time)) * np.array([1, 1, -1, 1, -1, 1, -1])


def test_targets_within_the_limits_are_reached(make, model):
    backend = make()
    at_home(backend)
    for target in swing(model, 50):
        state = backend.step(target)
        assert np.abs(state.joint_position - target).max() < 1e-3


def test_velocity_is_that_of_the_motion(make, model):
    backend = make()
    at_home(backend)
    speed = np.array([0.3, -0.2, 0.1, 0.2, -0.3, 0.1, 0.4])
    for step in range(1, 11):
        state = backend.step((model.home + step * PERIOD * speed)[None])
    assert state.joint_velocity[0] == pytest.approx(speed, abs=0.02)


@pytest.mark.parametrize('posture', ['home', 'stretched'])
def test_holds_against_gravity(make, model, posture):
    q = model.home.copy()
    if posture == 'stretched':
        q[1], q[3], q[5] = 1.2, -0.4, 1.8
    backend = make()
    backend.reset(q[None])
    for _ in range(round(5.0 / PERIOD)):
        state = backend.step(q[None])
        assert np.abs(state.joint_position - q).max() < 1e-3


@pytest.mark.parametrize('side', ['lower', 'upper'])
def test_the_official_limits_are_enforced(make, name, model, side):
    backend = make()
    if name == 'mock':
        pytest.skip('the mock goes wherever it is told')
    at_home(backend)
    limit = getattr(model, side)
    beyond = limit + (1.0 if side == 'upper' else -1.0)
    for _ in range(80):
        state = backend.step(beyond[None])
        assert (np.abs(state.joint_velocity[0]) <= 1.02 * model.velocity).all()
        assert (state.joint_position[0] <= model.upper + 3e-3).all()
        assert (state.joint_position[0] >= model.lower - 3e-3).all()
    assert state.joint_position[0] == pytest.approx(limit, abs=2e-3)


def test_same_commands_same_bits(make, model):
    targets = motion(model, 20, 2)
    first, second = make(2), make(2)
    assert bits(at_home(first)) == bits(at_home(second))
    assert play(first, targets) == play(second, targets)


def test_worlds_do_not_depend_on_each_other(make, model):
    targets = motion(model, 20, 3)
    together, alone = make(3), make(1)
    at_home(together), at_home(alone)
    for target in targets:
        row, whole = alone.step(target[1:2]), together.step(target)
        assert row.joint_position.tobytes() == whole.joint_position[1:2].tobytes()
        assert row.joint_velocity.tobytes() == whole.joint_velocity[1:2].tobytes()


def test_an_episode_does_not_depend_on_the_one_before(make, model):
    backend = make()
    targets = motion(model, 20)
    episodes = []
    for before in range(3):
        for target in motion(model, 10 * before, seed=before):
            backend.step(target)
        at_home(backend)
        states = [backend.step(target) for target in targets]
        episodes.append([s.joint_position.tobytes() + s.joint_velocity.tobytes() for s in states])
    assert episodes[0] == episodes[1] == episodes[2]


def test_backends_at_the_same_time_do_not_disturb_each_other(make, model):
    targets = motion(model, 10)
    alone = make()
    at_home(alone)
    expected = play(alone, targets)
    alone.close()
    first, second = make(), make(2)
    at_home(first)
    seen = []
    for target in targets:
        at_home(second)
        seen.append(bits(first.step(target)))
        second.step(np.tile(target + 0.1, (2, 1)))
        make().close()
    assert seen == expected


def test_closing_twice(make, model):
    first, second = make(), make()
    first.close()
    first.close()
    at_home(second)
    assert second.step(model.home[None]).joint_position.shape == (1, 7)


@pytest.mark.parametrize('worlds', [0, -1])
def test_no_worlds_are_refused(make, worlds):
    with pytest.raises(RefusedError, match=f'num_worlds must be at least 1, not {worlds}'):
        make(worlds)


@pytest.mark.parametrize('period', [0.0, -0.04, float('nan')])
def test_impossible_periods_are_refused(make, period):
    with pytest.raises(RefusedError, match='control_period_s must be above 0 s'):
        make(1, period)


def test_unknown_options_are_refused(make):
    with pytest.raises(UnknownNameError, match='unknown option of .*Backend .no_such_option.'):
        make(no_such_option=1)


@pytest.mark.parametrize('shape', [(1, 6), (2, 7), (7, 1)])
def test_wrong_shapes_are_errors(make, shape):
    backend = make()
    at_home(backend)
    with pytest.raises(ValueError, match=r'joint targets must have shape \(1, 7\), not'):
        backend.step(np.zeros(shape))


def redness(picture):
    return picture[:, :, 0].astype(int) - picture[:, :, 1]


def test_pictures(make, model):
    backend = make(2)
    camera = Camera(width=80, height=60)
    if 'pictures' not in backend.capabilities:
        with pytest.raises(RefusedError, match=f'backend {backend.name!r} has no pictures'):
            backend.render(0, camera)
        return
    at_home(backend)
    plain = backend.render(0, camera)
    assert plain.shape == (60, 80, 3) and plain.dtype == np.uint8
    assert plain.std() > 5.0  # something is on it
    marker = Marker((0.4, 0.0, 0.4), radius=0.1)
    marked = backend.render(0, camera, [marker])
    redder = redness(marked) - redness(plain)
    assert (redder > 50).sum() > 20
    assert (backend.render(0, camera) == plain).all()  # the marker has gone
    assert (backend.render(1, camera) == plain).all()  # and was in its world only


def test_pictures_do_not_change_the_motion(make, model):
    backend, twin = make(), make()
    if 'pictures' not in backend.capabilities:
        pytest.skip('no pictures')
    at_home(backend), at_home(twin)
    touching = Marker(tuple(model.tool_position(model.home[None])[0].tolist()), radius=0.2)
    for target in motion(model, 5):
        backend.render(0, Camera(width=16, height=16), [touching])
        assert bits(backend.step(target)) == bits(twin.step(target))


def test_nothing_is_printed(make, model, capfd):
    backend = make(2)
    at_home(backend)
    backend.step(np.tile(model.home, (2, 1)))
    if 'pictures' in backend.capabilities:
        backend.render(1, Camera(width=16, height=16), [Marker((0.0, 0.0, 0.0))])
    backend.close()
    assert capfd.readouterr() == ('', '')


class TestPybullet:
    """What only PyBullet has."""

    @pytest.fixture
    def make(self):
        pytest.importorskip('pybullet')
        made = []

        def make(robot='panda', *args, **options):
            cls = registry.find('backends', 'pybullet')
            made.append(cls(load_robot(robot), *args, **options))
            return made[-1]

        yield make
        for backend in made:
            backend.close()

    @pytest.mark.parametrize('period', [0.0405, 0.001, 0.005])
    def test_periods_off_the_time_step_are_refused(self, make, period):
        message = f'{period} is not a multiple of the time step 0.002 s'
        with pytest.raises(RefusedError, match=message):
            make('panda', 1, period)

    def test_meshed_look(self, make, capfd):
        primitive, meshed = make('panda'), make('panda', look='meshed')
        at_home(primitive), at_home(meshed)
        camera = Camera(width=80, height=60)
        assert (primitive.render(0, camera) != meshed.render(0, camera)).any()
        for target in swing(meshed.model, 25):
            state = meshed.step(target)
            assert np.abs(state.joint_position - target).max() < 1e-3
        assert capfd.readouterr() == ('', '')

    def test_meshed_look_of_other_robots_is_refused(self, make):
        with pytest.raises(RefusedError, match='no meshes of fr3; use look=primitive'):
            make('fr3', look='meshed')

    def test_unknown_look_lists_the_known_ones(self, make):
        with pytest.raises(UnknownNameError, match="unknown look 'nice'; known: meshed, primitive"):
            make(look='nice')

    @pytest.mark.parametrize('robot', available_robots())
    def test_tool_is_where_the_model_says(self, make, robot):
        """Physics and kinematics agree on where a moving arm is."""
        import pybullet

        backend = make(robot)
        at_home(backend)
        for target in motion(backend.model, 10, size=0.04):
            state = backend.step(target)
        (world,) = backend._worlds
        link = pybullet.getLinkState(
            world._arm,
            world._joints[-1],
            computeLinkVelocity=1,
            computeForwardKinematics=1,
            physicsClientId=world._client,
        )
        rotation = np.reshape(pybullet.getMatrixFromQuaternion(link[5]), (3, 3))
        model = backend.model
        tool = model.flange_offset[:3] + model.hand_offset[:3] + model.tool_offset[:3]
        arm = model.arm_state(state)
        assert arm.tool_position[0] == pytest.approx(link[4] + rotation @ tool, abs=1e-6)
        to_tool = rotation @ tool - rotation @ np.array(link[2])  # from the center of mass
        velocity = np.array(link[6]) + np.cross(link[7], to_tool)
        assert arm.tool_velocity[0] == pytest.approx(velocity, abs=1e-4)
