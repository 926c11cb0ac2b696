# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""How the arm moves under torques: rigid bodies, a table below the tool, and who pushes it."""

from __future__ import annotations

import numpy as np
import pinocchio

from franka_rl_core.fci.motion_check import DT
from franka_rl_core.robot_model import Array, RobotModel

# Rotors and gears turn with the joints and are not in the URDF. Source: google-deepmind/
# mujoco_menagerie, franka_emika_panda/panda.xml, <joint armature="0.1">.
ARMATURE = 0.1  # [kg m2]
# Viscous friction of each joint. Source: frankarobotics/franka_description, joint dynamics.
DAMPING = 0.003  # [Nm s/rad]
# Assumed, for a rubber finger tip on a board: stiff, and at 1 ms far from unstable.
TABLE_STIFFNESS = 1e4  # [N/m]
TABLE_DAMPING = 1e2  # [N s/m]
# Dry friction turns its sign within this velocity, or it would chatter at 1 ms [rad/s].
_STICTION = 0.01
_FRAME = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED


class ArmDynamics:
    """
    Forward dynamics of the arm with its hand closed, one millisecond per :meth:`step`.

    Gravity is off, because Franka compensates it; so is Franka's own compensation of friction,
    except for what ``friction`` leaves. Integration is semi-implicit Euler. There are no end
    stops: the control interface ends a motion before them.

    :param model: the robot.
    :param table_height: of the plane that pushes the tool up, in the base frame [m].
    :param friction: dry friction of each joint [Nm].
    """

    def __init__(
        self, model: RobotModel, table_height: float = -np.inf, friction: float = 0.0
    ) -> None:
        whole = pinocchio.buildModelFromUrdf(str(model.urdf_path))
        fingers = [whole.getJointId(name) for name in model.finger_joint_names]
        self._model = pinocchio.buildReducedModel(whole, fingers, pinocchio.neutral(whole))
        joints = self._model.nq
        self._model.armature = np.full(joints, ARMATURE)
        self._model.gravity = pinocchio.Motion.Zero()
        self._data = self._model.createData()
        self._pushed = False
        self._tool = self._model.getFrameId(model.tool_frame)
        self._table = table_height
        self._friction = friction
        #: measured [rad, rad/s]; written in place
        self.position: Array = np.zeros(joints)
        self.velocity: Array = np.zeros(joints)
        self._pushed_torque: Array = np.zeros(joints)
        self._pushed_wrench: Array = np.zeros(6)
        #: whether anything came from outside in the last step
        self.loaded = False
        #: what came from outside in the last step: on the joints (n,) [Nm], at the tool (6,) in
        #: base axes, the forces first [N, Nm]
        self.external_torque: Array = np.zeros(joints)
        self.external_wrench: Array = np.zeros(6)

    @property
    def tool_position(self) -> Array:
        """Position (3,) of the tool in the base frame [m]."""
        pinocchio.forwardKinematics(self._model, self._data, self.position)
        pinocchio.updateFramePlacement(self._model, self._data, self._tool)
        return np.array(self._data.oMf[self._tool].translation)

    @property
    def kinetic_energy(self) -> float:
        """Kinetic energy, that of the rotors included [J]."""
        return float(
            pinocchio.computeKineticEnergy(self._model, self._data, self.position, self.velocity)
        )

    def reset(self, position: Array, velocity: Array | None = None) -> None:
        """Put the arm somewhere [rad, rad/s]; nobody pushes it."""
        self.position[:] = position
        self.velocity[:] = 0.0 if velocity is None else velocity
        self.push(np.zeros_like(self.position), np.zeros(6))
        self.external_torque[:] = 0.0
        self.external_wrench[:] = 0.0

    def push(self, torque: Array | None = None, wrench: Array | None = None) -> None:
        """
        Push from outside, until the next call; what is left out stays as it is.

        :param torque: on the joints (n,) [Nm].
        :param wrench: force and moment on the tool (6,), in base axes [N, Nm].
        """
        if torque is not None:
            self._pushed_torque[:] = torque
        if wrench is not None:
            self._pushed_wrench[:] = wrench
        self._pushed = bool(self._pushed_torque.any() or self._pushed_wrench.any())

    def step(self, torque: Array) -> None:
        """Move for one millisecond under joint torques (n,) [Nm], gravity being compensated."""
        self._feel()
        total = torque + self.external_torque
        total -= DAMPING * self.velocity
        if self._friction:
            total -= self._friction * np.tanh(self.velocity / _STICTION)
        acceleration = pinocchio.aba(self._model, self._data, self.position, self.velocity, total)
        self.velocity += acceleration * DT
        self.position += self.velocity * DT

    def _feel(self) -> None:
        """Sum up what comes from outside."""
        pinocchio.forwardKinematics(self._model, self._data, self.position)
        pinocchio.updateFramePlacement(self._model, self._data, self._tool)
        depth = float(self._table - self._data.oMf[self._tool].translation[2])
        touches = depth > 0.0
        if self._pushed or touches or self.loaded:
            self.external_torque[:] = self._pushed_torque
            self.external_wrench[:] = self._pushed_wrench
        self.loaded = self._pushed or touches
        if not self.loaded:
            return
        jacobian = pinocchio.computeFrameJacobian(
            self._model, self._data, self.position, self._tool, _FRAME
        )
        if touches:
            rising = float(jacobian[2] @ self.velocity)
            # A table does not hold the tool back when it leaves.
            self.external_wrench[2] += max(0.0, TABLE_STIFFNESS * depth - TABLE_DAMPING * rising)
        self.external_torque += jacobian.T @ self.external_wrench
