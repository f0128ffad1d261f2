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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.bodies import Bodies
from hmr_ros.body.keypoints import keypoints
from hmr_ros.data.datasets.fields import DatasetError
from hmr_ros.data.datasets.joint_names import COCO17
from hmr_ros.data.datasets.keypoint_json import read_labels
from hmr_ros.evaluation.bootstrap import bootstrap
from hmr_ros.evaluation.keypoint_metrics import correct, oks, pck
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera, guessed_camera
from hmr_ros.pipeline import Pipeline

JOINTS = COCO17
HEAD, TORSO, LIMB = list(range(5)), [5, 6, 11, 12], [7, 8, 9, 10, 13, 14, 15, 16]
# COCO's 17 keypoints among BlazePose's 33.
BLAZEPOSE_TO_COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
LARGE_HEIGHT, LARGE_JOINTS = 96, 6
KEYPOINTS = "blazepose"


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
    """What the models say about the N people of a photograph, in order.

    found: [N] bool, by the first model's front end. points: [N, 17, 2] pixels by model name, the
    front end's own keypoints under ``KEYPOINTS``. bodies: by model name.
    """

    labelled: LabelledPeople
    found: np.ndarray
    points: dict[str, np.ndarray]
    camera: Camera | None = None
    bodies: dict[str, Bodies] = field(default_factory=dict)


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


def answers(
    folder: Path, people: list[LabelledPeople], pipelines: Mapping[str, Pipeline]
) -> Iterator[Answers]:
    """One item a photograph: the keypoints of the first pipeline's front end, and the joints of the
    bodies of every pipeline.

    The cameras are unknown: a usual field of view is assumed. Raises OSError for a missing photo.
    """
    for labelled in people:
        image = cv2.imread(str(folder / labelled.image))
        if image is None:
            raise OSError(f"{folder / labelled.image} cannot be read as an image")
        points, bodies = {}, {}
        for name, pipeline in pipelines.items():
            height, width = image.shape[:2]
            camera = guessed_camera(width, height, pipeline.settings.default_fov_deg)
            seen = pipeline.finder.keypoints_in(image, labelled.boxes)
            if not points:
                first, found = camera, seen.found
                points[KEYPOINTS] = seen.keypoints[:, BLAZEPOSE_TO_COCO, :2]
            said = pipeline.bodies(Frame(image, camera, stamp=0.0), seen)
            joints = keypoints(pipeline.body, said.rotations, said.betas, said.transl, "coco17")
            points[name], bodies[name] = camera.project(joints), said
        yield Answers(labelled, found, points, first, bodies)


def benchmark(answered: list[Answers]) -> list[dict]:
    """Rows of ``hmr eval coco``. ``versus_blazepose`` is the gain in PCK over the keypoints that
    the bodies came from; intervals redraw whole people."""
    people = together(answered)
    rows = []
    for chosen, subset, counted in _counted(people):
        for name, right in people.right.items():
            row = {"model": name, "people": chosen, "subset": subset, "n": int(counted.sum())}
            row["pck"] = pck(right, counted)
            row["ci95"] = {"pck": interval(right, counted)}
            if name != KEYPOINTS:
                gain = right.astype(int) - people.right[KEYPOINTS]
                row["versus_blazepose"] = float(gain[counted].mean())
                row["ci95"]["versus_blazepose"] = interval(gain, counted)
            if subset == "all":
                areas, true = people.labelled.areas, people.labelled.joints[..., :2]
                score = oks(people.points[name], true, counted, areas)
                row["oks"] = float(np.nanmean(score))
            rows.append(row)
    return rows


def comparisons(answered: list[Answers], first: str) -> list[dict]:
    """Paired gains in PCK of model ``first`` over every other, by people and joints."""
    people = together(answered)
    rows = []
    for chosen, subset, counted in _counted(people):
        for name, right in people.right.items():
            if name == first:
                continue
            gain = people.right[first].astype(int) - right
            rows.append(
                {
                    "model": first,
                    "versus": name,
                    "people": chosen,
                    "subset": subset,
                    "n": int(counted.sum()),
                    "pck": float(gain[counted].mean()),
                    "ci95": {"pck": interval(gain, counted)},
                }
            )
    return rows


@dataclass(frozen=True)
class Together:
    """Everybody of all photographs: points [N, 17, 2] and right [N, 17] bool by model name."""

    labelled: LabelledPeople
    found: np.ndarray
    points: dict[str, np.ndarray]
    right: dict[str, np.ndarray]


def together(answered: list[Answers]) -> Together:
    """The answers of all photographs in one."""
    labelled = concatenate([a.labelled for a in answered])
    points = {n: np.concatenate([a.points[n] for a in answered]) for n in answered[0].points}
    right = {n: correct(p, labelled.joints[..., :2], labelled.boxes) for n, p in points.items()}
    return Together(labelled, np.concatenate([a.found for a in answered]), points, right)


def _counted(people: Together) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name of the set of people, name of the subset of joints, [N, 17] bool."""
    for chosen, rows in people_sets(people.labelled, people.found).items():
        for subset, counted in joint_subsets(people.labelled.joints[..., 2]).items():
            counted = counted & rows[:, None]
            if counted.any() and (chosen == "all" or subset not in JOINTS):
                yield chosen, subset, counted


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
