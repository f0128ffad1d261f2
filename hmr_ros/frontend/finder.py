"""The front end as a whole: propose, follow, and describe the people in an image."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.frontend.boxes import around, clipped, iou, kept
from hmr_ros.frontend.given import look_in
from hmr_ros.frontend.landmarks import LandmarkNetwork, Landmarks
from hmr_ros.frontend.plausible import plausible, repeated
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.proposals import proposer
from hmr_ros.people import People, no_people

# Pixels below which a box holds nothing to see.
MIN_BOX = 8
# New proposals looked at in one frame; the rest wait for the next sweep.
NEW_A_FRAME = 2
# A proposal that overlaps a known person by this much is that person.
KNOWN_OVERLAP = 0.3
# Proposals that overlap each other by more are one.
ONE_PROPOSAL = 0.5
# A gap in time after which nobody is where the last image showed them.
LOST_S = 1.0
# The landmarks leave out the top of the head, the fingers and the toes.
BOX_MARGIN = 0.08


class PeopleFinder:
    """Detects people, follows them from image to image and gives their 33 keypoints.

    settings: ``hmr_ros.parameters.validated()``; used are detector, detector_onnx, detect_every,
    min_score, max_people and threads. ``min_score`` and ``max_people`` may change at any time.
    """

    def __init__(self, settings: SimpleNamespace) -> None:
        self._settings = settings
        self._landmarks = LandmarkNetwork(settings.threads)
        self._detector = PoseDetector(settings.threads)
        self._propose = proposer(settings, self._detector)
        self.reset()

    def reset(self) -> None:
        """Forget everyone (the camera moved to another place, or time jumped)."""
        self._regions = np.zeros((0, 4), np.float32)
        self._boxes = np.zeros((0, 4), np.float32)
        self._frame = 0
        self._stamp: float | None = None

    def find(
        self, image: np.ndarray, stamp: float, complete: bool = False, with_maps: bool = False
    ) -> People:
        """People in ``image`` [H, W, 3] uint8 BGR, largest first, at most ``max_people``.

        One call does a bounded share of the search for new people, so that its time stays even;
        ``complete`` searches everything at once, for a single photograph. A ``stamp`` (seconds)
        that goes back or leaves a gap starts anew. ``with_maps`` keeps heat-maps and masks.

        Raises ValueError if ``image`` has another type or shape.
        """
        check_image(image)
        if not image.size:
            return no_people()
        if self._stamp is not None and not 0 <= stamp - self._stamp <= LOST_S:
            self.reset()
        self._stamp = stamp
        regions, source = self._places(image, complete)
        seen = self._landmarks(image, regions, with_maps)
        if complete:
            seen, _ = self._second_look(image, seen, with_maps)
        sure = seen.flags >= self._settings.min_score
        rows = np.flatnonzero(sure & plausible(seen, regions, source == "track"))
        boxes = boxes_of(seen, image)
        rows = rows[~repeated(seen[rows], boxes[rows])]
        rows = rows[np.argsort(-boxes[rows, 3], kind="stable")][: self._settings.max_people]
        self._regions, self._boxes = seen.next_regions[rows], boxes[rows]
        return described(seen[rows], boxes[rows], source[rows], image)

    def keypoints_in(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        thorough: bool = True,
        with_maps: bool = False,
    ) -> People:
        """Keypoints of the people in given ``boxes`` [N, 4] (x, y, width, height).

        One row a box in the same order; ``found`` is False where the box holds nobody, lies
        outside the image or is smaller than ``MIN_BOX`` pixels. Changes nothing in ``find``.
        ``thorough`` looks several times at people whom the first look does not settle; without it
        the time a box is that of one look.

        Raises ValueError if ``image`` or ``boxes`` has another type or shape.
        """
        check_image(image)
        boxes = checked_boxes(boxes)
        height, width = image.shape[:2]
        rows = np.flatnonzero(clipped(boxes, width, height)[:, 2:].min(1) >= MIN_BOX)
        source = np.full(len(boxes), "given", "U9")
        if not len(rows):
            return nothing_in(boxes, source)
        detector = self._detector if thorough else None
        seen = look_in(image, boxes[rows], self._landmarks, detector, with_maps)
        people = described(seen, boxes[rows], source[rows], image)
        people = people.replace(found=seen.flags >= self._settings.min_score)
        return spread(people, rows, nothing_in(boxes, source))

    def _places(self, image: np.ndarray, complete: bool) -> tuple[np.ndarray, np.ndarray]:
        """Regions to look at, known people first, and where each comes from."""
        every = self._settings.detect_every
        share = None if complete else self._frame % every
        self._frame += 1
        new = self._propose(image, share, every)
        new = new[kept(new.boxes, new.scores, ONE_PROPOSAL)]
        if len(self._boxes):
            new = new[iou(new.boxes, self._boxes).max(1) < KNOWN_OVERLAP]
        new = new[: 2 * self._settings.max_people if complete else NEW_A_FRAME]
        known = np.full(len(self._regions), "track", "U9")
        return np.concatenate([self._regions, new.regions]), np.concatenate([known, new.source])

    def _second_look(
        self, image: np.ndarray, first: Landmarks, with_maps: bool
    ) -> tuple[Landmarks, np.ndarray]:
        """Look again where the first look says the body is; keep the surer answer a person.

        Also returns [N] bool, True where the second look was kept.
        """
        second = self._landmarks(image, first.next_regions, with_maps)
        better = second.flags > first.flags
        rows = np.arange(len(first)) + len(first) * better
        return concatenate([first, second])[rows], better


def check_image(image: np.ndarray) -> None:
    """Raises ValueError unless ``image`` is [H, W, 3] uint8."""
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image is a {type(image).__name__}, expected a numpy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"image is {image.dtype} {list(image.shape)}, expected uint8 [height, width, 3] in BGR "
            "order (convert grey images with cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))"
        )


def checked_boxes(boxes: np.ndarray) -> np.ndarray:
    """``boxes`` as float32 [N, 4]. Raises ValueError for another shape or for no numbers."""
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.zeros((0, 4), np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"boxes are {boxes.dtype} {list(boxes.shape)}, expected numbers [N, 4]: "
            "x, y, width, height in pixels"
        )
    return np.nan_to_num(boxes.astype(np.float32), nan=0, posinf=0, neginf=0)


def boxes_of(seen: Landmarks, image: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] around the landmarks that are present, clipped to the image."""
    height, width = image.shape[:2]
    boxes = [
        around(points[presence >= 0.5], BOX_MARGIN)
        for points, presence in zip(seen.points, seen.presence, strict=True)
    ]
    return clipped(np.array(boxes).reshape(-1, 4), width, height)


def described(seen: Landmarks, boxes: np.ndarray, source: np.ndarray, image: np.ndarray) -> People:
    """Answers of the landmark network as People.

    The confidence of a keypoint is visibility times presence, and 0 outside the image.
    """
    height, width = image.shape[:2]
    inside = ((seen.points >= 0) & (seen.points < (width, height))).all(-1)
    confidence = seen.visibility * seen.presence * inside
    return People(
        boxes=boxes,
        scores=seen.flags,
        keypoints=np.concatenate([seen.points, confidence[..., None]], -1).astype(np.float32),
        found=np.ones(len(seen), bool),
        keypoint_set="blazepose33",
        source=source,
        presence=seen.presence * inside,
        heatmaps=seen.heatmaps,
        masks=seen.masks,
        crops=seen.crops,
    )


def nothing_in(boxes: np.ndarray, source: np.ndarray) -> People:
    """One row a box, nobody found."""
    count = len(boxes)
    return People(
        boxes=boxes,
        scores=np.zeros(count, np.float32),
        keypoints=np.zeros((count, 33, 3), np.float32),
        found=np.zeros(count, bool),
        keypoint_set="blazepose33",
        source=source,
    )


def spread(people: People, rows: np.ndarray, blank: People) -> People:
    """``people`` written over the given rows of ``blank``."""
    rest = np.setdiff1d(np.arange(len(blank)), rows)
    fields = {}
    for name, value in people._arrays().items():
        full = np.zeros((len(blank), *value.shape[1:]), value.dtype)
        full[rows] = value
        base = getattr(blank, name)
        if base is not None:
            full[rest] = base[rest]
        fields[name] = full
    return blank.replace(**fields)
