"""Bodies of many images as one file of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.geometry.camera import Camera

PER_BODY = (
    "global_orient",
    "body_pose",
    "betas",
    "transl",
    "transl_cov",
    "joints",
    "joint_cov",
    "joint_tails",
    "visibility",
    "joints_2d",
    "keypoints_2d",
)


@dataclass
class Results:
    """Collects the bodies of one run; ``save`` writes them.

    with_vertices: keep the posed meshes too (83 kB a body).
    """

    body: BodyModel
    with_vertices: bool = False
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(
        self,
        image: str,
        stamp: float,
        bodies: Bodies,
        camera: Camera,
        ids: np.ndarray | None = None,
    ) -> None:
        """Append the bodies of one image; ``ids`` defaults to -1, nobody in particular."""
        n = len(bodies)
        rows = {name: getattr(bodies, name) for name in PER_BODY}
        rows["image"] = np.full(n, image)
        rows["stamp"] = np.full(n, stamp)
        rows["bbox"] = bodies.boxes
        rows["track_id"] = np.full(n, -1, np.int64) if ids is None else ids
        rows["status"] = np.where(bodies.found, "ok", "no_keypoints")
        rows["metric"] = bodies.metric
        intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
        rows["intrinsics"] = np.tile(intrinsics, (n, 1))
        if self.with_vertices:
            rotations = bodies.rotations
            rows["vertices"] = vertices(self.body, rotations, bodies.betas, bodies.transl)
        for name, value in rows.items():
            self.rows.setdefault(name, []).append(value)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every key of the file, concatenated over the images."""
        joined = {name: np.concatenate(values) for name, values in self.rows.items()}
        return {**joined, "body_model": np.array(self.body.name)}

    @staticmethod
    def write(arrays: dict[str, np.ndarray], path: str | Path) -> None:
        """Write a compressed ``.npz``; it holds no pickles."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **arrays)
