# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""PyBullet: rigid-body physics on the CPU, one physics client per world."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import Backend, Camera, Marker
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.pictures.projection import FIELD_OF_VIEW
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

# panda-gym's time step, so that both simulate the same physics (20 of them are its 25 Hz control
# period).
TIME_STEP_S = 0.002
# The solver stops when an iteration changes the constraint impulses by less than this. Bullet's
# default of 1e-7 takes longer and follows targets more closely; test_backends.py bounds the error.
RESIDUAL_THRESHOLD = 1e-5
# Of the inverse kinematics: postures to begin at beside the one given, repetitions from each, and
# how near the tool shall come [m].
_STARTS, _SEARCHES, _FOUND_M = 20, 50, 1e-6


class PybulletBackend(Backend):
    """
    N arms in N physics clients.

    Every arm is driven by Bullet's joint velocity motors along the straight line to its target,
    with the official effort, velocity and position limits. The gripper is a rigid, closed body.

    :param look: what pictures show: ``'primitive'`` our own URDF, ``'meshed'`` the one that
        pybullet_data brings (Panda only). The physics is that of our URDF in any case, because the
        masses of the other are not the official ones.
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
        if look not in _LOOKS:
            raise UnknownNameError('look', look, _LOOKS)
        _LOOKS[look](model)  # refuses what it cannot show
        self._look = look
        self._substeps = _substeps(control_period_s)
        self._studio: _Studio | None = None
        self._kinematics: _Kinematics | None = None
        self._worlds = [_World(model) for _ in range(num_worlds)]
        self._stamp_ns = np.zeros(num_worlds, np.int64)
        self._state = np.array([world.read() for world in self._worlds])  # (N, 2, 7)

    @classmethod
    def check_period(cls, control_period_s: float) -> None:
        """See :meth:`Backend.check_period`."""
        _substeps(control_period_s)

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | Array | None = None
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
        target = np.clip(self._checked(joint_target), model.lower, model.upper)
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
        self._studio = self._studio or _Studio(self.model, self._look)
        return self._studio.picture(self._state[world, 0].tolist(), camera or Camera(), markers)

    def forward_kinematics(self, joint_position: Array) -> NDArray[np.float64]:
        """See :meth:`Backend.forward_kinematics`."""
        client = self._kinematic_client()
        tools = [client.tool_at(row.tolist()) for row in np.asarray(joint_position)]
        return np.reshape(tools, (-1, 3))

    def inverse_kinematics(self, tool_position: Array, joint_position: Array) -> Array:
        """See :meth:`Backend.inverse_kinematics`."""
        client = self._kinematic_client()
        rows = zip(np.asarray(tool_position), np.asarray(joint_position), strict=True)
        found = [client.inverse(goal.tolist(), start.tolist()) for goal, start in rows]
        return np.reshape(found, (-1, len(self.model.home)))

    def _kinematic_client(self) -> _Kinematics:
        self._kinematics = self._kinematics or _Kinematics(self.model)
        return self._kinematics

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        clients = [*self._worlds, self._studio, self._kinematics]
        self._worlds.clear()
        for client in clients:
            if client is not None:
                client.close()

    def _set(self, state: NDArray[np.float64]) -> RobotState:
        self._state = state
        return RobotState(state[:, 0], state[:, 1], self._stamp_ns)


class _Client:
    """One physics client with one arm."""

    def __init__(
        self, model: RobotModel, urdf: str, flags: int = pybullet.URDF_MERGE_FIXED_LINKS
    ) -> None:
        self._client = pybullet.connect(pybullet.DIRECT)
        flags |= pybullet.URDF_USE_INERTIA_FROM_FILE
        with _quiet(), tempfile.NamedTemporaryFile('w', suffix='.urdf') as file:
            file.write(urdf)
            file.flush()
            self._arm = pybullet.loadURDF(
                file.name, useFixedBase=True, flags=flags, physicsClientId=self._client
            )
        count = pybullet.getNumJoints(self._arm, physicsClientId=self._client)
        infos = [
            pybullet.getJointInfo(self._arm, i, physicsClientId=self._client) for i in range(count)
        ]
        self._links = [info[12].decode() for info in infos]
        # With the fingers fixed, what still moves are the arm's joints, in order.
        self._joints = [info[0] for info in infos if info[2] == pybullet.JOINT_REVOLUTE]
        assert len(self._joints) == len(model.joint_names)
        self.place(model.home.tolist())

    def place(self, position: list[float]) -> None:
        for joint, value in zip(self._joints, position, strict=True):
            pybullet.resetJointState(self._arm, joint, value, 0.0, physicsClientId=self._client)

    def close(self) -> None:
        if pybullet.isConnected(self._client):
            pybullet.disconnect(self._client)


class _World(_Client):
    """The physics of one world."""

    def __init__(self, model: RobotModel) -> None:
        super().__init__(model, _closed(model.urdf_path.read_text()))
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=TIME_STEP_S,
            solverResidualThreshold=RESIDUAL_THRESHOLD,
            physicsClientId=self._client,
        )
        pybullet.setGravity(0.0, 0.0, -9.81, physicsClientId=self._client)
        self._effort = model.effort.tolist()
        # Restoring it also restores the solver's warm start: an episode must not depend on the one
        # before.
        self._fresh = pybullet.saveState(physicsClientId=self._client)

    def reset(self, position: list[float]) -> None:
        pybullet.restoreState(self._fresh, physicsClientId=self._client)
        self.place(position)

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


class _Kinematics(_Client):
    """Bullet's kinematics, for postures that no world is in."""

    def __init__(self, model: RobotModel) -> None:
        super().__init__(model, _closed(model.urdf_path.read_text()), flags=0)
        self._tool = self._links.index(model.tool_frame)
        self._lower, self._upper = model.range_lower.tolist(), model.range_upper.tolist()

    def tool_at(self, position: list[float]) -> list[float]:
        self.place(position)
        state = pybullet.getLinkState(self._arm, self._tool, physicsClientId=self._client)
        return list(state[4])  # of the link's frame, not of its centre of mass

    def inverse(self, goal: list[float], start: list[float]) -> list[float]:
        """Search from a posture, and from others where that ends at a limit: the best counts."""
        random = np.random.default_rng(0)
        others = random.uniform(self._lower, self._upper, (_STARTS, len(start))).tolist()
        best, least = start, math.inf
        for posture in [start, *others]:
            found, error = self._search(goal, posture)
            if error < least:
                best, least = found, error
            if error < _FOUND_M:
                break
        return best

    def _search(self, goal: list[float], found: list[float]) -> tuple[list[float], float]:
        """Repeat what Bullet finds, kept inside the limits, until the tool is there."""
        for _ in range(_SEARCHES):
            if (error := math.dist(self.tool_at(found), goal)) < _FOUND_M:
                break
            found = pybullet.calculateInverseKinematics(
                self._arm,
                self._tool,
                goal,
                maxNumIterations=100,
                residualThreshold=_FOUND_M,
                physicsClientId=self._client,
            )
            found = np.clip(found, self._lower, self._upper).tolist()
        return found, error


class _Studio(_Client):
    """Takes pictures of an arm, apart from the physics: a picture cannot disturb a world."""

    def __init__(self, model: RobotModel, look: str) -> None:
        super().__init__(model, _closed(_LOOKS[look](model)))
        self._markers: list[int] = []
        floor = pybullet.createVisualShape(
            pybullet.GEOM_BOX,
            halfExtents=(1.2, 1.2, 0.005),
            rgbaColor=(0.93, 0.93, 0.91, 1.0),
            physicsClientId=self._client,
        )
        self._add(floor, (0.4, 0.0, -0.005))

    def picture(
        self, position: list[float], camera: Camera, markers: Sequence[Marker]
    ) -> NDArray[np.uint8]:
        self.place(position)
        self._draw(markers)
        view = pybullet.computeViewMatrixFromYawPitchRoll(
            camera.target, camera.distance, camera.yaw, camera.pitch, 0.0, 2
        )
        projection = pybullet.computeProjectionMatrixFOV(
            FIELD_OF_VIEW, camera.width / camera.height, 0.05, 5.0
        )
        pixels = pybullet.getCameraImage(
            camera.width,
            camera.height,
            view,
            projection,
            renderer=pybullet.ER_TINY_RENDERER,
            shadow=1,
            lightDirection=(1.0, -1.0, 2.0),
            physicsClientId=self._client,
        )[2]
        return np.asarray(pixels, np.uint8).reshape(camera.height, camera.width, 4)[:, :, :3]

    def _draw(self, markers: Sequence[Marker]) -> None:
        """Show exactly these markers."""
        while self._markers:
            pybullet.removeBody(self._markers.pop(), physicsClientId=self._client)
        for marker in markers:
            shape = pybullet.createVisualShape(
                pybullet.GEOM_SPHERE,
                radius=marker.radius,
                rgbaColor=marker.color,
                physicsClientId=self._client,
            )
            self._markers.append(self._add(shape, marker.position))

    def _add(self, shape: int, position: tuple[float, float, float]) -> int:
        body: int = pybullet.createMultiBody(
            0.0, baseVisualShapeIndex=shape, basePosition=position, physicsClientId=self._client
        )
        return body


def _closed(urdf: str) -> str:
    """Fix the finger joints: a rigid, closed gripper costs no solver time."""
    return re.sub(r'type\s*=\s*"prismatic"', 'type="fixed"', urdf)


def _meshed(model: RobotModel) -> str:
    if model.name != 'panda':
        raise RefusedError(f'pybullet_data has no meshes of {model.name}; use look=primitive')
    import pybullet_data

    folder = Path(pybullet_data.getDataPath()) / 'franka_panda'
    text: str = (folder / 'panda.urdf').read_text()
    return text.replace('package://', f'{folder}/')


_LOOKS: dict[str, Callable[[RobotModel], str]] = {
    'primitive': lambda model: model.urdf_path.read_text(),
    'meshed': _meshed,
}


def _substeps(control_period_s: float) -> int:
    substeps = round(control_period_s / TIME_STEP_S)
    if substeps < 1 or abs(substeps * TIME_STEP_S - control_period_s) > 1e-9:
        raise RefusedError(
            f'control_period_s = {control_period_s} '
            f'is not a multiple of the time step {TIME_STEP_S} s'
        )
    return substeps
