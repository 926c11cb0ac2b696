# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles: stored, read back, and refused where they do not fit."""

import dataclasses

import numpy as np
import pytest
import yaml

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import BundleMismatchError, RefusedError
from franka_rl_core.policies.bundle import PolicyBundle, write_bundle
from franka_rl_core.policies.proportional import GAIN, write_proportional_bundle

pytest.importorskip('onnx')

CONFIG = EnvConfig(backend='mock', num_envs=5)


@pytest.fixture
def folder(tmp_path):
    write_proportional_bundle(tmp_path, CONFIG)
    return tmp_path


def _edit(folder, change):
    path = folder / 'bundle.yaml'
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def test_a_bundle_acts_as_its_graph_says(folder):
    env = FrankaVectorEnv(CONFIG)
    observation, _ = env.reset(seed=0)
    action = PolicyBundle(folder).act(observation)
    error = observation['desired_goal'] - observation['achieved_goal']
    assert action.shape == (5, 3) and action.dtype == np.float32
    assert np.allclose(action, np.clip(GAIN * error, -1, 1), atol=1e-5)


def test_an_action_does_not_depend_on_the_other_worlds(folder):
    policy = PolicyBundle(folder)
    env = FrankaVectorEnv(CONFIG)
    observation, _ = env.reset(seed=0)
    together = policy.act(observation)
    for world in range(5):
        alone = policy.act({key: value[world : world + 1] for key, value in observation.items()})
        assert np.array_equal(alone[0], together[world])


def test_metadata_is_plain_and_complete(folder):
    content = yaml.safe_load((folder / 'bundle.yaml').read_text())
    assert [term['name'] for term in content['observation']] == [
        'tool_position',
        'tool_velocity',
        'achieved_goal',
        'desired_goal',
    ]
    assert all({'name', 'size', 'unit', 'frame'} == set(term) for term in content['observation'])
    assert content['action']['joint_names'] == [f'panda_joint{i}' for i in range(1, 8)]
    assert (content['action']['scale'], content['action']['unit']) == (0.05, 'm')
    assert content['environment']['safety']['velocity_fraction'] == 0.5
    assert PolicyBundle(folder).metadata.config.robot == 'panda'


def test_it_fits_the_system_it_was_trained_for_on_any_backend(folder):
    policy = PolicyBundle(folder)
    for same in ({'backend': 'pybullet'}, {'num_envs': 1}, {'workers': 3}, {'reward': 'sparse'}):
        policy.check(dataclasses.replace(CONFIG, **same))


@pytest.mark.parametrize(
    ('other', 'ours', 'theirs'),
    [
        ({'robot': 'fr3'}, "'panda'", "'fr3'"),
        ({'control': 'joints'}, "'ee'", "'joints'"),
        ({'control_period': 0.02}, '0.04', '0.02'),
        ({'action_scale': 0.1}, "'scale': 0.05", "'scale': 0.1"),
        ({'safety': {'joint_margin': 0.1}}, "'joint_margin': 0.05", "'joint_margin': 0.1"),
    ],
)
def test_another_system_is_refused_naming_both_sides(folder, other, ours, theirs):
    with pytest.raises(BundleMismatchError, match='does not fit') as error:
        PolicyBundle(folder).check(dataclasses.replace(CONFIG, **other))
    assert f'the policy has {ours}' in str(error.value) or ours in str(error.value)
    assert theirs in str(error.value)


def test_a_changed_graph_is_refused(folder):
    path = folder / 'policy.onnx'
    path.write_bytes(path.read_bytes()[:-1] + b'!')
    with pytest.raises(RefusedError, match='was changed: its sha256 is .*, bundle.yaml says'):
        PolicyBundle(folder)


def test_another_order_of_the_observation_is_refused(folder):
    def swap(content):
        terms = content['observation']
        terms[0], terms[1] = terms[1], terms[0]

    _edit(folder, swap)
    with pytest.raises(BundleMismatchError, match='observation: the policy has'):
        PolicyBundle(folder)


def test_a_graph_of_another_size_is_refused(folder):
    policy = PolicyBundle(folder)
    action = {**policy.metadata.action, 'size': 4}
    metadata = dataclasses.replace(policy.metadata, action=action)
    write_bundle(folder, (folder / 'policy.onnx').read_bytes(), metadata)
    with pytest.raises(BundleMismatchError, match=r'\(12, 3\).*\(12, 4\)'):
        PolicyBundle(folder)


@pytest.mark.parametrize('name', ['policy.onnx', 'bundle.yaml'])
def test_a_folder_that_is_no_bundle_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(RefusedError, match='is no policy bundle: it must be a folder with'):
        PolicyBundle(folder)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda content: content.update(format='other'), "has format 'other'"),
        (lambda content: content.pop('action'), r"lacks \['action'\]"),
        (lambda content: content.update(extra=1), "unknown BundleMetadata key 'extra'"),
        (lambda content: content['environment'].update(robot='ur5'), "unknown robot 'ur5'"),
    ],
)
def test_metadata_that_is_none_is_refused(folder, change, message):
    _edit(folder, change)
    with pytest.raises(RefusedError, match=message):
        PolicyBundle(folder)


def test_the_scripted_policy_is_for_ee_control(tmp_path):
    with pytest.raises(RefusedError, match="control 'ee', not 'joints'"):
        write_proportional_bundle(tmp_path, EnvConfig(control='joints'))


# Graphs that are no policies


def _graph(name='observation', width=12, size=3, batch='batch', output='action', rank=2):
    """Make the graph of a = tanh(W o) by hand."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.linspace(-1.0, 1.0, width * size, dtype=np.float32).reshape(width, size)
    shape = [batch, width][:rank]
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node('MatMul', [name, 'weight'], ['raw']),
                helper.make_node('Tanh', ['raw'], [output]),
            ],
            'by hand',
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape[:-1], size])],
            [numpy_helper.from_array(weight, 'weight')],
        ),
        opset_imports=[helper.make_opsetid('', 17)],
        ir_version=8,
    )
    return model.SerializeToString(), weight


def test_any_graph_with_these_inputs_and_outputs_is_a_policy(folder):
    metadata = PolicyBundle(folder).metadata
    graph, weight = _graph()
    write_bundle(folder, graph, metadata)
    policy = PolicyBundle(folder)
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(4, n)).astype(np.float32) for n in (6, 3, 3)]
    observation = dict(zip(('observation', 'achieved_goal', 'desired_goal'), parts, strict=True))
    expected = np.tanh(np.hstack(parts) @ weight)
    assert policy.act(observation) == pytest.approx(expected, abs=1e-6)
    assert policy.metadata.sha256 != metadata.sha256


@pytest.mark.parametrize(
    ('graph', 'message'),
    [
        ({'width': 11}, r'the graph has \(11, 3\) .*, bundle.yaml says \(12, 3\)'),
        ({'size': 4}, r'the graph has \(12, 4\) .*, bundle.yaml says \(12, 3\)'),
        ({'name': 'obs'}, r"the graph has inputs and outputs \['obs', 'action'\]"),
        ({'output': 'mean'}, r"the graph has inputs and outputs \['observation', 'mean'\]"),
        ({'batch': 1}, r'\[1, 12\].* it must be for any number of rows'),
        ({'rank': 1, 'batch': 12}, 'it must be for any number of rows'),
    ],
)
def test_a_graph_of_another_shape_is_refused(folder, graph, message):
    write_bundle(folder, _graph(**graph)[0], PolicyBundle(folder).metadata)
    with pytest.raises(BundleMismatchError, match=message):
        PolicyBundle(folder)


@pytest.mark.parametrize('graph', [b'', b'not a graph'])
def test_what_is_no_graph_is_refused(folder, graph):
    write_bundle(folder, graph, PolicyBundle(folder).metadata)
    with pytest.raises(RefusedError, match='policy.onnx is no ONNX graph that can be run'):
        PolicyBundle(folder)


@pytest.mark.parametrize(
    'change',
    [
        lambda content: content.update(observation=[1, 2]),
        lambda content: content.update(observation=[{'name': 'tool_position'}]),
        lambda content: content.update(action={}),
        lambda content: content.update(action='ee'),
        lambda content: content.update(environment=[]),
        lambda content: content.update(sha256=7),
        lambda content: content['environment'].update(controll='ee'),
        lambda content: content['environment'].update(safety={'speed': 1.0}),
        lambda content: content['environment'].update(control_period=float('nan')),
    ],
)
def test_malformed_metadata_is_refused_as_any_bad_input(folder, change):
    _edit(folder, change)
    with pytest.raises(RefusedError):
        PolicyBundle(folder)


def test_every_difference_is_named(folder):
    other = dataclasses.replace(CONFIG, robot='fr3', control_period=0.02)
    with pytest.raises(BundleMismatchError) as error:
        PolicyBundle(folder).check(other)
    for key in ('robot', 'control_period', 'action'):
        assert f'{key}: the policy has ' in str(error.value)


def test_a_bundle_is_replaced_whole(folder):
    before = PolicyBundle(folder).metadata
    after = dataclasses.replace(before, training={'seed': 5}, evaluation={'success_rate': 0.97})
    write_bundle(folder, (folder / 'policy.onnx').read_bytes(), after)
    metadata = PolicyBundle(folder).metadata
    assert (metadata.training, metadata.evaluation) == ({'seed': 5}, {'success_rate': 0.97})
    assert metadata.sha256 == before.sha256
    assert sorted(path.name for path in folder.iterdir()) == ['bundle.yaml', 'policy.onnx']


def test_what_is_not_finite_comes_out_not_finite(folder):
    """A policy must not turn a broken observation into a harmless looking action."""
    observation = {
        'observation': np.full((1, 6), np.nan, np.float32),
        'achieved_goal': np.full((1, 3), np.nan, np.float32),
        'desired_goal': np.zeros((1, 3), np.float32),
    }
    action = PolicyBundle(folder).act(observation)
    assert not np.isfinite(action).any()
