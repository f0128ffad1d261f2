"""Frames against transforms composed by hand, and what is said where the place is not known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from hmr_ros.node import transform_buffer
from hmr_ros.node.transform_buffer import TransformBuffer, TransformError

S = 1_000_000_000
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def told(edges, static=False) -> TransformBuffer:
    """A buffer that was told of (parent, child, seconds, x) each, unturned."""
    buffer = TransformBuffer()
    for parent, child, seconds, x in edges:
        buffer.add(parent, child, round(seconds * S), (x, 0.0, 0.0), UPRIGHT, static)
    return buffer


def x_of(buffer, target, source, seconds, tolerance_s=0.0) -> float:
    found = buffer.lookup(target, source, round(seconds * S), round(tolerance_s * S))
    return float(found.position[0])


def random_transform(rng) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    matrix[:3, 3] = rng.normal(0, 5, 3)
    return matrix


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_any_frame_of_a_random_tree_in_any_other(seed, frames):
    """Edges still, moving, and moving on both sides of the moment; each frame's place in the root
    is composed by scipy alone."""
    rng = np.random.default_rng(seed)
    buffer, at = TransformBuffer(), 5 * S + int(rng.integers(S))
    world = [np.eye(4)]
    for child in range(1, frames):
        parent = int(rng.integers(child))
        kind = rng.choice(["static", "exact", "between"])
        steps = [(at, random_transform(rng))]
        edge = steps[0][1]
        if kind == "between":
            before, after = (int(t) for t in rng.integers(1, S // 2, 2))
            steps = [(at - before, edge), (at + after, random_transform(rng))]
            share = before / (before + after)
            ends = Rotation.from_matrix([m[:3, :3] for _, m in steps])
            edge = np.eye(4)
            edge[:3, :3] = Slerp([0, 1], ends)(share).as_matrix()
            edge[:3, 3] = (1 - share) * steps[0][1][:3, 3] + share * steps[1][1][:3, 3]
        for stamp, matrix in (steps[k] for k in rng.permutation(len(steps))):
            turn = Rotation.from_matrix(matrix[:3, :3]).as_quat() * rng.choice([-1, 1])
            names = [rng.choice(["", "/"]) + f"f{n}" for n in (parent, child)]
            place = tuple(matrix[:3, 3].tolist())
            buffer.add(*names, stamp, place, tuple(turn.tolist()), kind == "static")
        world.append(world[parent] @ edge)
    target, source = (int(n) for n in rng.integers(frames, size=2))
    wanted = np.linalg.inv(world[target]) @ world[source]
    found = buffer.lookup(f"f{target}", f"/f{source}", at)
    np.testing.assert_allclose(found.rotation, wanted[:3, :3], atol=1e-9)
    np.testing.assert_allclose(found.position, wanted[:3, 3], atol=1e-8)
    assert found.held_ns == 0


def test_a_constant_twist_between_two_stamps():
    """A robot that turns at 1 rad/s while it drives at 2 m/s along a straight line: exact. On a
    circle the place is on the chord, 2 m * (0.02 / 2)^2 / 2 = 0.1 mm inside of the arc."""
    buffer = TransformBuffer()
    for k in range(50):
        t = 0.02 * k
        turn = tuple(Rotation.from_euler("z", t).as_quat().tolist())
        buffer.add("odom", "straight", round(t * S), (2 * t, 0.0, 0.0), turn)
        place = (2 * np.sin(t), 2 - 2 * np.cos(t), 0.0)
        buffer.add("odom", "circle", round(t * S), place, turn)
    off = []
    for t in np.random.default_rng(0).uniform(0, 0.98, 50):
        turn = Rotation.from_euler("z", t).as_matrix()
        found = buffer.lookup("odom", "straight", round(t * S))
        np.testing.assert_allclose(found.rotation, turn, atol=1e-8)
        np.testing.assert_allclose(found.position, [2 * t, 0, 0], atol=1e-8)
        found = buffer.lookup("odom", "circle", round(t * S))
        np.testing.assert_allclose(found.rotation, turn, atol=1e-8)
        off.append(np.linalg.norm(found.position - [2 * np.sin(t), 2 - 2 * np.cos(t), 0]))
    assert 0.9e-4 < max(off) < 1.01e-4


def test_the_newest_is_held_within_the_tolerance_and_says_so():
    buffer = told([("odom", "base", 1.0, 3.0), ("odom", "base", 1.1, 4.0)])
    found = buffer.lookup("odom", "base", round(1.14 * S), round(0.05 * S))
    assert found.position[0] == 4.0 and found.held_ns == pytest.approx(0.04 * S, abs=2)
    with pytest.raises(TransformError, match="'base' is 0.060 s older.*odometry_tolerance_s"):
        x_of(buffer, "odom", "base", 1.16, 0.05)
    with pytest.raises(TransformError, match="2.900 s older.*use_sim_time"):
        x_of(buffer, "odom", "base", 4.0, 0.05)


def test_before_the_window_is_not_guessed():
    buffer = told([("odom", "base", 0.1 * k, 0.1 * k) for k in range(151)])
    assert x_of(buffer, "odom", "base", 5.02) == pytest.approx(5.02)
    with pytest.raises(TransformError, match="image is 0.500 s older than anything.*'base'"):
        x_of(buffer, "odom", "base", 4.5, 1.0)


MOUNT = ("base", "camera", 0.0, 0.5)


@pytest.mark.parametrize(
    ("moving", "static", "words"),
    [
        ([], [], "nobody on '/tf' or '/tf_static' knows 'odom'.*odometry_frame"),
        ([("odom", "base", 1, 0)], [], "said nothing of 'camera', the image's frame"),
        # Known as the parent of somebody's skeleton alone.
        ([("odom", "base", 1, 0), ("camera", "body_1/pelvis", 1, 0)], [], "nothing of 'camera'"),
        ([("odom", "laser", 1, 0)], [MOUNT], "'/tf' has said nothing of 'base', to which 'camera'"),
        ([("base", "camera", 1, 0), ("camera", "base", 1, 0)], [], "loop: 'camera' in 'base' in"),
    ],
)
def test_what_is_missing_is_named(moving, static, words):
    buffer = told(moving)
    for parent, child, _, x in static:
        buffer.add(parent, child, 0, (x, 0.0, 0.0), UPRIGHT, static=True)
    with pytest.raises(TransformError, match=words):
        x_of(buffer, "odom", "camera", 1.0)


@pytest.mark.parametrize(
    ("child", "place", "turn", "words"),
    [
        ("base", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), "'base' with a quaternion of length 0 "),
        ("base", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.1), "'base' with a quaternion of length 1.1"),
        ("base", (0.0, 0.0, 0.0), (0.0, 0.0, float("nan"), 1.0), "'base' that is not finite"),
        ("base", (float("inf"), 0.0, 0.0), UPRIGHT, "'base' that is not finite"),
        ("odom", (0.0, 0.0, 0.0), UPRIGHT, "'odom' in itself"),
    ],
)
def test_what_is_no_transform_is_refused_with_a_reason(child, place, turn, words):
    buffer = told([MOUNT], static=True)
    buffer.add("odom", child, S, place, turn)
    with pytest.raises(TransformError, match=words):
        x_of(buffer, "odom", "camera", 1.0)
    buffer.add("odom", "base", S, (2.0, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "odom", "camera", 1.0) == 2.5
    buffer.add("odom", "base", 2 * S, (float("nan"), 0.0, 0.0), UPRIGHT)
    with pytest.raises(TransformError, match="1.000 s older than the image: .*not finite"):
        x_of(buffer, "odom", "camera", 2.0)


def test_a_root_above_the_odometry_frame_does_not_matter():
    buffer = told([("odom", "base", 10, 1.0), ("map", "odom", 3, 7.0)])
    assert x_of(buffer, "odom", "base", 10) == 1.0
    with pytest.raises(TransformError, match="'odom' is 7.000 s older"):
        x_of(buffer, "map", "base", 10)


def test_a_frame_moves_to_another_parent_when_that_is_told():
    edges = [("odom", "base", 0, 0.0), ("odom", "lift", 0, 5.0), ("odom", "lift", 4, 5.0)]
    buffer = told([*edges, ("base", "box", 1, 1.0), ("lift", "box", 2, 2.0)])
    buffer.add("odom", "base", 4 * S, (0.0, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "odom", "box", 1.9) == 1.0
    assert x_of(buffer, "odom", "box", 2.0) == 7.0


def test_a_clock_that_goes_back_forgets_what_lies_ahead_but_not_the_mounts():
    buffer = told([("odom", "base", 100 + 0.1 * k, 1.0) for k in range(20)])
    buffer.add("base", "camera", 0, (0.5, 0.0, 0.0), UPRIGHT, static=True)
    for seconds, x in ((3, 9.0), (3.1, 9.0)):
        buffer.add("odom", "base", round(seconds * S), (x, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "odom", "camera", 3.0) == 9.5
    with pytest.raises(TransformError, match="97"):
        x_of(buffer, "odom", "camera", 100.5)
    buffer.add("odom", "base", 5 * S // 2, (8.0, 0.0, 0.0), UPRIGHT)  # only late
    assert x_of(buffer, "odom", "camera", 2.75) == 9.0
    buffer.forget_after(int(2.6 * S))
    with pytest.raises(TransformError, match="'base' is 0.400 s older"):
        x_of(buffer, "odom", "camera", 2.9)


def test_one_late_transform_is_no_new_beginning():
    buffer = told([("odom", "base", 100 + 0.1 * k, 0.1 * k) for k in range(51)])
    for late in (103.5, 98.0):  # 1.5 and 7 s older than the newest
        buffer.add("odom", "base", round(late * S), (9.0, 0.0, 0.0), UPRIGHT)
        buffer.add("odom", "base", 105 * S, (5.0, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "odom", "base", 104.95) == pytest.approx(4.95)
    for late in (50.1, 50.0, 50.2):  # a new run, whose first two come out of order
        buffer.add("odom", "base", round(late * S), (late, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "odom", "base", 50.05) == pytest.approx(50.05)
    assert x_of(buffer, "odom", "base", 50.15) == pytest.approx(50.15)
    with pytest.raises(TransformError, match="54.700 s older"):
        x_of(buffer, "odom", "base", 104.9)


def test_a_frame_told_in_both_ways_is_what_was_told_last():
    """A default mount and then the joint that really turns it, and the other way round."""
    buffer = told([("base", "camera", 0, 1.0)], static=True)
    assert x_of(buffer, "base", "camera", 7.0) == 1.0
    for seconds, x in ((5, 2.0), (6, 3.0)):
        buffer.add("base", "camera", seconds * S, (x, 0.0, 0.0), UPRIGHT)
    assert x_of(buffer, "base", "camera", 5.5) == 2.5
    with pytest.raises(TransformError, match="1.000 s older"):
        x_of(buffer, "base", "camera", 7.0)
    buffer.add("base", "camera", 0, (4.0, 0.0, 0.0), UPRIGHT, static=True)
    assert x_of(buffer, "base", "camera", 5.5) == x_of(buffer, "base", "camera", 7.0) == 4.0
    buffer.add("base", "camera", 8 * S, (9.0, 0.0, 0.0), UPRIGHT)
    with pytest.raises(TransformError, match="1.000 s older"):  # the joint's old places are gone
        x_of(buffer, "base", "camera", 7.0)


def test_people_who_come_and_go_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(transform_buffer, "MANY", 50)
    buffer = told([("odom", "base", 0, 1.0)])
    assert x_of(buffer, "odom", "base", 0) == 1.0
    for k in range(1, 500):
        buffer.add("camera", f"body_{k}/pelvis", k * S, (0.0, 0.0, 0.0), UPRIGHT)
    assert len(buffer._times) <= 51
    with pytest.raises(TransformError, match="'base' is 499.000 s older"):  # still remembered
        x_of(buffer, "odom", "base", 499)
