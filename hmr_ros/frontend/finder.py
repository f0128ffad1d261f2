"""The front end as a whole: propose, follow, and describe the people in an image."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.frontend.boxes import clipped, iou, kept
from hmr_ros.frontend.checks import check_image, checked_boxes
from hmr_ros.frontend.description import boxes_of, described, nothing_in, written_over
from hmr_ros.frontend.given import look_in
from hmr_ros.frontend.landmarks import LandmarkNetwork, Landmarks
from hmr_ros.frontend.plausible import plausible, repeated
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.proposals import Proposals, proposer
from hmr_ros.frontend.search import Search
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


class PeopleFinder:
    """Detects people, follows them from image to image and gives their 33 keypoints.

    settings: ``hmr_ros.parameters.validated()``; used are detector, detector_onnx, detect_every,
    min_score, max_people and threads. ``min_score`` and ``max_people`` may change at any time.
    evidence: which of ``hmr_ros.people.EVIDENCE`` the people come with, for estimators that read it
    (0.9 MB a person); the mask takes two fifths of the landmark network's time.
    """

    def __init__(self, settings: SimpleNamespace, evidence: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._landmarks = LandmarkNetwork(settings.threads, evidence)
        # One thread: it works beside the landmark network and whatever follows.
        self._detector = PoseDetector(1)
        self._search = Search(proposer(settings, self._detector), settings.detect_every)
        self.reset()

    def close(self) -> None:
        """End all threads; nothing can be found after. Twice does nothing."""
        self._search.close()
        self._landmarks.close()

    def wait(self) -> None:
        """Until the search that the last ``find`` began has ended: its image is free from then on,
        and so is the processor."""
        self._search.wait()

    @property
    def search_problem(self) -> str:
        """Why the search for new people fails, or ''."""
        return self._search.problem

    def reset(self) -> None:
        """Forget everyone (the camera moved to another place, or time jumped)."""
        self._regions = np.zeros((0, 4), np.float32)
        self._boxes = np.zeros((0, 4), np.float32)
        self._search.restart()
        self._stamp = -np.inf

    def find(self, image: np.ndarray, stamp: float, complete: bool = False) -> People:
        """People in ``image`` [H, W, 3] uint8 BGR, largest first, at most ``max_people``.

        One call begins a bounded share of the search for new people, which goes on after it has
        returned and whose finds the next call looks at (see ``Search``): ``image`` must stay as it
        is until then, or until ``wait``. ``complete`` starts anew and searches everything at once,
        for a single photograph. A ``stamp`` (seconds) that goes back or leaves a gap starts anew
        too.

        Raises ValueError if ``image`` has another type or shape.
        """
        check_image(image)
        if not image.size:
            return no_people()
        if complete or not 0 <= stamp - self._stamp <= LOST_S:
            self.reset()
        self._stamp = stamp
        new = self._new_places(image, complete)
        regions = np.concatenate([self._regions, new.regions])
        source = np.concatenate([np.full(len(self._regions), "track", "U9"), new.source])
        seen = self._landmarks(image, regions)
        if complete:
            seen = self._second_look(image, seen)
        else:
            self._search.go_on(image)
        sure = seen.flags >= self._settings.min_score
        rows = np.flatnonzero(sure & plausible(seen, regions, source == "track"))
        boxes = boxes_of(seen, image)
        rows = rows[~repeated(seen[rows], boxes[rows])]
        rows = rows[np.argsort(-boxes[rows, 3], kind="stable")][: self._settings.max_people]
        self._regions, self._boxes = seen.next_regions[rows], boxes[rows]
        return described(seen[rows], boxes[rows], source[rows], image)

    def keypoints_in(self, image: np.ndarray, boxes: np.ndarray, thorough: bool = True) -> People:
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
        if thorough:
            self.wait()
        seen = look_in(image, boxes[rows], self._landmarks, detector)
        people = described(seen, boxes[rows], source[rows], image)
        people = people.replace(found=seen.flags >= self._settings.min_score)
        return written_over(nothing_in(boxes, source), rows, people)

    def _new_places(self, image: np.ndarray, complete: bool) -> Proposals:
        """Where a person may be who is not known yet, as many as one call may look at."""
        new = self._search.all_of(image) if complete else self._search.places(image)
        new = new[kept(new.boxes, new.scores, ONE_PROPOSAL)]
        if len(self._boxes):
            new = new[iou(new.boxes, self._boxes).max(1) < KNOWN_OVERLAP]
        return new[: 2 * self._settings.max_people if complete else NEW_A_FRAME]

    def _second_look(self, image: np.ndarray, first: Landmarks) -> Landmarks:
        """Look again where the first look says the body is; the surer answer a person."""
        second = self._landmarks(image, first.next_regions)
        better = second.flags > first.flags
        return concatenate([first, second])[np.arange(len(first)) + len(first) * better]
