"""A scene as one soup of triangles in flat arrays: what every renderer draws."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.render.meshes import NOTHING, Piece, person_piece, prop_piece
from hmr_ros.data.render.near_plane import cut_at_near
from hmr_ros.data.render.posing import PosedPerson
from hmr_ros.data.render.projection import NEAR, projected, snapped
from hmr_ros.data.render.rendered import NOBODY
from hmr_ros.data.scenes.scene import Light, Scene
from hmr_ros.geometry.camera import Camera

_LAST = threading.local()


@dataclass(frozen=True, eq=False)
class DrawList:
    """V vertices, F faces and M meshes; optical frame, metres, pixels of ``camera``.

    A mesh is the bare skin of a person, one of the garments, or a prop; people come first. What is
    drawn from inside of a garment and what is not are two meshes, on the same vertices.

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


_PER_VERTEX = ("vertices", "normals", "texture", "levels", "part", "thickness")
_PER_MESH = ("kind", "two_sided", "casts", "palette", "patterns", "creases", "seed")


def draw_list(scene: Scene, body: BodyModel) -> DrawList:
    """Pose the people, move everything into the camera's frame and lay it out flat.

    Raises ValueError for a surface with more than ``LAYERS`` layers or arrays that do not fit.
    """
    view, camera = scene.view, scene.view.camera
    rotation = np.ascontiguousarray(view.rotation, np.float64)
    position = np.ascontiguousarray(view.position, np.float64)
    pieces = [NOTHING, *_pieces(scene, body)]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(piece, name) for piece in pieces])

    first_vertex = np.cumsum([0, *(len(p.vertices) for p in pieces)])
    first_mesh = np.cumsum([0, *(len(p.owner) for p in pieces)])
    first_surface = np.cumsum([0, *(len(p.meshes) for p in pieces)])
    people = tuple(p.posed for p in pieces if p.posed is not None)
    per_vertex = {name: joined(name) for name in _PER_VERTEX}
    faces = np.empty((sum(len(p.faces) for p in pieces), 3), np.int32)
    filled = 0
    for piece, first in zip(pieces, first_vertex, strict=False):
        np.add(piece.faces, np.int32(first), out=faces[filled : filled + len(piece.faces)])
        filled += len(piece.faces)
    mesh = np.repeat(np.arange(first_mesh[-1], dtype=np.int32), joined("sizes"))
    if not camera.distorted:
        per_vertex, faces, mesh = cut_at_near(per_vertex, faces, mesh)
    vertices = per_vertex["vertices"]
    places = projected(vertices, camera)
    reached = (vertices[:, 2] >= NEAR) & ~np.isnan(places[:, 0])
    placed = list(zip(pieces, first_vertex.tolist(), first_surface.tolist(), strict=False))
    starts = [first + n for p, first, _ in placed for n in p.start] + [int(first_vertex[-1])]
    owner = [first + n for p, _, first in placed for n in p.owner]
    photos, photo_start, photo_size = photo_rows(
        [m for p in pieces for m in p.meshes], places, reached, starts
    )
    person = np.full(first_mesh[-1], NOBODY, np.int32)
    for row in range(len(people)):
        person[first_mesh[1 + row] : first_mesh[2 + row]] = row
    return DrawList(
        camera=camera,
        pixels=snapped(places),
        faces=faces,
        mesh=mesh,
        drawable=_all_reached(reached, faces),
        person=person,
        features=joined("features"),
        feature_start=np.cumsum([0, *joined("feature_count")]).astype(np.int32),
        photos=photos,
        photo_start=photo_start[owner],
        photo_size=photo_size[owner],
        towards=turned(rotation, np.asarray(scene.light.towards, np.float64)),
        up=rotation[:, 1].astype(np.float32),
        floor=float(position[1]),
        light=scene.light,
        people=people,
        **per_vertex,
        **{name: joined(name) for name in _PER_MESH},
    )


def _pieces(scene: Scene, body: BodyModel) -> list[Piece]:
    """People, then props. Crops of a scene share both: those that this thread's last picture
    showed from the same place are not made again."""
    view = scene.view
    place = (np.asarray(view.rotation).tobytes(), np.asarray(view.position).tobytes())
    before, drawn_body, drawn = getattr(_LAST, "pieces", (None, None, {}))
    if before != place or drawn_body is not body:
        drawn = {}
    made = {
        person: drawn.get(person) or person_piece(person, body, view) for person in scene.people
    }
    made |= {prop: drawn.get(prop) or prop_piece(prop, view) for prop in scene.props}
    _LAST.pieces = place, body, made
    return [made[thing] for thing in (*scene.people, *scene.props)]


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
    return np.concatenate([*texels, np.zeros(0, np.uint8)]), start, size


@reproducible
def _halved(photo):
    """The mean of each 2 x 2 pixels; an odd row or column is left out."""
    out = np.empty((photo.shape[0] // 2, photo.shape[1] // 2, 3), np.uint8)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for c in range(3):
                above = np.int32(photo[2 * y, 2 * x, c]) + np.int32(photo[2 * y, 2 * x + 1, c])
                below = np.int32(photo[2 * y + 1, 2 * x, c])
                below += np.int32(photo[2 * y + 1, 2 * x + 1, c])
                out[y, x, c] = np.uint8((above + below + np.int32(2)) >> np.int32(2))
    return out


@reproducible
def _all_reached(reached, faces):
    out = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        out[f] = reached[a] & reached[b] & reached[c]
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
