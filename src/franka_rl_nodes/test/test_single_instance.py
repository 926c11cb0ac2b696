# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A second node of the same name says so."""

from __future__ import annotations

from franka_rl_core.exit_codes import REFUSED


def test_a_second_node_is_refused_and_the_name_is_free_again_after_a_crash(processes) -> None:
    first = processes.node('simulator', backend='mock')
    processes.wait_for(first, 'lockstep')
    second = processes.node('simulator', backend='mock')
    assert second.wait(20) == REFUSED
    error = processes.output(second)[1]
    assert '/simulator is running already in ROS domain' in error
    assert f'process {first.pid}' in error
    first.kill()
    first.wait(5)
    third = processes.node('simulator', backend='mock')
    processes.wait_for(third, 'lockstep')


def test_other_names_and_domains_do_not_collide(processes) -> None:
    first = processes.node('simulator', backend='mock')
    processes.wait_for(first, 'lockstep')
    renamed = processes.start(*first.args[:4], '-r', '__node:=other', '-p', 'backend:=mock')
    processes.wait_for(renamed, 'lockstep')
