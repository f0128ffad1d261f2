"""Which training pictures carry over to photographs: 2D keypoints of the same small network.

Every arm trains the same network for the same number of steps on people of another mix of scenes,
looked at by the real front end; the labelled people of the photographs judge them, boxes given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from hmr_ros.batch import concatenate
from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.coco import LabelledPeople
from hmr_ros.evaluation.keypoint_metrics import correct
from hmr_ros.geometry.camera import Camera, guessed_camera
from hmr_ros.models.keypoint_probe import COCO, SIZE, KeypointProbe, positions
from hmr_ros.people import People
from hmr_ros.person_crops import PersonCrops, crops_of

FOV_DEG = 60.0  # of a photograph whose camera is unknown
THRESHOLDS = (0.1, 0.2)
FARTHEST = 0.5  # of the box: errors beyond it count as this
BLAZEPOSE = "blazepose"


@dataclass(frozen=True)
class Photographed:
    """The people of one photograph as the front end sees them in their labelled boxes."""

    crops: PersonCrops
    camera: Camera
    keypoints: np.ndarray


def photographed(
    folder: Path, people: list[LabelledPeople], look: Callable[[np.ndarray, np.ndarray], People]
) -> list[Photographed]:
    """Look at all labelled people. Raises OSError for a photograph that cannot be read.

    look: image [H, W, 3] uint8 BGR and boxes [N, 4] to ``People`` with maps.
    """
    seen = []
    for labelled in people:
        photo = cv2.imread(str(folder / labelled.image))
        if photo is None:
            raise OSError(f"{folder / labelled.image} cannot be read as an image")
        camera = guessed_camera(photo.shape[1], photo.shape[0], FOV_DEG)
        found = look(photo, labelled.boxes.astype(np.float32))
        crops = crops_of(photo, found, camera, SIZE)
        seen.append(Photographed(crops, camera, found.keypoints[:, COCO, :2]))
    return seen


def predicted(network: KeypointProbe, seen: list[Photographed]) -> np.ndarray:
    """[N, 17, 2] keypoints in the photographs' pixels."""
    crops = concatenate([s.crops for s in seen])
    with torch.no_grad():
        maps = [
            torch.from_numpy(v).float() / 255 for v in (crops.image, crops.heatmaps, crops.mask)
        ]
        points = positions(network(*maps)).numpy().astype(np.float64)
    rays = at_places(crops.rays, points) * crops.scale[:, None, None]
    ahead = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ crops.view
    ends = np.cumsum([len(s.crops) for s in seen])[:-1]
    parts = zip(np.split(ahead, ends), seen, strict=True)
    return np.concatenate([s.camera.project(part) for part, s in parts])


def at_places(rays: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The grids of rays [N, 2, G, G] read between their cells at points [N, K, 2] in -1..1."""
    cells = rays.shape[-1]
    at = (points + 1) / 2 * cells - 0.5
    low = np.clip(np.floor(at).astype(int), 0, cells - 2)
    u, v = (at - low)[..., :1], (at - low)[..., 1:]
    grid, row = rays.transpose(0, 2, 3, 1), np.arange(len(rays))[:, None]
    x, y = low[..., 0], low[..., 1]
    above = grid[row, y, x] * (1 - u) + grid[row, y, x + 1] * u
    below = grid[row, y + 1, x] * (1 - u) + grid[row, y + 1, x + 1] * u
    return above * (1 - v) + below * v


def rows_of(
    answers: dict[str, np.ndarray], labelled: LabelledPeople, photos: np.ndarray, against: str
) -> list[dict]:
    """PCK and mean error (shares of the box) of each arm by subset of joints, and the differences
    to the arm ``against``; errors beyond ``FARTHEST`` count as that.

    answers: [N, 17, 2] by arm. photos: [N] label of the photograph of each person; intervals draw
    whole photographs anew, the difference on the same ones.
    """
    visibility = labelled.joints[..., 2]
    subsets = {"all": visibility > 0, "visible": visibility == 2, "occluded": visibility == 1}
    measured = {name: measures(points, labelled) for name, points in answers.items()}
    rows = []
    for subset, counted in subsets.items():
        weight = counted.sum(1).astype(float)
        for name, values in measured.items():
            row = {"model": name, "subset": subset, "n": int(weight.sum()), "ci95": {}}
            for key, value in values.items():
                share = ratio_interval((value * counted).sum(1), weight, photos)
                row[key] = share.value
                row["ci95"][key] = [share.low, share.high]
                if name != against:
                    more = ((value - measured[against][key]) * counted).sum(1)
                    gain = ratio_interval(more, weight, photos)
                    row[f"{key}_gain"] = gain.value
                    row["ci95"][f"{key}_gain"] = [gain.low, gain.high]
            rows.append(row)
    return rows


def measures(points: np.ndarray, labelled: LabelledPeople) -> dict[str, np.ndarray]:
    """[N, 17] by name: whether a keypoint is right at each threshold, and how far off it is."""
    truth = labelled.joints[..., :2]
    values = {
        f"pck{round(100 * t)}": correct(points, truth, labelled.boxes, t).astype(float)
        for t in THRESHOLDS
    }
    away = np.linalg.norm(points - truth, axis=-1) / labelled.boxes[:, 2:].max(1, keepdims=True)
    return values | {"error": np.minimum(np.nan_to_num(away, nan=FARTHEST), FARTHEST)}
