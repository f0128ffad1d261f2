"""Which training pictures carry over to photographs: 2D keypoints of the same small network.

Every arm trains the same network for the same number of steps on pictures of another mix of
scenes; the labelled people of the photographs judge them, boxes given.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.coco import LabelledPeople
from hmr_ros.evaluation.keypoint_metrics import correct
from hmr_ros.models.keypoint_probe import SIZE, KeypointProbe, positions

MARGIN = 1.25  # side of the square crop over the longer side of the box, as in the training crops
THRESHOLDS = (0.1, 0.2)


def crops(folder: Path, people: list[LabelledPeople]) -> tuple[np.ndarray, np.ndarray]:
    """All people as squares [N, SIZE, SIZE, 3] and the affine maps [N, 2, 3] from crop to photo.

    Raises OSError for a photograph that cannot be read.
    """
    images, maps = [], []
    for labelled in people:
        photo = cv2.imread(str(folder / labelled.image))
        if photo is None:
            raise OSError(f"{folder / labelled.image} cannot be read as an image")
        for x, y, width, height in labelled.boxes:
            scale = MARGIN * max(width, height) / SIZE
            left, top = x + width / 2 - scale * SIZE / 2, y + height / 2 - scale * SIZE / 2
            shift = 0.5 * scale - 0.5  # pixel centres lie at integers
            to_photo = np.array([[scale, 0, left + shift], [0, scale, top + shift]])
            size = max(1, round(MARGIN * max(width, height)))
            fine = np.array([[1, 0, left], [0, 1, top]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            square = cv2.warpAffine(photo, fine, (size, size), flags=flags)
            method = cv2.INTER_AREA if size > SIZE else cv2.INTER_LINEAR
            images.append(cv2.resize(square, (SIZE, SIZE), interpolation=method))
            maps.append(to_photo)
    return np.stack(images), np.stack(maps)


def predicted(network: KeypointProbe, images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """[N, 17, 2] keypoints in the photographs' pixels."""
    with torch.no_grad():
        picture = torch.from_numpy(images).float().permute(0, 3, 1, 2) / 255
        points = positions(network(picture)).numpy()
    return np.einsum("nij,nkj->nki", maps[:, :, :2], points) + maps[:, None, :, 2]


def rows_of(
    answers: dict[str, np.ndarray], labelled: LabelledPeople, photos: np.ndarray, against: str
) -> list[dict]:
    """PCK of each arm by subset of joints, and its difference to the arm ``against``.

    answers: [N, 17, 2] by arm. photos: [N] label of the photograph of each person; intervals draw
    whole photographs anew, the difference on the same ones.
    """
    visibility = labelled.joints[..., 2]
    subsets = {"all": visibility > 0, "visible": visibility == 2, "occluded": visibility == 1}
    rows = []
    for subset, counted in subsets.items():
        weight = counted.sum(1).astype(float)
        for name, points in answers.items():
            row = {"model": name, "subset": subset, "n": int(weight.sum()), "ci95": {}}
            for threshold in THRESHOLDS:
                right, other = (
                    (correct(p, labelled.joints[..., :2], labelled.boxes, threshold) * counted)
                    .sum(1)
                    .astype(float)
                    for p in (points, answers[against])
                )
                share = ratio_interval(right, weight, photos)
                key = f"pck{int(100 * threshold)}"
                row[key] = share.value
                row["ci95"][key] = [share.low, share.high]
                if name != against:
                    gain = ratio_interval(right - other, weight, photos)
                    row[f"{key}_gain"] = gain.value
                    row["ci95"][f"{key}_gain"] = [gain.low, gain.high]
            rows.append(row)
    return rows
