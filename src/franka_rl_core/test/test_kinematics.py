# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics and Jacobian against independent truths, and the same to the last bit."""

import warnings

import numpy as np
import pytest

from franka_rl_core import columns, kinematics
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.state import RobotState

FLANGE_AT_READY = [0.30689, 0.0, 0.59028]  # frankarobotics/docs: product of the DH table
TOOL_AT_READY = [0.30689, 0.0, 0.48688]


@pytest.fixture(params=available_robots())
def model(request):
    return load_robot(request.param)


def legal(model, count, seed=0):
    """Return random joint positions and velocities within the limits."""
    rng = np.random.default_rng(seed)
    q = rng.uniform(model.range_lower, model.range_upper, (count, 7))
    return q, rng.uniform(-model.velocity, model.velocity, (count, 7))


def arm_state(model, q, dq):
    return model.arm_state(RobotState(q, dq, np.zeros(len(q), np.int64)))


def same_bits(a, b):
    return a.shape == b.shape and a.tobytes() == b.tobytes()  # -0.0 is not 0.0 here


def flange_chain(model):
    flange = kinematics.transform_from_xyz_rpy(model.flange_offset)
    return kinematics.make_chain(model.dh, flange)


def dh_product(model, q):
    """Multiply out the textbook's 4x4 matrices, as an independent way to the tool's pose."""
    pose = np.eye(4)
    for (alpha, a, d), theta in zip(model.dh, q, strict=True):
        ca, sa, c, s = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
        pose = pose @ [
            [c, -s, 0, a],
            [s * ca, c * ca, -sa, -d * sa],
            [s * sa, c * sa, ca, d * ca],
            [0, 0, 0, 1],
        ]
    for offset in (model.flange_offset, model.hand_offset, model.tool_offset):
        pose = pose @ kinematics.transform_from_xyz_rpy(offset)
    return pose


def test_known_values_at_ready(model):
    q = model.home[None]
    flange = kinematics.tool_position(flange_chain(model), q)[0]
    arm = arm_state(model, q, np.zeros((1, 7)))
    assert flange == pytest.approx(FLANGE_AT_READY, abs=1e-5)
    assert arm.tool_position[0] == pytest.approx(TOOL_AT_READY, abs=1e-5)
    assert arm.tool_rotation[0] == pytest.approx(np.diag([1.0, -1.0, -1.0]), abs=1e-12)


def test_equals_the_product_of_dh_matrices(model):
    q, dq = legal(model, 200)
    arm = arm_state(model, q, dq)
    truth = np.stack([dh_product(model, row) for row in q])
    assert arm.tool_position == pytest.approx(truth[:, :3, 3], abs=1e-14)
    assert arm.tool_rotation == pytest.approx(truth[:, :3, :3], abs=1e-14)


@pytest.mark.parametrize('frame', ['tool', 'flange'])
def test_equals_pybullet_on_our_urdf(model, frame, pybullet_arm):
    q, dq = legal(model, 100)
    chain = model.chain if frame == 'tool' else flange_chain(model)
    position, rotation, _, _ = kinematics.tool_motion(chain, q, dq)
    link = model.tool_frame if frame == 'tool' else model.flange_frame
    arm = pybullet_arm(model.urdf_path)
    for i, row in enumerate(q):
        truth = arm.pose(model.joint_names, row, link)
        assert position[i] == pytest.approx(truth[0], abs=1e-6)
        assert rotation[i] == pytest.approx(truth[1], abs=1e-6)


def test_equals_the_flange_of_pybullets_own_panda(pybullet_arm):
    pybullet_data = pytest.importorskip('pybullet_data')
    panda = load_robot('panda')
    q, _ = legal(panda, 100)
    position = kinematics.tool_position(flange_chain(panda), q)
    arm = pybullet_arm(f'{pybullet_data.getDataPath()}/franka_panda/panda.urdf')
    for i, row in enumerate(q):
        truth, _ = arm.pose(panda.joint_names, row, 'panda_link8')
        assert position[i] == pytest.approx(truth, abs=1e-6)


def test_equals_ikpy(model):
    ikpy_chain = pytest.importorskip('ikpy.chain')
    prefix = model.base_frame.removesuffix('link0')
    path = [model.base_frame]
    for i, joint in enumerate(model.joint_names, start=1):
        path += [joint, f'{prefix}link{i}']
    path += [
        f'{prefix}joint8',
        model.flange_frame,
        f'{prefix}hand_joint',
        model.hand_frame,
        f'{prefix}hand_tcp_joint',
        model.tool_frame,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about fixed joints among the active ones
        chain = ikpy_chain.Chain.from_urdf_file(str(model.urdf_path), base_elements=path)
    moving = [i for i, link in enumerate(chain.links) if link.name in model.joint_names]
    assert len(moving) == 7
    q, dq = legal(model, 50)
    arm = arm_state(model, q, dq)
    for i, row in enumerate(q):
        values = np.zeros(len(chain.links))
        values[moving] = row
        truth = chain.forward_kinematics(values)
        assert arm.tool_position[i] == pytest.approx(truth[:3, 3], abs=1e-6)
        assert arm.tool_rotation[i] == pytest.approx(truth[:3, :3], abs=1e-6)


def test_jacobian_equals_finite_differences(model):
    q, dq = legal(model, 20)
    arm = arm_state(model, q, dq)
    step = 1e-6
    for joint in range(7):
        shift = step * np.eye(7)[joint]
        ahead, behind = arm_state(model, q + shift, dq), arm_state(model, q - shift, dq)
        linear = (ahead.tool_position - behind.tool_position) / (2 * step)
        # R_dot R^T is the cross product matrix of the angular velocity
        rate = (ahead.tool_rotation - behind.tool_rotation) / (2 * step)
        skew = rate @ arm.tool_rotation.transpose(0, 2, 1)
        angular = np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=1)
        assert arm.jacobian[:, :3, joint] == pytest.approx(linear, abs=1e-8)
        assert arm.jacobian[:, 3:, joint] == pytest.approx(angular, abs=1e-8)


def test_velocity_is_jacobian_times_joint_velocity(model):
    q, dq = legal(model, 50)
    arm = arm_state(model, q, dq)
    truth = np.einsum('nij,nj->ni', arm.jacobian[:, :3], dq)
    assert arm.tool_velocity == pytest.approx(truth, abs=1e-12)


def test_shapes_and_types(model):
    for count in (0, 1, columns.FEW_WORLDS, columns.FEW_WORLDS + 1):
        q, dq = legal(model, count)
        arm = arm_state(model, q, dq)
        assert arm.tool_position.shape == arm.tool_velocity.shape == (count, 3)
        assert arm.tool_rotation.shape == (count, 3, 3) and arm.jacobian.shape == (count, 6, 7)
        assert arm.jacobian.dtype == arm.tool_position.dtype == np.float64


def test_tool_away_from_the_last_axis(model):
    """A tool with an offset and a rotation in every direction."""
    tool = kinematics.transform_from_xyz_rpy([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
    chain = kinematics.make_chain(model.dh, tool)
    q, dq = legal(model, 20)
    position, rotation, _, _ = kinematics.tool_motion(chain, q, dq)
    for i, row in enumerate(q):
        bare = kinematics.make_chain(model.dh, np.eye(4))
        origin, axes, _, _ = kinematics.tool_motion(bare, row[None], dq[:1])
        assert position[i] == pytest.approx(origin[0] + axes[0] @ tool[:3, 3], abs=1e-14)
        assert rotation[i] == pytest.approx(axes[0] @ tool[:3, :3], abs=1e-14)


@pytest.mark.parametrize('count', [1, 2, 3, 5, 10, 11, 64, 1000])
def test_same_bits_in_any_batch(model, count):
    """Training in many worlds and deploying in one must see the same numbers."""
    q, dq = legal(model, 1000, seed=count)
    whole, position = arm_state(model, q, dq), model.tool_position(q)
    rng = np.random.default_rng(count)
    for _ in range(max(1, 300 // count)):
        rows = rng.choice(1000, count, replace=False)
        part = arm_state(model, q[rows], dq[rows])
        assert same_bits(model.tool_position(q[rows]), position[rows])
        for name in ('tool_position', 'tool_rotation', 'tool_velocity', 'jacobian'):
            assert same_bits(getattr(part, name), getattr(whole, name)[rows]), name


def test_both_ways_along_the_chain_lead_to_the_same_place():
    """From the base to the tool with a frame, and back with a point; the tool is off the axis."""
    rng, quarter = np.random.default_rng(0), np.pi / 2
    for _ in range(50):
        dh = np.stack([quarter * rng.integers(-1, 3, 7), *rng.uniform(-1.0, 1.0, (2, 7))], axis=1)
        tool = kinematics.transform_from_xyz_rpy(rng.uniform(-1.0, 1.0, 6))
        chain, q = kinematics.make_chain(dh, tool), rng.uniform(-3.0, 3.0, (4, 7))
        place, *_ = kinematics.tool_motion(chain, q, np.zeros_like(q))
        np.testing.assert_allclose(kinematics.tool_position(chain, q), place, atol=1e-12)


def test_same_bits_for_any_memory_layout(model):
    q, dq = legal(model, 64)
    position = model.tool_position(q)
    assert same_bits(model.tool_position(np.asfortranarray(q)), position)
    assert same_bits(model.tool_position(q[::-1])[::-1], position)
    assert same_bits(model.tool_position(np.repeat(q, 3, axis=0)[::3]), position)
    assert same_bits(model.tool_position(np.hstack([q, dq])[:, :7]), position)
    assert same_bits(model.tool_position(q.tolist()), position)


@pytest.mark.parametrize('function', [np.sin, np.cos])
def test_numpy_gives_the_same_bits_in_every_lane(function):
    """
    What the two tests above rest on.

    NumPy does not promise that sin and cos of a number are independent of its neighbours, its
    place in the array and the array's strides. Where this fails, kinematics differ between batch
    sizes in the last bit.
    """
    q = np.random.default_rng(0).uniform(-7.0, 7.0, 2003)
    whole = function(q)
    assert same_bits(np.array([function(q[i : i + 1])[0] for i in range(len(q))]), whole)
    for size in (2, 3, 4, 5, 7, 8, 9, 15, 16, 17):
        parts = [function(q[i : i + size]) for i in range(0, len(q), size)]
        assert same_bits(np.concatenate(parts), whole)
    assert same_bits(function(q[::7]), whole[::7])
    assert same_bits(function(q[::-1]), whole[::-1])
