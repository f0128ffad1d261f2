"""Distances in the demo's video against the ground plane that its makers surveyed."""

import numpy as np
import pytest

from hmr_ros.demo.default_video import INTRINSICS, cached_video, camera_pose
from hmr_ros.frame import Frame
from hmr_ros.parameters import DEFAULT_ESTIMATOR, validated
from hmr_ros.pipeline import Pipeline
from hmr_ros.sources.intrinsics import camera_of
from hmr_ros.sources.opening import open_source
from hmr_ros.tracks import TrackState

HEEL_HEIGHT = 0.04
SHOULDERS_HIPS_HEELS = [11, 12, 23, 24, 29, 30]
IMAGES = 70


def depth_on_ground(camera, pixel):
    """Distance along the optical axis of the ground point seen at ``pixel``, metres."""
    pose = camera_pose()
    ray = pose.rotation.T @ np.append(camera.rays(pixel), 1.0)
    return (HEEL_HEIGHT - pose.position[2]) / ray[2]


def ratios_of(estimator):
    """Estimated over surveyed distances of all tracked people whose feet are seen."""
    if not cached_video().is_file():
        pytest.skip(f"{cached_video()} is not there: python tools/fetch_video.py")
    camera = camera_of(INTRINSICS, 768, 576)
    pipeline = Pipeline(validated({"estimator": estimator}))
    ratios = []
    for i, picture in enumerate(open_source(cached_video())):
        if i == IMAGES:
            break
        tracks = pipeline(Frame(picture.image, camera, picture.stamp))
        bodies = tracks.bodies
        for n in np.flatnonzero(tracks.states == TrackState.TRACKED):
            keypoints = bodies.keypoints_2d[n]
            if keypoints[SHOULDERS_HIPS_HEELS, 2].min() < 0.6:
                continue
            truth = depth_on_ground(camera, keypoints[[29, 30], :2].mean(0))
            ratios.append(bodies.joints[n, [7, 8], 2].mean() / truth)
    print(f"{estimator}: {len(ratios)} sightings, median {np.median(ratios):.3f} of the distance")
    return ratios


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [DEFAULT_ESTIMATOR, "lifter"])
def test_people_stand_where_the_surveyed_ground_is(estimator):
    ratios = ratios_of(estimator)
    # One image does not tell size from distance: people of unknown stature are placed by the mean
    # stature, so single persons may be off by several percent, but not all of them by much.
    assert len(ratios) > 100
    assert abs(np.median(ratios) - 1) < 0.10
    assert np.percentile(np.abs(np.subtract(ratios, 1)), 90) < 0.20
