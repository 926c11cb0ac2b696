# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The errors and modes of Franka's control interface, under Franka's own names."""

from __future__ import annotations

from enum import Enum, IntEnum


class FciError(str, Enum):
    """
    What ends a motion; the values are the names that a user finds in Franka's documentation.

    Source: frankarobotics/franka_ros2, franka_msgs/msg/Errors.msg, the 36 of ``franka::Errors``.
    Those that this simulation never reports are listed all the same, for whoever reads a robot's.
    """

    JOINT_POSITION_LIMITS = 'joint_position_limits_violation'
    CARTESIAN_POSITION_LIMITS = 'cartesian_position_limits_violation'
    SELF_COLLISION = 'self_collision_avoidance_violation'
    JOINT_VELOCITY = 'joint_velocity_violation'
    CARTESIAN_VELOCITY = 'cartesian_velocity_violation'
    FORCE_CONTROL_SAFETY = 'force_control_safety_violation'
    JOINT_REFLEX = 'joint_reflex'
    CARTESIAN_REFLEX = 'cartesian_reflex'
    MAX_GOAL_POSE_DEVIATION = 'max_goal_pose_deviation_violation'
    MAX_PATH_POSE_DEVIATION = 'max_path_pose_deviation_violation'
    CARTESIAN_VELOCITY_PROFILE_SAFETY = 'cartesian_velocity_profile_safety_violation'
    START_POSE = 'joint_position_motion_generator_start_pose_invalid'
    REFERENCE_POSITION = 'joint_motion_generator_position_limits_violation'
    REFERENCE_VELOCITY = 'joint_motion_generator_velocity_limits_violation'
    #: the reference breaks the acceleration limit
    VELOCITY_DISCONTINUITY = 'joint_motion_generator_velocity_discontinuity'
    #: the reference breaks the jerk limit
    ACCELERATION_DISCONTINUITY = 'joint_motion_generator_acceleration_discontinuity'
    CARTESIAN_START_POSE = 'cartesian_position_motion_generator_start_pose_invalid'
    CARTESIAN_ELBOW_LIMIT = 'cartesian_motion_generator_elbow_limit_violation'
    CARTESIAN_REFERENCE_VELOCITY = 'cartesian_motion_generator_velocity_limits_violation'
    CARTESIAN_VELOCITY_DISCONTINUITY = 'cartesian_motion_generator_velocity_discontinuity'
    CARTESIAN_ACCELERATION_DISCONTINUITY = 'cartesian_motion_generator_acceleration_discontinuity'
    CARTESIAN_ELBOW_SIGN = 'cartesian_motion_generator_elbow_sign_inconsistent'
    CARTESIAN_START_ELBOW = 'cartesian_motion_generator_start_elbow_invalid'
    CARTESIAN_JOINT_POSITION = 'cartesian_motion_generator_joint_position_limits_violation'
    CARTESIAN_JOINT_VELOCITY = 'cartesian_motion_generator_joint_velocity_limits_violation'
    CARTESIAN_JOINT_VELOCITY_DISCONTINUITY = (
        'cartesian_motion_generator_joint_velocity_discontinuity'
    )
    CARTESIAN_JOINT_ACCELERATION_DISCONTINUITY = (
        'cartesian_motion_generator_joint_acceleration_discontinuity'
    )
    CARTESIAN_INVALID_FRAME = 'cartesian_position_motion_generator_invalid_frame'
    FORCE_TOLERANCE = 'force_controller_desired_force_tolerance_violation'
    #: the torque breaks the limit of its rate
    TORQUE_DISCONTINUITY = 'controller_torque_discontinuity'
    START_ELBOW_SIGN = 'start_elbow_sign_inconsistent'
    COMMUNICATION = 'communication_constraints_violation'
    POWER_LIMIT = 'power_limit_violation'
    INSUFFICIENT_TORQUE = 'joint_p2p_insufficient_torque_for_planning'
    TORQUE_RANGE = 'tau_j_range_violation'
    INSTABILITY = 'instability_detected'
    #: Not one of the robot's: libfranka throws std::invalid_argument with this text before it
    #: sends anything (frankarobotics/libfranka, src/rate_limiting.cpp and src/control_tools.h).
    NOT_FINITE = 'Commanding value is infinite or NaN.'


class RobotMode(IntEnum):
    """What the robot does; the values are those of franka_msgs/msg/FrankaRobotState."""

    OTHER = 0
    IDLE = 1
    MOVE = 2
    GUIDING = 3
    REFLEX = 4
    USER_STOPPED = 5
    AUTOMATIC_ERROR_RECOVERY = 6
