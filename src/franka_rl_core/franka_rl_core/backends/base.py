# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState, RobotState

#: See ``ActionDecoder.decode``
Decode = Callable[[Array, ArmState], Array]

#: Computes all worlds at once with PyTorch, on any device.
BATCHED = 'batched'
#: Gradients flow through a step.
DIFFERENTIABLE = 'differentiable'
#: The worlds go on while nobody steps them.
REAL_TIME = 'real_time'
#: Name of the backend that is an arm behind ROS 2 nodes; no module of this package.
ROBOT = 'guard'


@dataclass(frozen=True)
class Camera:
    """A picture of a world: where it is taken from and how large it is."""

    target: tuple[float, float, float] = (0.35, 0.0, 0.35)  # [m], base frame
    distance: float = 1.5  # [m]
    yaw: float = 50.0  # [deg]
    pitch: float = -25.0  # [deg]
    width: int = 480
    height: int = 360


@dataclass(frozen=True)
class Marker:
    """A sphere that is drawn into a picture and has no effect on the arm."""

    position: tuple[float, float, float]  # [m], base frame
    radius: float = 0.02  # [m]
    color: tuple[float, float, float, float] = (0.9, 0.2, 0.2, 0.9)  # red, green, blue, opacity


class Backend(ABC):
    """
    N worlds, each with one arm, that are stepped together by one control period.

    :param model: the arm.
    :param num_worlds: N.
    :param control_period_s: time that one step takes in the worlds [s].
    :raises RefusedError: N or the period cannot be served.
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]
    #: What it has: ``'physics'`` (forces, contact), ``'pictures'``, :data:`BATCHED`,
    #: :data:`DIFFERENTIABLE`, :data:`REAL_TIME`; a task names what it needs.
    capabilities: ClassVar[frozenset[str]] = frozenset()
    #: Where targets and states live.
    arrays: Arrays = NUMPY
    #: Whether it checks targets by the safety chain itself, from where its command stream is: to do
    #: so from the measured state before would slow an arm down that lags behind its commands. The
    #: verdicts of the environment are then what its own chain says.
    limits_targets = False
    #: After a reset, an arm is in that posture to the last bit.
    resets_exactly = False
    #: (N,) of bool: which arms have stopped by themselves, so that their episodes are over; None
    #: where that does not happen.
    interrupted: Array | None = None

    def __init__(self, model: RobotModel, num_worlds: int, control_period_s: float) -> None:
        if num_worlds < 1:
            raise RefusedError(f'num_worlds must be at least 1, not {num_worlds}')
        if not control_period_s > 0.0:
            raise RefusedError(f'control_period_s must be above 0 s, not {control_period_s}')
        self.model = model
        self.num_worlds = num_worlds
        self.control_period_s = control_period_s
        self._period_ns = round(control_period_s * 1e9)

    @classmethod  # noqa: B027 - any period may do
    def check_period(cls, control_period_s: float) -> None:
        """
        Check a control period before anything is started.

        :raises RefusedError: the backend cannot serve it.
        """

    @classmethod  # noqa: B027 - any number may do
    def check_worlds(cls, num_worlds: int, options: Mapping[str, Any]) -> None:
        """
        Check that so many worlds can be served, before anything is started.

        :param options: of the backend, see its class.
        :raises RefusedError: there is no such device, or no memory for them.
        """

    @classmethod
    def decoding(cls, decoder: ActionDecoder) -> Decode:
        """Give what turns actions into joint targets here: the decoder itself, or a solver."""
        return decoder.decode

    @abstractmethod
    def reset(
        self, joint_position: Array, worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """
        Put some worlds at rest in a posture; the others stay as they are.

        :param joint_position: (len(worlds), 7) [rad].
        :param worlds: indices of the worlds, all if None.
        :returns: state of all N worlds.
        """

    @abstractmethod
    def step(self, joint_target: Array) -> RobotState:
        """
        Move every arm straight in joint space, to be at its target one control period later.

        :param joint_target: (N, 7) [rad], finite.
        :returns: state of all N worlds after that period.
        :raises ValueError: the targets have another shape.
        :raises BackendLostError: the simulator or robot behind it does not answer any more.
        """

    def forward_kinematics(self, joint_position: Array) -> NDArray[np.float64]:
        """
        Say where the tool is for this simulator, in any postures.

        :param joint_position: (M, 7) [rad].
        :returns: (M, 3) in the base frame [m].
        """
        position: NDArray[np.float64] = self.model.tool_position(
            np.asarray(joint_position, np.float64)
        )
        return position

    def inverse_kinematics(self, tool_position: Array, joint_position: Array) -> Array:
        """
        Find postures that bring the tool as near to places as the position limits let it.

        :param tool_position: (M, 3) in the base frame [m].
        :param joint_position: (M, 7) where the search begins [rad].
        :returns: (M, 7) [rad].
        """
        return self.model.inverse_kinematics(tool_position, joint_position)

    def detach(self) -> RobotState:
        """
        Forget how the state came about: gradients end here.

        :raises RefusedError: gradients do not flow through this backend.
        """
        raise RefusedError(f'backend {self.name!r} is not differentiable; kinematic is')

    def render(
        self, world: int = 0, camera: Camera | None = None, markers: Sequence[Marker] = ()
    ) -> NDArray[np.uint8]:
        """
        Take a picture of one world.

        :returns: (height, width, 3) red, green, blue.
        :raises RefusedError: this backend has no pictures.
        """
        raise RefusedError(f'backend {self.name!r} has no pictures; pybullet has')

    def _checked(self, joint_target: Array) -> Array:
        """Give the targets as an array of the backend's, after a look at their shape."""
        target = self.arrays.constant(joint_target)
        if tuple(target.shape) != (self.num_worlds, len(self.model.home)):
            expected = (self.num_worlds, len(self.model.home))
            raise ValueError(f'joint targets must have shape {expected}, not {target.shape}')
        return target

    def close(self) -> None:  # noqa: B027 - a backend may have nothing to close
        """Release what the backend holds; calling it twice is fine."""


class ArithmeticBackend(Backend):
    """
    Worlds whose step is arithmetic on arrays alone; it can be compiled with what is around.

    Their arms go straight to their targets, as far as position and velocity limits let them.
    Compiled steps call :meth:`moved` and not :meth:`step`.

    :param model: the arm.
    :param num_worlds: N.
    :param control_period_s: time that one step takes in the worlds [s].
    :param arrays: where they live.
    """

    def __init__(
        self,
        model: RobotModel,
        num_worlds: int = 1,
        control_period_s: float = 0.04,
        arrays: Arrays = NUMPY,
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        self.arrays = arrays
        self._lower, self._upper = map(arrays.constant, (model.lower, model.upper))
        self._fastest = arrays.constant(model.velocity)
        home = arrays.repeated(model.home, num_worlds)
        #: State of all N worlds; who steps them by :meth:`moved` puts the result here.
        self.state = RobotState(home, 0.0 * home, arrays.index([0] * num_worlds))

    def reset(
        self, joint_position: Array, worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        arrays, state = self.arrays, self.state
        rows = arrays.index(range(self.num_worlds) if worlds is None else worlds)
        self.state = RobotState(
            arrays.replaced(state.joint_position, rows, arrays.constant(joint_position)),
            arrays.replaced(state.joint_velocity, rows, 0.0),
            state.stamp_ns,
        )
        return self.state

    def moved(self, state: RobotState, joint_target: Array) -> RobotState:
        """
        Give the state after one control period, and change nothing.

        :param state: before.
        :param joint_target: (N, 7) [rad], finite.
        """
        xp, period = self.arrays.xp, self.control_period_s
        target = xp.clip(joint_target, self._lower, self._upper)
        velocity = (target - state.joint_position) / period
        velocity = xp.clip(velocity, -self._fastest, self._fastest)
        position = state.joint_position + velocity * period
        return RobotState(position, velocity, state.stamp_ns + self._period_ns)

    def step(self, joint_target: Array) -> RobotState:
        """See :meth:`Backend.step`."""
        self.state = self.moved(self.state, self._checked(joint_target))
        return self.state
