# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether an arm touches itself or the table, by the collision shapes of its URDF."""

from __future__ import annotations

import itertools

import coal
import numpy as np
import pinocchio
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel

# Links so many joints apart can touch; those next to each other always do.
_APART = 2
# The table is below the base; these first links are fixed to it or turn above it.
_ABOVE_TABLE = 2
# Shapes that touch in so many of the random postures are made so, and tell nothing (as in MoveIt's
# set-up assistant, "default" and "always" in collision).
_ALWAYS = 0.9
_POSTURES = 200


class CollisionCheck:
    """
    Compares all shapes that could touch, first by the boxes around them, which rules out most.

    :param model: the arm; its hand is closed.
    :param margin: shapes nearer than this count as touching [m].
    :param table_height: height of the table's plane in the base frame [m]; None for no table.
    """

    def __init__(
        self, model: RobotModel, margin: float = 0.01, table_height: float | None = 0.0
    ) -> None:
        path = str(model.urdf_path)
        whole = pinocchio.buildModelFromUrdf(path)
        shapes = pinocchio.buildGeomFromUrdf(whole, path, pinocchio.GeometryType.COLLISION)
        fingers = [whole.getJointId(name) for name in model.finger_joint_names]
        closed = np.zeros(whole.nq)
        self._model, self._shapes = pinocchio.buildReducedModel(whole, shapes, fingers, closed)
        self._data = self._model.createData()
        self._add_pairs()
        if table_height is not None:
            self._add_table(table_height)
        self._make(margin)
        self._drop_what_always_touches(model, margin)

    def touching(self, position: NDArray[np.float64]) -> str:
        """
        Say what touches in a posture.

        :param position: (7,) [rad].
        :returns: 'a and b', or '' if nothing does.
        """
        near = (self._model, self._data, self._boxes, position)
        # What the boxes leave out keeps the result of another posture: names need all pairs.
        every = (self._model, self._data, self._shapes, self._contacts, position)
        if not (
            pinocchio.computeCollisions(*near, True) and pinocchio.computeCollisions(*every, True)
        ):
            return ''
        results = self._contacts.collisionResults
        hit = next(i for i, result in enumerate(results) if result.isCollision())
        pair = self._shapes.collisionPairs[hit]
        return f'{self._name(pair.first)} and {self._name(pair.second)}'

    def _name(self, shape: int) -> str:
        """Give the link of a shape: pinocchio calls them link_0, link_1 and so on."""
        return str(self._shapes.geometryObjects[shape].name).rpartition('_')[0]

    def _joint(self, shape: int) -> int:
        return int(self._shapes.geometryObjects[shape].parentJoint)

    def _add_pairs(self) -> None:
        for one, other in itertools.combinations(range(self._shapes.ngeoms), 2):
            if abs(self._joint(one) - self._joint(other)) >= _APART:
                self._shapes.addCollisionPair(pinocchio.CollisionPair(one, other))

    def _add_table(self, height: float) -> None:
        thickness = 0.1
        place = pinocchio.SE3(np.eye(3), np.array([0.0, 0.0, height - 0.5 * thickness]))
        box = coal.Box(4.0, 4.0, thickness)
        table = self._shapes.addGeometryObject(
            pinocchio.GeometryObject('table_0', 0, place, box)
        )
        for shape in range(table):
            if self._joint(shape) > _ABOVE_TABLE:
                self._shapes.addCollisionPair(pinocchio.CollisionPair(shape, table))

    def _make(self, margin: float) -> None:
        self._contacts = self._with_margin(margin)
        # Its boxes are as much larger; the other managers take longer for so few shapes.
        manager = pinocchio.BroadPhaseManager_NaiveCollisionManager
        self._boxes = manager(self._model, self._shapes, self._with_margin(margin))

    def _with_margin(self, margin: float) -> pinocchio.GeometryData:
        contacts = pinocchio.GeometryData(self._shapes)
        for request in contacts.collisionRequests:
            request.security_margin = margin
        return contacts

    def _drop_what_always_touches(self, model: RobotModel, margin: float) -> None:
        random = np.random.default_rng(0)
        count = np.zeros(len(self._shapes.collisionPairs))
        for _ in range(_POSTURES):
            posture = random.uniform(model.range_lower, model.range_upper)
            arguments = (self._model, self._data, self._shapes, self._contacts, posture)
            pinocchio.computeCollisions(*arguments, False)
            count += [result.isCollision() for result in self._contacts.collisionResults]
        pairs = list(self._shapes.collisionPairs)
        for pair, touched in zip(pairs, count, strict=True):
            if touched >= _ALWAYS * _POSTURES:
                self._shapes.removeCollisionPair(pair)
        self._make(margin)
