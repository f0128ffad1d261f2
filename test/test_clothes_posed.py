"""Dressed people in poses: nothing pokes through, and clothes change the silhouette."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.clothes.outfit import sample_outfit
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import empty_buffers, rasterize

SIZE = 200
CAMERA = Camera(SIZE, SIZE, 240, 240, SIZE / 2 - 0.5, SIZE / 2 - 0.5)
# Joint -> Euler angles x, y, z in degrees.
POSES = {
    "stand": {16: (0, 0, -70), 17: (0, 0, 70)},
    "walk": {1: (-28, 0, 0), 2: (22, 0, 0), 5: (30, 0, 0), 16: (25, 0, -70), 17: (-25, 0, 70)},
    "sit": {1: (-88, 8, 0), 2: (-88, -8, 0), 4: (88, 0, 0), 5: (88, 0, 0), 16: (0, -40, -60)},
    "reach": {16: (0, 0, 60), 17: (0, 60, 20), 6: (0, 20, 0)},
    "crouch": {0: (15, 0, 0), 1: (-110, 15, 0), 2: (-100, -15, 0), 4: (120, 0, 0), 5: (115, 0, 0)},
}


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def drawn(body):
    """For each of many people: pose, and naked, dressed and poking pixels."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(40):
        pose = list(POSES)[number % len(POSES)]
        rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
        for joint, angles in POSES[pose].items():
            rotations[joint] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        turn = Rotation.from_euler("y", rng.uniform(-180, 180), degrees=True).as_matrix()
        rotations[0] = turn @ rotations[0]
        betas = np.clip(rng.normal(0, 1, 10), -2, 2).astype(np.float32)
        rows.append((pose, *_pictures(body, sample_outfit(rng, body), rotations, betas)))
    return rows


def _pictures(body, outfit, rotations, betas):
    skin = vertices(body, rotations[None], betas[None])[0]
    middle = (skin.min(0) + skin.max(0)) / 2

    def seen(points):
        return ((points - middle) * [1, -1, -1] + [0, 0, 2.6]).astype(np.float32)

    naked, naked_face = empty_buffers(CAMERA)
    rasterize(seen(skin), body.faces, CAMERA, naked, naked_face, cull=True)
    depth, face = empty_buffers(CAMERA)
    for shell in outfit.shells:
        points = skinned(body, shell, rotations, betas)
        for faces, cull in (
            (shell.faces[: shell.inner], False),
            (shell.faces[shell.inner :], True),
        ):
            rasterize(seen(points), faces, CAMERA, depth, face, cull=cull)
    rasterize(seen(skin), body.faces[outfit.bare], CAMERA, depth, face, cull=True)
    under = np.zeros(naked.shape, bool)
    hit = naked_face >= 0
    under[hit] = ~outfit.bare[naked_face[hit]]
    poking = under & (naked < depth - 1e-3)
    return hit, face >= 0, poking


def skinned(body, shell, rotations, betas) -> np.ndarray:
    """Linear blend skinning in plain numpy, apart from what the renderer does."""
    shaped = body.v_template + np.einsum("vck,k->vc", body.shapedirs, betas)
    rest = rest_joints(body, betas[None])[0]
    joints, turned = forward_kinematics(rotations[None], rest[None], body.parents)
    points = shaped[shell.anchor] + shell.offset
    out = np.zeros_like(points)
    for k in range(4):
        bone = shell.bones[:, k]
        moved = np.einsum("nab,nb->na", turned[0][bone], points - rest[bone]) + joints[0][bone]
        out += shell.weights[:, k, None] * moved
    return out


def test_little_of_the_covered_skin_would_be_in_front(drawn):
    """Those faces are not drawn, so this is about joints and depth rather than looks."""
    share = np.array([poking.sum() / dressed.sum() for _, _, dressed, poking in drawn])
    assert share.mean() < 0.03 and np.median(share) < 0.01 and share.max() < 0.25
    upright = [s for s, row in zip(share, drawn, strict=True) if row[0] in ("stand", "walk")]
    assert np.mean(upright) < 0.006 and np.max(upright) < 0.04


def test_nobody_has_holes(drawn):
    """Pixels of the body that neither its skin nor its clothes fill."""
    share = np.array([(naked & ~dressed).sum() / naked.sum() for _, naked, dressed, _ in drawn])
    assert share.mean() < 0.005 and share.max() < 0.04


def test_clothes_change_the_silhouette(drawn):
    overlap = [(n & d).sum() / (n | d).sum() for _, n, d, _ in drawn]
    growth = [d.sum() / n.sum() for _, n, d, _ in drawn]
    assert 0.65 < np.median(overlap) < 0.88
    assert 1.12 < np.median(growth) < 1.45
    assert max(growth) < 2.2, "a garment has blown up"


def test_no_spikes(body):
    """No edge of a garment grows far beyond its length at rest in an everyday pose."""
    rng = np.random.default_rng(5)
    for number in range(10):
        pose = POSES["walk" if number % 2 else "reach"]
        rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
        for joint, angles in pose.items():
            rotations[joint] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        betas = np.clip(rng.normal(0, 1, 10), -2, 2).astype(np.float32)
        for shell in sample_outfit(rng, body).shells:
            points = skinned(body, shell, rotations, betas)
            rest = body.v_template[shell.anchor] + shell.offset
            f = shell.faces
            edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
            longer = _length(points, edges) - _length(rest, edges)
            assert longer.max() < 0.2, shell.name


def _length(points, edges):
    return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)


def test_no_hole_is_seen_through_the_inside_of_clothes(body):
    """Faces drawn from one side only are not missed: looked at from below and above, hardly a
    pixel of somebody is lost against all faces drawn from both."""
    rng = np.random.default_rng(6)
    lost = filled = 0
    for number in range(20):
        outfit = sample_outfit(rng, body)
        rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
        for joint, angles in POSES[list(POSES)[number % len(POSES)]].items():
            rotations[joint] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        turn = (rng.uniform(-25, 35), rng.uniform(-180, 180), 0)
        rotations[0] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ rotations[0]
        betas = np.clip(rng.normal(0, 1, 10), -2, 2).astype(np.float32)
        _, seen, _ = _pictures(body, outfit, rotations, betas)
        whole = [replace(s, inner=len(s.faces) if s.inner else 0) for s in outfit.shells]
        _, all_seen, _ = _pictures(body, replace(outfit, shells=tuple(whole)), rotations, betas)
        lost += (all_seen & ~seen).sum()
        filled += all_seen.sum()
    assert filled > 50_000 and lost < 2e-4 * filled
