# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Worlds split over processes: the same bits as in one, and what happens when one is lost."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.backends.base import Camera, Marker
from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.backends.parallel import ParallelBackend
from franka_rl_core.exceptions import BackendLostError, RefusedError, UnknownNameError
from franka_rl_core.robot_model import load_robot

PERIOD = 0.04
PANDA = load_robot('panda')
CASES = {
    'mock': ('mock', 5, 3, {}),
    'pybullet': ('pybullet', 3, 2, {'look': 'meshed'}),
}


@pytest.fixture(params=CASES, scope='module')
def pair(request):
    """Give a backend over several processes, and the same in one."""
    name, worlds, workers, options = CASES[request.param]
    pytest.importorskip(name if name != 'mock' else 'numpy')
    parallel = ParallelBackend(PANDA, name, worlds, PERIOD, workers=workers, options=options)
    cls = registry.find('backends', name)
    serial = registry.construct(cls, PANDA, worlds, PERIOD, options=options)
    yield parallel, serial
    parallel.close()
    serial.close()


@pytest.fixture
def lossy():
    backend = ParallelBackend(PANDA, 'mock', 3, PERIOD, workers=3, options={})
    backend.step(np.tile(PANDA.home, (3, 1)))  # it has started
    yield backend
    backend.close()


def same(a, b):
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for name in ('joint_position', 'joint_velocity', 'stamp_ns')
    )


def test_same_bits_as_in_one_process(pair):
    parallel, serial = pair
    count = serial.num_worlds
    rng = np.random.default_rng(0)
    start = PANDA.home + rng.uniform(-0.2, 0.2, (count, 7))
    assert same(parallel.reset(start), serial.reset(start))
    for _ in range(5):
        target = start + rng.uniform(-0.05, 0.05, (count, 7))
        assert same(parallel.step(target), serial.step(target))


@pytest.mark.parametrize('worlds', [[0], [2], [2, 0], [1, 2], []])
def test_reset_of_some_worlds(pair, worlds):
    parallel, serial = pair
    for backend in pair:
        backend.reset(np.tile(PANDA.home, (backend.num_worlds, 1)))
        backend.step(np.tile(PANDA.home + 0.01, (backend.num_worlds, 1)))
    posture = PANDA.home + 0.1 * np.arange(1.0, len(worlds) + 1)[:, None]
    assert same(parallel.reset(posture, worlds), serial.reset(posture, worlds))
    target = np.tile(PANDA.home, (serial.num_worlds, 1))
    assert same(parallel.step(target), serial.step(target))


def test_pictures_of_every_world(pair):
    parallel, serial = pair
    if 'pictures' not in serial.capabilities:
        with pytest.raises(RefusedError, match="backend 'mock' has no pictures"):
            parallel.render(serial.num_worlds - 1)
        return
    posture = PANDA.home + 0.2 * np.arange(serial.num_worlds)[:, None]
    parallel.reset(posture), serial.reset(posture)
    camera, marker = Camera(width=60, height=40), Marker((0.5, 0.0, 0.3))
    pictures = [serial.render(i, camera, [marker]) for i in range(serial.num_worlds)]
    assert (pictures[0] != pictures[-1]).any()
    for world, picture in enumerate(pictures):
        assert (parallel.render(world, camera, [marker]) == picture).all()


@pytest.mark.parametrize('world', [-1, 9])
def test_worlds_that_do_not_exist(pair, world):
    parallel, _ = pair
    with pytest.raises(RefusedError, match=f'there is no world {world}'):
        parallel.render(world)
    with pytest.raises(IndexError, match='there are worlds 0 to'):
        parallel.reset(PANDA.home[None], [world])


def test_goes_on_after_an_error(pair):
    """An error of one share must not leave an answer of another in its pipe."""
    parallel, serial = pair
    count = serial.num_worlds
    for _ in range(2):
        with pytest.raises(ValueError, match='joint targets must have shape'):
            parallel.step(np.zeros((count, 6)))
        with pytest.raises((ValueError, IndexError)):
            parallel.reset(np.zeros((count, 6)))
    home = np.tile(PANDA.home, (count, 1))
    parallel.reset(home), serial.reset(home)
    assert same(parallel.step(home + 0.01), serial.step(home + 0.01))


def test_says_what_it_stands_for(pair):
    parallel, serial = pair
    assert (parallel.name, parallel.capabilities) == (serial.name, serial.capabilities)
    assert (parallel.num_worlds, parallel.control_period_s) == (serial.num_worlds, PERIOD)


def test_a_dead_process_is_found_quickly(lossy):
    lossy._parts[1]._process.kill()
    start = time.monotonic()
    for _ in range(2):
        with pytest.raises(BackendLostError, match='a simulator process has died'):
            lossy.step(np.tile(PANDA.home, (3, 1)))
        with pytest.raises(BackendLostError):
            lossy.reset(np.tile(PANDA.home, (3, 1)))
    assert time.monotonic() - start < 5.0


def test_a_silent_process_is_lost(lossy, monkeypatch):
    monkeypatch.setattr('franka_rl_core.backends.parallel.TIMEOUT_S', 0.2)
    process = lossy._parts[2]._process
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(BackendLostError, match='did not answer for 0.2 s'):
        lossy.step(np.tile(PANDA.home, (3, 1)))
    os.kill(process.pid, signal.SIGCONT)


def test_closing_ends_the_processes(lossy):
    processes = [worker._process for worker in lossy._parts[1:]]
    assert all(process.is_alive() for process in processes)
    lossy.close()
    lossy.close()
    assert not any(process.is_alive() for process in processes)


@pytest.mark.parametrize('workers', [0, 3])
def test_no_more_processes_than_worlds(workers):
    with pytest.raises(RefusedError, match=f'workers must be 1 to 2 .*, not {workers}'):
        ParallelBackend(PANDA, 'mock', 2, PERIOD, workers=workers, options={})


def test_what_the_backend_refuses_is_refused_before_a_process_starts():
    before = multiprocessing.active_children()
    with pytest.raises(UnknownNameError, match="unknown option of MockBackend 'look'"):
        ParallelBackend(PANDA, 'mock', 2, PERIOD, workers=2, options={'look': 'meshed'})
    known = 'known: ikpy, kinematic, mock'
    with pytest.raises(UnknownNameError, match=f"unknown backend 'mok'; {known}"):
        ParallelBackend(PANDA, 'mok', 2, PERIOD, workers=2, options={})
    assert multiprocessing.active_children() == before


def test_one_worker_is_this_process():
    backend = ParallelBackend(PANDA, 'mock', 2, PERIOD, workers=1, options={})
    target = np.tile(PANDA.home + 0.01, (2, 1))
    assert same(backend.step(target), MockBackend(PANDA, 2, PERIOD).step(target))
    backend.close()
