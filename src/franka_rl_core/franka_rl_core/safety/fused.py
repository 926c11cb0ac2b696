# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The chain of limits for large batches, compiled."""

from __future__ import annotations

from dataclasses import fields

from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.safety.chain import SafeCommand, SafetyChain
from franka_rl_core.state import ArmState


class FusedChain:
    """
    Decides most arms in one compiled loop, and the few that it leaves over by themselves.

    Those are the arms that would leave the workspace: what is done about them takes several
    attempts, and would cost all others as much. They are decided where few are decided fastest,
    by :attr:`Arrays.of_few`, as they are without compiling; gradients end there.

    :param chain: what is compiled.
    :param arrays: where its worlds live.
    :raises RefusedError: nothing can be compiled there.
    """

    def __init__(self, chain: SafetyChain, arrays: Arrays) -> None:
        self._arrays = arrays
        self._decide_most = arrays.compiled(chain.decide_most)
        self._decide = chain.of(arrays.of_few)

    def __call__(self, target: Array, arm: ArmState, *, hold: Array) -> SafeCommand:
        """See :meth:`SafetyChain.__call__`."""
        command, undecided = self._decide_most(target, arm, hold)
        if undecided is None:
            return command
        (worlds,) = self._arrays.xp.nonzero(undecided)
        return self._with_few(command, worlds, target, arm, hold) if len(worlds) else command

    def _with_few(
        self, command: SafeCommand, worlds: Array, target: Array, arm: ArmState, hold: Array
    ) -> SafeCommand:
        """Decide some worlds, (M,) int64."""
        arrays = self._arrays

        def few(values: Array) -> Array:
            return arrays.few(arrays.taken(values, worlds))

        arms = ArmState(**{field.name: few(getattr(arm, field.name)) for field in fields(arm)})
        decided = self._decide(few(target), arms, hold=few(hold))
        parts = {
            field.name: arrays.overwritten(
                getattr(command, field.name), worlds, getattr(decided, field.name)
            )
            for field in fields(command)
        }
        return SafeCommand(**parts)
