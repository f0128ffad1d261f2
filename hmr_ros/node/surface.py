"""The surfaces of the people in one image, computed once and only as far as an output asks."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.chosen_vertices import with_vertices
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.tracks import Tracks


class ShownVertices:
    """Those that outputs need where none needs all: a third of a body by default."""

    def __init__(self, body: BodyModel, *ids: np.ndarray) -> None:
        """ids: of each output."""
        chosen = np.unique(np.concatenate(ids))
        self.body = with_vertices(body, chosen)
        self.rows = np.full(len(body.v_template), len(chosen))  # beyond the end: not shown
        self.rows[chosen] = np.arange(len(chosen))


class Surface:
    """Lazily skinned vertices of ``tracks``."""

    def __init__(self, body: BodyModel, tracks: Tracks, shown: ShownVertices | None = None) -> None:
        """shown: of all that ``at`` will be asked for; None: anything."""
        self._body, self._bodies, self._shown = body, tracks.bodies, shown
        self._vertices: np.ndarray | None = None
        self._some: np.ndarray | None = None

    @property
    def vertices(self) -> np.ndarray:
        """[N, V, 3] float32 metres, camera optical frame."""
        if self._vertices is None:
            self._vertices = self._skinned(self._body)
        return self._vertices

    def at(self, ids: np.ndarray) -> np.ndarray:
        """The vertices ``ids`` [P] alone, [N, P, 3]. Raises IndexError if they are not shown."""
        if self._shown is None or self._vertices is not None:
            return self.vertices[:, ids]
        if self._some is None:
            self._some = self._skinned(self._shown.body)
        return self._some[:, self._shown.rows[ids]]

    def confidence(self, parts: np.ndarray) -> np.ndarray:
        """[N, P] float32 in [0, 1]: that these parts [P] of the body (the joints that move them)
        are seen and belong to a person."""
        b = self._bodies
        return (b.visibility * b.scores[:, None])[:, parts]

    def _skinned(self, body: BodyModel) -> np.ndarray:
        b = self._bodies
        if len(b) == 0:
            return np.zeros((0, *body.v_template.shape), np.float32)
        return vertices(body, b.rotations, b.betas, b.transl)
