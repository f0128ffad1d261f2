"""Meshes as a binary glTF file, which Blender, RViz and web browsers open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """vertices [V, 3] metres in the camera's optical frame; faces [F, 3];
    colour red, green, blue in [0, 1]."""

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    colour: tuple[float, float, float]


def write_glb(path: str | Path, meshes: Sequence[Mesh]) -> None:
    """Write one node a mesh, with its name and colour.

    Vertices are stored as given; each node turns the optical frame (y down, z forward) into
    glTF's (y up, z backward), so that viewers show people upright.
    A name that occurs again gets a number. Raises ValueError if there is nothing to write.
    """
    import trimesh
    from trimesh.visual.material import PBRMaterial

    if not meshes:
        raise ValueError(f"{path}: no mesh to write; a GLB file needs at least one")
    scene = trimesh.Scene()
    for name, mesh in zip(_unique([mesh.name for mesh in meshes]), meshes, strict=True):
        material = PBRMaterial(
            name=name,
            baseColorFactor=[*mesh.colour, 1.0],
            metallicFactor=0.0,
            roughnessFactor=0.8,
        )
        # process=False: merging vertices would change their number and order.
        geometry = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        geometry.visual = trimesh.visual.TextureVisuals(material=material)
        scene.add_geometry(
            geometry,
            node_name=name,
            geom_name=name,
            transform=np.diag([1.0, -1.0, -1.0, 1.0]),
        )
    Path(path).write_bytes(scene.export(file_type="glb"))


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique
