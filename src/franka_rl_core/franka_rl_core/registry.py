# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the members of a kind (backends, tasks, actions, safety limits) by name.

A member is one module in the folder of its kind. ``available`` lists the modules without importing
them, so a missing PyBullet hurts only who asks for it. ``package.module:Class`` names a member that
is kept elsewhere.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

from franka_rl_core.exceptions import MissingDependencyError, RefusedError, UnknownNameError

# Modules of those folders that hold what all members share.
_SHARED = {'base', 'chain', 'envelope', 'fused', 'parallel', 'slide', 'touch'}
_SUFFIX = {'backends': 'Backend', 'tasks': 'Task', 'actions': 'Decoder', 'safety': 'Limit'}


def available(kind: str) -> tuple[str, ...]:
    """
    List the names of a kind.

    :param kind: ``'backends'``, ``'tasks'``, ``'actions'`` or ``'safety'``.
    """
    package = importlib.import_module(f'franka_rl_core.{kind}')
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if name not in _SHARED))


def find(kind: str, name: str) -> type[Any]:
    """
    Import the class of a member.

    :param kind: as in :func:`available`.
    :param name: one of :func:`available`, or ``package.module:Class``.
    :raises UnknownNameError: there is no such member; the message lists those that are.
    :raises MissingDependencyError: the member needs a package that is not installed.
    """
    if ':' in name:
        return _find_elsewhere(kind, name)
    if name not in available(kind):
        raise UnknownNameError(kind.rstrip('s'), name, available(kind))
    try:
        module = importlib.import_module(f'franka_rl_core.{kind}.{name}')
    except ModuleNotFoundError as error:
        raise MissingDependencyError(str(error.name), f'pip install {error.name}') from error
    cls: type[Any] = getattr(module, class_name(kind, name))
    return cls


def class_name(kind: str, name: str) -> str:
    """Give the class that a module must define: ``joint_range`` → ``JointRangeLimit``."""
    return ''.join(word.capitalize() for word in name.split('_')) + _SUFFIX[kind]


def construct(cls: type[Any], *args: Any, options: Mapping[str, Any]) -> Any:
    """
    Call a member's constructor with keyword options that a user gave.

    :raises UnknownNameError: the constructor does not know an option; the message lists those it
        knows.
    """
    parameters = inspect.signature(cls).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise UnknownNameError(f'option of {cls.__name__}', option, known)
    return cls(*args, **options)


def _find_elsewhere(kind: str, name: str) -> type[Any]:
    module_name, _, attribute = name.partition(':')
    try:
        cls: type[Any] = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RefusedError(f'cannot find {kind.rstrip("s")} {name!r}: {error}') from error
    return cls
