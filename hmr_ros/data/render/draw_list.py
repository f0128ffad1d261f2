"""A scene as one soup of triangles in flat arrays: what every renderer draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.render.near_plane import cut_at_near
from hmr_ros.data.render.posing import PosedPerson, posed_person, skin_body, skin_shell
from hmr_ros.data.render.projection import NEAR, projected, snapped
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.scenes.scene import Light, Scene
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface
from hmr_ros.geometry.camera import Camera

LAYERS = 4  # on top of a mesh's ground


@dataclass(frozen=True, eq=False)
class DrawList:
    """V vertices, F faces and M meshes; optical frame, metres, pixels of ``camera``.

    A mesh is the bare skin of a person, one of the garments, or a prop; people come first.

    vertices:   [V, 3] float32.
    pixels:     [V, 2] int32, projected corners in steps of 1/256 pixel; valid where z >= ``NEAR``.
    normals:    [V, 3] float32, unit, outward.
    texture:    [V, 3] float32, as in ``Surface``. levels: [V, 4] float32, metres, padded with -1.
    part:       [V] uint8 SMPL part, ``NO_PART`` for props.
    thickness:  [V] float32, metres that a garment stands off the skin; 0 elsewhere.
    faces:      [F, 3] int32 rows of the vertices. mesh: [F] int32.
    drawable:   [F] bool; a renderer leaves out the others. They touch or lie behind ``NEAR`` (cut
                pieces stand at the end of the list) or outside a distorted lens' reach; still
                they cast shadows.

    Per mesh:
    kind:       [M] uint8 ``Thing``, ``PERSON`` for skin and garments. person: [M] int32 or NOBODY.
    two_sided, casts: [M] bool.
    palette:    [M, 5, 2, 3], patterns: [M, 5, 4], creases: [M, 5] float32, ground and 4 layers.
    seed:       [M] int32.
    features:   [K, 9] float32, all meshes' one after the other; those of mesh m are the rows
                feature_start[m] .. feature_start[m + 1]. feature_start: [M + 1] int32.
    photos:     [B] uint8, the BGR pixels of all photos row by row; photo_start: [M] int64 first
                byte; photo_size: [M, 2] int32 height, width, zeros for none. A photo that is
                drawn smaller than it is has been halved already.

    towards:    [3] float32 unit vector to the lamp. up: [3] float32, the world's. floor: a point
                is ``up @ p + floor`` metres over y = 0 of the world.
    light:      strengths and shadow of the scene's light (its ``towards`` is in the world frame).
    people:     skeletons.
    """

    camera: Camera
    vertices: np.ndarray
    pixels: np.ndarray
    normals: np.ndarray
    texture: np.ndarray
    levels: np.ndarray
    part: np.ndarray
    thickness: np.ndarray
    faces: np.ndarray
    mesh: np.ndarray
    drawable: np.ndarray
    kind: np.ndarray
    person: np.ndarray
    two_sided: np.ndarray
    casts: np.ndarray
    palette: np.ndarray
    patterns: np.ndarray
    creases: np.ndarray
    seed: np.ndarray
    features: np.ndarray
    feature_start: np.ndarray
    photos: np.ndarray
    photo_start: np.ndarray
    photo_size: np.ndarray
    towards: np.ndarray
    up: np.ndarray
    floor: float
    light: Light
    people: tuple[PosedPerson, ...]


@dataclass
class _Mesh:
    vertices: np.ndarray
    faces: np.ndarray
    texture: np.ndarray
    levels: np.ndarray
    part: np.ndarray
    thickness: np.ndarray
    surface: Surface
    kind: int
    person: int
    two_sided: bool
    casts: bool


def draw_list(scene: Scene, body: BodyModel) -> DrawList:
    """Pose the people, move everything into the camera's frame and lay it out flat.

    Raises ValueError for a surface with more than ``LAYERS`` layers or arrays that do not fit.
    """
    view = scene.view
    rotation = np.ascontiguousarray(view.rotation, np.float64)
    position = np.ascontiguousarray(view.position, np.float64)
    people = tuple(posed_person(person, body, view) for person in scene.people)
    meshes: list[_Mesh] = []
    for row, posed in enumerate(people):
        meshes += _dressed(posed, body, row)
    for prop in scene.props:
        count = len(prop.vertices)
        meshes.append(
            _Mesh(
                vertices=seen_from(np.ascontiguousarray(prop.vertices), rotation, position),
                faces=prop.faces,
                texture=prop.surface.texture,
                levels=prop.surface.levels,
                part=np.full(count, NO_PART, np.uint8),
                thickness=np.zeros(count, np.float32),
                surface=prop.surface,
                kind=int(prop.kind),
                person=NOBODY,
                two_sided=prop.two_sided,
                casts=prop.casts,
            )
        )
    return _flat(scene, meshes, people, rotation, position)


def _dressed(posed: PosedPerson, body: BodyModel, row: int) -> list[_Mesh]:
    outfit = posed.person.outfit
    ids, faces = compact(body.faces, np.ascontiguousarray(outfit.bare), len(body.v_template))
    common = {"kind": int(Thing.PERSON), "person": row, "casts": True}
    meshes = [
        _Mesh(
            vertices=skin_body(posed, body, ids),
            faces=faces,
            texture=outfit.skin.texture[ids],
            levels=outfit.skin.levels[ids],
            part=body.part_id[ids],
            thickness=np.zeros(len(ids), np.float32),
            surface=outfit.skin,
            two_sided=False,
            **common,
        )
    ]
    for shell in outfit.shells:
        meshes.append(
            _Mesh(
                vertices=skin_shell(posed, shell),
                faces=shell.faces,
                texture=shell.surface.texture,
                levels=shell.surface.levels,
                part=shell.part,
                thickness=np.sqrt((shell.offset.astype(np.float64) ** 2).sum(1)),
                surface=shell.surface,
                two_sided=shell.two_sided,
                **common,
            )
        )
    return meshes


def _flat(scene: Scene, meshes: list[_Mesh], people, rotation, position) -> DrawList:
    counts = np.array([len(m.vertices) for m in meshes], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    vertices = _joined([m.vertices for m in meshes], (3,), np.float32)
    faces = _joined([m.faces + s for m, s in zip(meshes, starts, strict=False)], (3,), np.int32)
    mesh = np.repeat(np.arange(len(meshes), dtype=np.int32), [len(m.faces) for m in meshes])
    per_vertex = {
        "vertices": vertices,
        "normals": _normals(vertices, faces),
        "texture": _joined([m.texture for m in meshes], (3,), np.float32),
        "levels": padded_levels(meshes, counts),
        "part": _joined([m.part for m in meshes], (), np.uint8),
        "thickness": _joined([m.thickness for m in meshes], (), np.float32),
    }
    for name, array in per_vertex.items():
        if len(array) != len(vertices):
            raise ValueError(f"scene: {name} has {len(array)} rows for {len(vertices)} vertices")
    camera = scene.view.camera
    if not camera.distorted:
        per_vertex, faces, mesh = cut_at_near(per_vertex, faces, mesh)
    vertices = per_vertex["vertices"]
    places = projected(vertices, camera)
    reached = (vertices[:, 2] >= NEAR) & ~np.isnan(places[:, 0])
    pixels = snapped(places)
    features = [m.surface.features for m in meshes]
    photos, photo_start, photo_size = photo_rows(meshes, places, reached, starts)
    return DrawList(
        camera=camera,
        pixels=pixels,
        faces=faces,
        mesh=mesh,
        drawable=_all_reached(reached, faces),
        kind=np.array([m.kind for m in meshes], np.uint8),
        person=np.array([m.person for m in meshes], np.int32),
        two_sided=np.array([m.two_sided for m in meshes], bool),
        casts=np.array([m.casts for m in meshes], bool),
        palette=padded([m.surface.palette for m in meshes], (LAYERS + 1, 2, 3)),
        patterns=padded([m.surface.patterns for m in meshes], (LAYERS + 1, 4)),
        creases=padded([m.surface.creases for m in meshes], (LAYERS + 1,)),
        seed=np.array([m.surface.seed for m in meshes], np.int64).astype(np.int32),
        features=_joined(features, (9,), np.float32),
        feature_start=np.cumsum([0, *(len(f) for f in features)]).astype(np.int32),
        photos=photos,
        photo_start=photo_start,
        photo_size=photo_size,
        towards=turned(rotation, np.asarray(scene.light.towards, np.float64)),
        up=rotation[:, 1].astype(np.float32),
        floor=float(position[1]),
        light=scene.light,
        people=people,
        **per_vertex,
    )


def _joined(arrays: list[np.ndarray], shape: tuple[int, ...], kind) -> np.ndarray:
    if not arrays:
        return np.zeros((0, *shape), kind)
    return np.ascontiguousarray(np.concatenate(arrays), kind)


def padded_levels(meshes: list[_Mesh], counts: np.ndarray) -> np.ndarray:
    """``DrawList.levels`` of meshes with ``counts`` vertices. Raises ValueError for too many."""
    out = np.full((int(counts.sum()), LAYERS), -1, np.float32)
    first = 0
    for m, count in zip(meshes, counts, strict=True):
        layers = m.levels.shape[1]
        if layers > LAYERS:
            raise ValueError(f"scene: a surface has {layers} layers, at most {LAYERS} are drawn")
        out[first : first + count, :layers] = m.levels
        first += count
    return out


def padded(arrays: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """[M, *shape] float32 of a mesh's array each, zeros where one is shorter."""
    out = np.zeros((len(arrays), *shape), np.float32)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def photo_rows(meshes, places, reached, starts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``photos``, ``photo_start`` and ``photo_size`` of meshes whose vertices start at rows
    ``starts`` (one more than meshes) of places [V, 2] pixels, valid where ``reached`` [V]."""
    texels, start = [], np.zeros(len(meshes), np.int64)
    size = np.zeros((len(meshes), 2), np.int32)
    filled = 0
    for n, m in enumerate(meshes):
        photo = m.surface.photo
        if photo is None:
            continue
        rows = slice(starts[n], starts[n + 1])
        seen = places[rows][reached[rows]]
        if len(seen):
            extent = max(*(seen.max(0) - seen.min(0)), 1.0)
            while max(photo.shape) > 1.5 * extent and min(photo.shape[:2]) >= 4:
                photo = _halved(photo)
        start[n], size[n] = filled, photo.shape[:2]
        texels.append(np.ascontiguousarray(photo, np.uint8).ravel())
        filled += texels[-1].size
    return _joined(texels, (), np.uint8), start, size


def _halved(photo: np.ndarray) -> np.ndarray:
    height, width = photo.shape[0] // 2 * 2, photo.shape[1] // 2 * 2
    wide = photo[:height, :width].astype(np.uint16)
    four = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
    return ((four + 2) // 4).astype(np.uint8)


@reproducible
def compact(faces, bare, count):
    """Vertices that the faces marked in ``bare`` use, and those faces on them."""
    new = np.full(count, -1, np.int32)
    kept = 0
    for f in range(len(faces)):
        if bare[f]:
            kept += 1
            for k in range(3):
                new[faces[f, k]] = 0
    ids = np.empty(count, np.int32)
    used = 0
    for v in range(count):
        if new[v] == 0:
            new[v] = used
            ids[used] = v
            used += 1
    out = np.empty((kept, 3), np.int32)
    kept = 0
    for f in range(len(faces)):
        if bare[f]:
            for k in range(3):
                out[kept, k] = new[faces[f, k]]
            kept += 1
    return ids[:used].copy(), out


@reproducible
def _all_reached(reached, faces):
    out = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        out[f] = reached[faces[f, 0]] and reached[faces[f, 1]] and reached[faces[f, 2]]
    return out


@reproducible
def seen_from(points, rotation, position):
    """World [N, 3] to the optical frame, [N, 3] float32."""
    out = np.empty((len(points), 3), np.float32)
    for n in range(len(points)):
        x = points[n, 0] - position[0]
        y = points[n, 1] - position[1]
        z = points[n, 2] - position[2]
        for a in range(3):
            out[n, a] = rotation[a, 0] * x + rotation[a, 1] * y + rotation[a, 2] * z
    return out


@reproducible
def turned(rotation, vector):
    """A direction [3] of the world in the optical frame, [3] float32."""
    out = np.empty(3, np.float32)
    for a in range(3):
        out[a] = (
            rotation[a, 0] * vector[0] + rotation[a, 1] * vector[1] + rotation[a, 2] * vector[2]
        )
    return out


@reproducible
def _normals(vertices, faces):
    """Unit normals weighted by face area; zero where faces shrink to nothing."""
    normals = np.zeros((len(vertices), 3), np.float64)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = np.float64(vertices[b, 0]) - vertices[a, 0]
        uy = np.float64(vertices[b, 1]) - vertices[a, 1]
        uz = np.float64(vertices[b, 2]) - vertices[a, 2]
        wx = np.float64(vertices[c, 0]) - vertices[a, 0]
        wy = np.float64(vertices[c, 1]) - vertices[a, 1]
        wz = np.float64(vertices[c, 2]) - vertices[a, 2]
        x, y, z = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for k in range(3):
            v = faces[f, k]
            normals[v, 0] += x
            normals[v, 1] += y
            normals[v, 2] += z
    out = np.zeros((len(vertices), 3), np.float32)
    for v in range(len(out)):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            out[v, 0] = x / length
            out[v, 1] = y / length
            out[v, 2] = z / length
    return out
