# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Members are found by the name of their module, without importing the others."""

import subprocess
import sys

import pytest

from franka_rl_core import registry
from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.exceptions import MissingDependencyError, RefusedError, UnknownNameError

KINDS = {
    'backends': {'ikpy', 'kinematic', 'mock', 'pybullet'},
    'tasks': {'reach', 'touch_plane', 'touch_plane_upright', 'touch_point'},
    'actions': {'ee', 'joints'},
    'safety': {'finite', 'freshness', 'joint_range', 'reach', 'workspace'},
}


@pytest.mark.parametrize('kind', KINDS)
def test_what_must_be_there_is_available(kind):
    assert set(registry.available(kind)) >= KINDS[kind]
    assert list(registry.available(kind)) == sorted(registry.available(kind))


@pytest.mark.parametrize('kind', KINDS)
def test_module_class_and_registered_name_agree(kind):
    for name in registry.available(kind):
        try:
            cls = registry.find(kind, name)
        except MissingDependencyError:
            continue
        assert cls.name == name
        assert cls.__name__ == registry.class_name(kind, name)
        assert cls.__module__ == f'franka_rl_core.{kind}.{name}'


def test_class_names():
    assert registry.class_name('safety', 'joint_range') == 'JointRangeLimit'
    assert registry.class_name('actions', 'ee') == 'EeDecoder'


def test_listing_imports_no_member():
    """A missing PyBullet must hurt only who asks for it."""
    code = (
        'import sys; from franka_rl_core import registry; print(registry.available("backends")); '
        'print([m for m in sys.modules if m.startswith("franka_rl_core.backends.")])'
    )
    names, modules = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert 'pybullet' in names
    assert 'backends.pybullet' not in modules and 'backends.mock' not in modules


@pytest.mark.parametrize(
    'kind, shown', [('backends', 'backend'), ('tasks', 'task'), ('actions', 'action')]
)
def test_unknown_name_lists_the_known_ones(kind, shown):
    with pytest.raises(UnknownNameError, match=f"unknown {shown} 'nope'; known: ") as info:
        registry.find(kind, 'nope')
    assert info.value.known == registry.available(kind)


@pytest.mark.parametrize('name', ['base', 'parallel', '__init__', '', '..mock'])
def test_what_is_no_member_is_not_found(name):
    with pytest.raises(UnknownNameError, match='known: ikpy, kinematic, mock, pybullet'):
        registry.find('backends', name)


def test_members_kept_elsewhere():
    name = 'franka_rl_core.backends.mock:MockBackend'
    assert registry.find('backends', name) is MockBackend


@pytest.mark.parametrize('name', ['no.such_module:Thing', 'math:NoSuchThing', ':Thing', 'math:'])
def test_members_that_are_not_elsewhere_are_refused(name):
    with pytest.raises(RefusedError, match=f"cannot find backend '{name}'"):
        registry.find('backends', name)


def test_missing_package_names_its_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pybullet', None)
    monkeypatch.delitem(sys.modules, 'franka_rl_core.backends.pybullet', raising=False)
    with pytest.raises(MissingDependencyError, match="'pybullet' is not installed; install: pip"):
        registry.find('backends', 'pybullet')


class Painted(MockBackend):
    """A backend with options."""

    def __init__(self, model, num_worlds=1, control_period_s=0.04, *, color='grey', gloss=0.5):
        super().__init__(model, num_worlds, control_period_s)
        self.color = color


def test_construct_passes_options_and_refuses_unknown_ones(model):
    assert registry.construct(Painted, model, 2, options={'color': 'red'}).color == 'red'
    message = "unknown option of Painted 'colour'; known: color, gloss; did you mean 'color'"
    with pytest.raises(UnknownNameError, match=message):
        registry.construct(Painted, model, options={'colour': 'red'})
    with pytest.raises(UnknownNameError, match="option of MockBackend 'look'; known: none"):
        registry.construct(MockBackend, model, options={'look': 'meshed'})


def test_positional_parameters_are_no_options(model):
    with pytest.raises(UnknownNameError, match='num_worlds'):
        registry.construct(MockBackend, model, options={'num_worlds': 3})
    assert registry.construct(MockBackend, model, 3, options={}).num_worlds == 3
