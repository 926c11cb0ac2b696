# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""PyBullet: rigid-body physics on the CPU, one physics client per world."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.backends.base import Backend, Camera, Marker
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import RobotState


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep off the terminal what PyBullet's C++ code prints: its build time, every merged link."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(stream, os.dup(stream)) for stream in (1, 2)]
    with open(os.devnull, 'wb') as sink:
        for stream, _ in saved:
            os.dup2(sink.fileno(), stream)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # the C library's buffer, before it reaches the terminal
        for stream, copy in saved:
            os.dup2(copy, stream)
            os.close(copy)


with _quiet():
    import pybullet

# panda-gym's time step, so that both simulate the same physics (20 of them are its 25 Hz control period).
TIME_STEP_S = 0.002
# The solver stops when an iteration changes the constraint impulses by less than this. Bullet's default of 1e-7 always
# runs all 50 iterations on an arm without contacts, for a joint position that differs by less than 1e-5 rad.
RESIDUAL_THRESHOLD = 1e-4
LOOKS = ('primitive', 'meshed')


class PybulletBackend(Backend):
    """
    N arms in N physics clients.

    Every arm is driven by Bullet's joint velocity motors along the straight line to its target, with the official
    effort, velocity and position limits. The gripper is a rigid, closed body.

    :param look: ``'primitive'`` for our own URDF, ``'meshed'`` for the one that pybullet_data brings (Panda only;
        its masses are not the official ones).
    """

    name = 'pybullet'
    capabilities = frozenset({'physics', 'pictures'})

    def __init__(
        self,
        model: RobotModel,
        num_worlds: int = 1,
        control_period_s: float = 0.04,
        *,
        look: str = 'primitive',
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        self._substeps = _substeps(control_period_s)
        self._worlds: list[_World] = []
        with _urdf_with_closed_gripper(model, look) as path:
            for _ in range(num_worlds):
                self._worlds.append(_World(model, path))
        self._stamp_ns = np.zeros(num_worlds, np.int64)
        self._state = np.array([world.read() for world in self._worlds])  # (N, 2, 7)

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        indices = range(self.num_worlds) if worlds is None else worlds
        state = self._state.copy()
        for index, position in zip(indices, joint_position, strict=True):
            self._worlds[index].reset(position.tolist())
            state[index] = self._worlds[index].read()
        return self._set(state)

    def step(self, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`Backend.step`."""
        model = self.model
        target = np.clip(joint_target, model.lower, model.upper)
        velocity = (target - self._state[:, 0]) / self.control_period_s
        velocity = np.clip(velocity, -model.velocity, model.velocity).tolist()
        state = [
            world.step(speed, self._substeps)
            for world, speed in zip(self._worlds, velocity, strict=True)
        ]
        self._stamp_ns = self._stamp_ns + self._period_ns
        return self._set(np.array(state))

    def render(
        self, world: int = 0, camera: Camera | None = None, markers: Sequence[Marker] = ()
    ) -> NDArray[np.uint8]:
        """See :meth:`Backend.render`."""
        return self._worlds[world].picture(camera or Camera(), markers)

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        while self._worlds:
            self._worlds.pop().close()

    def _set(self, state: NDArray[np.float64]) -> RobotState:
        self._state = state
        return RobotState(state[:, 0], state[:, 1], self._stamp_ns)


class _World:
    """One physics client with one arm."""

    def __init__(self, model: RobotModel, urdf: Path) -> None:
        self._client = pybullet.connect(pybullet.DIRECT)
        client = {'physicsClientId': self._client}
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=TIME_STEP_S, solverResidualThreshold=RESIDUAL_THRESHOLD, **client
        )
        pybullet.setGravity(0.0, 0.0, -9.81, **client)
        flags = pybullet.URDF_MERGE_FIXED_LINKS | pybullet.URDF_USE_INERTIA_FROM_FILE
        with _quiet():
            self._arm = pybullet.loadURDF(str(urdf), useFixedBase=True, flags=flags, **client)
        infos = [
            pybullet.getJointInfo(self._arm, i, **client)
            for i in range(pybullet.getNumJoints(self._arm, **client))
        ]
        index = {info[1].decode(): info[0] for info in infos}
        names = model.joint_names if model.joint_names[0] in index else _MESHED_NAMES
        self._joints = [index[name] for name in names]
        self._effort = model.effort.tolist()
        self._markers: list[int] = []
        self.reset(model.home.tolist())
        # Restoring it also restores the solver's warm start: an episode must not depend on the one before.
        self._fresh = pybullet.saveState(**client)

    def reset(self, position: list[float]) -> None:
        if hasattr(self, '_fresh'):
            pybullet.restoreState(self._fresh, physicsClientId=self._client)
        for joint, value in zip(self._joints, position, strict=True):
            pybullet.resetJointState(self._arm, joint, value, 0.0, physicsClientId=self._client)

    def step(self, velocity: list[float], substeps: int) -> tuple[list[float], list[float]]:
        client = self._client
        pybullet.setJointMotorControlArray(
            self._arm,
            self._joints,
            pybullet.VELOCITY_CONTROL,
            targetVelocities=velocity,
            forces=self._effort,
            physicsClientId=client,
        )
        step = pybullet.stepSimulation
        for _ in range(substeps):
            step(client)
        return self.read()

    def read(self) -> tuple[list[float], list[float]]:
        states = pybullet.getJointStates(self._arm, self._joints, physicsClientId=self._client)
        return [state[0] for state in states], [state[1] for state in states]

    def picture(self, camera: Camera, markers: Sequence[Marker]) -> NDArray[np.uint8]:
        client = {'physicsClientId': self._client}
        self._place(markers)
        view = pybullet.computeViewMatrixFromYawPitchRoll(
            camera.target, camera.distance, camera.yaw, camera.pitch, 0.0, 2
        )
        projection = pybullet.computeProjectionMatrixFOV(
            45.0, camera.width / camera.height, 0.05, 5.0
        )
        pixels = pybullet.getCameraImage(
            camera.width,
            camera.height,
            view,
            projection,
            renderer=pybullet.ER_TINY_RENDERER,
            shadow=1,
            lightDirection=(1.0, -1.0, 2.0),
            **client,
        )[2]
        return np.asarray(pixels, np.uint8).reshape(camera.height, camera.width, 4)[:, :, :3]

    def _place(self, markers: Sequence[Marker]) -> None:
        """Draw exactly these markers: bodies without mass or collision shape."""
        client = {'physicsClientId': self._client}
        while self._markers:
            pybullet.removeBody(self._markers.pop(), **client)
        for marker in markers:
            shape = pybullet.createVisualShape(
                pybullet.GEOM_SPHERE, radius=marker.radius, rgbaColor=marker.color, **client
            )
            body = pybullet.createMultiBody(
                0.0, baseVisualShapeIndex=shape, basePosition=marker.position, **client
            )
            self._markers.append(body)

    def close(self) -> None:
        if pybullet.isConnected(self._client):
            pybullet.disconnect(self._client)


_MESHED_NAMES = tuple(f'panda_joint{i}' for i in range(1, 8))


def _substeps(control_period_s: float) -> int:
    substeps = round(control_period_s / TIME_STEP_S)
    if substeps < 1 or abs(substeps * TIME_STEP_S - control_period_s) > 1e-9:
        raise RefusedError(
            f'control_period_s = {control_period_s} is not a multiple of the time step {TIME_STEP_S} s'
        )
    return substeps


@contextlib.contextmanager
def _urdf_with_closed_gripper(model: RobotModel, look: str) -> Iterator[Path]:
    """Write the arm's URDF with its finger joints fixed, so that the fingers cost no solver time."""
    text = _urdf_text(model, look)
    text = re.sub(r'type\s*=\s*"prismatic"', 'type="fixed"', text)
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        path = Path(folder) / f'{model.name}.urdf'
        path.write_text(text)
        yield path


def _urdf_text(model: RobotModel, look: str) -> str:
    if look not in LOOKS:
        raise UnknownNameError('look', look, LOOKS)
    if look == 'primitive':
        return model.urdf_path.read_text()
    if model.name != 'panda':
        raise RefusedError(f'pybullet_data has no meshes of {model.name}; use look=primitive')
    import pybullet_data

    folder = Path(pybullet_data.getDataPath()) / 'franka_panda'
    text: str = (folder / 'panda.urdf').read_text()
    return text.replace('package://', f'{folder}/')
