"""Messages as bytes from numpy: equal to what the middleware's own serialiser makes of objects."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Point, Pose, TransformStamped
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import ColorRGBA, Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.node.raw_message import Draft, Template, layout_is_known, stamp_of

pytestmark = pytest.mark.ros
NUMBERS = np.random.default_rng(0)


def tf_message(parents: list[str], children: list[str], translations, stamp) -> TFMessage:
    message = TFMessage()
    for parent, child, (x, y, z) in zip(parents, children, translations.tolist(), strict=True):
        header = Header(frame_id=parent)
        header.stamp.sec, header.stamp.nanosec = stamp
        transform = TransformStamped(header=header, child_frame_id=child)
        t = transform.transform.translation
        t.x, t.y, t.z = x, y, z
        message.transforms.append(transform)
    return message


def test_this_middleware_reads_the_layout():
    assert layout_is_known()


@pytest.mark.parametrize("length", range(9))
def test_transforms_of_names_of_any_length(length):
    parents, children = ["p" * length, "", "pq"], ["c" * n for n in (length // 2, 5, length)]
    places = NUMBERS.standard_normal((3, 3))
    objects = tf_message(parents, children, places, (-3, 4_000_000_000))
    template = Template(tf_message(parents, children, np.zeros((3, 3)), (0, 0)))
    header = objects.transforms[0].header
    values = stamp_of(header, "transforms.header") | {"transforms.transform.translation": places}
    raw, expected = template.serialized(values), serialize_message(objects)
    assert deserialize_message(raw, TFMessage) == objects == template.filled(values)
    # Byte for byte, but for the padding, which the serialiser leaves as it finds it: it lies where
    # two bytes of ours are zero.
    ours, theirs = np.frombuffer(raw, np.uint8), np.frombuffer(expected, np.uint8)
    assert len(ours) == len(theirs) and not ours[ours != theirs].any()


@pytest.mark.parametrize("counts", [(0, 3), (1, 0), (7, 2), (2, 2)])
def test_sequences_texts_and_flags_of_several_messages(counts):
    points = [NUMBERS.standard_normal((n, 3)) for n in counts]
    colours = [NUMBERS.random((n, 4)).astype(np.float32) for n in counts]
    texts = ["übel" * n for n in counts]
    objects, blank = MarkerArray(), MarkerArray()
    for k, (n, text) in enumerate(zip(counts, texts, strict=True)):
        marker = Marker(ns=text[::-1], id=k - 1, text=text, frame_locked=bool(k))
        marker.points = [Point(x=x, y=y, z=z) for x, y, z in points[k].tolist()]
        marker.colors = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in colours[k].tolist()]
        objects.markers.append(marker)
        same = Marker(ns=text[::-1], text="x" * len(text.encode()))
        same.points, same.colors = [Point()] * n, [ColorRGBA()] * n
        blank.markers.append(same)
    values = {
        "markers.id": np.arange(2) - 1,
        "markers.frame_locked": [False, True],
        "markers.points": np.concatenate(points),
        "markers.colors": [c for c in colours if len(c)],
        "markers.text": [t.encode() for t in texts if t],
    }
    template = Template(blank)
    assert deserialize_message(template.serialized(values), MarkerArray) == objects
    assert template.filled(values) == objects and blank.markers[0].points == [Point()] * counts[0]
    assert len(template.serialized(values)) == len(serialize_message(objects))


def test_what_is_left_out_stays_and_one_number_is_for_all():
    draft = Draft(Template(TFMessage(transforms=[TransformStamped()] * 2)), {})
    draft.template.serialized({"transforms.transform.translation": np.arange(6)})
    message = deserialize_message(
        draft.template.serialized({"transforms.header.stamp.sec": 7}), TFMessage
    )
    assert [t.header.stamp.sec for t in message.transforms] == [7, 7]
    assert [t.transform.translation.z for t in message.transforms] == [2, 5]
    assert message.transforms[0].transform.rotation.w == 1  # as the message was laid out


def test_wrong_fields_counts_and_types_are_refused():
    template = Template(Pose())
    with pytest.raises(KeyError, match="Pose: nothing in the field 'positon'"):
        template.serialized({"positon": np.zeros(3)})
    for call in (template.serialized, template.filled):
        with pytest.raises(ValueError, match="broadcast"):
            call({"position": np.zeros(4)})
    with pytest.raises(ValueError, match="DiagnosticStatus.level: neither numbers"):
        Template(DiagnosticStatus())
