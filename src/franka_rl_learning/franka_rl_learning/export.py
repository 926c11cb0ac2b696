# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From a policy of Stable-Baselines3 to the ONNX graph of a policy bundle."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from franka_rl_core.envs.base import KEYS
from franka_rl_core.exceptions import RefusedError

# The opset the exporter writes without conversion; onnxruntime reads it since 1.14.
OPSET = 18


def export(policy: BasePolicy, normalizer: VecNormalize | None) -> bytes:
    """
    Make one graph of normaliser, network, deterministic head and clip to [-1, 1].

    :param policy: policy with dictionaries as observations.
    :param normalizer: statistics of the observations it was trained on, if they were normalised.
    :returns: the model, ``observation`` (N, D + G + G) float32 → ``action`` (N, K) float32. Equal
        weights give equal bytes.
    """
    module = DeterministicPolicy(policy, normalizer).eval()
    example = torch.zeros(2, sum(module.sizes))
    with _quiet():
        program: Any = torch.onnx.export(
            module,
            (example,),
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
    """The best action of a policy as a function of the flat, raw observation."""

    def __init__(self, policy: BasePolicy, normalizer: VecNormalize | None) -> None:
        super().__init__()
        spaces = policy.observation_space.spaces  # type: ignore[attr-defined]
        self.sizes = [spaces[key].shape[0] for key in KEYS]
        self._order = list(spaces)  # in which the features are laid side by side
        self._head = _head(policy)
        self._normalizer = _Normalizer(normalizer) if normalizer and normalizer.norm_obs else None

    def forward(self, observation: Tensor) -> Tensor:
        """Act: (N, D + G + G) → (N, K)."""
        if self._normalizer is not None:
            observation = self._normalizer(observation)
        parts = dict(zip(KEYS, torch.split(observation, self.sizes, dim=1), strict=True))
        features = torch.cat([parts[key] for key in self._order], dim=1)
        return torch.clamp(self._head(features), -1.0, 1.0)


class _Normalizer(nn.Module):
    """In double precision, as VecNormalize: with single, a mean far from 0 would cost digits."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, normalizer: VecNormalize) -> None:
        super().__init__()
        statistics = [normalizer.obs_rms[key] for key in KEYS]
        mean = np.concatenate([entry.mean for entry in statistics])
        deviation = np.concatenate([np.sqrt(e.var + normalizer.epsilon) for e in statistics])
        self.register_buffer('mean', torch.from_numpy(mean))
        self.register_buffer('deviation', torch.from_numpy(deviation))
        self._clip = float(normalizer.clip_obs)

    def forward(self, observation: Tensor) -> Tensor:
        scaled = (observation.double() - self.mean) / self.deviation
        return torch.clamp(scaled, -self._clip, self._clip).float()


def _head(policy: BasePolicy) -> nn.Module:
    """Give the network from features to the unclipped best action."""
    if isinstance(policy, ActorCriticPolicy):
        return nn.Sequential(policy.mlp_extractor.policy_net, policy.action_net)
    if isinstance(policy, SACPolicy):
        return nn.Sequential(policy.actor.latent_pi, policy.actor.mu, nn.Tanh())
    raise RefusedError(f'no export is known for {type(policy).__name__}')


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
