# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the simulated arm and of the link to it."""

from __future__ import annotations

from dataclasses import dataclass

from franka_rl_core.settings import setting


@dataclass(frozen=True)
class FciConfig:
    """
    How strict the interface is, how bad the link to it, and what the arm meets.

    The thresholds are those that frankarobotics/franka_follower_controllers sets when it is
    launched (launch/follower.launch.py): upper 40, lower 20 while the arm accelerates.
    """

    strict: bool = setting(
        True, "Franka's limits of a motion hold for what a torque controller is told to follow, too"
    )
    command_delay: float = setting(
        0.0, 'time from a command to the controller', unit='s', low=0.0, high=0.5
    )
    tracking_lag: float = setting(
        0.0,
        'time constant of the reference that a controller pulls to',
        unit='s',
        low=0.0,
        high=1.0,
    )
    position_noise: float = setting(
        0.0, 'standard deviation of the positions published', unit='rad', low=0.0, high=0.1
    )
    velocity_noise: float = setting(
        0.0, 'standard deviation of the velocities published', unit='rad/s', low=0.0, high=1.0
    )
    packet_loss: float = setting(
        0.0, 'probability that a millisecond has no packet', low=0.0, high=1.0
    )
    table_height: float = setting(
        0.0, 'height of the table, in the base frame', unit='m', low=-2.0, high=2.0
    )
    joint_friction: float = setting(
        0.0, 'dry friction that Franka does not compensate', unit='Nm', low=0.0, high=5.0
    )
    torque_contact: float = setting(
        20.0, 'an external joint torque above this is a contact', unit='Nm', low=0.0
    )
    torque_reflex: float = setting(
        40.0, 'an external joint torque above this stops the arm', unit='Nm', low=0.0
    )
    force_contact: float = setting(
        20.0, 'an external force at the tool above this is a contact', unit='N and Nm', low=0.0
    )
    force_reflex: float = setting(
        40.0, 'an external force at the tool above this stops the arm', unit='N and Nm', low=0.0
    )
    sync_after_activation: bool = setting(
        True, 'the joint follower approaches its first target slowly'
    )
    interpolate_from_desired_state: bool = setting(
        True, 'a new trajectory starts from where the last one wanted the arm, not from where it is'
    )
