"""The worst, median and best people of a run as pictures: the truth beside what models say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.pose_metrics import HIPS
from hmr_ros.evaluation.report.page import Section, colour, escaped, image_tag
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.evaluation.synocc.answers import Answer, Truth
from hmr_ros.evaluation.synocc.errors import Errors

HEIGHT = 250  # pixels of a panel
# Bones between limb joints, which every model and peer has.
BONES = (
    (1, 4), (4, 7), (2, 5), (5, 8), (16, 18), (18, 20), (17, 19), (19, 21), (16, 17), (1, 2),
    (16, 1), (17, 2),
)  # fmt: skip
LEFT = {1, 4, 7, 16, 18, 20}
TRUE = (245, 245, 245)  # BGR of the truth's skeleton


@dataclass(frozen=True)
class Case:
    """One person: which group (worst, median, best), what to say, and the picture (JPEG)."""

    group: str
    caption: str
    picture: bytes


def chosen_people(errors: Errors, truth: Truth, each: int = 4) -> dict[str, list[int]]:
    """Rows of the worst, median and best people by MPJPE over the limb joints, worst first; each
    from another picture. People without an answer are left out."""
    error = errors.joints[:, list(LIMB)]
    known = np.flatnonzero(np.isfinite(error).all(1))
    order = known[np.argsort(-error[known].mean(1), kind="stable")]
    _, first = np.unique(truth.image[order], return_index=True)
    order = order[np.sort(first)]
    each = min(each, len(order) // 3) or min(1, len(order))
    middle = max(0, (len(order) - each) // 2)
    return {
        "worst": order[:each].tolist(),
        "median": order[middle : middle + each].tolist(),
        "best": order[len(order) - each :][::-1].tolist(),
    }


def cases_of(
    truth: Truth,
    answers: dict[str, Answer],
    errors: dict[str, Errors],
    image_of: Callable[[int], np.ndarray],
    each: int = 4,
    paint: Callable[[np.ndarray, Answer, int, tuple[int, int, int]], None] | None = None,
) -> list[Case]:
    """Cases of the first model of ``answers``, drawn for all of them.

    image_of: picture [H, W, 3] uint8 BGR of an image's number. paint: draws an answer's row over
    a picture in place in the model's colour (BGR), such as its mesh; skeletons are drawn over it.
    """
    names = list(answers)
    found = []
    for group, people in chosen_people(errors[names[0]], truth, each).items():
        for n in people:
            image = image_of(int(truth.image[n]))
            panels = [cropped(image, truth.boxes[n])]
            said = []
            for number, name in enumerate(names):
                panels += _panels(image, truth, answers[name], n, bgr(colour(number)), paint)
                said.append(_caption(name, answers[name], errors[name], n))
            seen = int((truth.visibility[n, list(LIMB)] == VISIBLE).sum())
            about = (
                f"picture {truth.image[n]}, {truth.level[n]}, {seen} of 12 joints visible: "
                f"{'; '.join(said)}"
            )
            found.append(Case(group, about, side_by_side(panels)))
    return found


def cases_section(cases: Sequence[Case], names: Sequence[str]) -> Section | None:
    """The pictures by group."""
    if not cases:
        return None
    content = ""
    for group in dict.fromkeys(case.group for case in cases):
        own = [case for case in cases if case.group == group]
        content += f"<h3>{group.capitalize()}</h3>{captioned(own)}"
    return Section(
        "Cases",
        f"People at whom {escaped(names[0])} errs most, middling and least. Left: the picture. "
        "Then for each model: its mesh and joints in its colour, with the true joints in white "
        "(hollow where they cannot be seen), and both from the side, with the camera on the left, "
        "where errors in depth show.",
        content,
    )


def captioned(cases: Sequence[Case]) -> str:
    """The pictures with their captions."""
    figures = "".join(
        f"<figure>{image_tag(c.picture, c.caption)}"
        f"<figcaption>{escaped(c.caption)}</figcaption></figure>"
        for c in cases
    )
    return f'<div class="cases">{figures}</div>'


def side_by_side(panels: Sequence[np.ndarray]) -> bytes:
    """Pictures of one height as one JPEG."""
    ok, encoded = cv2.imencode(".jpg", np.hstack(panels), [cv2.IMWRITE_JPEG_QUALITY, 86])
    assert ok
    return encoded.tobytes()


def _panels(image, truth: Truth, answer: Answer, n: int, ink, paint) -> list[np.ndarray]:
    picture = image.copy()
    if paint is not None:
        paint(picture, answer, n, ink)
    front, scale, corner = cropped(picture, truth.boxes[n], with_scale=True)
    front = (0.62 * front).astype(np.uint8)
    seen = truth.visibility[n] == VISIBLE
    _skeleton(front, (truth.joints_2d[n] + 0.5 - corner) * scale, TRUE, seen)
    _skeleton(front, (answer.joints_2d[n] + 0.5 - corner) * scale, ink)
    return [front, _side(truth.joints[n], answer.joints[n], ink)]


def _side(true: np.ndarray, said: np.ndarray, ink) -> np.ndarray:
    """Both skeletons from the side about the middle of the hips: depth to the right."""
    panel = np.full((HEIGHT, int(0.72 * HEIGHT), 3), 38, np.uint8)
    scale = HEIGHT / 2.3  # pixels a metre
    for joints, colour_ in ((true, TRUE), (said, ink)):
        about = joints - joints[list(HIPS)].mean(0)
        flat = np.stack([about[:, 2], about[:, 1]], -1) * scale
        _skeleton(panel, flat + [panel.shape[1] / 2, 0.52 * HEIGHT], colour_)
    return panel


def _skeleton(image: np.ndarray, points: np.ndarray, ink, seen: np.ndarray | None = None) -> None:
    far = 4 * HEIGHT
    fixed = {}
    for joint in LIMB:
        if np.isfinite(points[joint]).all() and np.abs(points[joint]).max() < far:
            fixed[joint] = tuple(np.round(points[joint] * 16).astype(int).tolist())
    for a, b in BONES:
        if a in fixed and b in fixed:
            # The left side is darker, so that swapped sides show.
            shade = tuple(int(c * (0.62 if a in LEFT and b in LEFT else 1.0)) for c in ink)
            cv2.line(image, fixed[a], fixed[b], shade, 2, cv2.LINE_AA, 4)
    for joint, place in fixed.items():
        full = seen is None or seen[joint]
        cv2.circle(image, place, 3 << 4, ink, cv2.FILLED if full else 1, cv2.LINE_AA, 4)


def cropped(image: np.ndarray, box: np.ndarray, with_scale: bool = False):
    """Square around a box, enlarged to ``HEIGHT``; black outside the image."""
    x, y, w, h = np.asarray(box, float)
    side = max(8, int(round(1.25 * max(w, h))))
    left, top = int(round(x + w / 2 - side / 2)), int(round(y + h / 2 - side / 2))
    scale = HEIGHT / side
    shift = np.array(
        [[scale, 0, scale * (0.5 - left) - 0.5], [0, scale, scale * (0.5 - top) - 0.5]]
    )
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    panel = cv2.warpAffine(image, shift, (HEIGHT, HEIGHT), flags=method)
    return (panel, scale, np.array([left, top], float)) if with_scale else panel


def _caption(name: str, answer: Answer, errors: Errors, n: int) -> str:
    if not answer.answered[n]:
        return f"{name} found nobody"
    error = 1e3 * np.nanmean(errors.joints[n, list(LIMB)])
    aligned = 1e3 * np.nanmean(errors.aligned[n, list(LIMB)])
    guess = "" if answer.found[n] else ", a guess"
    return f"{name} {error:.0f} mm (PA {aligned:.0f}{guess})"


def bgr(text: str) -> tuple[int, int, int]:
    """Blue, green and red of a colour such as "#2f7fc1"."""
    red, green, blue = (int(text[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red
