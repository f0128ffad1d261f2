"""The front end on a real photograph: several people, following, given boxes, bad input."""

import threading
import time
from dataclasses import fields
from itertools import pairwise

import cv2
import numpy as np
import pytest

from hmr_ros.evaluation.keypoint_metrics import correct, pck
from hmr_ros.frontend import landmarks
from hmr_ros.frontend.boxes import iou
from hmr_ros.frontend.finder import PeopleFinder
from hmr_ros.frontend.interpreter import TfliteNetwork
from hmr_ros.frontend.landmarks import LandmarkNetwork, Landmarks
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.regions import region_of_box
from hmr_ros.parameters import validated
from hmr_ros.people import EVIDENCE

pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")

NOSE, LEFT_SHOULDER, RIGHT_SHOULDER = 0, 11, 12


@pytest.fixture(scope="module")
def astronaut():
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


@pytest.fixture(scope="module")
def shared_finder():
    return PeopleFinder(validated())


@pytest.fixture
def finder(shared_finder):
    shared_finder.reset()
    return shared_finder


@pytest.fixture(scope="module")
def seeing_finder():
    return PeopleFinder(validated(), EVIDENCE)


def scene(astronaut, *places):
    """A grey image of 1000 x 600 with the photograph at (x, y, size)."""
    image = np.full((600, 1000, 3), 110, np.uint8)
    for x, y, size in places:
        image[y : y + size, x : x + size] = cv2.resize(
            astronaut, (size, size), interpolation=cv2.INTER_AREA
        )
    return image


def test_landmarks_lie_on_the_face_and_shoulders(finder, astronaut):
    people = finder.find(astronaut, 0.0)
    assert len(people) == 1 and people.found.all() and people.scores[0] > 0.8
    # Read off the photograph.
    points = people.keypoints[0, [NOSE, LEFT_SHOULDER, RIGHT_SHOULDER]]
    assert points[:, :2] == pytest.approx(np.array([[219, 131], [305, 245], [115, 210]]), abs=15)
    assert points[:, 2].min() > 0.8


def test_several_people_are_found_and_followed(finder, astronaut):
    image = scene(astronaut, (20, 100, 450), (520, 100, 450))
    first = finder.find(image, 0.0)
    assert first.source.tolist() == ["blazepose"] * 2
    assert abs(first.keypoints[0, NOSE, 0] - first.keypoints[1, NOSE, 0]) == pytest.approx(
        500, abs=20
    )
    for step in range(1, 8):
        moved = scene(astronaut, (20 + 6 * step, 100, 450), (520, 100 - 6 * step, 450))
        people = finder.find(moved, 0.1 * step)
        assert people.source.tolist() == ["track"] * 2
    noses = people.keypoints[np.argsort(people.keypoints[:, NOSE, 0]), NOSE, :2]
    scale = 450 / 512
    expected = np.array(
        [[62 + 219 * scale, 100 + 131 * scale], [520 + 219 * scale, 58 + 131 * scale]]
    )
    assert noses == pytest.approx(expected, abs=15)


def test_who_leaves_is_dropped_at_once(finder, astronaut):
    assert len(finder.find(scene(astronaut, (300, 100, 450)), 0.0)) == 1
    assert len(finder.find(scene(astronaut), 0.1)) == 0


def test_a_jump_in_time_forgets_everyone(finder, astronaut):
    image = scene(astronaut, (300, 100, 450))
    for stamp, source in (
        (5.0, "blazepose"),
        (5.1, "track"),
        (1.0, "blazepose"),
        (9.0, "blazepose"),
    ):
        assert finder.find(image, stamp).source.tolist() == [source]


def test_after_a_jump_the_new_image_is_searched_not_the_one_before(finder, astronaut):
    finder.find(scene(astronaut), 5.0)
    finder.find(scene(astronaut), 5.1)
    assert len(finder.find(scene(astronaut, (300, 100, 450)), 1.0)) == 1


def test_the_detector_is_never_asked_by_two_threads(monkeypatch, astronaut):
    ask, calls = PoseDetector.__call__, []

    def noted(detector, *arguments):
        begin = time.monotonic()
        time.sleep(0.1)
        found = ask(detector, *arguments)
        calls.append((detector, threading.current_thread(), begin, time.monotonic()))
        return found

    monkeypatch.setattr(PoseDetector, "__call__", noted)
    finder = PeopleFinder(validated({"detector": "blazepose", "threads": 1}))
    finder.find(scene(astronaut, (300, 100, 450)), 0.0)  # its search goes on
    uneven = np.array([[380, 100, 250, 250], [0, 0, 900, 600]])
    finder.keypoints_in(scene(astronaut, (300, 100, 450)), uneven)
    finder.find(scene(astronaut, (300, 100, 450)), 0.1)
    finder.find(scene(astronaut, (300, 100, 450)), 0.2, complete=True)
    finder.close()
    own = [call[1:] for call in calls if call[0] is calls[-1][0]]
    assert len({thread for thread, _, _ in own}) == 2
    own.sort(key=lambda call: call[1])
    assert all(end <= begin for (_, _, end), (_, begin, _) in pairwise(own))


def test_threads_end_with_the_pipeline(astronaut):
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.pipeline import Pipeline

    before = set(threading.enumerate())
    pipeline = Pipeline(validated({"detector": "blazepose", "estimator": "lifter"}))
    pipeline.people(Frame(astronaut, guessed_camera(512, 512), 0.0))
    pipeline.finder.keypoints_in(astronaut, np.array([[100, 0, 250, 400]] * 2), thorough=False)
    assert len(set(threading.enumerate()) - before) >= 2
    for _ in range(2):
        pipeline.close()
        assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("people", [1, 2, 3])
def test_landmarks_are_the_same_however_many_threads_look(astronaut, people):
    boxes = np.array([[120, 0, 250, 400], [60, 20, 300, 450], [200, 40, 200, 300]])[:people]
    found = []
    for threads in (1, 2):
        network = LandmarkNetwork(threads, ("heatmaps", "world", "features"))
        found.append(network(astronaut, region_of_box(boxes)))
        network.close()
    for field in fields(Landmarks):
        one, two = (getattr(f, field.name) for f in found)
        if one is not None:
            assert len(one) == people
            np.testing.assert_array_equal(one, two, err_msg=field.name)


@pytest.mark.parametrize(
    "threads, people, looked",
    [(2, 1, [2]), (2, 2, [1, 1]), (2, 3, [1, 1, 2]), (1, 3, [1, 1, 1]), (3, 4, [1, 1, 1, 2])],
)
def test_who_remains_alone_is_looked_at_by_two_threads(
    astronaut, monkeypatch, threads, people, looked
):
    found = []

    class Watched(TfliteNetwork):
        def __init__(self, path, shape, outputs, threads=1):
            super().__init__(path, shape, outputs, threads)
            self.threads = threads

        def run(self, image):
            found.append(self.threads)
            super().run(image)

    monkeypatch.setattr(landmarks, "TfliteNetwork", Watched)
    network = LandmarkNetwork(threads)
    network(astronaut, region_of_box(np.array([[120, 0, 250, 400]] * people)))
    network.close()
    assert found == looked


def test_the_result_depends_on_the_frames_alone(finder, astronaut):
    frames = [scene(astronaut, (300 + 8 * k, 100, 300)) for k in range(4)]
    runs = []
    for _ in range(2):
        finder.reset()
        runs.append([finder.find(f, 0.1 * k) for k, f in enumerate(frames)])
    for a, b in zip(*runs, strict=True):
        assert np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.boxes, b.boxes)


def test_a_tile_shows_a_person_too_small_for_the_whole_image(finder, astronaut):
    image = np.full((1400, 1900, 3), 110, np.uint8)
    image[900:1100, 1400:1600] = cv2.resize(astronaut, (200, 200))
    assert len(finder.find(image, 0.0)) == 0
    people = finder.find(image, 0.1, complete=True)
    assert people.keypoints[0, NOSE, :2] == pytest.approx([1400 + 86, 900 + 51], abs=15)


def test_photographs_do_not_leak_into_each_other(finder, astronaut):
    finder.find(scene(astronaut, (300, 100, 450)), 0.0)
    people = finder.find(scene(astronaut, (320, 100, 450)), 0.0, complete=True)
    assert people.source.tolist() == ["blazepose"]


def test_most_people_and_largest_first(astronaut):
    finder = PeopleFinder(validated({"max_people": 1, "detector": "blazepose", "threads": 1}))
    image = scene(astronaut, (20, 100, 350), (450, 50, 500))
    people = finder.find(image, 0.0)
    assert len(people) == 1 and people.keypoints[0, NOSE, 0] > 450


def test_given_boxes_keep_number_and_order(finder, astronaut):
    image = scene(astronaut, (20, 100, 450), (520, 100, 450))
    boxes = np.array(
        [[560, 100, 350, 450], [-900, -900, 50, 50], [60, 100, 350, 450], [500, 300, 3, 200],
         [2000, 50, 100, 100], [0, 0, 0, 0], [np.nan, 0, 10, 10], [300, 10, 60, 60]]
    )  # fmt: skip
    people = finder.keypoints_in(image, boxes)
    assert people.found.tolist() == [True, False, True] + [False] * 5
    assert people.boxes[[0, 2]].tolist() == boxes[[0, 2]].tolist()
    assert people.keypoints[[0, 2], NOSE, 0] == pytest.approx([520 + 192, 20 + 192], abs=15)
    assert np.isfinite(people.keypoints).all()
    assert not people.keypoints[1].any()
    assert set(people.source) == {"given"}


def test_an_uneven_box_still_leads_to_the_person(finder, astronaut):
    """A box of the head alone, and one far too large, both end at the same shoulders."""
    image = scene(astronaut, (300, 100, 450))
    boxes = np.array([[380, 100, 250, 250], [200, 0, 700, 600]])
    people = finder.keypoints_in(image, boxes)
    assert people.found.all()
    assert people.keypoints[0, NOSE, :2] == pytest.approx(people.keypoints[1, NOSE, :2], abs=15)


def test_evidence_only_when_asked_for(finder, astronaut):
    box = np.array([[60, 0, 400, 512]])
    plain = finder.keypoints_in(astronaut, box)
    assert all(getattr(plain, name) is None for name in EVIDENCE)
    some = PeopleFinder(validated({"threads": 1}), ("heatmaps", "world"))
    for people in (some.keypoints_in(astronaut, box), some.find(astronaut, 0.0, complete=True)):
        assert [name for name in EVIDENCE if getattr(people, name) is not None] == [
            "heatmaps",
            "world",
        ]
    nobody = some.find(np.zeros((480, 640, 3), np.uint8), 1.0)
    assert nobody.heatmaps.shape == (0, 64, 64, 39) and nobody.masks is None


def test_maps_are_in_the_same_crop(seeing_finder, astronaut):
    box = np.array([[60, 0, 400, 512]])
    people = seeing_finder.keypoints_in(astronaut, box)
    assert people.heatmaps.shape == (1, 64, 64, 39) and people.masks.shape == (1, 256, 256)
    assert people.heatmaps.min() >= 0 and people.heatmaps.max() <= 1
    # The peak of the nose's heat-map, taken to the image, is the nose; the mask covers it.
    row, column = np.unravel_index(people.heatmaps[0, ..., NOSE].argmax(), (64, 64))
    peak = people.crops[0] @ [4 * column, 4 * row, 1]
    assert peak == pytest.approx(people.keypoints[0, NOSE, :2], abs=15)
    assert people.masks[0, 4 * row, 4 * column] > 0.9


def test_world_landmarks_and_features_are_of_the_same_crop(seeing_finder, astronaut):
    box = np.array([[60, 0, 400, 512]])
    turned = np.ascontiguousarray(np.rot90(astronaut, -1))  # x' = 511 - y, y' = x
    looks = (
        seeing_finder.keypoints_in(astronaut, box),
        seeing_finder.keypoints_in(turned, np.array([[0, 60, 512, 400]])),
    )
    for people in looks:
        assert people.world.shape == (1, 33, 3) and people.features.shape == (1, 4, 4, 288)
        assert people.features.min() >= 0 and 1 < people.features.max() <= 6
        # Metres along the crop's sides: from the left to the right shoulder and to the nose they
        # run as the pixels of the crop do.
        affine = people.crops[0]
        points = people.keypoints[0, [11, 12, NOSE], :2] - affine[:, 2]
        points = points @ np.linalg.inv(affine[:, :2]).T
        sides = points[1:] - points[0]
        metres = (people.world[0, [12, NOSE]] - people.world[0, 11])[:, :2]
        cosine = (sides * metres).sum(1) / np.linalg.norm(sides, axis=1)
        assert (cosine / np.linalg.norm(metres, axis=1) > 0.9).all()
        assert 0.2 < np.linalg.norm(metres[0]) < 0.5  # between shoulders
        # The face looks at the camera: it is nearer than the shoulders.
        assert people.world[0, NOSE, 2] < people.world[0, [11, 12], 2].min()


def test_a_finder_made_with_evidence_always_has_it(seeing_finder, astronaut):
    found = seeing_finder.find(astronaut, 0.0, complete=True)
    given = seeing_finder.keypoints_in(astronaut, np.array([[60, 0, 400, 512], [0, 0, 2, 2]]))
    for people, count in ((found, 1), (given, 2)):
        assert people.heatmaps.shape == (count, 64, 64, 39) and people.crops.shape == (count, 2, 3)
        assert people.masks.shape == (count, 256, 256) and people.heatmaps[0].max() > 0.5
    # Nobody was looked for in a box of two pixels.
    assert not given.heatmaps[1].any()


def test_points_outside_the_image_have_no_confidence(finder, astronaut):
    cut = np.ascontiguousarray(astronaut[:300])  # her hips are gone
    people = finder.keypoints_in(cut, np.array([[60, 0, 400, 300]]))
    outside = (people.keypoints[..., :2] < 0) | (people.keypoints[..., :2] >= (512, 300))
    assert outside.any(-1).any()
    assert (people.keypoints[outside.any(-1), 2] == 0).all()


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 40, 3), (1, 1, 3), (3, 900, 3), (64, 64, 3)])
def test_images_without_anything_hold_nobody(finder, shape):
    image = np.full(shape, 128, np.uint8)
    assert len(finder.find(image, 0.0)) == 0
    assert len(finder.find(image, 0.1, complete=True)) == 0
    assert finder.keypoints_in(image, np.array([[0, 0, 64, 64]])).found.tolist() == [False]
    assert len(finder.keypoints_in(image, [])) == 0


@pytest.mark.parametrize(
    "image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 5, 4), np.uint8), [[0]]]
)
def test_images_of_another_kind_are_refused(finder, image):
    with pytest.raises(ValueError, match=r"image is .*expected"):
        finder.find(image, 0.0)
    with pytest.raises(ValueError, match=r"image is .*expected"):
        finder.keypoints_in(image, np.zeros((1, 4)))


@pytest.mark.parametrize("boxes", [np.zeros((2, 3)), np.zeros(4), [["a", "b", "c", "d"]]])
def test_boxes_of_another_kind_are_refused(finder, boxes):
    with pytest.raises(ValueError, match=r"boxes are .*expected numbers \[N, 4\]"):
        finder.keypoints_in(np.zeros((9, 9, 3), np.uint8), boxes)


def test_without_a_detector_nobody_is_proposed(astronaut):
    assert len(PeopleFinder(validated({"detector": "topic"})).find(astronaut, 0.0)) == 0


def test_the_onnx_detector_needs_its_file():
    with pytest.raises(ValueError, match="detector_onnx"):
        PeopleFinder(validated({"detector": "onnx"}))


@pytest.mark.slow
def test_pedestrians_of_the_sample_video(shared_data):
    video = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    finder = PeopleFinder(validated())
    counts = []
    for number in range(200):
        people = finder.find(video.read()[1], number / 10)
        counts.append(len(people))
        # Nobody twice.
        overlap = iou(people.boxes, people.boxes) - np.eye(len(people))
        assert overlap.max(initial=0) < 0.9
    assert np.median(counts[12:]) >= 4


@pytest.mark.slow
def test_keypoints_of_labelled_people(shared_data):
    from hmr_ros.evaluation.coco import BLAZEPOSE_TO_COCO, read_people

    finder = PeopleFinder(validated())
    folder = shared_data / "coco_people"
    labelled = read_people(folder / "person_keypoints.json")
    right, counted = [], []
    for people in labelled:
        found = finder.keypoints_in(cv2.imread(str(folder / people.image)), people.boxes)
        points = found.keypoints[:, BLAZEPOSE_TO_COCO, :2]
        right.append(correct(points, people.joints[..., :2], people.boxes))
        counted.append(people.joints[..., 2] > 0)
    assert pck(np.concatenate(right), np.concatenate(counted)) > 0.63
