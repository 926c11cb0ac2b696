# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator: lock-step services, streaming as a driver, or an arm as strict as Franka's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.node import Node

from franka_rl_core import registry
from franka_rl_core.backends.base import Backend
from franka_rl_core.envs.config import EnvConfig, check_backend, make_backend, useful_workers
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.settings import build, setting
from franka_rl_nodes.diagnostics import OK, Diagnostics, Report
from franka_rl_nodes.lockstep import LockStep
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.runtime import leave, serve
from franka_rl_nodes.streaming import Streaming

if TYPE_CHECKING:
    from franka_rl_nodes.franka_face import FrankaFace

MODES = ('lockstep', 'streaming', 'fci')


@dataclass(frozen=True)
class SimulatorConfig:
    """Parameters of the simulator node."""

    mode: str = setting('lockstep', f'how it is driven: {" or ".join(MODES)}')
    seed: int = setting(0, 'seed of noise and losses (fci)', low=0)
    fci: dict[str, Any] = setting({}, 'overrides of FciConfig: strict, packet_loss, ... (fci)')
    robot: str = setting('panda', 'robot', choices=available_robots)
    backend: str = setting('pybullet', 'backend', choices=partial(registry.available, 'backends'))
    num_worlds: int = setting(1, 'worlds that are stepped together; streaming has one', low=1)
    workers: int = setting(0, 'processes the worlds are split over; 0 for as many as help', low=0)
    device: str = setting('cpu', 'what computes: cpu, or a GPU as cuda or cuda:1')
    control_period: float = setting(
        0.04, 'simulated time of one step (lockstep)', unit='s', low=0.001, high=1.0
    )
    rate: float = setting(
        100.0, 'joint states a second, in real time (streaming)', unit='Hz', low=1.0, high=1000.0
    )
    command_timeout: float = setting(
        0.2,
        'without a command for so long the arm stays where it is (streaming)',
        unit='s',
        low=0.01,
    )
    backend_options: dict[str, Any] = setting({}, 'options of the backend')

    @property
    def step_period(self) -> float:
        """Simulated time of one step [s]."""
        return 1.0 / self.rate if self.mode == 'streaming' else self.control_period

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: robot, backend or mode is unknown, or they do not fit together.
        """
        if self.mode not in MODES:
            raise UnknownNameError('mode', self.mode, MODES)
        if self.mode == 'streaming' and self.num_worlds != 1:
            raise RefusedError(f'streaming has one world, not {self.num_worlds}')
        if self.workers > self.num_worlds:
            raise RefusedError(f'{self.workers} workers need as many worlds, not {self.num_worlds}')
        load_robot(self.robot)
        if self.mode == 'fci':
            build(FciConfig, self.fci)
            return
        check_backend(_env_config(self))


CONFIG = SimulatorConfig


class SimulatorNode(Node):
    """Serve a backend."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('simulator', **kwargs)
        config = declare(self, SimulatorConfig)
        config.check()
        self._config = config
        self._backend: Backend | None = None
        self._face = self._make_face(config)
        self._diagnostics = Diagnostics(self, self._report)
        what = 'the fci arm' if self._backend is None else config.backend
        self.get_logger().info(
            f'{config.num_worlds} worlds of {config.robot} on {what}, {config.mode}'
        )

    def _make_face(self, config: SimulatorConfig) -> LockStep | Streaming | FrankaFace:
        if config.mode == 'fci':
            # Imported here: what simulates dynamics takes as long to import as all the rest.
            from franka_rl_nodes.franka_face import FrankaFace

            options = build(FciConfig, config.fci)
            return FrankaFace(self, load_robot(config.robot), options, config.seed)
        self._backend = make_backend(_env_config(config))
        if config.mode == 'lockstep':
            return LockStep(self, self._backend, config.backend)
        return Streaming(self, self._backend, config.command_timeout)

    def destroy_node(self) -> None:
        """Close what it serves too."""
        if not isinstance(self._face, Streaming):
            self._face.close()
        if self._backend is not None:
            self._backend.close()
        super().destroy_node()

    def _report(self) -> Report:
        values: dict[str, Any] = {'steps': self._face.steps}
        if isinstance(self._face, (LockStep, Streaming)):
            values['backend'] = self._config.backend
        else:
            values |= self._face.values()
        return OK, self._config.mode, values


def _env_config(config: SimulatorConfig) -> EnvConfig:
    return EnvConfig(
        robot=config.robot,
        backend=config.backend,
        num_envs=config.num_worlds,
        workers=config.workers or useful_workers(config.backend, config.num_worlds),
        device=config.device,
        control_period=config.step_period,
        backend_options=config.backend_options,
    )


def main() -> None:
    """Run the node."""
    leave(serve(SimulatorNode))


if __name__ == '__main__':
    main()
