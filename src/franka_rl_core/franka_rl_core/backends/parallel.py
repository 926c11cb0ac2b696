# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Any backend, its worlds split over processes."""

from __future__ import annotations

import multiprocessing
import pickle
import select
import signal
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core import registry
from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import Backend, Camera, Marker
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.robot_model import RobotModel, load_robot
from franka_rl_core.state import RobotState

# A step of PyBullet takes milliseconds; a worker that is silent for so long is lost.
TIMEOUT_S = 30.0
# A message that comes within this time is taken at once: to wake a process that sleeps takes a good
# part of what PyBullet takes for a step of one world.
SPIN_S = 0.0005


class ParallelBackend(Backend):
    """
    The worlds of one backend, in contiguous shares over this process and ``workers - 1`` others.

    The states are bit-equal to those of the backend in one process.

    :param backend: name of the backend.
    :param workers: processes in all, at most one per world.
    :param options: options of the backend.
    """

    def __init__(
        self,
        model: RobotModel,
        backend: str,
        num_worlds: int,
        control_period_s: float,
        *,
        workers: int,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        if not 1 <= workers <= num_worlds:
            raise RefusedError(f'workers must be 1 to {num_worlds} (one per world), not {workers}')
        cls = registry.find('backends', backend)
        self.name = backend  # type: ignore[misc]
        self.capabilities = cls.capabilities  # type: ignore[misc]
        bounds = np.linspace(0, num_worlds, workers + 1).astype(int)
        self._shares = [slice(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        own = self._shares[0].stop
        self._parts: list[_Own | _Worker] = [
            _Own(registry.construct(cls, model, own, control_period_s, options=options))
        ]
        self._parts += [
            _Worker(model.name, backend, share.stop - share.start, control_period_s, dict(options))
            for share in self._shares[1:]
        ]
        self._states: list[Any] = [None for _ in self._parts]
        self._is_new = True

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        indices = np.arange(self.num_worlds) if worlds is None else np.asarray(worlds)
        if not ((indices >= 0) & (indices < self.num_worlds)).all():
            raise IndexError(f'there are worlds 0 to {self.num_worlds - 1}, not {list(indices)}')
        positions = np.asarray(joint_position)
        requests: list[bytes | None] = []
        for share in self._shares:
            inside = (indices >= share.start) & (indices < share.stop)
            here = (positions[inside], (indices[inside] - share.start).tolist())
            requests.append(_call('reset', *here) if inside.any() or self._is_new else None)
        self._is_new = False
        return self._ask(requests)

    def step(self, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`Backend.step`."""
        target = self._checked(joint_target)
        return self._ask([_STEP + target[share].tobytes() for share in self._shares])

    def render(
        self, world: int = 0, camera: Camera | None = None, markers: Sequence[Marker] = ()
    ) -> NDArray[np.uint8]:
        """See :meth:`Backend.render`."""
        for share, part in zip(self._shares, self._parts, strict=True):
            if share.start <= world < share.stop:
                part.send(_call('render', world - share.start, camera, markers))
                picture: NDArray[np.uint8] = _result(part.receive())
                return picture
        raise RefusedError(f'there is no world {world}; there are {self.num_worlds}')

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        while self._parts:
            self._parts.pop().close()

    def _ask(self, requests: list[bytes | None]) -> RobotState:
        """Send one request to each share that has one; this process works while the others do."""
        asked = [
            (i, part, request)
            for i, (part, request) in enumerate(zip(self._parts, requests, strict=True))
            if request is not None
        ]
        # The own share comes last, and works when its request is sent.
        for _, part, request in reversed(asked):
            part.send(request)
        # All answers, after an error too, or the next call would take them for its own.
        answers = [(i, part.receive()) for i, part, _ in asked]
        for i, answer in answers:
            self._states[i] = _result(answer)
        return RobotState(
            np.concatenate([state.joint_position for state in self._states]),
            np.concatenate([state.joint_velocity for state in self._states]),
            np.concatenate([state.stamp_ns for state in self._states]),
        )


class _Own:
    """The share of this process, asked as the others are."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._answer: Any = None

    def send(self, request: bytes) -> None:
        self._answer = _answer(self._backend, request)

    def receive(self) -> Any:
        return self._answer

    def close(self) -> None:
        self._backend.close()


class _Worker:
    """A process that serves one backend through a pipe."""

    def __init__(self, *arguments: Any) -> None:
        # Not fork: this process may hold threads of torch or DDS.
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, request: bytes) -> None:
        try:
            self._pipe.send_bytes(request)
        except OSError as error:
            raise BackendLostError('a simulator process has died') from error

    def receive(self) -> Any:
        """Wait for the answer, which is an exception if the call raised one."""
        try:
            if not _comes(self._pipe, TIMEOUT_S):
                raise BackendLostError(f'a simulator process did not answer for {TIMEOUT_S} s')
            return _read(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise BackendLostError('a simulator process has died') from error

    def close(self) -> None:
        # A closed pipe ends the worker's loop.
        self._pipe.close()
        self._process.join(timeout=2.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(timeout=2.0)


# What comes first in a message: states and targets cross as their memory, anything else pickled.
_STEP, _STATE, _OTHER = b'step', b'data', b'else'


def _call(method: str, *args: Any) -> bytes:
    return _OTHER + pickle.dumps((method, args))


def _answer(backend: Backend, request: bytes) -> Any:
    """Do what is asked; give its result, or the exception."""
    try:
        if request.startswith(_STEP):
            return backend.step(np.frombuffer(request[4:]).reshape(-1, 7))
        method, args = pickle.loads(request[4:])
        return getattr(backend, method)(*args)
    except Exception as error:  # noqa: BLE001 - it belongs to the caller
        return error


def _write(answer: Any) -> bytes:
    if not isinstance(answer, RobotState):
        return _OTHER + pickle.dumps(answer)
    arrays = (answer.joint_position, answer.joint_velocity, answer.stamp_ns)
    return b''.join([_STATE, *(array.tobytes() for array in arrays)])


def _read(message: bytes) -> Any:
    if message.startswith(_OTHER):
        return pickle.loads(message[4:])
    data = np.frombuffer(message[4:])
    worlds = len(data) // 15  # 7 positions, 7 velocities, 1 stamp
    position, velocity = data[: 14 * worlds].reshape(2, worlds, 7)
    return RobotState(position, velocity, data[14 * worlds :].view(np.int64))


def _comes(pipe: Connection, timeout_s: float | None) -> bool:
    """Wait for a message, at first without giving up the processor."""
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    deadline = time.perf_counter() + SPIN_S
    while time.perf_counter() < deadline:
        if poller.poll(0):
            return True
    return bool(poller.poll(None if timeout_s is None else 1e3 * timeout_s))


def _result(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _serve(
    pipe: Connection,
    robot: str,
    backend: str,
    num_worlds: int,
    control_period_s: float,
    options: dict[str, Any],
) -> None:
    # Ctrl-C reaches the whole process group; the parent decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cls = registry.find('backends', backend)
    worlds = registry.construct(
        cls, load_robot(robot), num_worlds, control_period_s, options=options
    )
    try:
        while True:
            _comes(pipe, None)
            pipe.send_bytes(_write(_answer(worlds, pipe.recv_bytes())))
    except (EOFError, BrokenPipeError):
        pass
    finally:
        worlds.close()
