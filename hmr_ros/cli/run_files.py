"""What ``hmr run`` leaves to look at: overlays as pictures or one film, meshes as .glb."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import cv2

from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.drawing.colours import colour_of
from hmr_ros.drawing.film import film
from hmr_ros.drawing.glb import Mesh, write_glb
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.frame import Frame
from hmr_ros.sources.source import Source
from hmr_ros.tracks import Tracks


class RunFiles:
    """Photographs get a picture and a .glb each; a sequence gets one film, and the .glb of the
    frame with the most people. level: see ``draw_tracks``. ``written`` lists the files."""

    def __init__(
        self,
        out: Path,
        stem: str,
        source: Source,
        body: BodyModel,
        overlays: bool,
        meshes: bool,
        level: float | None = None,
    ) -> None:
        self._out, self._stem, self._source, self._body = out, stem, source, body
        self._overlays, self._meshes, self._level = overlays, meshes, level
        self._open = ExitStack()
        self._append = None
        self._fullest = 0
        self.written: list[Path] = []

    def add(self, frame: Frame, name: str, tracks: Tracks) -> None:
        """Draw the people of one picture called ``name``."""
        self._out.mkdir(parents=True, exist_ok=True)
        if self._overlays:
            drawn = draw_tracks(frame.image, tracks, self._body, frame.camera, self._level)
            self._draw(drawn, name)
        if self._meshes and len(tracks) > self._fullest:
            if self._source.sequence:
                self._fullest = len(tracks)
            self._save_meshes(name, tracks)

    def close(self) -> None:
        """End the film."""
        self._open.close()

    def _draw(self, picture, name: str) -> None:
        if not self._source.sequence:
            path = self._note(self._out / f"{Path(name).stem}_hmr.jpg")
            cv2.imwrite(str(path), picture)
            return
        if self._append is None:
            path = self._note(self._out / f"{self._stem}_hmr.mp4")
            size = (picture.shape[1], picture.shape[0])
            self._append = self._open.enter_context(film(path, size, self._source.rate_hz))
        self._append(picture)

    def _save_meshes(self, name: str, tracks: Tracks) -> None:
        b = tracks.bodies
        posed = vertices(self._body, b.rotations, b.betas, b.transl)
        meshes = [
            Mesh(f"body_{i}", v, self._body.faces, colour_of(int(i)))
            for i, v in zip(tracks.ids, posed, strict=True)
        ]
        stem = self._stem if self._source.sequence else Path(name).stem
        write_glb(self._note(self._out / f"{stem}.glb"), meshes)

    def _note(self, path: Path) -> Path:
        if path not in self.written:
            self.written.append(path)
        return path
