"""Transitions and parameters of the node, without another process."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

import rclpy
from node_fakes import FakePipeline
from node_robot import Robot, image
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from hmr_ros.node.node import HmrNode
from hmr_ros.node.parameters import ALL_PARAMETERS

pytestmark = pytest.mark.ros
KEYPOINTS = [float(v) for k in range(17) for v in (10 + k, 20 - k, 0.8)]
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class Spinning:
    """A node in this process with an executor that is spun by hand."""

    def __init__(self, **parameters) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.pipelines: list[FakePipeline] = []
        self.node = HmrNode(
            make_pipeline=self.make,
            context=self.context,
            parameter_overrides=[Parameter(k, value=v) for k, v in parameters.items()],
        )
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def make(self, settings):
        self.pipelines.append(FakePipeline(settings))
        return self.pipelines[-1]

    def set(self, **values):
        results = self.node.set_parameters([Parameter(k, value=v) for k, v in values.items()])
        return [(r.successful, r.reason) for r in results]

    def feed(self, people: int, seconds: float) -> None:
        self.node._inputs._on_image(image(people, seconds))

    def until(self, condition, timeout_s: float = 5.0) -> bool:
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)
        return condition()

    def waited(self, condition, timeout_s: float = 5.0) -> bool:
        """As ``until``, but the executor does nothing meanwhile."""
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        return condition()

    def close(self) -> None:
        self.node.close()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def spinning(request):
    s = Spinning(**getattr(request, "param", {}))
    yield s
    s.close()


def always(**more) -> dict:
    return {"idle_without_subscribers": False, **more}


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_the_whole_ladder_twice(spinning):
    node, t = spinning.node, 100.0
    for round_ in range(2):
        assert node.trigger_configure() == SUCCESS
        assert len(spinning.pipelines) == round_ + 1
        assert node.trigger_activate() == SUCCESS
        for _ in range(2):
            done, t = node.health.processed, t + 1
            spinning.feed(2, t)
            assert spinning.until(lambda done=done: node.health.processed > done)
            assert node.trigger_deactivate() == SUCCESS
            assert node.trigger_activate() == SUCCESS
        node.trigger_deactivate()
        assert node.trigger_cleanup() == SUCCESS
        assert node.settings is None and node._worker is None
        assert spinning.pipelines[-1].closed  # memory on a GPU is given back
        assert not [p for p in node.publishers if "hmr_node/" in p.topic_name]
        assert not node._managed_entities


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_deactivate_during_inference_publishes_nothing_more(spinning):
    robot = Robot(outputs=("bodies",))
    try:
        node = spinning.node
        node.start()
        spinning.feed(254, 100.0)  # takes a second
        spinning.until(lambda: len(spinning.pipelines[0].calls) == 1)
        began = time.monotonic()
        assert node.trigger_deactivate() == SUCCESS
        assert time.monotonic() - began < 5
        published = node.health.processed
        robot.spin(0.5)
        assert node.health.processed == published
        assert node.trigger_cleanup() == SUCCESS
    finally:
        robot.close()


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_a_device_that_fails_is_given_back_and_taken_anew(spinning):
    node = spinning.node
    node.start()
    spinning.feed(2, 100.0)
    assert spinning.until(lambda: node.health.processed == 1)
    spinning.feed(253, 101.0)
    assert spinning.until(lambda: len(spinning.pipelines) == 2)
    assert spinning.pipelines[0].closed and node.settings is not None
    assert "illegal memory access" in node.health.failure and node.health.fault == ""
    spinning.feed(2, 102.0)
    assert spinning.until(lambda: node.health.processed == 1)


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_an_image_that_fails_while_the_device_is_given_back_does_not_end_its_successor(spinning):
    node = spinning.node
    node.start()
    spinning.feed(2, 100.0)
    assert spinning.until(lambda: node.health.processed == 1)
    old = node.health
    spinning.feed(253, 101.0)
    assert spinning.waited(lambda: old.failed == 1)
    spinning.feed(252, 102.0)
    assert spinning.waited(lambda: len(spinning.pipelines[0].calls) == 3)
    assert spinning.until(lambda: len(spinning.pipelines) == 2)
    assert old.failed == 2  # after the guard condition had been taken, so it fires once more
    assert not spinning.until(lambda: node.settings is None, timeout_s=0.3)
    spinning.feed(2, 103.0)
    assert spinning.until(lambda: node.health.processed == 1)


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_a_failed_device_is_also_given_back_by_whoever_deactivates_first(spinning):
    node = spinning.node
    node.start()
    spinning.feed(253, 100.0)
    assert spinning.waited(lambda: node.health.failed == 1)
    assert node.trigger_deactivate() == TransitionCallbackReturn.ERROR
    assert spinning.pipelines[0].closed and "illegal memory access" in node.health.fault
    assert not spinning.until(lambda: len(spinning.pipelines) > 1, timeout_s=0.3)


@pytest.mark.parametrize("spinning", [always(autostart=False)], indirect=True)
def test_with_a_lifecycle_manager_the_failed_node_waits_for_it(spinning):
    node = spinning.node
    assert node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS
    spinning.feed(2, 100.0)
    assert spinning.until(lambda: node.health.processed == 1)
    spinning.feed(253, 101.0)
    assert spinning.until(lambda: node.settings is None)
    assert spinning.pipelines[0].closed and len(spinning.pipelines) == 1
    assert "illegal memory access" in node.health.fault and "configure" in node.health.fault
    assert node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS
    assert node.health.fault == ""
    spinning.feed(2, 102.0)
    assert spinning.until(lambda: node.health.processed == 1)


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_a_device_that_fails_at_once_again_is_not_tried_for_ever(spinning):
    node = spinning.node
    node.start()
    spinning.feed(253, 100.0)
    assert spinning.until(lambda: node.settings is None)
    assert "illegal memory access" in node.health.fault
    assert not spinning.until(lambda: len(spinning.pipelines) > 1, timeout_s=0.3)


@pytest.mark.parametrize("spinning", [{"weights_path": "missing.onnx"}], indirect=True)
def test_a_missing_file_leaves_a_node_that_can_be_mended(spinning):
    node = spinning.node
    node.start()
    assert "missing.onnx" in node.health.fault and node.settings is None
    assert spinning.set(weights_path="") == [(True, "")]
    assert node.trigger_configure() == SUCCESS
    assert node.health.fault == ""


@pytest.mark.parametrize("spinning", [{"weights_path": "broken.onnx"}], indirect=True)
def test_a_failed_warm_up_leaves_no_publisher_and_gives_the_device_back(spinning):
    node = spinning.node
    before = len(list(node.publishers))
    for made in (1, 2):
        assert node.trigger_configure() == FAILURE and len(spinning.pipelines) == made
        assert "gives no bodies" in node.health.fault
        assert len(list(node.publishers)) == before and not node._managed_entities
        assert spinning.pipelines[-1].closed
    assert spinning.set(weights_path="") == [(True, "")]
    assert node.trigger_configure() == SUCCESS


def test_every_parameter_has_description_and_range(spinning):
    for p in ALL_PARAMETERS:
        d = spinning.node.describe_parameter(p.name)
        assert d.description == p.description
        assert spinning.node.get_parameter(p.name).value == p.default
        if p.low is not None and isinstance(p.default, int):
            (r,) = d.integer_range
            assert (r.from_value, r.to_value) == (p.low, p.high)
        elif p.low is not None:
            (r,) = d.floating_point_range
            assert (r.from_value, r.to_value) == (p.low, p.high)
        if p.choices:
            assert all(c in d.additional_constraints for c in p.choices)


def test_bad_values_are_refused_with_a_reason(spinning):
    spinning.node.start()
    for name, value, words in (
        ("marker_lifetime_s", -1.0, ["marker_lifetime_s"]),
        ("max_people", 65, ["max_people"]),
        ("min_score", float("nan"), ["min_score"]),
        ("publish_tf", 3, ["expected", "BOOL"]),
        ("mesh_faces", 500, ["mesh_faces", "configured", "cleanup"]),
        ("image_transport", "raw", ["image_transport", "configured"]),
    ):
        ((successful, reason),) = spinning.set(**{name: value})
        assert not successful
        for word in words:
            assert word in reason
    assert spinning.node.settings.marker_lifetime_s == 0.5


def test_live_parameters_change_the_running_settings_and_others_do_not_move(spinning):
    spinning.node.start()
    assert spinning.set(coast_s=1.5, publish_vertices=True) == [(True, "")] * 2
    assert spinning.node.settings.coast_s == 1.5 and spinning.node.settings.publish_vertices
    request = [Parameter("coast_s", value=2.5), Parameter("mesh_faces", value=600)]
    result = spinning.node.set_parameters_atomically(request)
    assert not result.successful
    assert spinning.node.settings.coast_s == 1.5  # nothing of a refused request is applied


@pytest.mark.parametrize("spinning", [{"image_transport": "telepathy"}], indirect=True)
def test_a_choice_that_does_not_exist_is_refused_at_configuring(spinning):
    assert spinning.node.trigger_configure() == FAILURE
    assert "telepathy" in spinning.node.health.fault and "raw" in spinning.node.health.fault


@pytest.mark.parametrize("spinning", [{}, {"odometry_frame": "odom"}], indirect=True)
def test_nobody_listens_nothing_is_computed(spinning):
    node = spinning.node
    node.start()
    tf = node._outputs._publishers["tf"]  # heard by the node itself, if it wants the odometry
    own = int(bool(node.settings.odometry_frame))
    assert spinning.until(lambda: tf.get_subscription_count() == own)
    calls = len(spinning.pipelines[0].calls)
    spinning.feed(2, 100.0)
    assert spinning.until(lambda: node.health.idle == 1)
    assert len(spinning.pipelines[0].calls) == calls
    robot = Robot(outputs=("tf",))
    try:
        assert robot.spin_until(lambda: robot.node.count_publishers("/tf"))
        assert spinning.until(lambda: node._outputs.wanted())
        spinning.feed(2, 101.0)
        assert robot.spin_until(lambda: robot.received["tf"])
        assert len(robot.received["tf"][0].transforms) == 48
    finally:
        robot.close()


@pytest.mark.parametrize(
    "spinning", [always(odometry_frame="odom", detector="topic", use_depth=True)], indirect=True
)
def test_an_activation_that_fails_half_way_leaves_no_subscription(spinning, monkeypatch):
    node, create = spinning.node, spinning.node.create_subscription

    def until_the_last(kind, topic, *more, **options):
        if topic == "/tf_static":
            raise RuntimeError("no memory for another reader")
        return create(kind, topic, *more, **options)

    before = {s.topic_name for s in node.subscriptions}
    monkeypatch.setattr(node, "create_subscription", until_the_last)
    node.start()
    assert "no memory for another reader" in node.health.fault
    assert {s.topic_name for s in node.subscriptions} == before
    monkeypatch.undo()
    node.start()
    assert {"/image", "/depth", "/people_2d", "/tf"} <= {s.topic_name for s in node.subscriptions}


@pytest.mark.parametrize("spinning", [always()], indirect=True)
def test_a_search_that_finds_nobody_new_any_more_is_said(spinning, capfd):
    node = spinning.node
    node.start()
    for n, problem in enumerate(("ValueError: no such layer", ""), 1):
        spinning.pipelines[0].finder.search_problem = problem
        spinning.feed(0, 100.0 + n)
        assert spinning.waited(lambda n=n: node.health.processed == n)
        assert node.health.search_problem == problem
    said = capfd.readouterr().err
    assert said.count("the search for new people fails: ValueError: no such layer") == 1


def test_a_warning_that_comes_with_every_image_does_not_hide_another(spinning, capfd):
    for text in ("taken to be at rest: 0.12 s", "taken to be at rest: 0.13 s", "no camera_info"):
        spinning.node._warn(text)
    said = capfd.readouterr().err
    assert "0.12 s" in said and "no camera_info" in said and "0.13 s" not in said


@pytest.mark.parametrize("spinning", [always(use_sim_time=True)], indirect=True)
def test_simulated_time_that_never_comes_stops_nothing(spinning):
    node = spinning.node
    node.start()
    robot = Robot(outputs=("diagnostics",))
    try:
        spinning.feed(1, 100.0)
        assert spinning.until(lambda: node.health.processed == 1)
        assert 0 <= node.health.latencies_ms[0] < 5000
        assert "use_sim_time" in node.health.input_problem
        both = (spinning.executor, robot.executor)
        end = time.monotonic() + 5
        while not robot.received["diagnostics"] and time.monotonic() < end:
            for executor in both:
                executor.spin_once(timeout_sec=0.02)
        assert robot.received["diagnostics"]
    finally:
        robot.close()


@pytest.mark.parametrize("spinning", [always(use_depth=True, detector="topic")], indirect=True)
def test_depth_and_people_of_other_nodes_reach_the_pipeline(spinning):
    import numpy as np
    from sensor_msgs.msg import Image

    from hmr_ros.msg import Person2D, Person2DArray

    node = spinning.node
    node.start()
    (pipeline,) = spinning.pipelines
    warm = len(pipeline.calls)
    depth = Image(width=64, height=48, encoding="16UC1", step=128)
    depth.data = np.full((48, 64), 2500, "<u2").tobytes()
    depth.header = image(1, 100.02).header
    node._depth.add(depth)
    spinning.feed(1, 100.0)
    person = Person2D(score=0.9, keypoint_set="coco17", keypoints=KEYPOINTS)
    people = Person2DArray(header=image(1, 100.0).header, people=[person])
    node._inputs._on_people(people)
    assert spinning.until(lambda: len(pipeline.calls) > warm)
    frame, given, boxes = pipeline.calls[-1]
    assert boxes is None and given.keypoint_set == "coco17" and len(given) == 1
    np.testing.assert_allclose(frame.depth, 2.5)
    person = Person2D(score=0.9, box=[1.0, 2.0, 30.0, 40.0])
    node._inputs._on_people(Person2DArray(header=image(1, 101.0).header, people=[person]))
    spinning.feed(1, 101.0)
    assert spinning.until(lambda: len(pipeline.calls) > warm + 1)
    _, given, boxes = pipeline.calls[-1]
    assert given is None
    np.testing.assert_array_equal(boxes, [[1, 2, 30, 40]])
    person = Person2D(score=0.9, keypoint_set="coco17", keypoints=[1.0, 2.0])
    node._inputs._on_people(Person2DArray(header=image(1, 102.0).header, people=[person]))
    spinning.feed(1, 102.0)
    assert spinning.until(lambda: node.health.refused == 1)
    assert "coco17 needs 3 x 17" in node.health.last_error


def test_a_middleware_that_takes_no_bytes_gets_objects(spinning, monkeypatch):
    node = spinning.node
    node.start()
    robot = Robot(outputs=("markers",))
    try:
        publisher = node._outputs._publishers["markers"]
        publish = publisher.publish

        def objects_only(message):
            if isinstance(message, bytes):
                raise TypeError("bytes are not a message")
            publish(message)

        monkeypatch.setattr(publisher, "publish", objects_only)
        assert robot.spin_until(lambda: robot.node.count_publishers("/hmr_node/markers"))
        assert spinning.until(node._outputs.wanted)
        for k in range(2):
            spinning.feed(1, 100.0 + k)
            assert robot.spin_until(lambda k=k: len(robot.received["markers"]) == k + 1)
        assert len(robot.received["markers"][1].markers) == 3
        assert node.health.failed == 0 and not node._outputs._raw
    finally:
        robot.close()
