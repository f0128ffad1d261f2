"""Shape carried between body models by bone lengths."""

import numpy as np
import pytest
from smpl_files import smpl_arrays, write_npz

from hmr_ros.body.model import load_body_model
from hmr_ros.body.shape_transfer import bone_lengths, transfer_betas


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """The open body, and a second one whose shape space is rotated, scaled and of another mean."""
    arrays = smpl_arrays()
    body = load_body_model()
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(10, 10)))
    arrays["v_template"] = body.v_template * 1.02
    arrays["shapedirs"] = 0.8 * body.shapedirs @ turn
    made = write_npz(tmp_path_factory.mktemp("smpl") / "made.npz", arrays)
    return body, load_body_model(made)


def test_bone_lengths_are_carried_over(bodies):
    source, target = bodies
    betas = np.random.default_rng(0).normal(size=(50, 10))
    carried = transfer_betas(source, target, betas)
    wanted = bone_lengths(source, betas)
    error = np.abs(bone_lengths(target, carried) - wanted)
    untreated = np.abs(bone_lengths(target, betas) - wanted)
    assert error.mean() < 0.0015
    assert error.mean() < untreated.mean() / 8
    # Stature, which placement leans on, survives with the legs.
    assert error.max() < 0.015


def test_same_model_keeps_the_mean_body(bodies):
    body, _ = bodies
    np.testing.assert_allclose(transfer_betas(body, body, np.zeros((1, 10))), 0, atol=1e-9)


def test_there_and_back_keeps_bone_lengths(bodies):
    source, target = bodies
    betas = np.random.default_rng(1).normal(size=(20, 10))
    back = transfer_betas(target, source, transfer_betas(source, target, betas))
    error = np.abs(bone_lengths(source, back) - bone_lengths(source, betas))
    assert error.mean() < 0.002


def test_betas_stay_moderate(bodies):
    source, target = bodies
    betas = np.random.default_rng(2).normal(size=(50, 10))
    carried = transfer_betas(source, target, betas)
    assert np.isfinite(carried).all()
    assert np.abs(carried).max() < 6
