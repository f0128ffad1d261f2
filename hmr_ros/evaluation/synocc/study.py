"""One run of a benchmark: the people, what every model said, and the errors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.body.model import BodyModel
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.evaluation.synocc.answers import Answer, Truth, placed
from hmr_ros.evaluation.synocc.errors import Errors, errors_of
from hmr_ros.evaluation.synocc.matching import matched
from hmr_ros.evaluation.synocc.models import Model
from hmr_ros.evaluation.synocc.still import truth_of
from hmr_ros.frame import Frame

GIVEN, DETECTION = "given", "detection"


@dataclass(frozen=True, eq=False)
class Study:
    """truth: N people. answers, errors: by protocol and model name, N rows each.

    alarms: answers of the protocol ``detection`` that are about nobody, by model name.
    images: pictures that were looked at (also those without a person who counts).
    fingerprint: start of a SHA-256 of all pixels and joints: runs of the same pictures share it.
    """

    truth: Truth
    answers: dict[str, dict[str, Answer]]
    errors: dict[str, dict[str, Errors]]
    alarms: dict[str, int] = field(default_factory=dict)
    images: int = 0
    fingerprint: str = ""

    @property
    def models(self) -> list[str]:
        """Names of all models, in the order they were asked for."""
        return list(dict.fromkeys(name for given in self.answers.values() for name in given))


class Examination:
    """Shows pictures to models and keeps what they say; ``study`` at any time, also half-way."""

    def __init__(self, models: Sequence[Model], protocols: Iterable[str]) -> None:
        self._models, self._protocols = list(models), list(protocols)
        self._truth: list[Truth] = []
        self._said: dict[str, dict[str, list[Answer]]] = {p: {} for p in self._protocols}
        self._alarms: dict[str, int] = {}
        self._images = 0
        self._hash = hashlib.sha256()

    def show(self, number: int, picture: RenderedImage) -> None:
        """Ask every model about picture ``number``."""
        truth = truth_of(number, picture)
        frame = Frame(np.ascontiguousarray(picture.image), picture.camera, 0.0)
        said: list[tuple[str, str, Answer]] = []
        if GIVEN in self._protocols and len(truth):
            said += [(GIVEN, m.name, m.given(frame, truth.given)) for m in self._models]
        if DETECTION in self._protocols:
            for model in self._models:
                answer = model.detected(frame)
                if answer is not None:
                    own, alarms = assigned(answer, picture, truth)
                    said.append((DETECTION, model.name, own))
                    self._alarms[model.name] = self._alarms.get(model.name, 0) + alarms
        # Only whole pictures count: all models have answered by now.
        self._images += 1
        self._hash.update(picture.image.tobytes() + picture.joints.tobytes())
        if len(truth):
            self._truth.append(truth)
            for protocol, name, answer in said:
                self._said[protocol].setdefault(name, []).append(answer)

    def study(self, body: BodyModel) -> Study:
        """What was found so far. Raises ValueError if there was nobody to look at."""
        if not self._truth:
            raise ValueError("nobody to look at in these pictures; take more of them")
        truth = concatenate(self._truth)
        answers = {
            protocol: {name: joined(parts) for name, parts in said.items()}
            for protocol, said in self._said.items()
        }
        errors = {
            protocol: {name: errors_of(truth, answer, body) for name, answer in said.items()}
            for protocol, said in answers.items()
        }
        fingerprint = self._hash.hexdigest()[:16]
        return Study(truth, answers, errors, dict(self._alarms), self._images, fingerprint)


def examine(
    models: Sequence[Model],
    pictures: Iterable[tuple[int, RenderedImage]],
    body: BodyModel,
    protocols: Iterable[str] = (GIVEN, DETECTION),
    interrupted: Callable[[], None] = lambda: None,
) -> Study:
    """Show all pictures. Ctrl-C ends it early with what was found so far; ``interrupted`` is
    called then."""
    examination = Examination(models, protocols)
    try:
        for number, picture in pictures:
            examination.show(number, picture)
    except KeyboardInterrupt:
        interrupted()
    return examination.study(body)


def assigned(answer: Answer, picture: RenderedImage, truth: Truth) -> tuple[Answer, int]:
    """Answers about people whom the model found itself, as rows of ``truth``; and how many are
    about nobody. People who do not count take their answers out of the way."""
    owner = matched(answer.joints_2d, picture.joints_2d, picture.visibility, picture.boxes)
    rows = owner[truth.person]
    found = rows >= 0
    own = placed(answer[rows[found]], np.flatnonzero(found), len(truth))
    seen = answer.found.copy()
    seen[owner[owner >= 0]] = False
    return own, int(seen.sum())


def joined(parts: list[Answer]) -> Answer:
    """Answers about many pictures in a row. What one part lacks (a peer that found nobody) is
    filled with NaN where others have it."""
    names = ("rotations", "betas", "joint_cov")
    filled = []
    for part in parts:
        gaps = {}
        for name in names:
            if getattr(part, name) is None:
                like = next((getattr(p, name) for p in parts if getattr(p, name) is not None), None)
                if like is not None:
                    gaps[name] = np.full((len(part), *like.shape[1:]), np.nan, np.float32)
        filled.append(part.replace(**gaps) if gaps else part)
    return concatenate(filled)
