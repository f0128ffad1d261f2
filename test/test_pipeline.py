"""The joints between the pipeline's stages: unsound numbers, and depth images deciding distance."""

import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import guessed_camera
from hmr_ros.occupancy import joint_radii
from hmr_ros.parameters import validated
from hmr_ros.people import People
from hmr_ros.placement import place
from hmr_ros.runtime.calibration import Calibration, class_shares, with_calibration

IMAGE = np.zeros((480, 640, 3), np.uint8)


def seen_by(body, bodies, camera) -> People:
    """The people row of each body, all keypoints visible and exact."""
    points = keypoints(body, bodies.rotations, bodies.betas, bodies.transl, "blazepose33")
    pixels = camera.project(points)
    low, high = pixels.min(1), pixels.max(1)
    n = len(bodies)
    return People(
        boxes=np.concatenate([low, high - low], 1).astype(np.float32),
        scores=np.ones(n, np.float32),
        keypoints=np.concatenate([pixels, np.ones((n, 33, 1))], -1).astype(np.float32),
        found=np.ones(n, bool),
        keypoint_set="blazepose33",
        source=np.full(n, "given"),
    )


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def test_a_depth_image_overrules_the_size_in_the_picture(body):
    """A child looks like an adult further off; the depth camera knows better."""
    camera = guessed_camera(640, 480)
    bodies = somebody(body, 0.2, 4.0)
    people = seen_by(body, bodies, camera)
    without = place(bodies, people, camera, body)
    depth = np.full((480, 640), 3.2, np.float32)
    with_depth = place(bodies, people, camera, body, depth)
    assert abs(without.transl[0, 2] - 4.0) < 0.02 and not without.metric[0]
    assert abs(with_depth.transl[0, 2] - 3.3) < 0.15 and with_depth.metric[0]
    assert with_depth.transl_cov[0, 2, 2] < without.transl_cov[0, 2, 2]
    blind = place(bodies, people, camera, body, np.zeros_like(depth))
    assert np.allclose(blind.transl, without.transl) and not blind.metric[0]


def test_unsound_network_outputs_do_not_reach_a_planner(body):
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    from hmr_ros.pipeline import Pipeline

    pipeline = Pipeline(validated({"refine_steps": 0}))
    made = concatenate([somebody(body, x, 4.0) for x in (-1.0, 0.0, 1.0)])
    people = seen_by(body, made, CAMERA)
    broken = made.body_pose.copy()
    broken[1, 4, 0, 0] = np.nan
    broken[2, 6] *= 1.4
    unsure = made.joint_cov.copy()
    unsure[0, 3, 1, 1] = np.nan
    pipeline.serving.estimator = lambda people, camera, image: made.replace(joint_cov=unsure)
    bodies = pipeline.bodies(Frame(IMAGE, CAMERA, 0.0), people)
    assert bodies.found.tolist() == [False, True, True] and pipeline.discarded == 1
    assert np.isfinite(bodies.joint_cov).all()
    # A probability that is none makes the tails, which are blended by it, none either.
    pipeline.discarded = 0
    unknown = np.ones((3, 24), np.float32)
    unknown[1, 7] = np.nan
    told = Calibration(joint_tails=(0.1, 0.2, 0.3))
    cov, tails = with_calibration(made.joint_cov, class_shares(unknown, made.joints, body), told)
    unsure = made.replace(joint_cov=cov, joint_tails=tails, visibility=unknown)
    pipeline.serving.estimator = lambda people, camera, image: unsure
    bodies = pipeline.bodies(Frame(IMAGE, CAMERA, 0.0), people)
    assert bodies.found.tolist() == [True, False, True] and pipeline.discarded == 1
    assert np.isfinite(joint_radii(bodies, 0.95)).all()
    assert bodies.joint_tails[1].tolist() == [0] * 24
    assert bodies.joint_tails[0, 1:] == pytest.approx(np.full(23, 0.1))
    pipeline.discarded = 0
    pipeline.serving.estimator = lambda people, camera, image: made.replace(body_pose=broken)
    bodies = pipeline.bodies(Frame(IMAGE, CAMERA, 0.0), people)
    assert bodies.found.tolist() == [True, False, True] and pipeline.discarded == 1
    gram = np.swapaxes(bodies.rotations, -1, -2) @ bodies.rotations
    assert np.abs(gram - np.eye(3)).max() < 1e-5
    assert np.isfinite(bodies.joints).all() and np.isfinite(bodies.transl).all()
