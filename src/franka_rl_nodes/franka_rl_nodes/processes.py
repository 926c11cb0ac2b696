# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the nodes of a system as processes and ends them together."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import honcho.manager
import yaml
from honcho.manager import Manager
from honcho.printer import Message, Printer

from franka_rl_core.exit_codes import DONE, FAILED, INTERRUPTED, REFUSED

# A trainer writes its checkpoint when it is told to end; after this time it is killed. The system
# ends within 5 s.
honcho.manager.KILL_WAIT = 4
# What the last node says in such lines is the result of the system.
RESULT_PREFIXES = ('bundle: ', 'success_rate: ')


class _Manager(Manager):  # type: ignore[misc]
    """Remembers which process ended first."""

    first_stopped = ''

    def terminate(self) -> None:
        """End all; called as soon as one has ended, or at a signal."""
        stopped = [name for name, state in self._processes.items() if 'returncode' in state]
        self.first_stopped = self.first_stopped or ''.join(stopped[:1])
        super().terminate()


class _ResultPrinter(Printer):
    """Passes everything on to standard error, and keeps the result lines."""

    def __init__(self, output: TextIO) -> None:
        super().__init__(output)
        self.results: list[str] = []

    def write(self, message: Message) -> None:
        super().write(message)
        text = message.data.decode('utf-8', 'replace') if isinstance(message.data, bytes) else ''
        self.results += [line for line in text.splitlines() if line.startswith(RESULT_PREFIXES)]


def run(
    nodes: Mapping[str, Mapping[str, Any]],
    on_done: Callable[[], None] = lambda: None,
    namespace: str = '',
    show_results: bool = True,
) -> int:
    """
    Run nodes until the first one ends, then end the others.

    Their output goes to standard error; the result lines of the last node to standard output as
    well.

    :param nodes: node name → parameters. The last node does the work; the end of any other is a
        failure.
    :param on_done: called when the work is done, before the result lines are printed.
    :param namespace: of all nodes.
    :param show_results: whether the result lines go to standard output.
    :returns: exit code: 0 done, 1 failed, 2 refused, 130 interrupted.
    """
    # The end of the terminal ends the system as SIGTERM does, which the manager knows.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    printer = _ResultPrinter(sys.stderr)
    manager = _Manager(printer)
    # DDS stays on this machine unless the user asks for more.
    environment = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', **os.environ}
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        file = Path(folder) / 'parameters.yaml'
        file.write_text(parameter_file(nodes, namespace))
        for name in nodes:
            manager.add_process(name, _command(name, file, namespace), env=environment)
        manager.loop()
    code = exit_code(manager.returncode, manager.first_stopped == list(nodes)[-1])
    if code == DONE:
        on_done()
        if show_results:
            print('\n'.join(printer.results), flush=True)
    return code


def exit_code(returncode: int, by_last_node: bool) -> int:
    """
    Turn what the first process ended with into the system's exit code.

    :param returncode: of the process; negative for a signal; 130 or 143 where the manager was
        told to end.
    :param by_last_node: whether it was the node that does the work.
    """
    if returncode in (INTERRUPTED, 128 + 15):
        return INTERRUPTED
    if returncode == DONE and not by_last_node:
        return FAILED
    return returncode if returncode in (DONE, REFUSED) else FAILED


def parameter_file(nodes: Mapping[str, Mapping[str, Any]], namespace: str = '') -> str:
    """
    Write the parameters of all nodes in ROS's YAML format.

    :param nodes: node name → parameters; a mapping becomes a string with YAML in it.
    :param namespace: of all nodes.
    """
    content = {}
    for name, parameters in nodes.items():
        plain = {
            key: yaml.safe_dump(value) if isinstance(value, dict) else value
            for key, value in parameters.items()
        }
        content[full_name(name, namespace)] = {'ros__parameters': plain}
    return yaml.safe_dump(content)


def full_name(node: str, namespace: str) -> str:
    """Give the fully qualified name of a node."""
    return '/'.join(['', *namespace.split('/'), node]).replace('//', '/')


def _command(name: str, parameters: Path, namespace: str) -> str:
    words = [sys.executable, '-m', f'franka_rl_nodes.{name}_node']
    words += ['--ros-args', '--params-file', str(parameters)]
    if namespace:
        words += ['-r', '__ns:=' + full_name('', namespace).rstrip('/')]
    # The signals of the manager are for the node, not for a shell around it.
    return 'exec ' + shlex.join(words)
