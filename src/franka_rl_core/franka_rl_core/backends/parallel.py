# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Any backend, its worlds split over processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core import registry
from franka_rl_core.backends.base import Backend, Camera, Marker
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.robot_model import RobotModel, load_robot
from franka_rl_core.state import RobotState

# A step of PyBullet takes milliseconds; a worker that is silent for so long is lost.
TIMEOUT_S = 30.0


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
        self._own = registry.construct(cls, model, own, control_period_s, options=options)
        self._workers = [
            _Worker(model.name, backend, share.stop - share.start, control_period_s, dict(options))
            for share in self._shares[1:]
        ]

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        indices = np.arange(self.num_worlds) if worlds is None else np.asarray(worlds)
        positions = np.asarray(joint_position)
        parts = []
        for share in self._shares:
            inside = (indices >= share.start) & (indices < share.stop)
            parts.append((positions[inside], (indices[inside] - share.start).tolist()))
        return self._all('reset', parts)

    def step(self, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`Backend.step`."""
        return self._all('step', [(joint_target[share],) for share in self._shares])

    def render(
        self, world: int = 0, camera: Camera | None = None, markers: Sequence[Marker] = ()
    ) -> NDArray[np.uint8]:
        """See :meth:`Backend.render`."""
        for share, part in zip(self._shares, [self._own, *self._workers], strict=True):
            if share.start <= world < share.stop:
                return part.call('render', world - share.start, camera, markers) if isinstance(
                    part, _Worker
                ) else part.render(world - share.start, camera, markers)
        raise RefusedError(f'there is no world {world}; there are {self.num_worlds}')

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        self._own.close()
        while self._workers:
            self._workers.pop().close()

    def _all(self, method: str, arguments: list[tuple[Any, ...]]) -> RobotState:
        """Call a method of every share; this process works while the others do."""
        for worker, args in zip(self._workers, arguments[1:], strict=True):
            worker.send(method, *args)
        states = [getattr(self._own, method)(*arguments[0])]
        states += [worker.receive() for worker in self._workers]
        return RobotState(
            np.concatenate([state.joint_position for state in states]),
            np.concatenate([state.joint_velocity for state in states]),
            np.concatenate([state.stamp_ns for state in states]),
        )


class _Worker:
    """A process that serves one backend through a pipe."""

    def __init__(self, *arguments: Any) -> None:
        # Not fork: this process may hold threads of torch or DDS.
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, method: str, *args: Any) -> Any:
        self.send(method, *args)
        return self.receive()

    def send(self, method: str, *args: Any) -> None:
        try:
            self._pipe.send((method, args))
        except (BrokenPipeError, OSError) as error:
            raise BackendLostError('a simulator process has died') from error

    def receive(self) -> Any:
        try:
            if not self._pipe.poll(TIMEOUT_S):
                raise BackendLostError(f'a simulator process did not answer for {TIMEOUT_S} s')
            result = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise BackendLostError('a simulator process has died') from error
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        # A closed pipe ends the worker's loop.
        self._pipe.close()
        self._process.join(timeout=2.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(timeout=2.0)


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
            method, args = pipe.recv()
            try:
                pipe.send(getattr(worlds, method)(*args))
            except Exception as error:  # noqa: BLE001 - it belongs to the caller
                pipe.send(error)
    except (EOFError, BrokenPipeError):
        pass
    finally:
        worlds.close()
