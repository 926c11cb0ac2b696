# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The URDF files: structure, agreement with the YAML files, and that PyBullet takes them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from franka_rl_core.robot_model import available_robots, load_robot

# Links 0 to 7 [kg]; frankarobotics/franka_description robots/{fer,fr3}/inertials.yaml
ARM_MASS = {
    'panda': [2.3966, 2.7907, 2.542, 2.2513, 2.2037, 2.2855, 1.353, 0.35973],
    'fr3': [
        2.3966,
        2.9274653454,
        2.9355370338,
        2.2449013699,
        2.6155955791,
        2.3271207594,
        1.8170376524,
        0.6271432862,
    ],
}
HAND_MASS = {'hand': 0.6544, 'leftfinger': 0.0291, 'rightfinger': 0.0291}
MASSLESS = ('link8', 'hand_tcp')
# As published; see the comment in the file
UNPHYSICAL = {('panda', 'link4')}


class Urdf:
    """A parsed URDF; names without the robot's prefix."""

    def __init__(self, model):
        self.model = model
        self.root = ElementTree.parse(model.urdf_path).getroot()
        self.links = {self.short(link.get('name')): link for link in self.root.iter('link')}
        self.joints = {self.short(joint.get('name')): joint for joint in self.root.findall('joint')}

    def short(self, name):
        assert name.startswith(f'{self.model.name}_')
        return name.removeprefix(f'{self.model.name}_')

    def mass(self, link):
        return float(self.links[link].find('inertial/mass').get('value'))

    def inertia(self, link):
        tag = self.links[link].find('inertial/inertia')
        xx, xy, xz, yy, yz, zz = (
            float(tag.get(f'i{k}')) for k in ('xx', 'xy', 'xz', 'yy', 'yz', 'zz')
        )
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


@pytest.fixture(params=available_robots())
def urdf(request):
    return Urdf(load_robot(request.param))


def test_names(urdf):
    numbers = range(9)
    arm = [f'link{i}' for i in numbers]
    hand = ['hand', 'hand_tcp', 'leftfinger', 'rightfinger']
    assert sorted(urdf.links) == sorted(arm + hand)
    assert list(urdf.joints) == [
        *(f'joint{i}' for i in numbers if i),
        'hand_joint',
        'hand_tcp_joint',
        'finger_joint1',
        'finger_joint2',
    ]
    assert urdf.root.get('name') == urdf.model.name
    model = urdf.model
    frames = (model.base_frame, model.flange_frame, model.hand_frame, model.tool_frame)
    assert [urdf.short(name) for name in frames] == ['link0', 'link8', 'hand', 'hand_tcp']
    assert set(model.joint_names) <= {joint.get('name') for joint in urdf.joints.values()}


def test_one_tree(urdf):
    """What robot_state_publisher demands: one root, and one parent for every other link."""
    children = [joint.find('child').get('link') for joint in urdf.joints.values()]
    parents = {joint.find('parent').get('link') for joint in urdf.joints.values()}
    names = {link.get('name') for link in urdf.links.values()}
    assert len(children) == len(set(children)) and parents <= names
    assert names - set(children) == {urdf.model.base_frame}


def test_geometry_is_complete(urdf):
    needed = {'cylinder': ('radius', 'length'), 'sphere': ('radius',), 'box': ('size',)}
    materials = {material.get('name') for material in urdf.root.findall('material')}
    for name, link in urdf.links.items():
        shapes = [*link.findall('visual'), *link.findall('collision')]
        assert (name in MASSLESS) == (not shapes)
        for shape in shapes:
            (geometry,) = shape.find('geometry')
            sizes = [
                float(text) for key in needed[geometry.tag] for text in geometry.get(key).split()
            ]
            assert min(sizes) > 0.0
        assert {m.get('name') for m in link.findall('visual/material')} <= materials


def test_limits_equal_the_model(urdf):
    model = urdf.model
    limits = [
        joint.find('limit')
        for joint in urdf.joints.values()
        if joint.get('name') in model.joint_names
    ]
    for key in ('lower', 'upper', 'velocity', 'effort'):
        assert [float(limit.get(key)) for limit in limits] == getattr(model, key).tolist()
    for name in model.finger_joint_names:
        limit = urdf.joints[urdf.short(name)].find('limit')
        assert [float(limit.get('lower')), float(limit.get('upper'))] == list(model.finger_range)


def test_joint_dynamics_and_mimic(urdf):
    for i in range(1, 8):
        dynamics = urdf.joints[f'joint{i}'].find('dynamics')
        assert (dynamics.get('damping'), dynamics.get('friction')) == ('0.003', '0.2')
    mimic = urdf.joints['finger_joint2'].find('mimic').get('joint')
    assert urdf.short(mimic) == 'finger_joint1'


def test_masses_are_the_published_ones(urdf):
    arm = {f'link{i}': mass for i, mass in enumerate(ARM_MASS[urdf.model.name])}
    massless = dict.fromkeys(MASSLESS, 0.0)
    assert {name: urdf.mass(name) for name in urdf.links} == arm | HAND_MASS | massless


def test_inertias_are_those_of_bodies(urdf):
    for name in urdf.links:
        small, middle, large = np.linalg.eigvalsh(urdf.inertia(name))
        if name in MASSLESS:
            assert not urdf.inertia(name).any()
            continue
        assert small > 0.0, name
        physical = small + middle >= large
        assert physical != ((urdf.model.name, name) in UNPHYSICAL), name


@pytest.fixture
def bullet():
    pybullet = pytest.importorskip('pybullet')
    client = pybullet.connect(pybullet.DIRECT)
    yield pybullet, client
    pybullet.disconnect(physicsClientId=client)


@pytest.mark.parametrize('flag', ['', 'URDF_USE_INERTIA_FROM_FILE', 'URDF_MERGE_FIXED_LINKS'])
def test_pybullet_loads_it(urdf, bullet, flag):
    pybullet, client = bullet
    flags = getattr(pybullet, flag) if flag else 0
    body = pybullet.loadURDF(
        str(urdf.model.urdf_path), useFixedBase=True, flags=flags, physicsClientId=client
    )
    links = range(pybullet.getNumJoints(body, physicsClientId=client))
    masses = [pybullet.getDynamicsInfo(body, i, physicsClientId=client)[0] for i in links]
    moving = sum(ARM_MASS[urdf.model.name][1:]) + sum(HAND_MASS.values())
    assert sum(masses) == pytest.approx(moving)


def deepest_contact(pybullet, client, model, posture):
    """Return the smallest distance between links that are not joined to each other [m]."""
    body = pybullet.loadURDF(
        str(model.urdf_path),
        useFixedBase=True,
        physicsClientId=client,
        flags=pybullet.URDF_USE_SELF_COLLISION,
    )
    infos = [
        pybullet.getJointInfo(body, i, physicsClientId=client)
        for i in range(pybullet.getNumJoints(body, physicsClientId=client))
    ]
    for info in infos:
        pybullet.resetJointState(
            body, info[0], posture.get(info[1].decode(), 0.0), physicsClientId=client
        )
    joined = {frozenset((info[0], info[16])) for info in infos}
    pybullet.performCollisionDetection(physicsClientId=client)
    points = pybullet.getContactPoints(body, body, physicsClientId=client)
    return min((point[8] for point in points if frozenset(point[3:5]) not in joined), default=1.0)


@pytest.mark.parametrize('finger', [0.0, 0.04])
def test_no_self_collision_at_home(urdf, bullet, finger):
    model = urdf.model
    posture = dict(zip(model.joint_names, model.home, strict=True))
    posture |= dict.fromkeys(model.finger_joint_names, finger)
    assert deepest_contact(*bullet, model, posture) > -1e-6  # closed fingers just touch


def test_self_collision_is_seen(urdf, bullet):
    """The test above can fail: bent forward, with the hand folded back, the arm hits itself."""
    model = urdf.model
    q = model.home.copy()
    q[1], q[5] = model.range_upper[1], model.range_lower[5]
    posture = dict(zip(model.joint_names, q, strict=True))
    assert deepest_contact(*bullet, model, posture) < -0.05
