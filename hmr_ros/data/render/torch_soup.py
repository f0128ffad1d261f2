"""A batch of scenes as one soup of triangles on a device: the flat arrays of ``DrawList``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hmr_ros.body.model import BodyModel
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.projection import projected
from hmr_ros.data.render.torch_tables import SceneTables, joined, scene_tables
from hmr_ros.data.scenes.scene import Scene


@dataclass(frozen=True, eq=False)
class Soup:
    """B scenes of H x W pixels: V vertices, F faces and M meshes of all, one after the other.

    Meanings are those of ``DrawList``; indices run through the whole batch.

    vertices [V, 3] float32, pixels [V, 2] int64, normals, texture [V, 3], levels [V, 4] float32,
    part [V] int64, thickness [V] float32, vertex_scene [V] int64.
    faces [F, 3] int64, mesh [F] int64, drawable [F] bool. Of two faces of a scene that are equally
    far the one with the lower row is in front.
    tables: what does not depend on poses, a mesh and a scene.
    towards [B, 3], up [B, 3], floor [B] float32.
    joints [B, P, 24, 3] float32 and places [B, P, 24, 2] float64 pixels, rotations
    [B, P, 24, 3, 3], transl [B, P, 3] float32: NaN beyond the people of a scene.
    """

    tables: SceneTables
    vertices: Tensor
    pixels: Tensor
    normals: Tensor
    texture: Tensor
    levels: Tensor
    part: Tensor
    thickness: Tensor
    vertex_scene: Tensor
    faces: Tensor
    mesh: Tensor
    drawable: Tensor
    towards: Tensor
    up: Tensor
    floor: Tensor
    joints: Tensor
    places: Tensor
    rotations: Tensor
    transl: Tensor


def soup_of(
    draws: Sequence[DrawList],
    scenes: Sequence[Scene],
    body: BodyModel,
    device: torch.device | str = "cpu",
) -> Soup:
    """Draw lists, as the CPU draws them, on a device. draws: those of ``scenes``.

    Raises ValueError for pictures of different sizes, or none at all.
    """
    tables = scene_tables(scenes, draws, body, device)
    vertices = [len(d.vertices) for d in draws]
    starts = np.cumsum([0, *vertices[:-1]])
    mesh_starts = np.cumsum([0, *(len(d.kind) for d in draws[:-1])])
    people = tables.people

    def vertex(name: str, kind) -> Tensor:
        return joined([getattr(d, name) for d in draws], kind, device)

    def person(name: str, shape: tuple[int, ...]) -> Tensor:
        out = np.full((len(draws), people, *shape), np.nan, np.float32)
        for row, d in zip(out, draws, strict=True):
            for one, posed in zip(row, d.people, strict=False):
                one[:] = getattr(posed, name)
        return torch.from_numpy(out).to(device)

    places = np.full((len(draws), people, 24, 2), np.nan)
    for row, d in zip(places, draws, strict=True):
        for one, posed in zip(row, d.people, strict=False):
            one[:] = projected(posed.joints, d.camera)
    return Soup(
        tables=tables,
        vertices=vertex("vertices", np.float32),
        pixels=vertex("pixels", np.int64),
        normals=vertex("normals", np.float32),
        texture=vertex("texture", np.float32),
        levels=vertex("levels", np.float32),
        part=vertex("part", np.int64),
        thickness=vertex("thickness", np.float32),
        vertex_scene=joined([np.full(n, b) for b, n in enumerate(vertices)], np.int64, device),
        faces=joined(
            [d.faces.astype(np.int64) + s for d, s in zip(draws, starts, strict=True)],
            np.int64,
            device,
        ),
        mesh=joined(
            [d.mesh.astype(np.int64) + s for d, s in zip(draws, mesh_starts, strict=True)],
            np.int64,
            device,
        ),
        drawable=joined([d.drawable for d in draws], bool, device),
        towards=joined([d.towards[None] for d in draws], np.float32, device),
        up=joined([d.up[None] for d in draws], np.float32, device),
        floor=torch.tensor([d.floor for d in draws], dtype=torch.float32).to(device),
        joints=person("joints", (24, 3)),
        places=torch.from_numpy(places).to(device),
        rotations=person("rotations", (24, 3, 3)),
        transl=person("transl", (3,)),
    )
