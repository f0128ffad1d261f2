"""The surfaces of the people in one image, computed once and only if an output asks."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.tracks import Tracks


class Surface:
    """Lazily skinned vertices of ``tracks``."""

    def __init__(self, body: BodyModel, tracks: Tracks) -> None:
        self._body, self._bodies = body, tracks.bodies
        self._vertices: np.ndarray | None = None

    @property
    def vertices(self) -> np.ndarray:
        """[N, V, 3] float32 metres, camera optical frame."""
        if self._vertices is None:
            b = self._bodies
            rotations = b.rotations
            self._vertices = (
                vertices(self._body, rotations, b.betas, b.transl)
                if len(b)
                else np.zeros((0, *self._body.v_template.shape), np.float32)
            )
        return self._vertices

    @property
    def parts(self) -> np.ndarray:
        """[V] joint that moves each vertex most."""
        return self._body.part_id

    @property
    def confidence(self) -> np.ndarray:
        """[N, V] float32 in [0, 1]: that this part of the body is seen and belongs to a person."""
        b = self._bodies
        return (b.visibility * b.scores[:, None])[:, self._body.part_id]
