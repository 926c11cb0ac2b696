# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What differs between simulators and arms, drawn anew for every episode of every world."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.envs.base import Observation
from franka_rl_core.observation import ObservationTerm
from franka_rl_core.random_numbers import make_key, normal, uniform
from franka_rl_core.settings import build, setting

# Steps; no episode has more.
_LONGEST_EPISODE = 2**32


@dataclass(frozen=True)
class RandomizationConfig:
    """Largest deviations from the ideal; all are 0 if none is given."""

    delay_steps: int = setting(
        0, 'an action is carried out so many control periods late at most', low=0, high=10
    )
    action_scale: float = setting(
        0.0, 'actions are so much larger or smaller at most, relatively', low=0.0, high=0.9
    )
    position_noise: float = setting(
        0.0, 'standard deviation of observed positions', unit='m or rad', low=0.0, high=0.1
    )
    velocity_noise: float = setting(
        0.0, 'standard deviation of observed velocities', unit='m/s or rad/s', low=0.0, high=1.0
    )
    tracking_lag: float = setting(
        0.0,
        'share of a motion that is missing at the end of its period, at most',
        low=0.0,
        high=0.9,
    )


class Randomizer:
    """
    Disturbs N worlds.

    What a world gets depends on the seed, on the world and on how many episodes it had, as its
    goals do.

    :param config: how much.
    :param terms: of the observation.
    :param num_worlds: N.
    :param action_size: K.
    :param arrays: where the worlds live.
    """

    def __init__(
        self,
        config: RandomizationConfig,
        terms: tuple[ObservationTerm, ...],
        num_worlds: int,
        action_size: int,
        arrays: Arrays,
    ) -> None:
        self._config, self._arrays = config, arrays
        deviations = {'m': config.position_noise, 'rad': config.position_noise}
        self._noise = [
            deviations.get(t.unit, config.velocity_noise) for t in terms for _ in range(t.size)
        ]
        self._worlds = arrays.index(range(num_worlds))
        zeros = arrays.repeated([0.0], num_worlds)[:, 0]
        self._delay = self._lag = self._scale = zeros
        self._late = [arrays.repeated([0.0] * action_size, num_worlds)] * config.delay_steps
        self.seed(None)

    def seed(self, seed: int | None) -> None:
        """Start again with a seed; None takes entropy from the system."""
        key = make_key(seed)  # that of the goals; these are other streams
        self._key, self._noise_key = key ^ 1, key ^ 2
        self._drawn = 0 * self._worlds

    def draw(self, worlds: Array) -> None:
        """Draw new deviations for some worlds, (M,) int64."""
        arrays, config = self._arrays, self._config
        drawn = self._drawn[worlds]
        numbers = uniform(arrays, self._key, worlds, drawn, 3)
        self._drawn = arrays.replaced(self._drawn, worlds, drawn + 1)
        delay = arrays.xp.floor(numbers[:, 0] * (config.delay_steps + 1))
        self._delay = arrays.replaced(self._delay, worlds, delay)
        scale = 1.0 + config.action_scale * (2.0 * numbers[:, 1] - 1.0)
        self._scale = arrays.replaced(self._scale, worlds, scale)
        self._lag = arrays.replaced(self._lag, worlds, config.tracking_lag * numbers[:, 2])
        self._late = [arrays.replaced(actions, worlds, 0.0) for actions in self._late]

    def action(self, actions: Array) -> Array:
        """Give the actions (N, K) that are carried out now."""
        xp = self._arrays.xp
        history = [actions, *self._late]
        self._late = history[: len(self._late)]
        result = actions
        for steps, earlier in enumerate(history):
            result = xp.where((self._delay == steps)[:, None], earlier, result)
        return result * self._scale[:, None]

    def target(self, command: Array, position: Array) -> Array:
        """Give where arms (N, 7) get that shall go from a position to a command."""
        return command - self._lag[:, None] * (command - position)

    def observation(self, observation: Observation, elapsed: Array) -> Observation:
        """
        Give an observation with noise; the goals stay.

        :param elapsed: (N,) int64 steps of the episodes. In the same step of the same episode the
            noise is the same, whatever the other worlds do.
        """
        if not any(self._noise):
            return observation
        arrays = self._arrays
        moment = self._drawn * _LONGEST_EPISODE + elapsed
        noise = normal(arrays, self._noise_key, self._worlds, moment, len(self._noise))
        noise = arrays.xp.astype(noise * arrays.constant(self._noise), arrays.single)
        return {**observation, 'observation': observation['observation'] + noise}

    def detach(self) -> None:
        """Let gradients end here."""
        self._late = [actions.detach() for actions in self._late]


def make_randomizer(settings: dict[str, Any], *args: Any) -> Randomizer | None:
    """
    Make a randomiser, None if nothing deviates.

    :param settings: fields of :class:`RandomizationConfig`.
    :raises RefusedError: there is no such field, or a value is not allowed.
    """
    config = build(RandomizationConfig, settings)
    if any(getattr(config, field.name) for field in fields(config)):
        return Randomizer(config, *args)
    return None
