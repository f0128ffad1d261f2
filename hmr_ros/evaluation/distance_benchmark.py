"""How far away the pipeline believes people to be, on rendered films with a known camera.

Dressed adults who stand and walk in rooms, or before photographs, are filmed by a camera that
stays where it is; lens and occluders are kept out of it, so that stature and distance decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.data.motions import Motions
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.mixes import LIGHT
from hmr_ros.data.sequences.sample import sample_sequence
from hmr_ros.data.sequences.sequence import Sequence
from hmr_ros.evaluation.synocc.matching import matched
from hmr_ros.frame import Frame
from hmr_ros.pipeline import Pipeline
from hmr_ros.tracks import Tracks, TrackState

# Metres between the soles and the crown of the body in its rest pose.
STATURE_BANDS = ((0.0, 1.60), (1.60, 1.75), (1.75, 3.0))
DISTANCE_BANDS = ((0.0, 4.0), (4.0, 6.0), (6.0, 9.0))
CLEAR = 0.9  # share of the silhouette that must be seen of a person who counts as unoccluded
# Who stands or walks: degrees that the pelvis leans, and the height of the pelvis over the lower
# ankle in units of a straight leg.
MOST_LEANING, LEAST_STRAIGHT = 25.0, 0.88
_ANKLES = [7, 8]


@dataclass(frozen=True)
class Setting:
    """What the films are like; every length in metres, angles in degrees.

    distance: from where the camera stands to the middle of the first person's way; the others
    move anywhere in the room.
    """

    films: int = 40
    people: int = 3
    seconds: float = 1.6
    rate_hz: float = 10.0
    width: int = 640
    height: int = 480
    fov_deg: tuple[float, float] = (45.0, 70.0)
    camera_height: tuple[float, float] = (1.0, 1.6)
    distance: tuple[float, float] = (2.5, 8.0)
    seed: int = 0

    @property
    def mix(self) -> Mix:
        """The scenes that the films are drawn from."""
        return replace(
            LIGHT,
            name="distance",
            activities={"walk": 1.0, "stand": 1.0},
            people=(self.people, self.people),
            lens=0.0,
            distance=self.distance,
            height=self.camera_height,
            fov_deg=self.fov_deg,
        )


@dataclass(frozen=True, eq=False)
class Sightings(EqualLength):
    """N times a person was in an image; what was not reported is NaN.

    person: [N] number of the person. clear: [N] bool, whole and unoccluded in the image.
    standing: [N] bool, on straight legs or nearly so, which walkers are, too.
    distance, reported: [N] metres from the camera to the pelvis. stature, reported_stature: [N]
    metres from the soles to the crown of the body in its rest pose.
    """

    person: np.ndarray
    clear: np.ndarray
    standing: np.ndarray
    distance: np.ndarray
    reported: np.ndarray
    stature: np.ndarray
    reported_stature: np.ndarray


def films(
    setting: Setting, body: BodyModel, motions: Motions, photos: tuple[Path, ...] = ()
) -> Iterator[Sequence]:
    """The films of a setting; the same setting gives the same films.

    motions: of one split. Raises MotionError where nobody can be filmed so.
    """
    s = setting
    frames = max(2, round(s.seconds * s.rate_hz))
    for number in range(s.films):
        rng = np.random.default_rng([s.seed, number])
        yield sample_sequence(
            rng, body, motions, s.mix, frames, "static", s.rate_hz, s.width, s.height, photos
        )


def watch(
    film: Sequence, pipeline: Pipeline, warm_up_s: float = 0.8
) -> Iterator[tuple[RenderedImage, Tracks]]:
    """Play a film to the pipeline; the first ``warm_up_s`` seconds are shown but not returned."""
    pipeline.reset()
    for frame, time in enumerate(film.path.times):
        counts = time >= warm_up_s - 1e-9
        picture = render(film.scene(frame), pipeline.body, truth=counts)
        tracks = pipeline(Frame(picture.image, picture.camera, float(film.stamps[frame])))
        if counts:
            yield picture, tracks


def sightings(
    picture: RenderedImage, tracks: Tracks, body: BodyModel, first_person: int = 0
) -> Sightings:
    """Who of the people in a picture was reported, and where.

    A track belongs to the person whose joints it lies on in the image, if it does; coasting tracks
    are predictions and report nobody. People of whom no pixel shows are left out.
    """
    bodies = tracks.bodies[tracks.states == TrackState.TRACKED]
    people = np.flatnonzero(picture.shown > 0)
    visibility = picture.visibility[people]
    owner = matched(bodies.joints_2d, picture.joints_2d[people], visibility, picture.boxes[people])
    found = owner >= 0
    reported = np.full(len(people), np.nan)
    reported_stature = np.full(len(people), np.nan)
    reported[found] = np.linalg.norm(bodies.joints[owner[found], 0], axis=-1)
    reported_stature[found] = stature(body, bodies.betas[owner[found]])
    return Sightings(
        person=first_person + people,
        clear=(visibility != HIDDEN).all(1) & (picture.shown[people] >= CLEAR),
        standing=standing(picture, body)[people],
        distance=np.linalg.norm(picture.joints[people, 0].astype(float), axis=-1),
        reported=reported,
        stature=stature(body, picture.betas[people]),
        reported_stature=reported_stature,
    )


def standing(picture: RenderedImage, body: BodyModel) -> np.ndarray:
    """[P] bool: who is upright on nearly straight legs, see ``MOST_LEANING``."""
    up = picture.view.rotation[:, 1]
    upright = picture.rotations[:, 0, :, 1] @ up > np.cos(np.radians(MOST_LEANING))
    rise = ((picture.joints[:, :1] - picture.joints[:, _ANKLES]) @ up).max(1, initial=0)
    rest = rest_joints(body, picture.betas)
    leg = rest[:, 0, 1] - rest[:, 7, 1]
    return upright & (rise > LEAST_STRAIGHT * leg)


def stature(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """Metres [N] from the soles to the crown in the rest pose, for shapes ``betas`` [N, 10]."""
    height = body.v_template[:, 1] + np.asarray(betas, float) @ body.shapedirs[:, 1].T
    return height.max(1) - height.min(1)


def benchmark(
    setting: Setting, pipeline: Pipeline, motions: Motions, photos: tuple[Path, ...] = ()
) -> Sightings:
    """All sightings of all films of a setting."""
    seen = []
    for number, film in enumerate(films(setting, pipeline.body, motions, photos)):
        for picture, tracks in watch(film, pipeline):
            seen.append(sightings(picture, tracks, pipeline.body, number * setting.people))
    return concatenate(seen)


def rows(seen: Sightings, model: str) -> list[dict]:
    """Figures of ``hmr eval``. Errors are |reported / true - 1| of those reported, in percent.

    within_6_pct: share with an error of at most 6 %. bias_pct: median of reported / true - 1.
    known_stature_pct: the median error that is left if the reported distance is scaled by true
    over reported stature, so what the ambiguity of stature does not explain. stature_sd_pct:
    spread of the true statures over their mean; somebody who places every person as one of mean
    stature errs by 0.67 of it in the median.
    """
    upright = seen[seen.standing]
    clear = upright[upright.clear]
    subsets = {"standing": clear}
    for low, high in STATURE_BANDS:
        within = (clear.stature >= low) & (clear.stature < high)
        subsets[f"stature {low:.2f}-{high:.2f} m"] = clear[within]
    for low, high in DISTANCE_BANDS:
        within = (clear.distance >= low) & (clear.distance < high)
        subsets[f"distance {low:.0f}-{high:.0f} m"] = clear[within]
    subsets["occluded or cut off"] = upright[~upright.clear]
    if not seen.standing.all():
        subsets["bent or crouching"] = seen[~seen.standing]
    return [{"model": model, "subset": name, **_figures(part)} for name, part in subsets.items()]


def _figures(seen: Sightings) -> dict:
    found = seen[np.isfinite(seen.reported)]
    figures = {"n": len(seen), "people": len(np.unique(seen.person))}
    if len(found) == 0:
        return figures
    ratio = found.reported / found.distance
    error = 100 * np.abs(ratio - 1)
    known = 100 * np.abs(ratio * found.stature / found.reported_stature - 1)
    _, firsts = np.unique(seen.person, return_index=True)
    statures = seen.stature[firsts]
    return {
        **figures,
        "detected_pct": 100 * len(found) / len(seen),
        "error_pct": float(np.median(error)),
        "p90_pct": float(np.percentile(error, 90)),
        "within_6_pct": float(100 * (error <= 6).mean()),
        "bias_pct": float(100 * np.median(ratio - 1)),
        "known_stature_pct": float(np.median(known)),
        "stature_sd_pct": float(100 * statures.std() / statures.mean()),
        "ci95": {"error_pct": _interval(error, found.person)},
    }


def _interval(error: np.ndarray, person: np.ndarray, rounds: int = 500) -> list[float]:
    """95 % interval of the median when whole people are drawn anew."""
    groups = [error[person == p] for p in np.unique(person)]
    rng = np.random.default_rng(0)
    medians = [
        np.median(np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]))
        for _ in range(rounds)
    ]
    return [round(float(v), 2) for v in np.percentile(medians, [2.5, 97.5])]
