import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from hmr_ros.geometry import rotations as r

vectors = arrays(np.float64, (5, 3), elements=st.floats(-3, 3, width=32))


@given(vectors)
@settings(max_examples=60, deadline=None)
def test_axis_angle_equals_scipy(v):
    expected = Rotation.from_rotvec(v).as_matrix()
    assert np.abs(r.matrix_from_axis_angle(v) - expected).max() < 1e-9


@given(vectors)
@settings(max_examples=60, deadline=None)
def test_every_format_comes_back_to_the_same_rotation(v):
    matrix = Rotation.from_rotvec(v).as_matrix()
    trips = (
        r.matrix_from_axis_angle(r.axis_angle_from_matrix(matrix)),
        r.matrix_from_quaternion(r.quaternion_from_matrix(matrix)),
        r.nearest_rotation(1.3 * matrix),
    )
    for trip in trips:
        assert np.abs(trip - matrix).max() < 1e-7


@given(vectors)
@settings(max_examples=60, deadline=None)
def test_quaternions_are_in_ros_order(v):
    ours = r.quaternion_from_matrix(Rotation.from_rotvec(v).as_matrix())
    theirs = Rotation.from_rotvec(v).as_quat()
    assert np.abs(np.abs((ours * theirs).sum(-1)) - 1).max() < 1e-9


def test_half_turns_about_every_axis():
    for axis in np.eye(3):
        matrix = r.matrix_from_axis_angle(np.pi * axis)
        assert np.allclose(np.abs(r.axis_angle_from_matrix(matrix)), np.pi * axis, atol=1e-6)


def test_geodesic_angle_is_the_angle_between():
    a = r.matrix_from_axis_angle(np.array([0.3, -0.2, 0.9]))
    b = a @ r.matrix_from_axis_angle(np.array([0.0, 0.7, 0.0]))
    assert abs(r.geodesic_angle(a, b) - 0.7) < 1e-9


def test_nearest_rotation_is_never_a_mirror():
    mirror = np.diag([1.0, 1.0, -0.5])
    assert np.linalg.det(r.nearest_rotation(mirror)) > 0.99
