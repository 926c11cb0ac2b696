# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the core's tests share."""

import numpy as np
import pytest
from hypothesis import Phase, settings

from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.state import RobotState

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
