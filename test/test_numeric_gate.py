"""Differences that the gate of engines measures, against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_graphs import write_small_graph

from hmr_ros.body.model import load_body_model
from hmr_ros.runtime.backends.numeric_gate import Measure, judge, measures
from hmr_ros.runtime.graph_description import answers


def about_z(degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def one(name: str, expected, found) -> Measure:
    (measure,) = measures({name: np.asarray(expected)}, {name: np.asarray(found)})
    return measure


@given(st.floats(0, 180), st.integers(0, 23))
def test_rotations_are_compared_by_their_angle(degrees, joint):
    expected = np.broadcast_to(np.eye(3), (2, 24, 3, 3))
    found = expected.copy()
    found[1, joint] = about_z(degrees)
    measure = one("rotations", expected, found)
    assert measure.difference == pytest.approx(degrees, abs=1e-5)
    assert measure.passed == (degrees <= 0.5)


@pytest.mark.parametrize("name", ["joints", "vertices", "pelvis", "transl"])
def test_places_are_compared_in_millimetres(name):
    expected = np.zeros((2, 5, 3), np.float32)
    found = expected.copy()
    found[1, 4] = (0.0003, 0.0004, 0.0012)
    assert one(name, expected, found).difference == pytest.approx(1.3)
    assert one(name, expected, found).passed
    assert not one(name, expected, found * 2).passed


def test_other_outputs_are_compared_to_their_own_size():
    expected = np.full((4, 50), 10.0)
    assert one("velocity", expected, expected * 1.01).difference == pytest.approx(0.01)
    assert one("velocity", expected, expected * 1.01).passed
    assert not one("velocity", expected, expected * 1.03).passed
    assert one("joint_cov", expected, expected * 1.04).passed
    assert not one("joint_cov", expected, expected * 1.06).passed
    assert not one("visibility", [0.5, 0.5], [0.5, 0.53]).passed
    assert one("betas", [0.0, 2.0], [0.04, 2.0]).passed
    assert not one("betas", [0.0, 2.0], [0.06, 2.0]).passed
    assert not one("anything", np.zeros(3), np.full(3, 1e-3)).passed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["rotations", "joints", "visibility", "velocity"])
def test_what_is_no_number_never_passes(name, bad):
    expected = np.broadcast_to(np.eye(3), (1, 24, 3, 3))
    found = expected.copy()
    found[0, 3, 1, 1] = bad
    with np.errstate(invalid="ignore", over="ignore"):
        assert not one(name, expected, found).passed


def test_posed_joints_show_what_a_rotation_does_to_the_hand():
    """Half a degree at the pelvis moves a hand of arms held out by more than 2 mm."""
    body = load_body_model()
    identity = np.broadcast_to(np.eye(3, dtype=np.float32), (1, 24, 3, 3))
    told = {
        "rotations": identity,
        "betas": np.zeros((1, 10), np.float32),
        "pelvis": np.zeros((1, 3), np.float32),
    }
    turned = identity.copy()
    turned[0, 0] = about_z(0.5)
    found = {m.output: m for m in measures(told, {**told, "rotations": turned}, body)}
    rest = body.joint_template - body.joint_template[0]
    reach = np.linalg.norm(rest[:, :2], axis=1).max()
    expected = 1e3 * 2 * reach * np.sin(np.deg2rad(0.25))
    assert found["posed joints"].difference == pytest.approx(expected, rel=1e-3)
    assert found["rotations"].passed and not found["posed joints"].passed


def test_every_person_is_asked_alone_and_as_many_as_fit_together(tmp_path):
    graph = write_small_graph(tmp_path)
    asked = []

    def run(inputs):
        asked.append(len(inputs["image"]))
        return answers(graph.path, inputs)

    found = judge(run, graph, 5)
    assert asked == [1, 1, 1, 5]
    assert max(m.difference for m in found) < 1e-3
