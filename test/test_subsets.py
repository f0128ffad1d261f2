"""Masks of joints and people that are counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.body.model import JOINT_NAMES
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.scenes.things import Thing
from hmr_ros.evaluation import subsets


def random_states(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (count, 24)).astype(np.uint8)


def test_regions_are_the_joints_of_their_names():
    def names(region):
        return {JOINT_NAMES[joint] for joint in subsets.REGIONS[region]}

    pairs = {f"{side}_{name}" for side in ("left", "right") for name in ("knee", "ankle", "elbow",
             "wrist")}  # fmt: skip
    assert names("distal") == pairs
    assert names("limb") == pairs | {f"{s}_{n}" for s in ("left", "right") for n in ("hip",
                                     "shoulder")}  # fmt: skip
    assert names("torso") == {"spine1", "spine2", "spine3", "neck", "head", "left_collar",
                              "right_collar"}  # fmt: skip


def test_states_share_out_the_joints():
    visibility = random_states()
    masks = subsets.joint_masks(visibility)
    total = masks["visible"].astype(int) + masks["self_occluded"] + masks["hidden"]
    assert (total == masks["all"]).all()
    assert not masks["all"][:, 0].any() and masks["all"][:, 1:].all()
    whole = subsets.joint_masks(visibility, left_out=())
    assert whole["all"].all() and (whole["hidden"] == (visibility == HIDDEN)).all()
    assert (whole["visible"] == (visibility == VISIBLE)).all()
    assert (whole["self_occluded"] == (visibility == SELF_OCCLUDED)).all()


def test_regions_meet_states():
    masks = subsets.joint_masks(random_states())
    assert (masks["limb_hidden"] == (masks["limb"] & masks["hidden"])).all()
    assert not (masks["torso"] & masks["limb"]).any()
    assert (masks["distal"] <= masks["limb"]).all()
    assert masks["limb"].sum() == 12 * 40 and masks["torso"].sum() == 7 * 40


def test_every_joint_has_one_occluder():
    occluder = np.random.default_rng(1).choice(list(Thing), (30, 24))
    masks = subsets.occluder_masks(occluder, left_out=())
    assert len(masks) == len(Thing) and (sum(m.astype(int) for m in masks.values()) == 1).all()
    assert (masks["by_furniture"] == (occluder == Thing.FURNITURE)).all()
    assert not subsets.occluder_masks(occluder)["by_self"][:, 0].any()


def test_each_joint_is_counted_by_its_name():
    masks = subsets.each_joint(5)
    assert len(masks) == 23 and masks["left_knee"][:, 4].all() and masks["left_knee"].sum() == 5


@settings(deadline=None)
@given(st.integers(0, 24))
def test_each_person_is_in_one_level(hidden):
    visibility = np.full((1, 24), VISIBLE)
    visibility[0, :hidden] = HIDDEN
    masks = subsets.level_masks(visibility)
    chosen = [name for name, mask in masks.items() if mask[0]]
    share = hidden / 24
    assert chosen == ["light" if share <= 0.15 else "medium" if share <= 0.45 else "heavy"]


def test_levels_count_what_other_things_hide():
    visibility = np.full((2, 24), SELF_OCCLUDED)
    visibility[1, :12] = HIDDEN
    assert subsets.hidden_share(visibility) == pytest.approx([0, 0.5])
    own = subsets.level_masks(visibility, {"clear": 0.0, "rest": 1.0})
    assert own["clear"].tolist() == [True, False] and own["rest"].tolist() == [False, True]


def test_malformed_labels_are_refused():
    with pytest.raises(ValueError, match=r"visibility must be \[N, 24\], got \(3, 17\)"):
        subsets.joint_masks(np.zeros((3, 17), int))
    with pytest.raises(ValueError, match="visibility holds"):
        subsets.joint_masks(np.full((3, 24), 7))
    with pytest.raises(ValueError, match="values of Thing"):
        subsets.occluder_masks(np.full((3, 24), 77))
    with pytest.raises(ValueError, match="levels must rise to 1"):
        subsets.level_masks(random_states(), {"heavy": 1.0, "light": 0.2})
