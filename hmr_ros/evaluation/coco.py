"""2D accuracy on photographs of real people with COCO keypoint labels, boxes given.

Every model sees the same photographs and the same boxes. A labelled joint is right if the answer
lies within a tenth of the longer side of the person's box (PCK@0.1).

Sets of people: ``all``; ``large``, at least 96 pixels tall with 6 or more labelled joints, which
leaves out those whom no front end of this kind can see (44 of the 70 people of the test photos);
``found``, whom the front end gives keypoints for. Subsets of joints: ``all``; ``visible``
(COCO's v = 2); ``occluded`` (v = 1: labelled although not to be seen); head, torso, limb; and each
joint by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.body.keypoints import keypoints
from hmr_ros.data.datasets.fields import DatasetError
from hmr_ros.data.datasets.joint_names import COCO17
from hmr_ros.data.datasets.keypoint_json import read_labels
from hmr_ros.evaluation.bootstrap import bootstrap
from hmr_ros.evaluation.keypoint_metrics import correct, oks, pck
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import guessed_camera
from hmr_ros.pipeline import Pipeline

JOINTS = COCO17
HEAD, TORSO, LIMB = list(range(5)), [5, 6, 11, 12], [7, 8, 9, 10, 13, 14, 15, 16]
# COCO's 17 keypoints among BlazePose's 33.
BLAZEPOSE_TO_COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
LARGE_HEIGHT, LARGE_JOINTS = 96, 6
BASELINE = "blazepose"


@dataclass(frozen=True)
class LabelledPeople(EqualLength):
    """N people of one photograph.

    boxes: [N, 4] x, y, width, height; joints: [N, 17, 3] x, y in pixels and COCO's v (0 no label,
    1 occluded, 2 visible); areas: [N] square pixels of the outline; image: file name.
    """

    boxes: np.ndarray
    joints: np.ndarray
    areas: np.ndarray
    image: str = ""


@dataclass(frozen=True)
class Answers:
    """What the models say about N people, in order: points [N, 17, 2] pixels by model name."""

    labelled: LabelledPeople
    found: np.ndarray
    points: dict[str, np.ndarray]


def read_people(path: Path) -> list[LabelledPeople]:
    """People with at least one labelled joint, by photograph, from a COCO keypoints file.

    Raises ValueError if the file is no such thing.
    """
    folder = Path(path).parent
    try:
        photos = read_labels(Path(path), folder, JOINTS)
    except DatasetError as error:
        raise ValueError(f"{path} is no COCO keypoints file: {error}") from error
    return [
        LabelledPeople(
            boxes=photo.people.boxes,
            joints=photo.people.keypoints,
            areas=photo.people.areas,
            image=photo.image.relative_to(folder).as_posix(),
        )
        for photo in photos
    ]


def answers(folder: Path, people: list[LabelledPeople], pipeline: Pipeline) -> Iterator[Answers]:
    """One item a photograph: the front end's keypoints, and the joints of the bodies from them.

    The cameras are unknown: a usual field of view is assumed. Raises OSError for a missing photo.
    """
    for labelled in people:
        image = cv2.imread(str(folder / labelled.image))
        if image is None:
            raise OSError(f"{folder / labelled.image} cannot be read as an image")
        height, width = image.shape[:2]
        fov = pipeline.settings.default_fov_deg
        frame = Frame(image, guessed_camera(width, height, fov), stamp=0.0)
        seen = pipeline.finder.keypoints_in(image, labelled.boxes)
        bodies = pipeline.bodies(frame, seen)
        rotations = bodies.rotations
        joints = keypoints(pipeline.body, rotations, bodies.betas, bodies.transl, "coco17")
        points = {
            BASELINE: seen.keypoints[:, BLAZEPOSE_TO_COCO, :2],
            pipeline.settings.estimator: frame.camera.project(joints),
        }
        yield Answers(labelled, seen.found, points)


def benchmark(answered: list[Answers]) -> list[dict]:
    """Rows of ``hmr eval coco``. ``versus_blazepose`` is the gain in PCK over the keypoints that
    the bodies came from; intervals redraw whole people."""
    labelled = concatenate([a.labelled for a in answered])
    found = np.concatenate([a.found for a in answered])
    names = answered[0].points
    points = {name: np.concatenate([a.points[name] for a in answered]) for name in names}
    visibility = labelled.joints[..., 2]
    right = {
        name: correct(answer, labelled.joints[..., :2], labelled.boxes)
        for name, answer in points.items()
    }
    rows = []
    for people, chosen in people_sets(labelled, found).items():
        for subset, counted in joint_subsets(visibility).items():
            counted = counted & chosen[:, None]
            if people != "all" and subset in JOINTS or not counted.any():
                continue
            for name in names:
                row = {"model": name, "people": people, "subset": subset, "n": int(counted.sum())}
                row["pck"] = pck(right[name], counted)
                row["ci95"] = {"pck": interval(right[name], counted)}
                if name != BASELINE:
                    gain = right[name].astype(int) - right[BASELINE]
                    row["versus_blazepose"] = float(gain[counted].mean())
                    row["ci95"]["versus_blazepose"] = interval(gain, counted)
                if subset == "all":
                    area = labelled.areas
                    score = oks(points[name], labelled.joints[..., :2], counted, area)
                    row["oks"] = float(np.nanmean(score[chosen]))
                rows.append(row)
    return rows


def people_sets(labelled: LabelledPeople, found: np.ndarray) -> dict[str, np.ndarray]:
    """[N] bool by name."""
    number = (labelled.joints[..., 2] > 0).sum(1)
    large = (labelled.boxes[:, 3] >= LARGE_HEIGHT) & (number >= LARGE_JOINTS)
    return {"all": np.ones(len(labelled), bool), "large": large, "found": found}


def joint_subsets(visibility: np.ndarray) -> dict[str, np.ndarray]:
    """[N, 17] bool by name: which labelled joints count."""
    labelled = visibility > 0
    subsets = {"all": labelled, "visible": visibility == 2, "occluded": visibility == 1}
    groups = {"head": HEAD, "torso": TORSO, "limb": LIMB}
    groups |= {name: [number] for number, name in enumerate(JOINTS)}
    for name, joints in groups.items():
        chosen = np.zeros(17, bool)
        chosen[joints] = True
        subsets[name] = labelled & chosen
    return subsets


def interval(values: np.ndarray, counted: np.ndarray) -> list[float]:
    """95 % interval of the mean of ``values`` [N, 17] where ``counted``."""
    return list(bootstrap((values * counted).sum(1), counted.sum(1)))
