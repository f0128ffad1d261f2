"""A batch of scenes laid out on a device before anybody is posed: rest shapes, weights, paint.

Laying out costs the host some milliseconds a scene. A stage can be posed again and again
(``posed``), also with other poses and shapes, without the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from hmr_ros.body.model import BodyModel
from hmr_ros.body.torch_body import TorchBody
from hmr_ros.data.render.draw_list import photo_rows
from hmr_ros.data.render.mesh_loops import compact, seen_from
from hmr_ros.data.render.meshes import LAYERS, padded, padded_levels, sections
from hmr_ros.data.render.projection import NEAR, projected
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.render.torch_lens import Lenses
from hmr_ros.data.render.torch_normals import Corners, corners_of
from hmr_ros.data.render.torch_tables import SceneTables, joined, scene_tables, sent
from hmr_ros.data.scenes.scene import Scene
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface


@dataclass(frozen=True, eq=False)
class Stage:
    """B scenes with Q people in all; V vertices, of which N are worn and the rest are props'.

    rotations [Q, 24, 3, 3], betas [Q, 10], transl [Q, 3] float64 in the world, as the scenes have
    them; scene [Q], row [Q] int64 of the batch's and the scene's people.
    lenses, turn [B, 3, 3], position [B, 3] float64 of the cameras; towards [B, 3] float64, world
    frame, to the lamps.
    worn [N] int64 rows of V: the vertex hangs on person ``wearer`` [N] at body vertex ``anchor``
    [N] plus ``offset`` [N, 3] float64, with bones [N, K] int64 and weights [N, K] float64; ``bare``
    [N] bool skin bends with the pose. prop [V - N] int64 rows, place [V - N, 3] float64 world.
    texture, levels, part, thickness, vertex_scene, faces, mesh: as in ``Soup``. corners: of the
    faces at each vertex.
    """

    tables: SceneTables
    body: TorchBody
    rotations: Tensor
    betas: Tensor
    transl: Tensor
    scene: Tensor
    row: Tensor
    lenses: Lenses
    turn: Tensor
    position: Tensor
    towards: Tensor
    worn: Tensor
    wearer: Tensor
    anchor: Tensor
    offset: Tensor
    bones: Tensor
    weights: Tensor
    bare: Tensor
    prop: Tensor
    place: Tensor
    texture: Tensor
    levels: Tensor
    part: Tensor
    thickness: Tensor
    vertex_scene: Tensor
    faces: Tensor
    mesh: Tensor
    corners: Corners


@dataclass
class _Piece:
    """A mesh before posing. anchor is empty for a prop, whose vertices are ``place``."""

    place: np.ndarray
    anchor: np.ndarray
    offset: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    bare: bool
    part: np.ndarray
    faces: np.ndarray
    surface: Surface
    kind: int
    person: int
    inner: int
    casts: bool

    @property
    def texture(self) -> np.ndarray:
        return self.surface.texture

    @property
    def levels(self) -> np.ndarray:
        return self.surface.levels

    def __len__(self) -> int:
        return len(self.anchor) + len(self.place)


def stage_of(scenes: Sequence[Scene], body: TorchBody) -> Stage:
    """Scenes on the device of ``body``, which must be float64 as the CPU poses in it.

    Raises ValueError for another body, pictures of different sizes, or no scenes.
    """
    if body.v_template.dtype != torch.float64:
        raise ValueError(f"body is {body.v_template.dtype}, expected TorchBody(model, float64)")
    model, device = body.model, body.v_template.device
    pieces = [_pieces(scene, model) for scene in scenes]
    tables = scene_tables(
        scenes, [_rows(p, s) for p, s in zip(pieces, scenes, strict=True)], model, device
    )
    people = [(b, row, p) for b, s in enumerate(scenes) for row, p in enumerate(s.people)]
    first_person = np.cumsum([0, *tables.counts])
    every = [(b, p) for b, row in enumerate(pieces) for p in row]
    sizes = [len(p) for _, p in every]
    starts = np.cumsum([0, *sizes])
    worn = np.repeat([len(p.anchor) > 0 for _, p in every], sizes).astype(bool)
    wearers = [first_person[b] + max(p.person, 0) for b, p in every]

    def each(name: str, kind, shape: tuple[int, ...] = ()) -> Tensor:
        """Of all meshes' vertices; those without any give no row."""
        rows = [np.asarray(getattr(p, name)).reshape(-1, *shape) for _, p in every]
        return joined([*rows, np.zeros((0, *shape))], kind, device)

    levels = [padded_levels(row, np.array([len(p) for p in row], np.int64)) for row in pieces]
    faces = joined(
        [*(p.faces.astype(np.int64) + s for (_, p), s in zip(every, starts, strict=False)), _NONE],
        np.int64,
        device,
    )
    influences = max([p.bones.shape[1] for _, p in every], default=0)
    for _, p in every:
        if p.bones.shape[1] < influences:
            spare = ((0, 0), (0, influences - p.bones.shape[1]))
            p.bones, p.weights = np.pad(p.bones, spare), np.pad(p.weights, spare)
    _, _, face_counts = sections([p for _, p in every])  # each is a mesh of the soup
    anchored = [len(p.anchor) for _, p in every]
    return Stage(
        tables=tables,
        body=body,
        rotations=_people(people, "rotations", (24, 3, 3), device),
        betas=_people(people, "betas", (10,), device),
        transl=_people(people, "transl", (3,), device),
        scene=sent([b for b, _, _ in people], np.int64, device),
        row=sent([row for _, row, _ in people], np.int64, device),
        lenses=Lenses([s.view.camera for s in scenes], device),
        turn=sent([s.view.rotation for s in scenes], np.float64, device),
        position=sent([s.view.position for s in scenes], np.float64, device),
        towards=sent([s.light.towards for s in scenes], np.float64, device),
        worn=sent(np.flatnonzero(worn), np.int64, device),
        wearer=sent(np.repeat(wearers, anchored), np.int64, device),
        anchor=each("anchor", np.int64),
        offset=each("offset", np.float64, (3,)),
        bones=each("bones", np.int64, (influences,)),
        weights=each("weights", np.float64, (influences,)),
        bare=sent(np.repeat([p.bare for _, p in every], anchored), bool, device),
        prop=sent(np.flatnonzero(~worn), np.int64, device),
        place=each("place", np.float64, (3,)),
        texture=each("texture", np.float32, (3,)),
        levels=joined([*levels, np.zeros((0, LAYERS))], np.float32, device),
        part=each("part", np.int64),
        thickness=_thickness(every, device),
        vertex_scene=sent(np.repeat([b for b, _ in every], sizes), np.int64, device),
        faces=faces,
        mesh=sent(np.repeat(np.arange(len(face_counts)), face_counts), np.int64, device),
        corners=corners_of(faces, int(starts[-1])),
    )


_NONE = np.zeros((0, 3), np.int64)


def _people(people, name: str, shape: tuple[int, ...], device) -> Tensor:
    rows = [np.asarray(getattr(p, name), np.float64)[None] for _, _, p in people]
    return joined([*rows, np.zeros((0, *shape))], np.float64, device)


def _thickness(every, device) -> Tensor:
    rows = [
        np.zeros(len(p.place)) if p.person == NOBODY else np.sqrt((p.offset**2).sum(1))
        for _, p in every
    ]
    return joined([*rows, np.zeros(0)], np.float32, device)


def _pieces(scene: Scene, model: BodyModel) -> list[_Piece]:
    """In the order of ``draw_list``: each person's skin and garments, then the props."""
    out = []
    influences = model.weight_index.shape[1]
    for row, person in enumerate(scene.people):
        outfit = person.outfit
        bare = np.ascontiguousarray(outfit.bare)
        ids, faces = compact(model.faces, bare, len(model.v_template))
        skin = outfit.skin
        common = {"kind": int(Thing.PERSON), "person": row, "casts": True}
        out.append(
            _Piece(
                place=np.zeros((0, 3)),
                anchor=ids,
                offset=np.zeros((len(ids), 3)),
                bones=model.weight_index[ids],
                weights=model.weight_value[ids],
                bare=True,
                part=model.part_id[ids],
                faces=faces,
                surface=_of_vertices(skin, ids),
                inner=0,
                **common,
            )
        )
        for shell in outfit.shells:
            out.append(
                _Piece(
                    place=np.zeros((0, 3)),
                    anchor=shell.anchor,
                    offset=shell.offset.astype(np.float64),
                    bones=shell.bones,
                    weights=shell.weights,
                    bare=False,
                    part=shell.part,
                    faces=shell.faces,
                    surface=shell.surface,
                    inner=shell.inner,
                    **common,
                )
            )
    for prop in scene.props:
        out.append(
            _Piece(
                place=prop.vertices,
                anchor=np.zeros(0, np.int64),
                offset=np.zeros((0, 3)),
                bones=np.zeros((0, influences), np.int64),
                weights=np.zeros((0, influences)),
                bare=False,
                part=np.full(len(prop.vertices), NO_PART),
                faces=prop.faces,
                surface=prop.surface,
                kind=int(prop.kind),
                person=NOBODY,
                inner=len(prop.faces) if prop.two_sided else 0,
                casts=prop.casts,
            )
        )
    return out


def _of_vertices(surface: Surface, ids: np.ndarray):
    """The paint of some vertices; all the rest of the surface as it is."""
    rest = {k: getattr(surface, k) for k in ("palette", "patterns", "creases", "features", "seed")}
    return SimpleNamespace(
        texture=surface.texture[ids], levels=surface.levels[ids], photo=surface.photo, **rest
    )


def _rows(pieces: list[_Piece], scene: Scene):
    """The arrays of a scene's meshes as ``DrawList`` has them."""
    starts = np.cumsum([0, *(len(p) for p in pieces)])
    places, reached = np.zeros((starts[-1], 2)), np.zeros(starts[-1], bool)
    view = scene.view
    for n, piece in enumerate(pieces):
        if piece.surface.photo is not None and len(piece.place):
            seen = seen_from(
                np.ascontiguousarray(piece.place),
                np.ascontiguousarray(view.rotation, np.float64),
                np.ascontiguousarray(view.position, np.float64),
            )
            rows = slice(starts[n], starts[n + 1])
            places[rows] = projected(seen, view.camera)
            reached[rows] = (seen[:, 2] >= NEAR) & ~np.isnan(places[rows, 0])
    photos, photo_start, photo_size = photo_rows(pieces, places, reached, starts)
    owner, two_sided, _ = sections(pieces)
    parts = [pieces[n] for n in owner]
    surfaces = [p.surface for p in parts]
    features = [np.asarray(s.features, np.float32).reshape(-1, 9) for s in surfaces]
    return SimpleNamespace(
        kind=np.array([p.kind for p in parts], np.uint8),
        person=np.array([p.person for p in parts], np.int32),
        two_sided=two_sided,
        casts=np.array([p.casts for p in parts], bool),
        palette=padded([s.palette for s in surfaces], (LAYERS + 1, 2, 3)),
        patterns=padded([s.patterns for s in surfaces], (LAYERS + 1, 4)),
        creases=padded([s.creases for s in surfaces], (LAYERS + 1,)),
        seed=np.array([s.seed for s in surfaces], np.int64).astype(np.int32),
        features=np.concatenate([*features, np.zeros((0, 9), np.float32)]),
        feature_start=np.cumsum([0, *(len(f) for f in features)]),
        photos=photos,
        photo_start=photo_start[owner],
        photo_size=photo_size[owner],
    )
