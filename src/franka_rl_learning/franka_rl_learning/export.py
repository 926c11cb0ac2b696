# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From a policy to the ONNX graph of a policy bundle."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from typing import Any

import onnx
import torch
from torch import Tensor, nn

# The opset the exporter writes without conversion; onnxruntime reads it since 1.14.
OPSET = 18


def export(policy: DeterministicPolicy, size: int) -> bytes:
    """
    Make one graph of normaliser, network, deterministic head and clip to [-1, 1].

    :param policy: the policy.
    :param size: D + G + G, number of values of its observation.
    :returns: the model, ``observation`` (N, D + G + G) float32 → ``action`` (N, K) float32. Equal
        weights give equal bytes.
    """
    with _quiet():
        program: Any = torch.onnx.export(
            policy.cpu().eval(),
            (torch.zeros(2, size),),
            input_names=['observation'],
            output_names=['action'],
            dynamic_shapes=({0: torch.export.Dim('batch')},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    graph: bytes = _strip(program.model_proto).SerializeToString(deterministic=True)
    return graph


class DeterministicPolicy(nn.Module):
    """
    The best action of a policy as a function of the flat, raw observation.

    :param head: network from the (normalised) observation to the unclipped best action.
    :param normalizer: of the observations it was trained on, if they were normalised.
    """

    def __init__(self, head: nn.Module, normalizer: Normalizer | None) -> None:
        super().__init__()
        self._head = copy.deepcopy(head)
        self._normalizer = normalizer

    def forward(self, observation: Tensor) -> Tensor:
        """Act: (N, D + G + G) → (N, K)."""
        if self._normalizer is not None:
            observation = self._normalizer(observation)
        return torch.clamp(self._head(observation), -1.0, 1.0)


class Normalizer(nn.Module):
    """
    Scales observations; in double precision: with single, a mean far from 0 would cost digits.

    :param mean: (D + G + G,) what becomes 0.
    :param deviation: (D + G + G,) distance from it that becomes 1.
    :param clip: largest magnitude of the result.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, clip: float) -> None:
        super().__init__()
        self.register_buffer('mean', mean.detach().double())
        self.register_buffer('deviation', deviation.detach().double())
        self._clip = clip

    def forward(self, observation: Tensor) -> Tensor:
        """Scale: (N, D + G + G) → (N, D + G + G)."""
        scaled = (observation.double() - self.mean) / self.deviation
        return torch.clamp(scaled, -self._clip, self._clip).float()


def _strip(model: Any) -> Any:
    """Remove what the exporter says about the machine it ran on: source files and stack traces."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ''
    for group in (model.graph.node, model.graph.input, model.graph.output, model.graph.value_info):
        for item in group:
            del item.metadata_props[:]
            item.doc_string = ''
    onnx.checker.check_model(model)
    return model


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the exporter's progress and its deprecation warnings to ourselves."""
    names = ('torch.onnx', 'onnxscript', 'onnx_ir')
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
