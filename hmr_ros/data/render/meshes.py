"""People and props one by one as meshes in the camera's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.render.mesh_loops import compact, lengths, normals, seen_from
from hmr_ros.data.render.posing import PosedPerson, posed_person, skin_body, skin_shell
from hmr_ros.data.render.rendered import NO_PART
from hmr_ros.data.scenes.scene import Person, Prop
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface
from hmr_ros.data.viewpoints import Viewpoint

LAYERS = 4  # on top of a mesh's ground


@dataclass(frozen=True, eq=False)
class Piece:
    """A person or a prop laid out as a ``DrawList`` is, with rows that count from its own first.

    sizes: [M] int64, faces of each mesh. meshes: skin, garments or prop before those with faces
    of both kinds were taken apart; start: their first vertices; owner: which of them each mesh is
    of. feature_count: [M] int64. posed: the skeleton of a person.
    """

    vertices: np.ndarray
    normals: np.ndarray
    texture: np.ndarray
    levels: np.ndarray
    part: np.ndarray
    thickness: np.ndarray
    faces: np.ndarray
    sizes: np.ndarray
    two_sided: np.ndarray
    casts: np.ndarray
    kind: np.ndarray
    palette: np.ndarray
    patterns: np.ndarray
    creases: np.ndarray
    seed: np.ndarray
    features: np.ndarray
    feature_count: np.ndarray
    owner: list[int]
    start: list[int]
    meshes: tuple[_Mesh, ...]
    posed: PosedPerson | None


@dataclass(frozen=True, eq=False)
class _Mesh:
    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    thickness: np.ndarray
    texture: np.ndarray
    levels: np.ndarray
    surface: Surface
    inner: int  # the first so many faces are drawn from both sides


def person_piece(person: Person, body: BodyModel, view: Viewpoint) -> Piece:
    """Bare skin and garments of a person, posed. Raises what ``prop_piece`` raises."""
    posed = posed_person(person, body, view)
    outfit = person.outfit
    ids, faces = compact(body.faces, np.ascontiguousarray(outfit.bare), len(body.v_template))
    meshes = [
        _Mesh(
            vertices=skin_body(posed, body, ids),
            faces=faces,
            part=body.part_id[ids],
            thickness=np.zeros(len(ids), np.float32),
            texture=outfit.skin.texture[ids],
            levels=outfit.skin.levels[ids],
            surface=outfit.skin,
            inner=0,
        )
    ]
    for shell in outfit.shells:
        meshes.append(
            _Mesh(
                vertices=skin_shell(posed, shell),
                faces=shell.faces,
                part=shell.part,
                thickness=lengths(shell.offset),
                texture=shell.surface.texture,
                levels=shell.surface.levels,
                surface=shell.surface,
                inner=shell.inner,
            )
        )
    return _piece(meshes, Thing.PERSON, True, posed)


def prop_piece(prop: Prop, view: Viewpoint) -> Piece:
    """A prop seen from where ``view`` is.

    Raises ValueError for a surface with more than ``LAYERS`` layers or arrays that do not fit.
    """
    count = len(prop.vertices)
    rotation = np.ascontiguousarray(view.rotation, np.float64)
    position = np.ascontiguousarray(view.position, np.float64)
    mesh = _Mesh(
        vertices=seen_from(np.ascontiguousarray(prop.vertices), rotation, position),
        faces=prop.faces,
        part=np.full(count, NO_PART, np.uint8),
        thickness=np.zeros(count, np.float32),
        texture=prop.surface.texture,
        levels=prop.surface.levels,
        surface=prop.surface,
        inner=len(prop.faces) if prop.two_sided else 0,
    )
    return _piece([mesh], prop.kind, prop.casts)


def _piece(
    meshes: Sequence[_Mesh], kind: Thing, casts: bool, posed: PosedPerson | None = None
) -> Piece:
    counts = np.array([len(m.vertices) for m in meshes], np.int64)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    owner, two_sided, sizes = sections(meshes)
    vertices = _joined([m.vertices for m in meshes], (3,), np.float32)
    faces = np.empty((int(sizes.sum()), 3), np.int32)
    filled = 0
    for m, first in zip(meshes, start, strict=False):
        np.add(m.faces, np.int32(first), out=faces[filled : filled + len(m.faces)])
        filled += len(m.faces)
    per_vertex = {
        "texture": _joined([m.texture for m in meshes], (3,), np.float32),
        "levels": padded_levels(meshes, counts),
        "part": _joined([m.part for m in meshes], (), np.uint8),
        "thickness": _joined([m.thickness for m in meshes], (), np.float32),
    }
    for name, array in per_vertex.items():
        if len(array) != len(vertices):
            raise ValueError(f"scene: {name} has {len(array)} rows for {len(vertices)} vertices")
    surfaces = [meshes[n].surface for n in owner]
    return Piece(
        vertices=vertices,
        normals=normals(vertices, faces),
        faces=faces,
        sizes=sizes,
        two_sided=two_sided,
        casts=np.full(len(owner), casts, bool),
        kind=np.full(len(owner), int(kind), np.uint8),
        palette=padded([s.palette for s in surfaces], (LAYERS + 1, 2, 3)),
        patterns=padded([s.patterns for s in surfaces], (LAYERS + 1, 4)),
        creases=padded([s.creases for s in surfaces], (LAYERS + 1,)),
        seed=np.array([s.seed for s in surfaces], np.int64).astype(np.int32),
        features=_joined([s.features for s in surfaces], (9,), np.float32),
        feature_count=np.array([len(s.features) for s in surfaces], np.int64),
        owner=owner.tolist(),
        start=start[:-1].tolist(),
        meshes=tuple(meshes),
        posed=posed,
        **per_vertex,
    )


def _joined(arrays: list[np.ndarray], shape: tuple[int, ...], kind) -> np.ndarray:
    if not arrays:
        return np.zeros((0, *shape), kind)
    if len(arrays) == 1:
        return np.ascontiguousarray(arrays[0], kind)
    return np.ascontiguousarray(np.concatenate(arrays), kind)


def sections(meshes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is drawn from both sides and what is not, of meshes with ``faces`` and ``inner``.

    Returns for each section, in the order of the faces, the row of its mesh [S] int64, whether it
    has two sides [S] bool and how many faces it has [S] int64.
    """
    rows = []
    for n, m in enumerate(meshes):
        both, one = m.inner, len(m.faces) - m.inner
        if both:
            rows.append((n, True, both))
        if one or not both:
            rows.append((n, False, one))
    owner, two_sided, sizes = np.array(rows, np.int64).reshape(-1, 3).T
    return owner, two_sided.astype(bool), sizes


def padded_levels(meshes: Sequence, counts: np.ndarray) -> np.ndarray:
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


NOTHING = _piece([], Thing.NOTHING, False)
