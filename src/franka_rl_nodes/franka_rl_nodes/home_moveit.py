# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Moves an arm to a posture with MoveIt: ``python -m franka_rl_nodes.home_moveit ROBOT SPEED Q…``.

A program of its own, because ``MoveItPy.shutdown`` shuts ROS down for the process it lives in.
Never run on a robot by this project.
"""

from __future__ import annotations

import sys

from franka_rl_core.exceptions import MissingDependencyError
from franka_rl_core.exit_codes import DONE, FAILED
from franka_rl_core.robot_model import load_robot

# robot → package of its MoveIt configuration, planning group
_CONFIGS = {
    'fr3': ('franka_fr3_moveit_config', 'fr3_arm'),
    'panda': ('panda_moveit_config', 'panda_arm'),
}


def go(robot: str, speed: float, goal: list[float]) -> int:
    """
    Plan and execute.

    :param speed: share of the velocity and acceleration limits.
    :returns: exit code.
    :raises MissingDependencyError: MoveIt is not installed.
    """
    try:
        from moveit.core.robot_state import RobotState
        from moveit.planning import MoveItPy, PlanRequestParameters
        from moveit_configs_utils import MoveItConfigsBuilder
    except ImportError as error:
        raise MissingDependencyError('moveit', 'sudo apt install ros-jazzy-moveit-py') from error
    package, group = _CONFIGS[robot]
    configuration = MoveItConfigsBuilder(robot, package_name=package).to_moveit_configs()
    moveit = MoveItPy(node_name='franka_rl_home', config_dict=configuration.to_dict())
    try:
        arm = moveit.get_planning_component(group)
        arm.set_start_state_to_current_state()
        state = RobotState(moveit.get_robot_model())
        names = load_robot(robot).joint_names
        state.joint_positions = dict(zip(names, goal, strict=True))
        arm.set_goal_state(robot_state=state)
        parameters = PlanRequestParameters(moveit)
        parameters.max_velocity_scaling_factor = speed
        parameters.max_acceleration_scaling_factor = speed
        plan = arm.plan(single_plan_parameters=parameters)
        if not plan:
            return FAILED
        return DONE if moveit.execute(plan.trajectory, controllers=[]) else FAILED
    finally:
        moveit.shutdown()


if __name__ == '__main__':
    sys.exit(go(sys.argv[1], float(sys.argv[2]), [float(word) for word in sys.argv[3:]]))
