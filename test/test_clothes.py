"""Outfits as meshes at rest: what a renderer relies on, and what a tailor promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hmr_ros.body.model import load_body_model
from hmr_ros.data.clothes.cloth import cloth, cut_shell
from hmr_ros.data.clothes.cutting import cut
from hmr_ros.data.clothes.figure import figure
from hmr_ros.data.clothes.garments import trousers
from hmr_ros.data.clothes.outfit import sample_outfit, sole_thickness
from hmr_ros.data.clothes.sections import outlines
from hmr_ros.data.clothes.skirts import skirt
from hmr_ros.data.clothes.wardrobe import LOWER, OVER, dress_body

COUNT = 40


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def tailor(body):
    return figure(body)


@pytest.fixture(scope="module")
def outfits(body):
    return [sample_outfit(np.random.default_rng(seed), body) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def shells(outfits):
    return [shell for outfit in outfits for shell in outfit.shells]


def rest(shell, body) -> np.ndarray:
    return body.v_template[shell.anchor].astype(float) + shell.offset


def face_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def test_shells_keep_their_contract(shells, body):
    for shell in shells:
        count = len(shell.anchor)
        assert shell.anchor.dtype == np.int32 and shell.offset.dtype == np.float32
        assert shell.bones.dtype == np.int32 and shell.weights.dtype == np.float32
        assert shell.faces.dtype == np.int32 and shell.part.dtype == np.uint8
        assert shell.offset.shape == (count, 3) and shell.part.shape == (count,)
        assert shell.bones.shape == shell.weights.shape == (count, 4)
        assert np.isfinite(shell.offset).all()
        assert shell.anchor.min() >= 0 and shell.anchor.max() < len(body.v_template)
        assert shell.bones.min() >= 0 and shell.bones.max() < 24
        assert shell.weights.min() >= 0
        np.testing.assert_allclose(shell.weights.sum(1), 1, atol=1e-5)
        assert shell.faces.min() >= 0 and shell.faces.max() < count
        assert 0 <= shell.inner <= len(shell.faces)
        surface = shell.surface
        layers = surface.levels.shape[1]
        assert surface.texture.shape == (count, 3) and surface.levels.shape[0] == count
        assert layers <= 4, "the renderer draws four layers"
        assert surface.palette.shape == (layers + 1, 2, 3)
        assert surface.palette.min() >= 0 and surface.palette.max() <= 1
        assert surface.patterns.shape == (layers + 1, 4) and surface.creases.shape == (layers + 1,)


def test_no_edge_is_torn_or_turned(shells):
    """Every edge has at most two faces, which run along it in opposite directions."""
    for shell in shells:
        f = shell.faces
        edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
        used, count = np.unique(edges, axis=0, return_counts=True)
        assert count.max() == 1, shell.name


def test_faces_look_away_from_what_they_cover(shells, body):
    """Cut garments: as the skin below. Sheets: away from their middle."""
    normals = face_normals(body.v_template.astype(float), body.faces)
    of_vertex = np.zeros((len(body.v_template), 3))
    for k in range(3):
        np.add.at(of_vertex, body.faces[:, k], normals)
    flat = ("hood", "cap brim", "hat brim", "helmet brim")
    for shell in shells:
        points = rest(shell, body)
        own = face_normals(points, shell.faces)
        large = (own**2).sum(1) > 1e-14
        if shell.name in ("backpack", "bun", "pony tail", "shoe"):
            if shell.name == "pony tail":
                continue
            away = points[shell.faces].mean(1) - points.mean(0)
        elif shell.name in flat:
            continue
        else:
            away = of_vertex[shell.anchor[shell.faces[:, 0]]]
        outward = (own * away).sum(1)[large] > 0
        assert outward.mean() > 0.9, shell.name


def test_closed_shells_hold_air(shells, body):
    """Signed volume (divergence theorem) of what is closed, or nearly, is positive."""
    for shell in shells:
        if shell.name in ("backpack", "bun", "pony tail", "shoe"):
            corners = rest(shell, body)[shell.faces]
            corners = corners - corners.mean((0, 1))
            volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
            assert volume.sum() / 6 > 2e-5, shell.name


def test_garments_lie_outside_of_the_skin(shells, tailor):
    """Along the normal of the nearest skin; hair and hoods may sink into it, hems touch it."""
    tree = cKDTree(tailor.place)
    for shell in shells:
        if shell.name not in ("trousers", "shorts", "shirt", "jacket", "vest", "skirt", "dress"):
            continue
        points = rest(shell, tailor.body)
        _, near = tree.query(points)
        height = ((points - tailor.place[near]) * tailor.normals[near]).sum(1)
        assert (height > 0).mean() > 0.985, shell.name
        assert height.min() > -0.02, shell.name
        assert np.median(height) > 0.004, shell.name


@pytest.mark.parametrize("hem", [-0.75, -0.4, -0.2])
def test_trousers_end_where_they_were_asked_to(tailor, hem):
    rng = np.random.default_rng(4)
    cover = np.zeros(len(tailor.place), bool)
    worn = trousers(rng, tailor, 0.08, hem, ease=0.006, drape=0.9, flare=0.02, cover=cover)
    shell = worn.shells[0]
    y = rest(shell, tailor.body)[:, 1]
    assert y.min() > hem - 0.008 and abs(y.max() - 0.08) < 0.008
    border = _border(shell.faces)
    low = y[border][y[border] < hem + 0.1]
    assert len(low) > 20 and np.abs(low - hem).max() < 0.008, "a straight hem around both legs"


@pytest.mark.parametrize("hem", [-0.7, -0.3])
def test_skirts_end_where_they_were_asked_to(tailor, hem):
    rng = np.random.default_rng(4)
    ground = cloth(rng)
    shell = skirt(rng, tailor, 0.05, hem, ground, "skirt", ease=0.01, flare=0.2, folds=0.01)
    y = rest(shell, tailor.body)[:, 1]
    np.testing.assert_allclose([y.min(), y.max()], [hem, 0.05], atol=1e-5)
    low = rest(shell, tailor.body)[y < hem + 1e-4]
    thighs = np.ptp(tailor.place[np.abs(tailor.place[:, 1] - hem) < 0.02][:, 0])
    assert np.ptp(low[:, 0]) > thighs + 0.05


@pytest.mark.parametrize("fine", [True, False])
def test_a_cut_is_straight_and_leaves_no_gap(tailor, fine):
    """A sloping plane: border vertices lie on it, and the rest is just the inside."""
    zone = tailor.legs
    level = 0.1 * zone.place[:, 0] - 0.4 - zone.place[:, 1]
    rows, place, faces = cut(zone, level, fine=fine)
    inside = level[rows] > 0
    whole = zone.faces if fine else zone.cloth
    assert inside.sum() == (level[np.unique(whole)] > 0).sum()
    np.testing.assert_array_equal(place[inside], zone.place[rows[inside]])
    on_plane = 0.1 * place[:, 0] - 0.4 - place[:, 1]
    assert np.abs(on_plane[~inside]).max() < 1e-12
    untouched = (level[whole] > 0).all(1).sum()
    assert len(faces) > untouched


def test_hidden_faces_are_left_out(tailor):
    zone = tailor.legs
    level = -0.2 - zone.place[:, 1]
    hidden = zone.place[:, 1] > -0.4
    _, place, faces = cut(zone, level, hidden, fine=True)
    assert 0 < len(faces) < len(cut(zone, level, fine=True)[2])
    assert place[:, 1].max() < -0.35


def test_the_sides_of_an_opening_are_apart(tailor):
    """A gap narrower than the faces of cloth: its borders stand on either side of the middle."""
    zone, half = tailor.upper, 0.012
    front = zone.place[:, 2] > tailor.joint["spine3"][2]
    level = np.where(front & (zone.part != 15), zone.x - half, -1.0)
    rows, place, _ = cut(zone, level, parted=front & (zone.x < half))
    chest = np.abs(place[:, 1] - tailor.joint["spine3"][1]) < 0.15
    beside = place[chest & (level[rows] <= 0) & (zone.x[rows] < half), 0]
    assert (beside > 0).sum() > 2 and (beside < 0).sum() > 2
    assert np.abs(beside).min() > 0.5 * half
    assert abs(np.median(np.abs(beside)) - half) < 1e-9


def test_more_ease_is_further_out(tailor):
    level = np.full(len(tailor.upper.ids), 1.0)
    thick = []
    for ease in (0.01, 0.03):
        rng = np.random.default_rng(0)
        shell = cut_shell(rng, tailor, tailor.upper, level, cloth(rng), "shirt", ease, 0.0)
        thick.append(np.sqrt((shell.offset.astype(float) ** 2).sum(1)))
    np.testing.assert_allclose(thick[1] - thick[0], 0.02, atol=1e-6)


def test_outlines_of_a_cone():
    """Radii of a cone's sections, seen from a point beside its axis: law of cosines."""
    around = np.arange(360) * (2 * np.pi / 360)
    rings = [
        np.stack([0 * around + h, (2 - h) * np.cos(around), (2 - h) * np.sin(around)], 1)
        for h in (0.0, 1.0)
    ]
    points = np.concatenate(rings)
    edges = np.stack([np.arange(360), np.arange(360) + 360], 1)
    along, beside = np.linspace(0.1, 0.9, 9), 0.3
    table = outlines(points, edges, along, np.tile([beside, 0.0], (9, 1)), 48)
    angle = np.arange(48) * (2 * np.pi / 48)
    for h in (0.2, 0.45, 0.9):
        radius = 2 - h
        expected = -beside * np.cos(angle) + np.sqrt(radius**2 - (beside * np.sin(angle)) ** 2)
        np.testing.assert_allclose(table.at(np.full(48, h), angle), expected, atol=2e-3)
    wide = table.hanging().at(np.full(48, 0.9), angle)
    np.testing.assert_allclose(wide, table.radii[-1], atol=1e-12)
    wide = table.hanging(downwards=False).at(np.full(48, 0.9), angle)
    np.testing.assert_allclose(wide, table.radii[0], atol=1e-12)


def test_the_same_seed_is_the_same_outfit(body):
    for seed in range(6):
        one = _bytes(sample_outfit(np.random.default_rng(seed), body))
        # Shapes kept from other people must not matter.
        for other in range(50, 54):
            sample_outfit(np.random.default_rng(other), body)
        assert one == _bytes(sample_outfit(np.random.default_rng(seed), body))


def test_bodies_with_another_origin_and_no_landmarks_are_dressed_alike(body):
    """SMPL's own template has its origin at the chest, and its files name no landmarks."""
    shift = np.array([0.0, -0.23, 0.03])
    moved = replace(
        body,
        v_template=(body.v_template + shift).astype(np.float32),
        joint_template=body.joint_template + shift,
        extra_vertices={},
    )
    for seed in range(8):
        one, two = (sample_outfit(np.random.default_rng(seed), b) for b in (body, moved))
        assert abs(int(one.bare.sum()) - int(two.bare.sum())) < 300
        assert len(two.skin.features) == 0
        for shell in two.shells:
            assert np.isfinite(shell.offset).all() and np.abs(shell.offset).max() < 0.45


def test_outfits_differ(outfits):
    names = [tuple(shell.name for shell in outfit.shells) for outfit in outfits]
    assert len(set(names)) > COUNT // 2
    worn = {name for combination in names for name in combination}
    assert {"trousers", "shirt", "shoe", "hair", "skirt", "jacket"} <= worn


@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("over", OVER)
def test_every_combination_can_be_worn(tailor, lower, over):
    cover = np.zeros(len(tailor.place), bool)
    rng = np.random.default_rng(9)
    worn, lift = dress_body(rng, tailor, cover, packed=True, lower=lower, over=over)
    names = {shell.name for shell in worn}
    assert (lower in names) and (over == "none" or over in names)
    assert 0.005 < lift < 0.06
    head = np.isin(tailor.body.part_id, (15, 22, 23))
    assert cover.any() and not cover[head].any()


def test_faces_stay_within_bounds(outfits):
    total = np.array([o.bare.sum() + sum(len(s.faces) for s in o.shells) for o in outfits])
    shells = np.array([sum(len(s.faces) for s in o.shells) for o in outfits])
    assert np.median(shells) < 4_500 and np.median(total) < 11_000 and total.max() < 14_000


def test_without_clothes_the_whole_body_is_painted(body):
    outfit = sample_outfit(np.random.default_rng(3), body, clothes=False)
    assert outfit.bare.all() and outfit.shells == ()
    assert outfit.skin.levels.shape == (len(body.v_template), 4)


def test_soles_are_as_thick_as_they_reach_below_the_feet(outfits, body):
    floor = body.v_template[:, 1].min()
    for outfit in outfits:
        feet = [rest(s, body)[:, 1].min() for s in outfit.shells if s.name == "shoe"]
        expected = floor - min(feet) if feet else 0.0
        assert abs(sole_thickness(outfit) - expected) < 0.03
        assert bool(feet) == (sole_thickness(outfit) > 0)


def _border(faces: np.ndarray) -> np.ndarray:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    used, count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    return np.unique(used[count == 1])


def _bytes(outfit) -> bytes:
    parts = [outfit.bare.tobytes(), outfit.skin.levels.tobytes(), outfit.skin.palette.tobytes()]
    for s in outfit.shells:
        parts += [s.offset.tobytes(), s.faces.tobytes(), s.weights.tobytes(), s.bones.tobytes()]
        parts += [s.surface.palette.tobytes(), s.surface.patterns.tobytes(), s.name.encode()]
        parts += [str(s.surface.seed).encode(), s.anchor.tobytes(), s.surface.levels.tobytes()]
    return b"".join(parts)
