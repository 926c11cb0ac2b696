# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: its settings, checkpoints, record, picture, logs and bundle."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.settings import build, read_yaml
from franka_rl_learning.checkpoints import Checkpoints
from franka_rl_learning.config import TrainConfig
from franka_rl_learning.provenance import commit, versions

RUN_FILE = 'run.yaml'
#: How a run is carried out and how long, not what is learned.
CONDUCT = {
    *('workers', 'device', 'compile', 'out', 'resume', 'evaluation_episodes'),
    *('steps', 'episodes', 'checkpoint_interval', 'checkpoint_episodes'),
    *('plot', 'plot_interval'),
}
# What a resumed run may have otherwise.
_MAY_DIFFER = CONDUCT | {'backend', 'backend_options', 'algorithm_options'}


class RunFolder:
    """
    Reads and writes the folder of a run.

    :param folder: it need not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.checkpoints = Checkpoints(self.folder / 'checkpoints')
        self.tensorboard = self.folder / 'tensorboard'
        self.policy = self.folder / 'policy'
        self.record = self.folder / 'training_record.npy'
        self.trend = self.folder / 'scores_trend.png'

    def settings(self) -> dict[str, Any]:
        """
        Give the settings of the run that is in the folder, as :func:`configure` takes them.

        :raises RefusedError: there is none.
        """
        if not (self.folder / RUN_FILE).is_file():
            raise RefusedError(f'{self.folder} holds no run to resume: there is no {RUN_FILE}')
        content = read_yaml(self.folder / RUN_FILE)
        return {**content['environment'], **content['run']}

    def check_state(self, resume: bool) -> None:
        """
        Refuse to start where a run is, to resume where none is, and what cannot be written to.

        :raises RefusedError: says what would work.
        """
        self._try_to_write()
        if not resume:
            if (self.folder / RUN_FILE).exists():
                raise RefusedError(
                    f'{self.folder} holds a run already: resume it, or choose another folder'
                )
            return
        self.settings()
        if self.checkpoints.newest() is None:
            raise RefusedError(f'{self.folder} holds a run without a checkpoint to resume from')

    def check(self, environment: EnvConfig, config: TrainConfig) -> None:
        """
        Refuse a run that may not be started here; nothing is written.

        :raises RefusedError: the folder holds a run and ``resume`` is off, or it holds no run to
            resume, no checkpoint, or one with other settings; the message names both sides.
        """
        self.check_state(config.resume)
        if not config.resume:
            return
        theirs = self.settings()
        if differences := _differences(theirs, _settings(environment, config)):
            raise RefusedError(f'{self.folder} holds another run; ' + '; '.join(differences))

    def make(self) -> None:
        """
        Make the folder.

        :raises RefusedError: it cannot be made.
        """
        with self._refusing():
            self.folder.mkdir(parents=True, exist_ok=True)

    def _try_to_write(self) -> None:
        """Write to it, or to where it would be made, and leave nothing there."""
        folder = self.folder.absolute()
        with self._refusing():
            there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
            with tempfile.TemporaryFile(dir=there):
                pass

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RefusedError(
                f'cannot write to {self.folder}: {error.strerror}; choose another folder'
            ) from error

    def open(self, environment: EnvConfig, config: TrainConfig) -> None:
        """
        Write down that a session starts, in ``run.yaml``.

        :raises RefusedError: see :meth:`check`.
        """
        self.check(environment, config)
        path = self.folder / RUN_FILE
        sessions = read_yaml(path)['sessions'] if config.resume else []
        session = {
            'started': f'{datetime.now():%Y-%m-%d %H:%M:%S}',
            'backend': environment.backend,
            'steps': config.steps,
            'commit': commit(),
            'versions': versions(),
        }
        settings = _run(environment, config)
        run = {key: value for key, value in settings.items() if key not in ('out', 'resume')}
        content = {
            'environment': environment.to_dict(),
            'run': run,
            'sessions': [*sessions, session],
        }
        draft = path.with_suffix('.draft')
        draft.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        draft.rename(path)


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    if theirs['algorithm'] == ours['algorithm']:
        theirs, ours = ({**side, **side['algorithm_options']} for side in (theirs, ours))
    for side in (theirs, ours):
        side['safety'] = dataclasses.asdict(build(SafetyConfig, side['safety']))
    return [
        f'{key}: the run has {theirs.get(key)!r}, you ask for {ours.get(key)!r}'
        for key in {**theirs, **ours}
        if key not in _MAY_DIFFER and theirs.get(key) != ours.get(key)
    ]


def _settings(environment: EnvConfig, config: TrainConfig) -> dict[str, Any]:
    return {**environment.to_dict(), **_run(environment, config)}


def _run(environment: EnvConfig, config: TrainConfig) -> dict[str, Any]:
    """Give the run's settings as plain data, with every option of the algorithm."""
    options = plain(config.options(environment.backend))
    return {**dataclasses.asdict(config), 'algorithm_options': options}


def plain(config: Any) -> dict[str, Any]:
    """Give a configuration as data that YAML has: lists instead of tuples."""
    fields = dataclasses.asdict(config).items()
    return {key: list(value) if isinstance(value, tuple) else value for key, value in fields}
