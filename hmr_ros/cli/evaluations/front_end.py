"""``hmr eval front-end``: the statistical keypoint stand-in beside the real front end."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions

SUMMARY = "errors of the statistical keypoint stand-in beside those of the real front end"
SEED = 70_000
WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class ObservedPicture:
    """Picture ``index`` of a seed, looked at by the front end; made in worker processes."""

    motions: Path
    split: str
    photos: Path | None
    seed: int

    def __call__(self, index: int):
        import numpy as np

        from hmr_ros.cli.looking import look
        from hmr_ros.data.detections.observing import observe
        from hmr_ros.data.ingredients import load_ingredients
        from hmr_ros.data.render.render import render
        from hmr_ros.data.scenes.mixes import HEAVY, REALISTIC
        from hmr_ros.data.scenes.sampling import sample_scene

        drawn = load_ingredients(self.motions, self.split, self.photos)
        body = drawn.body
        rng = np.random.default_rng([self.seed, index])
        mix = HEAVY if index % 2 else REALISTIC
        picture = render(
            sample_scene(rng, body, drawn.motions, mix, drawn.photos, WIDTH, HEIGHT), body
        )
        return observe(picture, body, look, rng)


def observed(
    motions: Path, split: str, photos: Path | None, pictures: int, workers: int, seed: int
):
    """``Observed`` people of so many pictures of the realistic and the heavy mix, in turns."""
    from rich.progress import track

    from hmr_ros.batch import concatenate
    from hmr_ros.data.stream import rendered_stream

    make = ObservedPicture(motions, split, photos, seed)
    stream = rendered_stream(make, range(pictures), workers)
    found = [o for o in track(stream, "pictures", total=pictures, transient=True) if o is not None]
    return concatenate(found)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval front-end``."""
    add_motions(parser)
    parser.add_argument("--backgrounds", type=Path, help="folder of background photographs")
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by class of joints and way of being seen, on motions of the split ``val``."""
    from hmr_ros.data.measured_errors import load_measured
    from hmr_ros.evaluation.front_end import compared

    seen = observed(args.motions, "val", args.backgrounds, args.pictures, args.workers, SEED)
    return compared(seen, load_measured())
