# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The launch tests of ``test/launch_testing``, each as ROS 2 runs it: by ``launch_test``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')

LAUNCH_TEST = shutil.which('launch_test')
FILES = sorted((Path(__file__).parent / 'launch_testing').glob('*.test.py'))

pytestmark = pytest.mark.skipif(
    LAUNCH_TEST is None, reason='needs launch_test, which comes with ROS 2 from apt'
)


def test_these_systems_have_one() -> None:
    names = {path.name.partition('.')[0] for path in FILES}
    assert {'train_sim', 'deploy_sim', 'deploy_real'} <= names


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name.partition('.')[0])
def test_launch_test(processes: Any, file: Path) -> None:
    test = processes.start(str(LAUNCH_TEST), file)
    assert test.wait(110) == 0, processes.output(test)
