# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy bundle says about its policy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from franka_rl_core.envs.config import EnvConfig, Parts
from franka_rl_core.exceptions import BundleMismatchError
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.settings import build

FORMAT = 'franka_rl policy bundle 1'


@dataclass(frozen=True)
class BundleMetadata:
    """
    The content of ``bundle.yaml``.

    The keys of ``environment`` are those of :class:`EnvConfig`; ``observation`` and ``action``
    spell out what they mean, so that a change of the software's own definitions is found when the
    bundle is loaded.
    """

    environment: dict[str, Any]
    observation: list[dict[str, Any]]  # name, size, unit, frame; in the order of the policy's input
    action: dict[str, Any]  # control, size, scale, unit, joint_names
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    sha256: str = ''  # of policy.onnx
    format: str = FORMAT

    @property
    def config(self) -> EnvConfig:
        """The environment the policy was trained in."""
        return build(EnvConfig, self.environment)

    def check(self, config: EnvConfig, parts: Parts) -> None:
        """
        Refuse a system that the policy was not trained for.

        :param config: the system's environment; its backend, number of worlds and reward do not
            matter.
        :param parts: its objects.
        :raises BundleMismatchError: lists every difference, naming both sides.
        """
        ours, theirs = self._essence(), describe(config, parts)._essence()
        differences = [
            f'{key}: the policy has {ours.get(key)!r}, this system has {theirs.get(key)!r}'
            for key in {**ours, **theirs}
            if ours.get(key) != theirs.get(key)
        ]
        if differences:
            raise BundleMismatchError('the policy does not fit; ' + '; '.join(differences))

    def _essence(self) -> dict[str, Any]:
        keys = ('robot', 'task', 'control', 'control_period')
        return {
            **{key: self.environment.get(key) for key in keys},
            # Limits that are newer than the bundle have defaults that change nothing.
            'safety': {**dataclasses.asdict(SafetyConfig()), **self.environment.get('safety', {})},
            'observation': self.observation,
            'action': self.action,
        }

    def to_dict(self) -> dict[str, Any]:
        """Give the content of ``bundle.yaml``."""
        return dataclasses.asdict(self)


def describe(config: EnvConfig, parts: Parts, **more: Any) -> BundleMetadata:
    """
    Describe a policy for an environment.

    :param more: the other fields of :class:`BundleMetadata`.
    """
    terms = [(term.name, term.size, term.unit, term.frame) for term in parts.terms]
    terms += [
        (name, parts.task.goal_size, 'm', 'base') for name in ('achieved_goal', 'desired_goal')
    ]
    keys = ('name', 'size', 'unit', 'frame')
    decoder = parts.decoder
    environment = {**config.to_dict(), 'safety': dataclasses.asdict(parts.chain.config)}
    return BundleMetadata(
        environment=environment,
        observation=[dict(zip(keys, term, strict=True)) for term in terms],
        action={
            'control': decoder.name,
            'size': decoder.size,
            'scale': decoder.scale,
            'unit': decoder.unit,
            'joint_names': list(parts.model.joint_names),
        },
        **more,
    )
