"""The surfaces of the people in one image, computed only as far as an output asks."""

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
            self._vertices = self._skinned(None)
        return self._vertices

    def at(self, ids: np.ndarray) -> np.ndarray:
        """The vertices ``ids`` [P] alone, [N, P, 3]: skinned by themselves, to the same bits,
        unless all have been."""
        return self._skinned(ids) if self._vertices is None else self._vertices[:, ids]

    def confidence(self, parts: np.ndarray) -> np.ndarray:
        """[N, P] float32 in [0, 1]: that these parts [P] of the body (the joints that move them)
        are seen and belong to a person."""
        b = self._bodies
        return (b.visibility * b.scores[:, None])[:, parts]

    def _skinned(self, ids: np.ndarray | None) -> np.ndarray:
        b = self._bodies
        if len(b) == 0:
            count = len(self._body.v_template) if ids is None else len(ids)
            return np.zeros((0, count, 3), np.float32)
        return vertices(self._body, b.rotations, b.betas, b.transl, ids)
