# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures without a simulator look as those of PyBullet do, and say what is true."""

import dataclasses

import numpy as np
import pytest

from franka_rl_core import kinematics, registry
from franka_rl_core.backends.base import Camera, Marker
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.pictures import files
from franka_rl_core.pictures.arm import arm_strokes
from franka_rl_core.pictures.projection import FIELD_OF_VIEW, Projection
from franka_rl_core.robot_model import load_robot

pytest.importorskip('matplotlib')

from franka_rl_core.pictures.overlay import Overlay, Story  # noqa: E402
from franka_rl_core.pictures.stage import CAMERAS, Skeleton, fitting_camera  # noqa: E402

PANDA = load_robot('panda')
CAMERA = Camera()
OTHER = Camera(target=(0.1, -0.2, 0.5), distance=2.0, yaw=-130.0, pitch=-60.0, width=300)
POINTS = np.random.default_rng(0).uniform((-0.2, -0.4, 0.0), (0.8, 0.4, 0.8), (50, 3))
GOAL = (0.5, -0.2, 0.1)


def redness(picture):
    return picture[:, :, 0].astype(int) - picture[:, :, 1]


def middle(mask):
    """Return the middle of what is set, from the left and from the top [pixels]."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize('camera', [CAMERA, OTHER, *CAMERAS])
def test_points_are_where_pybullet_has_them(camera):
    pybullet = pytest.importorskip('pybullet')
    view = pybullet.computeViewMatrixFromYawPitchRoll(
        camera.target, camera.distance, camera.yaw, camera.pitch, 0.0, 2
    )
    aspect = camera.width / camera.height
    lens = pybullet.computeProjectionMatrixFOV(FIELD_OF_VIEW, aspect, 0.05, 5.0)
    lens, view = (np.reshape(matrix, (4, 4)).T for matrix in (lens, view))
    places = np.hstack([POINTS, np.ones((50, 1))]) @ (lens @ view).T
    x, y = (places[:, :2] / places[:, 3:]).T
    expected = np.stack([(1 + x) * camera.width / 2, (1 - y) * camera.height / 2], axis=1)
    np.testing.assert_allclose(Projection(camera).pixels(POINTS), expected, atol=1e-3)
    np.testing.assert_allclose(Projection(camera).depth(POINTS), places[:, 3], atol=1e-6)


def test_a_metre_is_as_large_as_its_ends_are_apart():
    projection = Projection(CAMERA)
    across = np.array([np.cos(np.radians(CAMERA.yaw)), np.sin(np.radians(CAMERA.yaw)), 0.0])
    begin, end = projection.pixels([GOAL, GOAL + 0.1 * across])
    assert np.linalg.norm(end - begin) == pytest.approx(0.1 * projection.scale(GOAL))


def test_joint_origins_are_those_of_the_urdf(model, pybullet_arm):
    arm = pybullet_arm(model.urdf_path)
    q = np.random.default_rng(1).uniform(model.range_lower, model.range_upper, (20, 7))
    for posture, origins in zip(q, kinematics.joint_origins(model.chain, q), strict=True):
        for joint, origin in zip(model.joint_names, origins, strict=True):
            child = joint.replace('joint', 'link')
            np.testing.assert_allclose(
                origin, arm.pose(model.joint_names, posture, child)[0], atol=1e-6
            )


def test_the_fingers_of_a_drawn_arm_end_at_the_tool(model, arm_of):
    posture = model.home + 0.2
    *_, left, right = (item.ends for item in arm_strokes(model, posture))
    arm = arm_of(model, [posture])
    np.testing.assert_allclose(0.5 * (left + right)[1], arm.tool_position[0], atol=1e-9)
    across = (right - left)[1]
    assert across @ arm.tool_rotation[0, :, 1] == pytest.approx(np.linalg.norm(across))


def test_a_skeleton_stands_where_pybullets_arm_does():
    pytest.importorskip('pybullet')
    backend = registry.find('backends', 'pybullet')(PANDA)
    backend.reset(PANDA.home[None])
    marker = Marker(GOAL)
    camera = backend.render(0, markers=[marker])
    drawn = Skeleton(PANDA).picture(PANDA.home, [marker])
    backend.close()
    assert drawn.shape == camera.shape and drawn.dtype == camera.dtype
    for picture in (camera, drawn):
        place = middle(redness(picture) > 100)
        np.testing.assert_allclose(place, Projection(CAMERA).pixels(GOAL), atol=2.0)
    # The arm stands in front of the white above the floor: its upper half is there in both.
    upper = [(picture[:150] < 245).any(axis=2)[:, 150:350] for picture in (camera, drawn)]
    assert np.logical_and(*upper).sum() > 0.6 * np.logical_or(*upper).sum()


def test_a_skeleton_forgets_what_it_showed():
    skeleton = Skeleton(PANDA)
    first = skeleton.picture(PANDA.home)
    other = skeleton.picture(PANDA.home + 0.3, [Marker(GOAL)])
    assert (first != other).any()
    assert (skeleton.picture(PANDA.home) == first).all()


def test_what_is_near_hides_what_is_far():
    towards = np.array(CAMERA.target) - Projection(CAMERA)._eye
    far = Marker(tuple(np.array(CAMERA.target) + 0.3 * towards), radius=0.05)
    skeleton = Skeleton(PANDA)
    near = Marker(CAMERA.target, radius=0.05, color=(0.1, 0.9, 0.1, 1.0))
    for markers in ([near, far], [far, near]):
        picture = skeleton.picture(PANDA.home, markers)
        assert redness(picture)[CAMERA.height // 2, CAMERA.width // 2] < 0


def test_the_camera_holds_the_whole_arm():
    upwards = np.array([0.0, 0.0, 0.0, -0.15, 0.0, 0.15, 0.0])
    assert fitting_camera(arm_strokes(PANDA, PANDA.home)) == CAMERA
    assert fitting_camera(arm_strokes(PANDA, upwards)) == CAMERAS[1]


@pytest.mark.parametrize('backend', registry.available('backends'))
def test_every_environment_has_pictures(backend):
    try:
        env = FrankaVectorEnv(backend=backend, num_envs=2)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    env.reset(seed=0)
    for world, picture in enumerate(env.render()):
        place = Projection(CAMERA).pixels(env.goals.goal[world].tolist())
        np.testing.assert_allclose(middle(redness(picture) > 100), place, atol=3.0)
    small = dataclasses.replace(CAMERA, width=80, height=60)
    assert env.picture(0, small).shape == (60, 80, 3)
    env.close()


def colored(picture, color):
    """Return which pixels nearly have a color."""
    return np.abs(picture.astype(int) - color).sum(axis=2) < 40


GREEN, ORANGE, BLUE = (0, 158, 115), (213, 94, 0), (0, 114, 178)


def test_a_story_is_drawn_at_its_places():
    overlay, blank = Overlay(CAMERA), np.full((360, 480, 3), 255, np.uint8)
    path = [(0.3, 0.0, 0.5), (0.4, 0.0, 0.4), (0.45, -0.1, 0.3)]
    story = Story(goal=GOAL, distance=0.123, episode=1, path=path)
    running = overlay.draw(blank, story)
    ring = colored(running, ORANGE)
    np.testing.assert_allclose(middle(ring), Projection(CAMERA).pixels(GOAL), atol=1.0)
    rows, columns = np.nonzero(colored(running, BLUE))
    corners = Projection(CAMERA).pixels(path)
    assert abs(columns.min() - corners[:, 0].min()) < 3
    assert abs(rows.max() - corners[:, 1].max()) < 3
    assert not colored(running, GREEN).any()
    reached = overlay.draw(blank, dataclasses.replace(story, is_reached=True))
    assert colored(reached[:60], GREEN).sum() > 300  # in words that can be read
    assert not colored(reached, ORANGE).any()
    missed = overlay.draw(blank, dataclasses.replace(story, is_reached=False))
    assert colored(missed[:60], ORANGE).sum() > 300
    assert (overlay.draw(blank, story) == running).all()


def test_the_distance_is_written():
    overlay, blank = Overlay(CAMERA), np.full((360, 480, 3), 255, np.uint8)
    overlay.draw(blank, Story(goal=GOAL, distance=0.123, episode=7))
    assert overlay._distance.get_text().split() == ['12.3', 'cm']
    assert overlay._episode.get_text() == 'episode 7'


@pytest.mark.parametrize('suffix', files.VIDEOS)
def test_a_video_holds_its_pictures(tmp_path, suffix):
    imageio = pytest.importorskip('imageio.v3')
    colors = np.array([(255, 255, 255), GREEN, ORANGE, GREEN, GREEN])
    frames = [np.full((36, 50, 3), color, np.uint8) for color in colors]
    path = tmp_path / f'video{suffix}'
    files.write_video(path, frames, 10.0)
    shown = imageio.imread(path)
    assert shown.shape[1:] == (36, 50, 3)
    # Neighbours that are alike are one picture of a GIF, which stays longer.
    count = 4 if suffix == '.gif' else 5
    assert len(shown) == count
    assert np.abs(shown.mean(axis=(1, 2)) - colors[:count]).max() < 20
    assert imageio.immeta(path).get('duration') in (100, 0.5)


def test_a_file_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    with pytest.raises(RefusedError, match=r'out.avi must end in one of .gif, .mp4'):
        files.check_file(tmp_path / 'out.avi', files.VIDEOS)
    with pytest.raises(RefusedError, match='cannot write'):
        files.check_file(tmp_path / 'no' / 'out.gif', files.VIDEOS)
    monkeypatch.setattr(files, 'find_spec', lambda name: None if name == 'imageio_ffmpeg' else 1)
    files.check_file(tmp_path / 'out.gif', files.VIDEOS)
    with pytest.raises(MissingDependencyError, match='pip install "imageio'):
        files.check_file(tmp_path / 'out.mp4', files.VIDEOS)
