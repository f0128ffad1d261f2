"""Surfaces of rows and columns that hang on the body without following its mesh."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.data.clothes.cloth import paint
from hmr_ros.data.clothes.figure import Figure
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.scene import Shell


@lru_cache(maxsize=64)
def sheet_faces(rows: int, columns: int, closed: bool) -> np.ndarray:
    """[M, 3] int32 faces of a sheet of vertices ``row * columns + column``.

    Seen from the side from which columns run to the right and rows down, they are
    counter-clockwise. closed: the last column joins the first.
    """
    across = columns if closed else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a = (row * columns + column).ravel()
    b = (row * columns + (column + 1) % columns).ravel()
    c, d = a + columns, b + columns
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    faces.setflags(write=False)
    return faces


def sheet_shell(
    rng: np.random.Generator,
    figure: Figure,
    place: np.ndarray,
    anchor: np.ndarray,
    bones: np.ndarray,
    weights: np.ndarray,
    ground: tuple[np.ndarray, np.ndarray, float],
    name: str,
    closed: bool = True,
    two_sided: bool = True,
    layers: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
) -> Shell:
    """A shell of a sheet.

    place: [R, C, 3] template frame. anchor: [R, C] vertices of the body; bones, weights: [R, C, 4]
    or what broadcasts to it. layers: see ``paint``, levels [R, C].
    """
    rows, columns = place.shape[:2]
    at = place.reshape(-1, 3)
    anchor = np.broadcast_to(anchor, (rows, columns)).reshape(-1)
    bones = np.broadcast_to(bones, (rows, columns, 4)).reshape(-1, 4).astype(np.int32)
    weights = np.broadcast_to(weights, (rows, columns, 4)).reshape(-1, 4).astype(np.float32)
    flat = tuple((np.broadcast_to(lv, (rows, columns)).ravel(), colour) for lv, colour in layers)
    faces = sheet_faces(rows, columns, closed)
    return Shell(
        anchor=anchor.astype(np.int32),
        offset=rounded(at - figure.place[anchor]).astype(np.float32),
        bones=bones,
        weights=weights,
        faces=faces,
        part=figure.body.part_id[anchor],
        surface=paint(rng, at, ground, flat),
        inner=len(faces) if two_sided else 0,
        name=name,
    )


def rigid(joint: int) -> tuple[np.ndarray, np.ndarray]:
    """bones [4] and weights [4] of what moves with one joint."""
    return np.array([joint, 0, 0, 0], np.int32), np.array([1, 0, 0, 0], np.float32)
