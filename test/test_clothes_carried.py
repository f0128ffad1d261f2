"""Carried things touch the hands that hold them and stay out of the body."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.clothes.carried import KINDS, sample_carried
from hmr_ros.data.clothes.grips import stance
from hmr_ros.data.clothes.painted import painted_surface
from hmr_ros.data.scenes.scene import Outfit, Person
from hmr_ros.data.scenes.things import Thing

STAND = {16: (0, 0, -72), 17: (0, 0, 72)}
# Both hands before the belly; one hand up; one forearm level.
BOTH = {16: (0, -20, -75), 17: (0, 20, 75), 18: (0, -75, 0), 19: (0, 75, 0)}
RAISED = {16: (0, 0, -50), 17: (0, 0, 72), 18: (0, 0, 130)}
LEVEL = {16: (0, 0, -75), 17: (0, 0, 75), 18: (0, -85, 0)}
ASIDE = {16: (0, 0, -40), 17: (0, 0, 40)}
FITS = {
    "bag": STAND,
    "suitcase": STAND,
    "box": BOTH,
    "tray": LEVEL,
    "umbrella": RAISED,
    "phone": LEVEL,
    "bottle": LEVEL,
    "pole": ASIDE,
}


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def person(body, pose, yaw=0.0, betas=None, place=(1.5, -2.0)) -> tuple[Person, np.ndarray]:
    """Somebody with the feet on the floor, and the vertices; world frame."""
    rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    for joint, angles in pose.items():
        rotations[joint] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    rotations[0] = Rotation.from_euler("y", yaw).as_matrix() @ rotations[0]
    betas = np.zeros(10, np.float32) if betas is None else betas
    mesh = vertices(body, rotations[None], betas[None])[0]
    transl = np.array([place[0], -mesh[:, 1].min(), place[1]], np.float32)
    outfit = Outfit(painted_surface(np.random.default_rng(0), body), np.ones(len(body.faces), bool))
    return Person(rotations, betas, transl, outfit), mesh + transl


def carried(body, kind, tries=8):
    out = []
    for seed in range(tries):
        rng = np.random.default_rng(seed)
        betas = np.clip(rng.normal(0, 0.7, 10), -1.5, 1.5).astype(np.float32)
        holder, mesh = person(body, FITS[kind], rng.uniform(-3, 3), betas)
        prop = sample_carried(rng, holder, body, kind)
        if prop is not None:
            out.append((prop, holder, mesh))
    assert len(out) >= tries // 3, f"{kind} never fits the pose that is made for it"
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_touches_a_hand(body, kind):
    hands = np.isin(body.part_id, (20, 21, 22, 23))
    for prop, _, mesh in carried(body, kind):
        points = _sampled(prop)
        gap = cKDTree(points).query(mesh[hands])[0].min()
        assert gap < 0.04


def test_a_box_is_held_with_both_hands(body):
    for prop, holder, mesh in carried(body, "box"):
        tree = cKDTree(_sampled(prop))
        for parts in ((20, 22), (21, 23)):
            assert tree.query(mesh[np.isin(body.part_id, parts)])[0].min() < 0.06
        front = stance(holder, body).front
        middle = prop.vertices.mean(0) - stance(holder, body).joints[6]
        assert (middle * front).sum() > 0.15, "before the belly"


@pytest.mark.parametrize("kind", KINDS)
def test_stays_out_of_the_trunk_and_above_the_floor(body, kind):
    for prop, holder, _ in carried(body, kind):
        assert prop.vertices[:, 1].min() > -0.01
        bones = stance(holder, body).solid
        gap = cKDTree(_sampled(prop)).query(bones)[0].min()
        assert gap > 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_faces_look_outward(body, kind):
    """Signed volume of each solid part (divergence theorem); the canopy is a sheet."""
    for prop, _, _ in carried(body, kind, 6):
        assert prop.kind == Thing.CARRIED and prop.vertices.dtype == np.float32
        assert prop.surface.levels.shape[1] <= 4
        if kind == "umbrella":
            assert prop.two_sided
            continue
        corners = prop.vertices.astype(float)[prop.faces]
        corners = corners - corners.mean((0, 1))
        volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
        assert volume.sum() > 0


def test_a_suitcase_stands_on_the_floor(body):
    for prop, _, _ in carried(body, "suitcase"):
        assert abs(prop.vertices[:, 1].min()) < 0.02


def test_an_umbrella_is_over_the_head(body):
    for prop, _, mesh in carried(body, "umbrella"):
        assert prop.vertices[:, 1].max() > mesh[:, 1].max() + 0.05


def test_a_lying_person_carries_no_box(body):
    holder, _ = person(body, {**BOTH, 0: (-90, 0, 0)})
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert sample_carried(rng, holder, body, "box") is None
        assert sample_carried(rng, holder, body, "suitcase") is None


def test_moves_with_the_person(body):
    """Turned and shifted people carry the same thing, turned and shifted."""
    there, _ = person(body, BOTH, 0.0, place=(0.0, 0.0))
    here, _ = person(body, BOTH, 1.0, place=(0.0, 0.0))
    one = sample_carried(np.random.default_rng(2), there, body, "box")
    two = sample_carried(np.random.default_rng(2), here, body, "box")
    turn = Rotation.from_euler("y", 1.0).as_matrix()
    centre = here.transl - turn @ there.transl  # SMPL turns about the pelvis' place at rest
    np.testing.assert_allclose(two.vertices, one.vertices @ turn.T + centre, atol=0.02)


def test_same_seed_same_thing_and_unknown_kinds_are_refused(body):
    holder, _ = person(body, STAND)
    one, two = (sample_carried(np.random.default_rng(4), holder, body) for _ in range(2))
    assert one is not None and one.vertices.tobytes() == two.vertices.tobytes()
    with pytest.raises(ValueError, match="piano.*known: bag"):
        sample_carried(np.random.default_rng(0), holder, body, "piano")


def _sampled(prop) -> np.ndarray:
    """Points on the faces, about a centimetre apart."""
    rng = np.random.default_rng(0)
    corners = prop.vertices.astype(float)[prop.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    count = int(min(max(area.sum() / 2 / 1e-4, 3000), 15_000))
    pick = rng.choice(len(corners), count, p=area / area.sum())
    u, v = rng.random((2, count))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    a, b, c = (corners[pick, k] for k in range(3))
    return a + u[:, None] * (b - a) + v[:, None] * (c - a)
