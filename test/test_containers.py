import dataclasses

import numpy as np
import pytest

from hmr_ros.batch import concatenate
from hmr_ros.bodies import no_bodies
from hmr_ros.parameters import PARAMETERS, validated
from hmr_ros.people import People, no_people


def people(n: int) -> People:
    return People(
        boxes=np.arange(4 * n, dtype=np.float32).reshape(n, 4),
        scores=np.ones(n, np.float32),
        keypoints=np.zeros((n, 33, 3), np.float32),
        found=np.ones(n, bool),
        keypoint_set="blazepose33",
        source=np.full(n, "given"),
    )


def test_fields_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="scores.*2"):
        people(3).replace(scores=np.ones(2, np.float32))


def test_keypoint_set_fixes_the_number_of_points():
    with pytest.raises(ValueError, match=r"coco17 needs \[N, 17, 3\]"):
        people(1).replace(keypoint_set="coco17")
    with pytest.raises(ValueError, match="known: blazepose33"):
        people(1).replace(keypoint_set="openpose")


def test_indexing_selects_rows_of_every_field():
    picked = people(4)[np.array([False, True, False, True])]
    assert picked.boxes[:, 0].tolist() == [4, 12]
    assert len(picked.keypoints) == 2 and picked.keypoint_set == "blazepose33"
    assert len(people(4)[2]) == 1


def test_concatenation_keeps_order_and_drops_halfway_options():
    with_masks = people(1).replace(masks=np.zeros((1, 8, 8), np.float32))
    joined = concatenate([people(2), with_masks])
    assert len(joined) == 3 and joined.masks is None


def test_the_empty_scene_is_a_batch_of_none():
    assert len(no_bodies()) == len(no_people()) == 0
    assert no_bodies()[np.zeros(0, bool)].joints.shape == (0, 24, 3)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.name)
def test_every_default_lies_in_its_own_range(parameter):
    assert parameter.checked(parameter.default) == parameter.default
    assert parameter.description.endswith(".")


@pytest.mark.parametrize(
    "values, text",
    [
        ({"detect_every": 0}, "detect_every: 0 is outside"),
        ({"detect_every": 2.5}, "detect_every: 2.5 is not int"),
        ({"detector": "magic"}, "detector: 'magic' is not one of auto"),
        ({"no_such": 1}, "unknown parameter no_such"),
    ],
)
def test_bad_parameters_are_named(values, text):
    with pytest.raises(ValueError, match=text):
        validated(values)


def test_containers_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        people(1).scores = np.zeros(1)
