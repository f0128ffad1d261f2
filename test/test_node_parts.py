"""The node's parts that need no ROS: worker, stamps, intrinsics, people of other nodes, health."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from node_fakes import stamp

from hmr_ros.node.camera_info import CameraSource
from hmr_ros.node.external_people import (
    KEPT,
    PeopleError,
    StampPairs,
    boxes_from_detections,
    people_from_message,
)
from hmr_ros.node.image_clock import Arrival, ImageClock
from hmr_ros.node.parameters import ALL_PARAMETERS, NODE_PARAMETERS
from hmr_ros.node.worker import Worker
from hmr_ros.parameters import validated

SETTINGS = validated({}, NODE_PARAMETERS)


@pytest.fixture
def slow():
    """A worker whose work waits for ``gate``."""
    gate, done, errors = threading.Event(), [], []

    def work(item):
        gate.wait(5)
        if item == "bad":
            raise RuntimeError("broken")
        done.append(item)

    worker = Worker(work, errors.append)
    worker.accept()
    yield SimpleNamespace(worker=worker, gate=gate, done=done, errors=errors)
    gate.set()
    assert worker.stop(5)


def until(condition) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def test_the_newest_item_wins(slow):
    slow.worker.put(0)
    assert until(lambda: slow.worker._busy)
    for k in range(1, 6):
        slow.worker.put(k)
    slow.gate.set()
    assert until(lambda: slow.done == [0, 5])
    assert slow.worker.dropped == 4


def test_an_exception_is_handed_on_and_the_thread_lives(slow):
    slow.gate.set()
    slow.worker.put("bad")
    assert until(lambda: slow.errors)
    slow.worker.put("good")
    assert until(lambda: slow.done == ["good"])
    assert str(slow.errors[0]) == "broken"


def test_pause_waits_for_the_current_item_and_forgets_the_next(slow):
    slow.worker.put(0)
    assert until(lambda: slow.worker._busy)
    slow.worker.put(1)
    began = time.monotonic()
    assert not slow.worker.pause(0.05)
    assert time.monotonic() - began < 1
    slow.gate.set()
    assert slow.worker.pause(5)
    slow.worker.put(2)  # not accepted
    assert slow.done == [0]
    slow.worker.accept()
    slow.worker.put(3)
    assert until(lambda: slow.done == [0, 3])


def arrivals(*seconds: float) -> list[str]:
    clock = ImageClock()
    return [clock.arrival(round(s * 1e9)).value for s in seconds]


def test_stamps_are_told_apart():
    assert arrivals(1, 1, 1.1, 1.1) == ["new", "duplicate", "new", "duplicate"]
    assert arrivals(10, 9.9, 10.1) == ["new", "late", "new"]
    assert arrivals(10, 1, 1.1) == ["new", "jump", "new"]
    assert arrivals(10, 200, 201) == ["new", "new", "new"]
    # A bag of 0.4 s that loops: the third late frame in a row starts a new run.
    assert arrivals(1.0, 1.4, 1.0, 1.1, 1.2, 1.3) == ["new", "new", "late", "late", "jump", "new"]


def test_nanoseconds_are_not_rounded_away():
    clock = ImageClock()
    assert clock.arrival(1_700_000_000_000_000_001) is Arrival.NEW
    assert clock.arrival(1_700_000_000_000_000_002) is Arrival.NEW


def info(k=(500.0, 0, 320, 0, 500.0, 240, 0, 0, 1), size=(640, 480), frame="cam", d=(), binning=0):
    return SimpleNamespace(
        k=np.array(k, float),
        d=list(d),
        distortion_model="plumb_bob",
        width=size[0],
        height=size[1],
        binning_x=binning,
        binning_y=binning,
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
        header=SimpleNamespace(frame_id=frame),
    )


def camera_after(message, size=(640, 480), frame="cam"):
    source = CameraSource("/camera_info")
    if message is not None:
        source.update(message)
    return source.camera_for(*size, frame, 55.0)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, ["no message on /camera_info", "remap"]),
        (info(k=[0.0] * 9), ["/camera_info", "fx=0", "calibrate"]),
        (info(k=[np.nan] * 9), ["not finite"]),
        (info(size=(640, 640)), ["640x640", "640x480"]),
        (info(d=[0.1] * 3), ["3 distortion coefficients"]),
    ],
)
def test_without_usable_intrinsics_the_camera_is_a_guess_that_says_so(message, words):
    camera, problem = camera_after(message)
    assert not camera.metric
    assert camera.fx == pytest.approx(320 / np.tan(np.radians(27.5)))
    for word in (*words, "not metric", "55 deg"):
        assert word in problem


def test_good_intrinsics_are_used_and_scaled_with_the_image():
    camera, problem = camera_after(info())
    assert camera.metric and camera.fx == 500 and not problem
    half, problem = camera_after(info(), size=(320, 240))
    assert half.metric and half.fx == 250 and not problem
    binned, problem = camera_after(info(binning=2), size=(320, 240))
    assert binned.fx == 250 and not problem


def test_another_frame_is_mentioned_but_the_intrinsics_hold():
    camera, problem = camera_after(info(frame="other"))
    assert camera.metric and "'other'" in problem and "'cam'" in problem


def test_a_late_or_changed_camera_info_takes_effect():
    source = CameraSource("/camera_info")
    assert not source.camera_for(640, 480, "cam", 55.0)[0].metric
    source.update(info())
    assert source.camera_for(640, 480, "cam", 55.0)[0].fx == 500
    source.update(info(k=(600.0, 0, 320, 0, 600.0, 240, 0, 0, 1)))
    assert source.camera_for(640, 480, "cam", 55.0)[0].fx == 600


def person(score=0.9, box=(0.0, 0.0, 0.0, 0.0), keypoint_set="", keypoints=()):
    return SimpleNamespace(
        score=score,
        box=np.array(box, np.float32),
        keypoint_set=keypoint_set,
        keypoints=np.array(keypoints, np.float32),
    )


def array_of(*persons):
    return SimpleNamespace(people=list(persons))


def coco(x: float) -> list[float]:
    return [v for k in range(17) for v in (x + k, 2.0 * k, 0.5)]


def test_keypoints_become_people_with_boxes_around_them():
    people, boxes = people_from_message(
        array_of(
            person(keypoint_set="coco17", keypoints=coco(100)),
            person(keypoint_set="coco17", keypoints=coco(10), box=(1, 2, 300, 400)),
            person(keypoint_set="coco17", keypoints=coco(5), score=0.1),
        ),
        SETTINGS,
    )
    assert boxes is None
    np.testing.assert_array_equal(people.boxes, [[1, 2, 300, 400], [100, 0, 16, 32]])
    assert people.keypoint_set == "coco17" and (people.source == "topic").all()
    np.testing.assert_array_equal(people.keypoints[1, 3], [103, 6, 0.5])


def test_boxes_alone_are_looked_at_by_the_node():
    people, boxes = people_from_message(
        array_of(
            person(box=(0, 0, 10, 10)),
            person(box=(0, 0, 50, 10)),
            person(box=(0, 0, np.inf, 10)),
        ),
        SETTINGS,
    )
    assert people is None
    np.testing.assert_array_equal(boxes, [[0, 0, 50, 10], [0, 0, 10, 10]])


def test_nobody_is_an_answer_too():
    people, boxes = people_from_message(array_of(), SETTINGS)
    assert len(people) == 0 and boxes is None


def test_points_that_are_not_finite_are_missing_points():
    keypoints = coco(0)
    keypoints[3:6] = [np.nan, 1.0, 0.9]
    people, _ = people_from_message(
        array_of(person(keypoint_set="coco17", keypoints=keypoints)), SETTINGS
    )
    assert np.isfinite(people.keypoints).all() and people.keypoints[0, 1, 2] == 0


@pytest.mark.parametrize(
    ("persons", "words"),
    [
        ([person(keypoint_set="coco17", keypoints=[1, 2, 3])], "3 numbers, coco17 needs 3 x 17"),
        ([person(keypoint_set="body99", keypoints=[1, 2, 3])], "body99.*coco17"),
    ],
)
def test_people_that_do_not_fit_their_set_are_refused(persons, words):
    with pytest.raises(PeopleError, match=words):
        people_from_message(array_of(*persons), SETTINGS)


def detection(x, y, w, h, class_id="person", score=0.9):
    return SimpleNamespace(
        bbox=SimpleNamespace(
            center=SimpleNamespace(position=SimpleNamespace(x=x, y=y)), size_x=w, size_y=h
        ),
        results=[SimpleNamespace(hypothesis=SimpleNamespace(class_id=class_id, score=score))],
    )


def test_detections_of_people_become_boxes():
    message = SimpleNamespace(
        detections=[
            detection(50, 60, 20, 40),
            detection(50, 60, 200, 400, class_id="dog"),
            detection(50, 60, 30, 40, class_id="0"),
            detection(50, 60, 30, 40, score=0.2),
        ]
    )
    np.testing.assert_array_equal(
        boxes_from_detections(message, SETTINGS), [[35, 40, 30, 40], [40, 40, 20, 40]]
    )
    everything = validated({"person_classes": ""}, NODE_PARAMETERS)
    assert len(boxes_from_detections(message, everything)) == 3


def headed(seconds: float, name: str):
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp(seconds)), name=name)


def job(seconds: float):
    return SimpleNamespace(image=headed(seconds, f"image {seconds}"))


def test_images_and_people_meet_in_any_order():
    pairs = StampPairs()
    assert pairs.add_image(job(1)) is None
    assert pairs.add_people(headed(2, "people 2")) is None
    image, people = pairs.add_people(headed(1, "people 1"))
    assert (image.image.name, people.name) == ("image 1", "people 1")
    image, people = pairs.add_image(job(2))
    assert (image.image.name, people.name) == ("image 2", "people 2")


def test_what_never_meets_is_forgotten():
    pairs = StampPairs()
    for k in range(KEPT + 1):
        assert pairs.add_image(job(k)) is None
    assert pairs.add_people(headed(0, "too late")) is None
    assert pairs.add_people(headed(1, "just in time")) is not None


def test_names_of_parameters_are_unique_and_have_a_unit_or_none_is_needed():
    names = [p.name for p in ALL_PARAMETERS]
    assert len(set(names)) == len(names)
    for p in ALL_PARAMETERS:
        assert p.checked(p.default) == p.default
        assert p.description.endswith(".")
