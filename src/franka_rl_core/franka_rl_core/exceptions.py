# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The one family of exceptions of franka_rl; messages say what would have worked."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FrankaRLError(Exception):
    """Base of every error that franka_rl raises on purpose (command line: exit code 1)."""


class RefusedError(FrankaRLError):
    """Refused before anything was started: bad input or set-up (command line: exit code 2)."""


class UnknownNameError(RefusedError):
    """
    A name that is not in its list: robot, task, backend, configuration key, ...

    :param kind: what the name stands for, e.g. ``'robot'``.
    :param name: the name that was asked for.
    :param known: the names that exist; they are listed in the message.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(kind, name, self.known)  # as arguments, so that it survives pickling

    def __str__(self) -> str:
        """Return e.g. ``unknown robot 'pamda'; known: fr3, panda; did you mean 'panda'?``."""
        text = f'unknown {self.kind} {self.name!r}; known: {", ".join(self.known) or "none"}'
        close = get_close_matches(str(self.name), self.known, n=1)
        return f'{text}; did you mean {close[0]!r}?' if close else text


class MissingDependencyError(RefusedError):
    """
    An optional Python package is needed and not installed.

    :param package: its import name, e.g. ``'pybullet'``.
    :param install: the command that installs it, e.g. ``'pip install pybullet'``.
    """

    def __init__(self, package: str, install: str) -> None:
        self.package = package
        self.install = install
        super().__init__(package, install)

    def __str__(self) -> str:
        """Return the missing package and the command that installs it."""
        return f'the Python package {self.package!r} is not installed; install: {self.install}'


class BundleMismatchError(RefusedError):
    """A policy bundle was made for another system than the one it is loaded into."""


class BackendLostError(FrankaRLError):
    """The simulator or robot behind a backend stopped answering while it was running."""
