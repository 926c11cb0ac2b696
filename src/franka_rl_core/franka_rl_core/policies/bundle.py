# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Policy bundles: ``policy.onnx`` and ``bundle.yaml``, run without torch and without pickle."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from franka_rl_core.envs.base import KEYS, Observation
from franka_rl_core.envs.config import EnvConfig, make_parts
from franka_rl_core.exceptions import BundleMismatchError, MissingDependencyError, RefusedError
from franka_rl_core.policies.metadata import FORMAT, BundleMetadata
from franka_rl_core.settings import build, read_yaml

GRAPH_FILE = 'policy.onnx'
METADATA_FILE = 'bundle.yaml'


class PolicyBundle:
    """
    A policy that is ready to act.

    The graph holds the observation normaliser, the network and the deterministic head; its input is
    the terms of ``metadata.observation`` side by side (N, D) float32, its output the action (N, K)
    float32 in [-1, 1].

    :param path: the folder.
    :raises RefusedError: the folder is no bundle, or ``policy.onnx`` is not the file that was
        stored.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.metadata = read_metadata(self.path)
        graph = (self.path / GRAPH_FILE).read_bytes()
        if (digest := hashlib.sha256(graph).hexdigest()) != self.metadata.sha256:
            raise RefusedError(
                f'{self.path / GRAPH_FILE} was changed: its sha256 is {digest}, '
                f'{METADATA_FILE} says {self.metadata.sha256}'
            )
        self._session = _session(graph)
        self._check_graph()

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """
        Choose the best actions.

        :param observation: as :class:`FrankaVectorEnv` gives it, N rows.
        :returns: (N, K) in [-1, 1].
        """
        parts = [observation[key] for key in KEYS]
        flat = np.concatenate(parts, axis=1, dtype=np.float32)
        action: NDArray[np.float32] = self._session.run(['action'], {'observation': flat})[0]
        return action

    def check(self, config: EnvConfig) -> None:
        """
        Refuse a system that the policy was not trained for.

        :raises BundleMismatchError: lists every difference, naming both sides.
        """
        self.metadata.check(config, make_parts(config))

    def _check_graph(self) -> None:
        """Compare the graph with the metadata, and the metadata with this software."""
        metadata = self.metadata
        try:
            sizes = sum(int(term['size']) for term in metadata.observation), metadata.action['size']
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedError(f'{self.path / METADATA_FILE} is malformed: {error!r}') from error
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        if (names := [end.name for end in ends]) != ['observation', 'action']:
            raise BundleMismatchError(
                f"the graph has inputs and outputs {names}, it must have 'observation' and 'action'"
            )
        shapes = [end.shape for end in ends]
        if any(len(shape) != 2 or isinstance(shape[0], int) for shape in shapes):
            raise BundleMismatchError(
                f'the graph is for arrays of shapes {shapes}, it must be for any number of rows'
            )
        if (found := (shapes[0][1], shapes[1][1])) != sizes:
            raise BundleMismatchError(
                f'the graph has {found} inputs and outputs, {METADATA_FILE} says {sizes}'
            )
        self.check(metadata.config)


def read_metadata(path: Path) -> BundleMetadata:
    """
    Read ``bundle.yaml`` of a bundle.

    :raises RefusedError: the folder is no bundle of this format.
    """
    for name in (METADATA_FILE, GRAPH_FILE):
        if not (path / name).is_file():
            raise RefusedError(
                f'{path} is no policy bundle: '
                f'it must be a folder with {METADATA_FILE} and {GRAPH_FILE}'
            )
    content = read_yaml(path / METADATA_FILE)
    if content.get('format') != FORMAT:
        raise RefusedError(
            f'{path} has format {content.get("format")!r}; this software reads {FORMAT!r}'
        )
    missing = {'environment', 'observation', 'action', 'sha256'} - set(content)
    if missing:
        raise RefusedError(f'{path / METADATA_FILE} lacks {sorted(missing)}')
    return build(BundleMetadata, content)


def write_bundle(path: Path, graph: bytes, metadata: BundleMetadata) -> None:
    """
    Write a bundle; an existing one is replaced file by file.

    :param graph: the ONNX model.
    :param metadata: what to say about it; its ``sha256`` is filled in.
    """
    path.mkdir(parents=True, exist_ok=True)
    complete = dataclasses.replace(metadata, sha256=hashlib.sha256(graph).hexdigest())
    (path / GRAPH_FILE).write_bytes(graph)
    (path / METADATA_FILE).write_text(
        yaml.safe_dump(complete.to_dict(), sort_keys=False, allow_unicode=True), encoding='utf-8'
    )


def _session(graph: bytes) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingDependencyError('onnxruntime', 'pip install onnxruntime') from error
    options = onnxruntime.SessionOptions()
    # The networks are small: more threads only add jitter.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime has a dozen classes without a common base
        raise RefusedError(f'{GRAPH_FILE} is no ONNX graph that can be run: {error}') from error
