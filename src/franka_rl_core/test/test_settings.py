# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Configurations: types, bounds, unknown keys, YAML."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.settings import build, describe, from_strings, read_yaml, setting


@dataclass(frozen=True)
class Oven:
    """An example."""

    heat: float = setting(20.0, 'temperature', unit='degC', low=0.0, high=300.0)
    trays: int = setting(2, 'trays in it', low=1)
    light: bool = setting(False, 'whether the light is on')
    dish: str = setting('pie', 'what is in it')
    sizes: tuple[float, ...] = setting((1.0, 2.0), 'sizes of the trays')
    extras: dict[str, Any] = setting({'salt': 1}, 'what else is in it')


def test_defaults_and_overrides():
    assert build(Oven, {}) == Oven()
    oven = build(Oven, {'heat': 180.5, 'trays': 1, 'light': True, 'dish': 'cake'})
    assert (oven.heat, oven.trays, oven.light, oven.dish) == (180.5, 1, True, 'cake')


def test_whole_numbers_are_numbers():
    heat = build(Oven, {'heat': 180}).heat
    assert heat == 180.0 and isinstance(heat, float)


def test_lists_are_tuples():
    assert build(Oven, {'sizes': [3.0]}).sizes == (3.0,)


def test_instances_share_no_default():
    Oven().extras['pepper'] = 2
    assert Oven().extras == {'salt': 1}


def test_unknown_key_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown Oven key 'heet'; known: dish, .*'heat'"):
        build(Oven, {'heet': 1.0})


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('heat', 'hot', "heat must be a number, not 'hot': temperature"),
        ('heat', True, 'heat must be a number, not True'),
        ('heat', None, 'heat must be a number, not None'),
        ('heat', [1.0], 'heat must be a number'),
        ('trays', 1.5, 'trays must be an integer, not 1.5: trays in it'),
        ('trays', True, 'trays must be an integer, not True'),
        ('trays', '2', "trays must be an integer, not '2'"),
        ('light', 1, 'light must be true or false, not 1'),
        ('dish', 3, 'dish must be a string, not 3'),
        ('extras', [1], 'extras must be a dict'),
        ('sizes', 'large', 'sizes must be a tuple'),
    ],
)
def test_wrong_types_are_refused(key, value, text):
    with pytest.raises(RefusedError, match=text):
        build(Oven, {key: value})


@pytest.mark.parametrize(
    'key, value',
    [
        ('heat', -0.1),
        ('heat', 300.1),
        ('heat', float('nan')),
        ('heat', float('inf')),
        ('heat', 'nan'),
        ('trays', 0),
    ],
)
def test_out_of_bounds_is_refused(key, value):
    with pytest.raises(RefusedError, match=f'{key} = .* is out of bounds: '):
        build(Oven, {key: value})


@pytest.mark.parametrize('value', [float('inf'), float('nan'), 'inf'])
def test_not_finite_is_refused_without_an_upper_bound_too(value):
    with pytest.raises(RefusedError, match='action_scale = (inf|nan) is out of bounds'):
        build(EnvConfig, {'action_scale': value})


def test_bounds_belong_to_what_they_bound():
    assert (build(Oven, {'heat': 0.0}).heat, build(Oven, {'heat': 300.0}).heat) == (0.0, 300.0)


@given(st.floats())
def test_a_bounded_number_is_refused_or_inside(value):
    try:
        heat = build(Oven, {'heat': value}).heat
    except RefusedError:
        assert not 0.0 <= value <= 300.0
    else:
        assert 0.0 <= heat <= 300.0


def test_description_has_unit_and_bounds():
    fields = {field.name: describe(field) for field in dataclasses.fields(Oven)}
    assert fields['heat'] == 'temperature [degC, 0 to 300]'
    assert fields['trays'] == 'trays in it [1 to any]'
    assert fields['dish'] == 'what is in it'


@pytest.mark.parametrize('cls', [EnvConfig, SafetyConfig])
def test_every_field_of_the_configurations_is_described(cls):
    for field in dataclasses.fields(cls):
        assert field.metadata['text'], field.name
        if 'float' in str(field.type) and field.name.split('_')[-1] in ('period', 'margin', 'age'):
            assert field.metadata['unit'], field.name


def test_environments_come_back_from_plain_data():
    config = EnvConfig(robot='fr3', safety={'joint_margin': 0.1}, num_envs=3)
    assert build(EnvConfig, config.to_dict()) == config


def test_strings_are_read_as_yaml():
    texts = {'heat': '180', 'trays': '3', 'light': 'true', 'dish': '12', 'extras': '{salt: 2}'}
    oven = build(Oven, from_strings(Oven, texts))
    assert oven == Oven(heat=180.0, trays=3, light=True, dish='12', extras={'salt': 2})


def test_a_small_number_may_be_written_without_a_point():
    assert build(Oven, from_strings(Oven, {'heat': '1e-3'})).heat == 1e-3


def test_read_yaml(tmp_path):
    path = tmp_path / 'oven.yaml'
    path.write_text('heat: 200\nextras: {salt: 3}\n')
    assert read_yaml(path) == {'heat': 200, 'extras': {'salt': 3}}


@pytest.mark.parametrize(
    'content, text',
    [
        ('[1, 2]', 'must hold a mapping, not list'),
        ('', 'must hold a mapping, not NoneType'),
        ('heat: [', 'cannot read .*oven.yaml'),
        (None, 'cannot read .*oven.yaml.*No such file'),
        (b'\xff\xfe\x00', 'cannot read .*oven.yaml'),
    ],
)
def test_wrong_files_are_refused(tmp_path, content, text):
    path = tmp_path / 'oven.yaml'
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(RefusedError, match=text):
        read_yaml(path)
