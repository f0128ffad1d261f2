#!/usr/bin/env python3
"""Draw how the room for a limb grows while it is hidden: docs/images/hidden_limb.jpg.

usage: tools/draw_hidden_limb.py MOTIONS.npz [--estimator NAME] [--out docs/images]

A film is drawn in which a limb of somebody is seen, goes behind something and comes back, and the
whole pipeline runs on it. Above: three of its images with capsules as of ~/occupancy, but about the
pelvis. Below: the room at the limb's end over time; grey is when it is truly hidden.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.body.model import JOINT_NAMES, BodyModel, load_body_model
from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.data.motions import Motions, load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.scenes.mixes import REALISTIC
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.sequences.sample import sample_sequence
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.frame import Frame
from hmr_ros.occupancy import credible_radius
from hmr_ros.parameters import validated
from hmr_ros.pipeline import Pipeline

FRAMES, FPS, LEVEL = 60, 10, 0.9
ENDS = (4, 5, 7, 8, 18, 19, 20, 21)  # knees, ankles, elbows, wrists
RUN = 6  # frames that a limb is seen before, hidden, and seen after
TALL = 130  # pixels: a person who can be looked at
SHARE = 0.45  # of the other joints that are seen while the limb is not
HIDERS = (Thing.FURNITURE, Thing.SOLID)
FILMS = 60


@dataclass(frozen=True)
class Episode:
    """Pictures of a film, the person's row and the joint, and the frames [T] at which it hides."""

    pictures: list[RenderedImage]
    person: int
    joint: int
    hidden: np.ndarray
    start: int
    end: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motions", type=Path)
    parser.add_argument("--estimator", default=validated().estimator)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seed", type=int, default=0, help="of the first film that is tried")
    args = parser.parse_args()
    body, motions = load_body_model(), load_motions(args.motions).split("val")
    pipeline = Pipeline(validated({"estimator": args.estimator}))
    pipeline.warm_up()
    for seed in range(args.seed, args.seed + FILMS):
        episode = found_in(film(body, motions, seed))
        if episode is None:
            continue
        reach, drawn = watched(episode, pipeline)
        if np.isfinite(reach).sum() < 0.9 * len(reach):
            continue  # the person was not followed all the time
        name = JOINT_NAMES[episode.joint].replace("_", " ")
        hidden = episode.hidden
        print(
            f"film {seed}, {name}: room {np.nanmedian(reach[~hidden]):.2f} m seen, "
            f"{np.nanmedian(reach[hidden]):.2f} m hidden"
        )
        sheet = np.vstack([np.hstack(drawn), plot(reach, hidden, name, 3 * drawn[0].shape[1])])
        path = args.out / "hidden_limb.jpg"
        cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(f"wrote {path}")
        return
    raise SystemExit(f"no film of {FILMS} from seed {args.seed} hides a limb for a while")


def film(body: BodyModel, motions: Motions, seed: int) -> list[RenderedImage]:
    """What a camera that stands still sees of people in a furnished room."""
    rng = np.random.default_rng([seed, 77])
    shown = sample_sequence(rng, body, motions, REALISTIC, FRAMES, "static", FPS)
    return [render(shown.scene(frame, body), body) for frame in range(FRAMES)]


def found_in(pictures: list[RenderedImage]) -> Episode | None:
    """The longest time for which a limb of somebody large is hidden and little else is."""
    best = None
    people = min(len(p.visibility) for p in pictures)
    for person in range(people):
        boxes = np.array([p.boxes[person] for p in pictures])
        states = np.array([p.visibility[person] for p in pictures])
        for joint in ENDS:
            hidden = states[:, joint] == HIDDEN
            by = np.array([p.occluder[person, joint] for p in pictures])
            edges = np.flatnonzero(np.diff(hidden.astype(int)))
            for start, end in zip(edges[:-1] + 1, edges[1:] + 1, strict=True):
                before, after = hidden[max(0, start - RUN) : start], hidden[end : end + RUN]
                if not hidden[start] or end - start < RUN or min(len(before), len(after)) < RUN:
                    continue
                around = slice(start - RUN, end + RUN)
                others = (states[around] != HIDDEN).mean(1)
                whole = (
                    np.isin(by[start:end], HIDERS).mean() > 0.8
                    and not before.any()
                    and not after.any()
                    and boxes[around, 3].min() > TALL
                )
                longer = best is None or end - start > best.end - best.start
                if whole and others.min() > SHARE and longer:
                    best = Episode(pictures, person, joint, hidden, start, end)
    return best


def watched(episode: Episode, pipeline: Pipeline) -> tuple[np.ndarray, list[np.ndarray]]:
    """The room [T] in metres at the limb's end around the pelvis (NaN where the person is not
    followed), and three images drawn over: before, hidden, after."""
    pipeline.reset()
    start, end = episode.start, episode.end
    moments = (start - RUN // 2, (start + end) // 2, end + RUN // 2)
    reach, drawn = np.full(FRAMES, np.nan), []
    for number, picture in enumerate(episode.pictures):
        tracks = pipeline(Frame(picture.image, picture.camera, number / FPS))
        true = picture.joints[episode.person, 0]
        if len(tracks):
            off = np.linalg.norm(tracks.bodies.joints[:, 0] - true, axis=1) / true[2]
            nearest = int(off.argmin())
            if off[nearest] < 0.25:
                cov = tracks.bodies.joint_cov[nearest, episode.joint].astype(float)
                tail = tracks.bodies.joint_tails[nearest, episode.joint]
                reach[number] = credible_radius(cov[None], LEVEL, tail)[0]
        if number in moments:
            # About the pelvis: how far away the whole person is, is another question.
            near = tracks.bodies.replace(transl_cov=0 * tracks.bodies.transl_cov)
            tracks = replace(tracks, bodies=near)
            image = draw_tracks(picture.image, tracks, pipeline.body, picture.camera, LEVEL)
            drawn.append(cv2.resize(image, (427, 320), interpolation=cv2.INTER_AREA))
    return reach, drawn


def plot(reach: np.ndarray, hidden: np.ndarray, name: str, width: int) -> np.ndarray:
    """[200, width, 3]: a line over time on white, grey behind it where the limb is hidden."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    seconds = np.arange(len(reach)) / FPS
    figure, axes = pyplot.subplots(figsize=(width / 100, 2), dpi=100, layout="constrained")
    axes.fill_between(
        seconds, 0, 1, where=hidden, color="0.85", step="mid", transform=axes.get_xaxis_transform()
    )
    axes.plot(seconds, reach, color="tab:blue")
    axes.set(xlabel="s", ylabel="m", xlim=(0, seconds[-1]), ylim=(0, None))
    axes.set_title(f"radius that holds the {name} with {LEVEL:.0%}, about the pelvis", fontsize=9)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., 2::-1]
    pyplot.close(figure)
    return cv2.resize(np.ascontiguousarray(picture), (width, 200), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
