# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From what was run to the numbers of the acceptance report, as plain data."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from franka_rl_core.bench.report import machine
from franka_rl_core.envs.config import make_parts
from franka_rl_core.guard.guard import GuardLimits
from franka_rl_core.policies.bundle import read_metadata
from franka_rl_core.policies.metadata import BundleMetadata
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Verdict
from franka_rl_core.tasks.reach import THRESHOLD
from franka_rl_nodes.prove import conditions, motion
from franka_rl_nodes.prove.recording import Recording
from franka_rl_nodes.prove.run import Outcome, Plan

FORMAT = 'franka_rl proof 1'
_PACKAGES = ('franka_rl_nodes', 'numpy', 'onnxruntime', 'pinocchio', 'ruckig', 'rclpy')
_PERCENTILES = (50, 95, 99)
# Bins of the latency histogram [ms]; the last one holds all that took longer as well.
_EDGES_MS = np.arange(0.0, 20.5, 0.5)


def make_report(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Sum up what was run; what does not exist is None."""
    metadata = read_metadata(plan.policy)
    model = make_parts(metadata.config).model
    results = {o.condition.name: _result(plan, metadata, model, o) for o in outcomes}
    return {
        'format': FORMAT,
        'passed': all(result['passed'] for result in results.values()),
        'criterion': _criterion([outcome.condition for outcome in outcomes]),
        'policy': _policy(plan, metadata),
        'robot': plan.robot,
        'controller': plan.controller,
        'driver': 'fci',
        'episodes': plan.episodes,
        'seed': plan.seed,
        'goal_tolerance_m': THRESHOLD,
        'guard': {
            'safety': metadata.environment['safety'],
            'limits': dataclasses.asdict(GuardLimits()),
        },
        'date': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'machine': machine(),
        'versions': _versions(),
        'conditions': results,
    }


def summary(report: dict[str, Any]) -> list[str]:
    """Give a line for each condition, and the verdict."""
    lines = []
    for name, result in report['conditions'].items():
        verdict = 'passed' if result['passed'] else 'NOT PASSED'
        if result['problem']:
            lines.append(f'{name}: {verdict}: {result["problem"]}')
            continue
        low, high = result['success_interval']
        rate = f'success_rate: {result["success_rate"]:.2f} [{low:.2f}, {high:.2f}]'
        line = f'{name}: {rate}, reflexes: {len(result["reflexes"])}, {verdict}'
        if busy := result['interruptions']:
            line += f' (this computer was too busy {busy} times)'
        lines.append(line)
    return [*lines, 'passed' if report['passed'] else 'NOT PASSED']


def _criterion(chosen: Sequence[conditions.Condition]) -> str:
    rates = ', '.join(f'{c.required_success:g} ({c.name})' for c in chosen)
    return f'under every condition that was run: no reflex, and a success rate of at least {rates}'


def _policy(plan: Plan, metadata: BundleMetadata) -> dict[str, Any]:
    environment = metadata.environment
    return {
        'bundle': str(plan.policy),
        'sha256': metadata.sha256,
        'trained_by': metadata.training.get('algorithm'),
        **{key: environment[key] for key in ('task', 'control', 'control_period')},
    }


def _versions() -> dict[str, str]:
    versions = {'python': platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _result(
    plan: Plan, metadata: BundleMetadata, model: RobotModel, outcome: Outcome
) -> dict[str, Any]:
    condition = conditions.to_dict(outcome.condition)
    numbers, recording = outcome.numbers, outcome.recording
    if numbers is None or recording is None:
        return {**condition, 'passed': False, 'problem': outcome.problem}
    enough = numbers['success_rate'] >= outcome.condition.required_success
    copied = ('success_rate', 'success_interval', 'final_distance_m', 'time_to_success_s')
    return {
        **condition,
        'passed': bool(enough and not numbers['errors']),
        'problem': '',
        **{key: numbers[key] for key in copied},
        'reflexes': list(numbers['errors']),
        'targets': _targets(recording),
        'interruptions': _interruptions(recording),
        'latency_ms': _latency(recording),
        'limits_used': _limits(plan, model, recording),
        'packets_arrived': _mean(recording.arrived[recording.mode == motion.MOVE]),
        'episodes': motion.distances(model, recording, metadata.config.control_period),
    }


def _targets(recording: Recording) -> dict[str, Any]:
    """
    Count what became of the policy's targets, and why.

    The guard counts targets, and says the newest one's reason: those that are new since its last
    status had that reason, or that of the last target of their kind.
    """
    totals = dict.fromkeys(('passed', 'clipped', 'held'), 0)
    reasons: dict[str, dict[str, int]] = {'clipped': {}, 'held': {}}
    last = {'clipped': 'unknown', 'held': 'unknown'}
    before = np.zeros(3, np.int64)
    rows = zip(recording.guard_counts, recording.guard_verdict, recording.guard_reason, strict=True)
    for counts, verdict, reason in rows:
        word = Verdict(int(verdict)).name.lower()
        if word in last:
            last[word] = str(reason)
        # Arming begins anew.
        new = counts if (counts < before).any() else counts - before
        before = counts
        for kind, number in zip(totals, new.tolist(), strict=True):
            totals[kind] += number
            if number and kind in reasons:
                reasons[kind][last[kind]] = reasons[kind].get(last[kind], 0) + number
    return {**totals, 'reasons': reasons}


def _interruptions(recording: Recording) -> int:
    """Count how often the guard held the arm because this computer was too busy to run it all."""
    busy = np.isin(recording.guard_reason, ['stalled', 'stale_state'])
    return int(np.count_nonzero(np.diff(np.concatenate([[False], busy]).astype(int)) > 0))


def _latency(recording: Recording) -> dict[str, Any]:
    total = 1e3 * recording.command_latency
    counts, _ = np.histogram(np.minimum(total, _EDGES_MS[-1] - 1e-9), _EDGES_MS)
    # The last report is of the newest ticks, and there is none before the first second.
    tick = 1e-3 * recording.guard_tick
    return {
        'policy_computation': _percentiles(1e3 * recording.computation),
        'observation_to_command': _percentiles(total),
        'guard_tick': {
            'p50': _mean(tick[:, 0]),
            'p99': _mean(tick[:, 1]),
        },
        'histogram': {'edges': _EDGES_MS.tolist(), 'count': counts.tolist()},
    }


def _limits(plan: Plan, model: RobotModel, recording: Recording) -> dict[str, Any]:
    stamps, reference = motion.followed(recording, plan.controller)
    error = motion.tracking_error(recording, stamps, reference)
    used = motion.limits_used(model, stamps, reference)
    used['tether'] = error / (GuardLimits().tether * model.velocity)
    return {
        'joints': list(model.joint_names),
        'samples': len(stamps),
        **{kind: shares.round(4).tolist() for kind, shares in used.items()},
    }


def _percentiles(values: Any) -> dict[str, float | None]:
    if not len(values):
        return {**dict.fromkeys(f'p{p}' for p in _PERCENTILES), 'max': None}
    shares = {f'p{p}': round(float(np.percentile(values, p)), 4) for p in _PERCENTILES}
    return {**shares, 'max': round(float(values.max()), 4)}


def _mean(values: Any) -> float | None:
    finite = values[np.isfinite(values)]
    return round(float(finite.mean()), 5) if len(finite) else None
