# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy that is not learned, for trying a deployment: the tool goes straight to the goal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from franka_rl_core.envs.config import EnvConfig, make_parts
from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.policies.bundle import write_bundle
from franka_rl_core.policies.metadata import describe

# The scale of ee control is 0.05 m; half the distance is covered in one period, within what the arm
# can do.
GAIN = 10.0  # [1/m]
OPSET = 17


def write_proportional_bundle(path: Path, config: EnvConfig) -> None:
    """
    Write the bundle of the policy a = clip(10 (goal − tool), −1, 1) for ee control.

    :param path: folder of the bundle.
    :param config: the environment it is for.
    :raises RefusedError: the control is another one.
    :raises MissingDependencyError: onnx is not installed.
    """
    if config.control != 'ee':
        raise RefusedError(f"the proportional policy has control 'ee', not {config.control!r}")
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError as error:
        raise MissingDependencyError('onnx', 'pip install onnx') from error
    parts = make_parts(config)
    metadata = describe(config, parts, training={'algorithm': 'none: proportional controller'})
    width = sum(int(term['size']) for term in metadata.observation)
    # The last six inputs are the achieved and the desired position of the tool.
    gain = np.zeros((width, 3), np.float32)
    gain[-6:-3], gain[-3:] = -GAIN * np.eye(3), GAIN * np.eye(3)
    constants = {'gain': gain, 'low': np.float32(-1.0), 'high': np.float32(1.0)}
    graph = helper.make_graph(
        [
            helper.make_node('MatMul', ['observation', 'gain'], ['raw']),
            helper.make_node('Clip', ['raw', 'low', 'high'], ['action']),
        ],
        'proportional',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, ['batch', width])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['batch', 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=8)
    write_bundle(path, model.SerializeToString(), metadata)
