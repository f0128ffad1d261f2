"""Pictures of 256 x 256 with all their truth in batches, on a CUDA device: how many a second."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.cli.drawing_options import add_motions

SUMMARY = "batches of pictures posed and drawn in torch, by step; on a CUDA device if there is one"
WARM_UP = 2
COMPARED = 4  # pictures that are drawn on the CPU as well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, help="pictures at once; default: 64, or 4 on the CPU")
    parser.add_argument("--rounds", type=int, help="batches timed; default: 20, or 3 on the CPU")
    parser.add_argument("--size", type=int, default=256, help="pixels along a side")
    parser.add_argument("--mix", default="realistic", help="kinds of scenes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="as torch names it; default: cuda, else cpu")
    add_motions(parser)
    parser.add_argument("--photos", type=Path, help="folder of backgrounds; default: noise")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row for each step, one for all of them and one for the CPU's renderer.

    ``per_second`` is pictures. Raises ValueError for an unknown mix, or if pictures differ from
    the CPU's by more than a grey level in more than one pixel of a thousand.
    """
    import torch

    from hmr_ros.data.scenes.mixes import MIXES

    if args.mix not in MIXES:
        raise ValueError(f"mix {args.mix!r} is unknown; known: {', '.join(MIXES)}")
    found = torch.cuda.is_available()
    device = torch.device(args.device or ("cuda" if found else "cpu"))
    if device.type == "cpu":
        print("No CUDA device is used: these are figures of torch on this processor.")
    elif device.type == "cuda" and not found:
        raise ValueError(f"--device {device}: torch {torch.__version__} sees no CUDA device")
    batch = args.batch or (4 if device.type == "cpu" else 64)
    rounds = args.rounds or (3 if device.type == "cpu" else 20)
    scenes, body = _scenes(args, MIXES[args.mix], batch)
    return _rows(scenes, body, device, rounds)


def _scenes(args: argparse.Namespace, mix, count: int):
    from hmr_ros.body.model import load_body_model
    from hmr_ros.data.backgrounds import background_photos
    from hmr_ros.data.motions import load_motions
    from hmr_ros.data.scenes.sampling import sample_crop
    from hmr_ros.data.stream import image_rng

    body, motions = load_body_model(), load_motions(args.motions).split("train")
    photos = background_photos(args.photos)
    return [
        sample_crop(image_rng(args.seed, n), body, motions, mix, photos, args.size)
        for n in range(count)
    ], body


def _rows(scenes: list, body, device, rounds: int) -> list[dict]:
    import torch

    from hmr_ros.body.torch_body import TorchBody
    from hmr_ros.data.render.torch_finish import finished
    from hmr_ros.data.render.torch_posing import posed
    from hmr_ros.data.render.torch_raster import rasterized
    from hmr_ros.data.render.torch_render import budget_of, delivered, render_batch
    from hmr_ros.data.render.torch_shading import shaded
    from hmr_ros.data.render.torch_shadow import shadow_maps
    from hmr_ros.data.render.torch_stage import stage_of

    torch_body = TorchBody(body, torch.float64).to(device)
    budget = budget_of(device)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def timed(call: Callable, times: int = rounds) -> tuple[np.ndarray, object]:
        seconds = []
        for n in range(-min(WARM_UP, times), times):
            wait()
            start = time.perf_counter()
            result = call()
            wait()
            if n >= 0:
                seconds.append(time.perf_counter() - start)
        return np.array(seconds), result

    with torch.no_grad():
        steps = {}
        steps["laying out (host)"], stage = timed(lambda: stage_of(scenes, torch_body), 2)
        steps["posing"], soup = timed(lambda: posed(stage))
        steps["raster"], fronts = timed(lambda: rasterized(soup, budget))
        steps["shadow"], shadows = timed(lambda: shadow_maps(soup, budget))
        steps["shading"], light = timed(lambda: shaded(soup, fronts, shadows, budget))
        tables = stage.tables
        steps["finish"], _ = timed(lambda: finished(light, tables.finishes, tables.outside))
        steps["truth"], plain = timed(lambda: delivered(soup, fronts, light, finish=False))
        steps["all but laying out"], _ = timed(lambda: render_batch(posed(stage)))
    unlike = _unlike(scenes[:COMPARED], body, plain)
    if unlike > 0.001:
        raise ValueError(f"{unlike:.2%} of the pixels differ from the CPU's by more than a level")
    rows = [_row(name, seconds, len(scenes)) for name, seconds in steps.items()]
    rows.append(_row("the CPU's renderer", _on_the_cpu(scenes, body, rounds), 1))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    rows[-2].update(device=name, batch=len(scenes), pixels_unlike=unlike)
    rows[-2].update(versus=rows[-1]["name"], ratio=rows[-2]["per_second"] / rows[-1]["per_second"])
    if device.type == "cuda":
        rows[-2]["memory_mib"] = torch.cuda.max_memory_allocated(device) / 2**20
    return rows


def _unlike(scenes: list, body, batch) -> float:
    """Greatest share of a picture's pixels that the CPU draws otherwise, before the finish."""
    from hmr_ros.data.render.render import render
    from hmr_ros.data.scenes.scene import Finish

    shares = []
    for n, scene in enumerate(scenes):
        expected = render(replace(scene, finish=Finish(), window=None), body).image.astype(int)
        mine = batch.picture(n).image
        shares.append((np.abs(mine - expected) > 1).any(-1).mean())
    return float(max(shares))


def _on_the_cpu(scenes: list, body, rounds: int) -> np.ndarray:
    from hmr_ros.data.render.render import render

    seconds = []
    render(scenes[0], body)
    for n in range(4 * rounds):
        start = time.perf_counter()
        render(scenes[n % len(scenes)], body)
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)


def _row(name: str, seconds: np.ndarray, pictures: int) -> dict:
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return {
        "name": f"render-gpu, {name}",
        "p50_ms": 1e3 * p50,
        "p95_ms": 1e3 * p95,
        "p99_ms": 1e3 * p99,
        "per_second": pictures / p50,
        "bytes": None,
    }
