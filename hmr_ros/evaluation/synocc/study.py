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
CHUNK = 50  # pictures that are kept at once: what a power cut costs at most


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


@dataclass(frozen=True, eq=False)
class Looked:
    """What came out of one picture.

    truth: the people who count, maybe none. said: answers about them by (protocol, model name).
    alarms: answers about nobody, by model name. digest: SHA-256 of the pixels and joints.
    """

    number: int
    truth: Truth
    said: dict[tuple[str, str], Answer]
    alarms: dict[str, int]
    digest: bytes


def look(
    number: int, picture: RenderedImage, models: Sequence[Model], protocols: Iterable[str]
) -> Looked:
    """Ask every model about picture ``number``."""
    truth = truth_of(number, picture)
    frame = Frame(np.ascontiguousarray(picture.image), picture.camera, 0.0)
    said: dict[tuple[str, str], Answer] = {}
    alarms: dict[str, int] = {}
    if GIVEN in protocols and len(truth):
        said |= {(GIVEN, m.name): m.given(frame, truth.given) for m in models}
    if DETECTION in protocols:
        for model in models:
            answer = model.detected(frame)
            if answer is not None:
                own, alarms[model.name] = assigned(answer, picture, truth)
                if len(truth):
                    said[DETECTION, model.name] = own
    digest = hashlib.sha256(picture.image.tobytes() + picture.joints.tobytes()).digest()
    return Looked(number, truth, said, alarms, digest)


def study_of(found: Iterable[Looked], body: BodyModel, protocols: Iterable[str]) -> Study:
    """All pictures together, in this order. Raises ValueError if nobody is in them."""
    found = list(found)
    peopled = [one for one in found if len(one.truth)]
    if not peopled:
        raise ValueError("nobody to look at in these pictures; take more of them")
    truth = concatenate([one.truth for one in peopled])
    parts: dict[str, dict[str, list[Answer]]] = {p: {} for p in protocols}
    for one in peopled:
        for (protocol, name), answer in one.said.items():
            parts[protocol].setdefault(name, []).append(answer)
    answers = {
        protocol: {name: joined(given) for name, given in said.items()}
        for protocol, said in parts.items()
    }
    errors = {
        protocol: {name: errors_of(truth, answer, body) for name, answer in said.items()}
        for protocol, said in answers.items()
    }
    alarms: dict[str, int] = {}
    for one in found:
        for name, count in one.alarms.items():
            alarms[name] = alarms.get(name, 0) + count
    fingerprint = hashlib.sha256(b"".join(one.digest for one in found)).hexdigest()[:16]
    return Study(truth, answers, errors, alarms, len(found), fingerprint)


def examine(
    models: Sequence[Model],
    pictures: Iterable[tuple[int, RenderedImage]],
    body: BodyModel,
    protocols: Iterable[str] = (GIVEN, DETECTION),
    interrupted: Callable[[], None] = lambda: None,
    earlier: Iterable[Looked] = (),
    keep: Callable[[list[Looked]], None] | None = None,
) -> Study:
    """Show all pictures. Ctrl-C ends it early with what was found so far; ``interrupted`` is
    called then.

    earlier: pictures that need not be shown any more. keep: is given what comes out, ``CHUNK``
    pictures at a time, and the rest at the end, however it ends. A picture at which a peer's
    process died is not kept: the next run asks again.
    """
    protocols = list(protocols)
    found = {one.number: one for one in earlier}
    fresh: list[Looked] = []

    def put_away() -> None:
        if keep is not None and fresh:
            keep(list(fresh))
        fresh.clear()

    try:
        for number, picture in pictures:
            deaths = _deaths(models)
            found[number] = one = look(number, picture, models, protocols)
            if _deaths(models) == deaths:
                fresh.append(one)
            if len(fresh) >= CHUNK:
                put_away()
    except KeyboardInterrupt:
        interrupted()
    finally:
        put_away()
    return study_of((found[number] for number in sorted(found)), body, protocols)


def _deaths(models: Sequence[Model]) -> int:
    return sum(getattr(model, "deaths", 0) for model in models)


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
    names = ("rotations", "betas", "joint_cov", "joint_tails")
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
