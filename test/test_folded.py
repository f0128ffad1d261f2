"""Parts of networks folded for use against what they fold: kinematics joint after joint, layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.rotations import matrix_from_axis_angle
from hmr_ros.models.decoder import Decoder
from hmr_ros.models.folded_skeleton import jumps, orientations, paths
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.models.merging import Patches

TREES = st.integers(1, 40).flatmap(
    lambda joints: st.tuples(*(st.integers(0, max(j - 1, 0)) for j in range(joints)))
)


@settings(max_examples=60, deadline=None)
@given(TREES, st.integers(0, 2**32 - 1))
def test_any_tree_is_posed_as_joint_after_joint(tree, seed):
    rng, parents = np.random.default_rng(seed), np.array([-1, *tree[1:]])
    local = matrix_from_axis_angle(rng.normal(size=(3, len(parents), 3)))
    rest = rng.normal(size=(3, len(parents), 3))
    expected, turned = forward_kinematics(local, rest, parents)
    whole = np.concatenate([local, np.broadcast_to(np.eye(3), (3, 1, 3, 3))], 1)
    steps = [torch.tensor(step) for step in jumps(parents)]
    depth = paths(parents).sum(1).max(initial=0)
    assert len(steps) == np.ceil(np.log2(depth + 1))
    found = orientations(torch.from_numpy(whole), steps)[:, :-1].numpy()
    assert np.abs(found - turned).max() < 1e-12
    above = np.maximum(parents, 0)
    bones = found[:, above] @ (rest - rest[:, above])[..., None]
    joints = rest[:, :1] + paths(parents) @ bones[..., 0]
    assert np.abs(joints - expected).max() < 1e-12


@pytest.mark.parametrize("people", [1, 7])
def test_the_folded_skeleton_is_the_skinned_body(people):
    rng, body = np.random.default_rng(people), load_body_model()
    rotations = matrix_from_axis_angle(rng.normal(size=(people, 24, 3))).astype(np.float32)
    betas = rng.normal(size=(people, 10)).astype(np.float32)
    given = torch.from_numpy(rotations), torch.from_numpy(betas)
    skeleton = skeleton_of(body)
    joints, landmarks = skeleton.merged()(*given)
    true = [keypoints(body, rotations, betas, None, name) for name in ("smpl24", "blazepose33")]
    assert np.abs(joints.numpy() - true[0] + true[0][:, :1]).max() < 1e-5
    # Landmarks without pose correctives, as of the skeleton that trains.
    gap = np.abs(landmarks.numpy() - true[1] + true[0][:, :1])
    assert np.median(gap) < 1e-5 and gap.max() < 0.012
    assert (landmarks - skeleton(*given)[1]).abs().max() < 2e-6


@pytest.mark.parametrize(("layers", "groups"), [(1, [5]), (3, [4, 1, 9])])
def test_the_folded_decoder_attends_alike(layers, groups):
    torch.manual_seed(0)
    decoder = Decoder(32, 4, layers).eval()
    queries, tokens = torch.randn(3, 26, 32), [torch.randn(3, n, 32) for n in groups]
    with torch.no_grad():
        expected, found = decoder(queries, tokens), decoder.merged()(queries, tokens)
    assert (expected - queries).abs().mean() > 0.1
    assert (found - expected).abs().max() < 1e-5


def test_patches_are_a_convolution():
    torch.manual_seed(0)
    patches, maps = Patches(3, 8, 4), torch.randn(2, 3, 12, 8)
    with torch.no_grad():
        expected = F.conv2d(maps, patches.weight, patches.bias, 4).flatten(2).transpose(1, 2)
        assert torch.equal(patches(maps), expected)
        assert (patches.merged()(maps) - expected).abs().max() < 1e-5
