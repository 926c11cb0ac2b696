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
    attempts, and would cost all others as much. On a CPU, another loop takes them in groups. A GPU
    does it for all: that takes less time there than to find out for whom.

    :param chain: what is compiled.
    :param arrays: where its worlds live.
    :raises RefusedError: nothing can be compiled there.
    """

    def __init__(self, chain: SafetyChain, arrays: Arrays) -> None:
        self._chain, self._arrays = chain, arrays
        self._leaves_none = arrays.of_few is arrays  # on a GPU, few take as long as many
        self._decide_all = arrays.compiled(self._decided)
        self._decide_most = arrays.compiled(chain.decide_most)
        self._decide_group = arrays.compiled(self._group)

    def __call__(self, target: Array, arm: ArmState, *, hold: Array) -> SafeCommand:
        """See :meth:`SafetyChain.__call__`."""
        if self._leaves_none:
            return self._decide_all(target, arm, hold)
        command, undecided = self._decide_most(target, arm, hold)
        if undecided is None:
            return command
        return self._with_rest(command, undecided, target, arm, hold)

    def _decided(self, target: Array, arm: ArmState, hold: Array) -> SafeCommand:
        return self._chain(target, arm, hold=hold)

    def _with_rest(
        self, command: SafeCommand, undecided: Array, target: Array, arm: ArmState, hold: Array
    ) -> SafeCommand:
        """Decide what was left over, (N,) of bool; the commands are overwritten."""
        overwritten = self._arrays.overwritten
        (worlds,) = self._arrays.xp.nonzero(undecided)
        for first in range(0, len(worlds), GROUP):
            group = self._filled(worlds[first : first + GROUP])
            decided = self._decide_group(group, target, arm, hold)
            command = SafeCommand(
                overwritten(command.joint_position, group, decided.joint_position),
                overwritten(command.verdict, group, decided.verdict),
                overwritten(command.reason, group, decided.reason),
            )
        return command

    def _filled(self, worlds: Array) -> Array:
        """Repeat the first world until the group is full."""
        missing = GROUP - len(worlds)
        if not missing:
            return worlds
        return self._arrays.xp.concat([worlds, worlds[:1].expand(missing)], axis=0)

    def _group(self, worlds: Array, target: Array, arm: ArmState, hold: Array) -> SafeCommand:
        """Give the commands of these worlds alone, (M,) int64."""
        taken = self._arrays.taken
        arms = ArmState(**{f.name: taken(getattr(arm, f.name), worlds) for f in fields(arm)})
        return self._chain(taken(target, worlds), arms, hold=taken(hold, worlds))
