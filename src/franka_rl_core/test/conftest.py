# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the core's tests share."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings

from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.state import RobotState

# Makes ``kinematic_helpers`` importable, which pytest's import mode ``importlib`` leaves to us.
sys.path.append(str(Path(__file__).parent))

# Reproducible, not timed (continuous integration may be slow), and not shrunk: that takes minutes.
settings.register_profile(
    'franka_rl',
    deadline=None,
    derandomize=True,
    max_examples=40,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile('franka_rl')


@pytest.fixture(params=available_robots())
def model(request):
    """Give every robot in turn."""
    return load_robot(request.param)


@pytest.fixture
def arm_of():
    """Give a function from joint positions and velocities (N, 7) to the state of the arms."""

    def arm_of(model, position, velocity=None):
        position = np.array(position, np.float64)
        velocity = np.zeros_like(position) if velocity is None else np.array(velocity, np.float64)
        return model.arm_state(RobotState(position, velocity, np.zeros(len(position), np.int64)))

    return arm_of


class PyBulletArm:
    """Link poses of a URDF in a physics client of its own."""

    def __init__(self, path):
        self.p = pytest.importorskip('pybullet')
        self.client = self.p.connect(self.p.DIRECT)
        self.body = self.p.loadURDF(str(path), useFixedBase=True, physicsClientId=self.client)
        infos = [
            self.p.getJointInfo(self.body, i, physicsClientId=self.client)
            for i in range(self.p.getNumJoints(self.body, physicsClientId=self.client))
        ]
        self.link = {info[12].decode(): info[0] for info in infos}
        self.joint = {info[1].decode(): info[0] for info in infos}

    def pose(self, names, q, link):
        """Return position and rotation of a link in base."""
        for name, value in zip(names, q, strict=True):
            self.p.resetJointState(self.body, self.joint[name], value, physicsClientId=self.client)
        state = self.p.getLinkState(
            self.body, self.link[link], computeForwardKinematics=1, physicsClientId=self.client
        )
        rotation = np.reshape(self.p.getMatrixFromQuaternion(state[5]), (3, 3))
        return np.array(state[4]), rotation


@pytest.fixture
def pybullet_arm():
    """Give a function from the path of a URDF to PyBullet's arm, an independent truth."""
    made = []

    def make(path):
        made.append(PyBulletArm(path))
        return made[-1]

    yield make
    for arm in made:
        arm.p.disconnect(physicsClientId=arm.client)
