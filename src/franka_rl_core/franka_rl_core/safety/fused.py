# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The chain of limits for large batches, compiled."""

from __future__ import annotations

from dataclasses import fields

from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.safety.chain import SafeCommand, SafetyChain
from franka_rl_core.state import ArmState

# Arms that are looked after together; what is compiled has a fixed size.
GROUP = 256


class FusedChain:
    """
    Decides most arms in one compiled loop, and the few that it leaves over by themselves.

    Those are the arms that would leave the workspace: what is done about them takes several
    attempts, and would cost all others as much. On a CPU, another loop takes them in groups; on a
    GPU, which is fastest with many, they are one batch of whatever size, and nothing is compiled
    for them.

    :param chain: what is compiled.
    :param arrays: where its worlds live.
    :raises RefusedError: nothing can be compiled there.
    """

    def __init__(self, chain: SafetyChain, arrays: Arrays) -> None:
        self._chain, self._arrays = chain, arrays
        self._decide_most = arrays.compiled(chain.decide_most)
        self._in_groups = arrays.of_few is not arrays
        self._decide = arrays.compiled(self._decided) if self._in_groups else self._decided

    def __call__(self, target: Array, arm: ArmState, *, hold: Array) -> SafeCommand:
        """See :meth:`SafetyChain.__call__`."""
        command, undecided = self._decide_most(target, arm, hold)
        if undecided is None:
            return command
        (worlds,) = self._arrays.xp.nonzero(undecided)
        if not self._in_groups:
            return self._with_group(command, worlds, target, arm, hold) if len(worlds) else command
        for first in range(0, len(worlds), GROUP):
            group = self._filled(worlds[first : first + GROUP])
            command = self._with_group(command, group, target, arm, hold)
        return command

    def _filled(self, worlds: Array) -> Array:
        """Repeat the first world until the group is full."""
        missing = GROUP - len(worlds)
        if not missing:
            return worlds
        return self._arrays.xp.concat([worlds, worlds[:1].expand(missing)], axis=0)

    def _with_group(
        self, command: SafeCommand, worlds: Array, target: Array, arm: ArmState, hold: Array
    ) -> SafeCommand:
        """Decide some worlds, (M,) int64."""
        decided = self._decide(worlds, target, arm, hold)
        overwritten = self._arrays.overwritten
        return SafeCommand(
            overwritten(command.joint_position, worlds, decided.joint_position),
            overwritten(command.verdict, worlds, decided.verdict),
            overwritten(command.reason, worlds, decided.reason),
        )

    def _decided(self, worlds: Array, target: Array, arm: ArmState, hold: Array) -> SafeCommand:
        """Give the commands of these worlds alone."""
        taken = self._arrays.taken
        arms = ArmState(**{f.name: taken(getattr(arm, f.name), worlds) for f in fields(arm)})
        return self._chain(taken(target, worlds), arms, hold=taken(hold, worlds))
