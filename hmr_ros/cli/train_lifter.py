"""``hmr train lifter``: train it, resume it after an interruption, export its weights."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.train_calibration import say_what_is_left

SUMMARY = "2D keypoints to a body; samples made anew for every step"
MEASURED_STEPS = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train lifter``."""
    add_motions(parser)
    parser.add_argument("--recipe", type=Path, help="YAML file; default: the shipped recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/lifter"), help="checkpoint and log")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="length of the training; default: the recipe's")
    length.add_argument("--minutes", type=float, help="length by this machine's speed")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in OUT")
    parser.add_argument("--init", type=Path, help="start from these weights (.safetensors)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument(
        "--export",
        nargs="?",
        type=Path,
        const=Path("weights"),
        metavar="FOLDER",
        help="calibrate, export and describe the weights of OUT at the end; with --steps 0 only "
        "that (default folder: weights)",
    )
    parser.add_argument("--note", default="", help="history of the weights, for their card")


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    import torch

    from hmr_ros.body.model import load_body_model
    from hmr_ros.models.lifter_weights import load
    from hmr_ros.training.lifter_recipe import SHIPPED, read_recipe
    from hmr_ros.training.lifter_training import LifterTraining, TrainingError

    torch.set_num_threads(args.threads)
    recipe, body = read_recipe(args.recipe or SHIPPED), load_body_model()
    only_export = args.steps == 0
    if args.steps:
        recipe = replace(recipe, steps=args.steps)
    elif args.minutes:
        recipe = replace(recipe, steps=_steps_in(args, recipe, body))
    elif args.resume or only_export:
        recipe = replace(recipe, steps=_steps_of(args.out) or recipe.steps)
    training = LifterTraining(recipe, body, args.motions, args.out)
    if args.resume or only_export:
        training.resume()
    elif args.init:
        training.begin_from(load(args.init, body))
    try:
        complete = only_export or _train(training)
    except TrainingError as error:
        print(f"hmr train: {error}", file=sys.stderr)
        return 1
    if complete and args.export:
        _export(training, body, args)
    return 0 if complete else 130


def _train(training) -> bool:
    """Train with a progress bar; False if interrupted (the checkpoint is then written)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    interrupted = []
    columns = ["[progress.description]{task.description}", BarColumn(), MofNCompleteColumn()]
    columns += [TextColumn("{task.fields[speed]}"), TimeRemainingColumn()]
    columns += [TextColumn("{task.fields[figures]}")]
    # A step in progress is finished before stopping: a checkpoint never holds half of one.
    previous = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
    try:
        with Progress(*columns) as progress:
            total = training.recipe.steps
            bar = progress.add_task(
                "lifter", total=total, completed=training.step, speed="", figures=""
            )
            first, started = training.step, time.monotonic()
            for at in training.run(lambda: bool(interrupted)):
                seconds = time.monotonic() - started
                rate = (at.step - first) * training.recipe.batch / seconds
                fields = {"speed": f"{rate:.0f} samples/s"}
                if at.validation:
                    fields["figures"] = f"val {at.validation['crop_mpjpe_mm']:.1f} mm"
                    progress.console.print(
                        f"step {at.step}: loss {at.losses['total']:.3f}, "
                        + ", ".join(f"{k} {v:.2f}" for k, v in at.validation.items())
                    )
                progress.update(bar, completed=at.step, **fields)
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupted:
        print(f"interrupted at step {training.step}; go on with --resume --out {training.out}")
    return not interrupted


def _steps_in(args: argparse.Namespace, recipe, body) -> int:
    """How many steps fit into ``--minutes`` here: a few are run and thrown away."""
    from hmr_ros.training.lifter_training import LifterTraining

    if args.resume:
        raise ValueError("--minutes sets the length of a new training; --resume keeps the old one")
    trial = LifterTraining(recipe, body, args.motions, args.out)
    trial.timed_steps(3)
    seconds = trial.timed_steps(MEASURED_STEPS) / MEASURED_STEPS
    return max(1, int(args.minutes * 60 / seconds))


def _steps_of(out: Path) -> int | None:
    """Length of the training that a checkpoint belongs to."""
    import torch

    from hmr_ros.training.lifter_training import CHECKPOINT

    if not (out / CHECKPOINT).is_file():
        return None
    content = torch.load(out / CHECKPOINT, map_location="cpu", weights_only=True, mmap=True)
    return content.get("identity", {}).get("recipe", {}).get("steps")


def _export(training, body, args: argparse.Namespace) -> None:
    from hmr_ros.training.lifter_release import DATA, release
    from hmr_ros.training.model_card import Origin

    words = [word for word in sys.argv[1:] if word not in ("--note", args.note)]
    origin = Origin(
        command=" ".join(["hmr", *words]),
        data=DATA.format(args.motions.name),
        steps=training.step,
        batch=training.recipe.batch,
        seed=training.recipe.seed,
        note=args.note,
    )
    print(f"calibrating, exporting to {args.export} and measuring ...")
    release(training.averaged(), body, args.motions, args.export, origin)
    say_what_is_left("lifter", args.export)
