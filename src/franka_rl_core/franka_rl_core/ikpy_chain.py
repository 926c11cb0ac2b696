# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""An arm as ikpy sees it: a chain that is read from our URDF."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import MissingDependencyError
from franka_rl_core.robot_model import RobotModel


class IkpyChain:
    """
    Forward and inverse kinematics of one arm by ikpy.

    :param model: the arm.
    :raises MissingDependencyError: ikpy is not installed.
    """

    def __init__(self, model: RobotModel) -> None:
        try:
            from ikpy.chain import Chain
        except ModuleNotFoundError as error:
            raise MissingDependencyError('ikpy', 'pip install ikpy') from error
        path = _path_to_tool(model)
        # Links and joints in turn; ikpy puts a link of the base in front of the joints.
        moves = [False, *(name in model.joint_names for name in path[1::2])]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # that fixed joints are not active, which we say
            self._chain = Chain.from_urdf_file(
                str(model.urdf_path), base_elements=path, active_links_mask=moves
            )
        self._joints = np.flatnonzero(moves)
        self._size = len(moves)

    def tool_position(self, joint_position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the tool positions (N, 3) [m], in base, for joint positions (N, 7) [rad]."""
        all_joints = self._all(joint_position)
        tools = [self._chain.forward_kinematics(row)[:3, 3] for row in all_joints]
        return np.reshape(tools, (-1, 3))

    def inverse(
        self,
        tool_position: NDArray[np.float64],
        joint_position: NDArray[np.float64],
        tool_rotation: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """
        Find joint positions inside the position limits that bring the tool as near as possible.

        :param tool_position: (N, 3) in base [m].
        :param joint_position: (N, 7) where the search begins [rad].
        :param tool_rotation: (3, 3) from tool to base, None for any.
        :returns: (N, 7) [rad].
        """
        wanted = {} if tool_rotation is None else {'orientation_mode': 'all'}
        solutions = [
            self._chain.inverse_kinematics(
                goal, target_orientation=tool_rotation, initial_position=start, **wanted
            )
            for goal, start in zip(tool_position, self._all(joint_position), strict=True)
        ]
        return np.reshape(solutions, (-1, self._size))[:, self._joints]

    def _all(self, joint_position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add the joints that do not move: (N, 7) → (N, joints of the chain)."""
        every = np.zeros((len(joint_position), self._size))
        every[:, self._joints] = joint_position
        return every


def _path_to_tool(model: RobotModel) -> list[str]:
    """List links and joints of the URDF in turn, from the base to the tool."""
    above = {}
    for joint in ElementTree.parse(model.urdf_path).getroot().iter('joint'):
        link, parent = joint.find('child'), joint.find('parent')
        if link is not None and parent is not None:
            above[link.attrib['link']] = (joint.attrib['name'], parent.attrib['link'])
    path = [model.tool_frame]
    while path[-1] != model.base_frame:
        path += above[path[-1]]
    return path[::-1]
