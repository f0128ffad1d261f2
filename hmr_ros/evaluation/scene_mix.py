"""Which training pictures carry over to photographs: the same small baseline trained on several.

Every arm trains the same network for the same number of steps on people of another mix of scenes,
looked at by the real front end; the labelled people of the photographs judge its landmarks in the
image, boxes given. It is the network alone: nothing is fitted to keypoints afterwards. COCO labels
few joints that are occluded, so boards are painted over half of each person too, and what they hide
of the joints that the photograph shows is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from hmr_ros.batch import concatenate
from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.coco import LabelledPeople
from hmr_ros.evaluation.covered_video import boards, painted
from hmr_ros.evaluation.keypoint_metrics import correct
from hmr_ros.geometry.camera import Camera, guessed_camera
from hmr_ros.models.lifter import project
from hmr_ros.people import People
from hmr_ros.person_crops import FILLED, PersonCrops, crops_of

COCO = FILLED["coco17"]  # among BlazePose's landmarks
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
    folder: Path,
    people: list[LabelledPeople],
    look: Callable[[np.ndarray, np.ndarray], People],
    size: int,
    board: bool | None = None,
) -> list[Photographed]:
    """Look at all labelled people. Raises OSError for a photograph that cannot be read.

    look: image [H, W, 3] uint8 BGR and boxes [N, 4] to ``People`` with maps. size: of the crops.
    board: whether one is painted over what is below the hips of each, or over the left half; None
    for none. Each is looked at in a photograph of their own then.
    """
    seen = []
    for labelled in people:
        photo = cv2.imread(str(folder / labelled.image))
        if photo is None:
            raise OSError(f"{folder / labelled.image} cannot be read as an image")
        camera = guessed_camera(photo.shape[1], photo.shape[0], FOV_DEG)
        boxes = labelled.boxes.astype(np.float32)
        views = [(photo, boxes)]
        if board is not None:
            hidden = [painted(photo, [one])[0] for one in _boards(labelled, board)]
            views = [(image, boxes[n : n + 1]) for n, image in enumerate(hidden)]
        for image, own in views:
            found = look(image, own)
            crops = crops_of(image, found, camera, size)
            seen.append(Photographed(crops, camera, found.keypoints[:, COCO, :2]))
    return seen


def under_board(labelled: LabelledPeople, board: bool) -> np.ndarray:
    """[N, 17] bool: joints that the photograph shows and that lie under each person's board."""
    left, top, right, bottom = _boards(labelled, board).T[..., None]
    x, y, label = np.moveaxis(labelled.joints, -1, 0)
    return (label == 2) & (x >= left) & (x < right) & (y >= top) & (y < bottom)


def _boards(labelled: LabelledPeople, board: bool) -> np.ndarray:
    return boards(labelled.boxes, np.full(len(labelled), board))


def by_label(labelled: LabelledPeople) -> dict[str, np.ndarray]:
    """[N, 17] bool by name: which joints count, as COCO labels them."""
    label = labelled.joints[..., 2]
    return {"all": label > 0, "visible": label == 2, "occluded": label == 1}


def predicted(network: nn.Module, seen: list[Photographed]) -> np.ndarray:
    """[N, 17, 2] pixels of the photographs where a network of the family sees COCO's keypoints."""
    crops = concatenate([s.crops for s in seen])
    with torch.no_grad():
        inputs = {name: torch.from_numpy(value) for name, value in crops.inputs().items()}
        body = network.predict(inputs)
        points = project(body.landmarks[:, COCO], body.place, inputs["scale"])
    rays = points.numpy().astype(np.float64) * crops.scale[:, None, None]
    ahead = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ crops.view
    ends = np.cumsum([len(s.crops) for s in seen])[:-1]
    parts = zip(np.split(ahead, ends), seen, strict=True)
    return np.concatenate([s.camera.project(part) for part, s in parts])


def rows_of(
    answers: dict[str, np.ndarray],
    labelled: LabelledPeople,
    photos: np.ndarray,
    against: str,
    subsets: dict[str, np.ndarray],
) -> list[dict]:
    """PCK and mean error (shares of the box) of each arm by subset of joints, and the differences
    to the arm ``against``; errors beyond ``FARTHEST`` count as that.

    answers: [S, N, 17, 2] of S trainings by arm; figures are means over these. photos: [N] label of
    the photograph of each person; intervals draw whole photographs anew, the difference on the same
    ones. They know nothing of how trainings differ. subsets: [N, 17] bool by name.
    """
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


def measures(answers: np.ndarray, labelled: LabelledPeople) -> dict[str, np.ndarray]:
    """[N, 17] by name: whether a keypoint is right at each threshold, and how far off it is; means
    over the trainings of ``answers`` [S, N, 17, 2]."""
    found: dict[str, list[np.ndarray]] = {}
    side = labelled.boxes[:, 2:].max(1, keepdims=True)
    for points in answers:
        for t in THRESHOLDS:
            right = correct(points, labelled.joints[..., :2], labelled.boxes, t)
            found.setdefault(f"pck{round(100 * t)}", []).append(right.astype(float))
        away = np.linalg.norm(points - labelled.joints[..., :2], axis=-1) / side
        away = np.minimum(np.nan_to_num(away, nan=FARTHEST), FARTHEST)
        found.setdefault("error", []).append(away)
    return {name: np.mean(values, 0) for name, values in found.items()}
