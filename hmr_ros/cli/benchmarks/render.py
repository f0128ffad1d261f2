"""Pictures of 256 x 256 with all their truth: how many a second, where the time goes, memory."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.process_memory import resident_mib
from hmr_ros.data.stream import AHEAD, image_rng, rendered_stream

STEP_SCENES = 500  # more would only repeat what the first tell about the time of each step
SUMMARY = "rendered pictures with all truth, by process and by worker; time by step; memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--images",
        type=int,
        default=200,
        help="pictures of each measurement; fewer where scenes hold fewer crops",
    )
    parser.add_argument(
        "--crops-per-scene", type=int, default=2, help="people of a scene that get a picture, most"
    )
    parser.add_argument(
        "--warm-up",
        type=int,
        default=300,
        help="scenes that each process makes before: they cut the shapes that later ones share",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of the parallel one")
    parser.add_argument("--size", type=int, default=256, help="pixels along a side")
    parser.add_argument("--mix", default="realistic", help="kinds of scenes")
    parser.add_argument("--seed", type=int, default=0)
    add_motions(parser)
    parser.add_argument("--photos", type=Path, help="folder of backgrounds; default: noise")


@dataclass(frozen=True)
class Crops:
    """Pictures of scene ``i`` of a stream: a pure function of what is named here and of ``i``."""

    mix: str
    seed: int
    size: int
    most: int
    motions: Path
    photos: Path | None

    @property
    def ingredients(self):
        from hmr_ros.data.ingredients import load_ingredients

        return load_ingredients(self.motions, "train", self.photos)

    def scenes(self, index: int) -> list:
        from hmr_ros.data.scenes.mixes import MIXES
        from hmr_ros.data.scenes.sampling import sample_crops

        has = self.ingredients
        rng, mix = image_rng(self.seed, index), MIXES[self.mix]
        return sample_crops(rng, has.body, has.motions, mix, has.photos, self.size, self.most)

    def __call__(self, index: int) -> list:
        from hmr_ros.data.render.render import render

        return [render(scene, self.ingredients.body) for scene in self.scenes(index)]


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows for one process, for the workers and for each step (of the first ``STEP_SCENES``).

    ``per_second`` is pictures. Raises ValueError for an unknown mix, fewer than one crop a scene,
    or if a worker's pictures differ from this process'.
    """
    from hmr_ros.data.scenes.mixes import MIXES

    if args.mix not in MIXES:
        raise ValueError(f"mix {args.mix!r} is unknown; known: {', '.join(MIXES)}")
    most = args.crops_per_scene
    if most < 1:
        raise ValueError(f"--crops-per-scene is {most}, expected at least 1")
    make = Crops(args.mix, args.seed, args.size, most, args.motions, args.photos)
    scenes = -(-args.images // most)
    alone, sums = _timed(make, scenes, 0, args.warm_up)
    shared, again = _timed(make, scenes, args.workers, args.warm_up)
    if sums != again:
        raise ValueError("pictures from workers differ from those of one process")
    return [
        _row("render, 1 process", alone, alone),
        _row(f"render, {args.workers} workers", shared, alone),
        *_steps(make, min(scenes, STEP_SCENES)),
    ]


def _timed(make: Crops, scenes: int, workers: int, warm_up: int) -> tuple[dict, list[int]]:
    """Seconds a picture, scene by scene, and what the memory did; a checksum of each picture."""
    seconds, sums, memory = [], [], []
    before_all = max(1, warm_up * max(1, workers))  # processes start and compile first
    # As many are in the making at the end as at the beginning.
    after_all = AHEAD * workers
    others = range(scenes, scenes + before_all), range(scenes, scenes + after_all)
    stream = rendered_stream(make, chain(others[0], range(scenes), others[1]), workers)
    for _ in range(before_all):
        next(stream)
    start = before = time.perf_counter()
    for n in range(scenes):
        pictures = next(stream)
        now = time.perf_counter()
        seconds.append((now - before) / len(pictures))
        before = now
        sums += [_checksum(picture) for picture in pictures]
        if n % 50 == 0:
            memory.append(resident_mib())
    total = time.perf_counter() - start
    stream.close()
    # The first tenth fills caches of photographs, motions and compiled functions.
    settled = memory[len(memory) // 10 :] or [resident_mib()]
    figures = {
        "seconds": np.array(seconds),
        "per_second": len(sums) / total,
        "scenes_per_second": scenes / total,
        "memory_mib": settled[-1],
        "growth_mib": settled[-1] - settled[0],
    }
    return figures, sums


def _checksum(picture) -> int:
    import zlib

    total = 0
    arrays = (picture.image, picture.depth, picture.part_id, picture.joints, picture.visibility)
    for array in arrays:
        total = zlib.crc32(np.ascontiguousarray(array), total)
    return total


def _steps(make: Crops, scenes: int) -> list[dict]:
    """Processor time a picture of each step of one process, and its share of all."""
    from hmr_ros.data.render import render as renderer

    body = make.ingredients.body
    spent: Counter[str] = Counter()
    images = 0
    with _watched(renderer, spent):
        for index in range(scenes):
            start = time.process_time()
            crops = make.scenes(index)
            spent["sampling"] += time.process_time() - start
            start = time.process_time()
            for scene in crops:
                renderer.render(scene, body)
            spent["all but sampling"] += time.process_time() - start
            images += len(crops)
    steps = ("posing", "raster", "shadow", "shading", "finish", "truth")
    spent["the rest"] = spent.pop("all but sampling") - sum(spent[s] for s in steps)
    total = sum(spent.values())
    return [
        {
            "name": f"render, {name}",
            "p50_ms": None,
            "mean_ms": 1e3 * spent[name] / images,
            "share": spent[name] / total,
        }
        for name in ("sampling", *steps, "the rest")
    ]


_STEPS = {
    "draw_list": "posing",
    "covered": "raster",
    "shadow_map": "shadow",
    "shaded": "shading",
    "finished": "finish",
    "maps": "truth",
    "seen_joints": "truth",
    "boxes_and_shares": "truth",
}


@contextmanager
def _watched(renderer, spent: Counter[str]) -> Iterator[None]:
    """The renderer's steps with a clock around each."""
    originals = {name: getattr(renderer, name) for name in _STEPS}

    def clocked(name: str, function: Callable) -> Callable:
        def call(*arguments):
            start = time.process_time()
            result = function(*arguments)
            spent[_STEPS[name]] += time.process_time() - start
            return result

        return call

    for name, function in originals.items():
        setattr(renderer, name, clocked(name, function))
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(renderer, name, function)


def _row(name: str, figures: dict, alone: dict) -> dict:
    p50, p95, p99 = 1e3 * np.percentile(figures["seconds"], [50, 95, 99])
    return {
        "name": name,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "per_second": figures["per_second"],
        "scenes_per_second": figures["scenes_per_second"],
        "bytes": None,
        "versus": "render, 1 process",
        "ratio": figures["per_second"] / alone["per_second"],
        "memory_mib": figures.get("memory_mib"),
        "growth_mib": figures.get("growth_mib"),
    }
