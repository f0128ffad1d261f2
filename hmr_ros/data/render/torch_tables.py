"""What is fixed about a batch of scenes, on a device: paint, light, lenses and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hmr_ros.body.model import BodyModel
from hmr_ros.data.render.finish import inside_window
from hmr_ros.data.render.floor import CELL, camera_rays
from hmr_ros.data.render.render import allowed, sensor
from hmr_ros.data.scenes.scene import Finish, Scene
from hmr_ros.data.viewpoints import Viewpoint


class MeshRows(Protocol):
    """The arrays of a scene's meshes, as ``DrawList`` has them."""

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


@dataclass(frozen=True, eq=False)
class SceneTables:
    """B scenes of ``height`` x ``width`` pixels with at most ``people`` people, and M meshes.

    counts: people of each scene. views, finishes: of each scene, on the host.
    Meshes: mesh_scene [M] int64, kind [M] uint8, person [M] int64 row in its scene or NOBODY,
    two_sided, casts [M] bool, palette [M, 5, 2, 3], patterns [M, 5, 4], creases [M, 5] float32,
    seed [M] int64, features [K, 9] float32 (a row of ones at least), feature_start, feature_count
    [M] int64, photos [bytes] uint8, photo_start [M], photo_size [M, 2] int64.
    most_features: of a mesh.
    Scenes: ambient, colour [B, 3] float32, shadow, softness [B] float64, per_pixel [B] float32
    (1 / fx), background [B, H, W, 3] uint8, catcher [B] bool, rays [B, h, w, 2] float32 at every
    8th pixel (zeros without a catcher), sensor [B, 4] float64 left, top, right, bottom of what a
    joint may be seen in, outside [B, H, W] bool: beyond the scene's window, None without windows.
    betas [B, P, 10] float32, NaN beyond the people. allowed: [24, 24] float64 metres.
    """

    height: int
    width: int
    people: int
    counts: tuple[int, ...]
    views: tuple[Viewpoint, ...]
    finishes: tuple[Finish, ...]
    mesh_scene: Tensor
    kind: Tensor
    person: Tensor
    two_sided: Tensor
    casts: Tensor
    palette: Tensor
    patterns: Tensor
    creases: Tensor
    seed: Tensor
    features: Tensor
    feature_start: Tensor
    feature_count: Tensor
    most_features: int
    photos: Tensor
    photo_start: Tensor
    photo_size: Tensor
    ambient: Tensor
    colour: Tensor
    shadow: Tensor
    softness: Tensor
    per_pixel: Tensor
    background: Tensor
    catcher: Tensor
    rays: Tensor
    sensor: Tensor
    outside: Tensor | None
    betas: Tensor
    allowed: Tensor

    @property
    def device(self) -> torch.device:
        return self.kind.device

    @property
    def scenes(self) -> int:
        return len(self.counts)


def joined(arrays: Sequence[np.ndarray], kind, device: torch.device | str) -> Tensor:
    """One tensor of arrays, one after the other."""
    return torch.from_numpy(np.concatenate(arrays).astype(kind, copy=False)).to(device)


def scene_tables(
    scenes: Sequence[Scene],
    meshes: Sequence[MeshRows],
    body: BodyModel,
    device: torch.device | str,
) -> SceneTables:
    """meshes: of each scene. Raises ValueError for no scene, for cameras of different sizes and
    for a background of another size."""
    if not scenes:
        raise ValueError("a batch needs at least one scene")
    sizes = {(s.view.camera.height, s.view.camera.width) for s in scenes}
    if len(sizes) > 1:
        raise ValueError(f"the scenes of a batch must be of one size, found {sorted(sizes)}")
    height, width = sizes.pop()
    for s in scenes:
        if s.background.shape != (height, width, 3) or s.background.dtype != np.uint8:
            raise ValueError(
                f"scene: background is {s.background.shape} {s.background.dtype}, this camera "
                f"needs {(height, width, 3)} uint8"
            )
    people = max(len(s.people) for s in scenes)
    betas = np.full((len(scenes), people, 10), np.nan, np.float32)
    for row, s in zip(betas, scenes, strict=True):
        for n, person in enumerate(s.people):
            row[n] = person.betas
    feature_counts = [np.diff(m.feature_start) for m in meshes]
    photo_starts = np.cumsum([0, *(len(m.photos) for m in meshes[:-1])])
    feature_starts = np.cumsum([0, *(len(m.features) for m in meshes[:-1])])
    outside = None
    if any(s.window is not None for s in scenes):
        everywhere = (-np.inf, -np.inf, np.inf, np.inf)
        windows = [everywhere if s.window is None else s.window for s in scenes]
        outside = sent(np.stack([~inside_window(w, height, width) for w in windows]), bool, device)

    def mesh(name: str, kind) -> Tensor:
        return joined([getattr(m, name) for m in meshes], kind, device)

    def light(name: str, kind) -> Tensor:
        return sent([np.asarray(getattr(s.light, name)) for s in scenes], kind, device)

    return SceneTables(
        height=height,
        width=width,
        people=people,
        counts=tuple(len(s.people) for s in scenes),
        views=tuple(s.view for s in scenes),
        finishes=tuple(s.finish for s in scenes),
        mesh_scene=joined(
            [np.full(len(m.kind), n) for n, m in enumerate(meshes)], np.int64, device
        ),
        kind=mesh("kind", np.uint8),
        person=mesh("person", np.int64),
        two_sided=mesh("two_sided", bool),
        casts=mesh("casts", bool),
        palette=mesh("palette", np.float32),
        patterns=mesh("patterns", np.float32),
        creases=mesh("creases", np.float32),
        seed=mesh("seed", np.int64),
        # A row that nobody uses, so that there is one to look up where a mesh has none.
        features=joined(
            [*(m.features for m in meshes), np.ones((1, 9), np.float32)], np.float32, device
        ),
        feature_start=joined(
            [m.feature_start[:-1] + s for m, s in zip(meshes, feature_starts, strict=True)],
            np.int64,
            device,
        ),
        feature_count=joined(feature_counts, np.int64, device),
        most_features=max((int(c.max(initial=0)) for c in feature_counts), default=0),
        photos=joined([*(m.photos for m in meshes), np.zeros(1, np.uint8)], np.uint8, device),
        photo_start=joined(
            [m.photo_start + s for m, s in zip(meshes, photo_starts, strict=True)], np.int64, device
        ),
        photo_size=mesh("photo_size", np.int64),
        ambient=light("ambient", np.float32),
        colour=light("colour", np.float32),
        shadow=light("shadow", np.float64),
        softness=light("softness", np.float64),
        per_pixel=sent([1 / s.view.camera.fx for s in scenes], np.float32, device),
        background=sent([s.background for s in scenes], np.uint8, device),
        catcher=sent([s.catcher for s in scenes], bool, device),
        rays=sent([_rays(s) for s in scenes], np.float32, device),
        sensor=sent([sensor(s) for s in scenes], np.float64, device),
        outside=outside,
        betas=sent(betas, np.float32, device),
        allowed=sent(allowed(body), np.float64, device),
    )


def _rays(scene: Scene) -> np.ndarray:
    """Zeros where no photographed floor needs them."""
    camera = scene.view.camera
    if scene.catcher and scene.light.shadow > 0:
        return camera_rays(camera, True)
    return np.zeros((camera.height // CELL + 2, camera.width // CELL + 2, 2), np.float32)


def sent(rows, kind, device: torch.device | str) -> Tensor:
    """Rows of one shape as a tensor."""
    return torch.from_numpy(np.ascontiguousarray(np.asarray(rows), kind)).to(device)
