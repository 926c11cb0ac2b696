# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""How nodes run, in processes of their own."""

from __future__ import annotations

import sys
from typing import Any

PROGRAM = """
import gc
from rclpy.node import Node
from ruckig import Ruckig
from franka_rl_nodes.runtime import leave, serve

class Frozen(Node):
    def __init__(self):
        super().__init__('frozen')
        self.create_timer(0.05, self.tell)
        self.motion, self.itself = Ruckig(7, 0.001), self

    def tell(self):
        print(gc.get_freeze_count(), flush=True)
        self.context.try_shutdown()

leave(serve(Frozen))
"""


def test_the_collection_of_garbage_spares_what_a_node_begins_with(processes: Any) -> None:
    node = processes.start(sys.executable, '-c', PROGRAM)
    assert node.wait(60) == 0, processes.output(node)
    told, complained = processes.output(node)
    assert int(told.split()[0]) > 10_000
    assert 'leaked' not in complained, 'frozen objects are not freed at the end'
