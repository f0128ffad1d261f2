"""One training of the family from the command line: options, progress, interruption, export."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hmr_ros.cli.train_calibration import say_what_is_left

MEASURED_STEPS = 20


def add_training_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """The options that all networks of the family share."""
    parser.add_argument("--recipe", type=Path, help="YAML file; default: the shipped recipe")
    parser.add_argument(
        "--out", type=Path, default=Path("runs") / name, help="checkpoint and figures"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="length of the training; default: the recipe's")
    length.add_argument("--minutes", type=float, help="length by this machine's speed")
    parser.add_argument(
        "--pause-after",
        type=float,
        metavar="MINUTES",
        help="save and stop then; --resume goes on",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="go on from the checkpoint in OUT")
    start.add_argument(
        "--begin-from",
        type=Path,
        metavar="FILE",
        help="take over what fits of another training's checkpoint.pt, or of .safetensors",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the network")
    parser.add_argument(
        "--loaders",
        type=int,
        help="threads that make batches (default: 4 with a GPU, else 0)",
    )
    parser.add_argument(
        "--export",
        nargs="?",
        type=Path,
        const=Path("weights"),
        metavar="FOLDER",
        help="write weights and card at the end; with --steps 0 only that (default: weights)",
    )
    parser.add_argument("--note", default="", help="history of the weights, for their card")


def train(
    name: str, args: argparse.Namespace, settings: dict, described: Callable[[object], str]
) -> int:
    """Train ``hmr_ros.training.<name>_task`` as the options say; returns the exit status.

    settings: added to the recipe's section ``task``. described: the data in words, for the card.
    """
    import torch

    from hmr_ros.training.loop import Training, TrainingError, refuse_begun
    from hmr_ros.training.processes import end_process, join_processes, leave_processes
    from hmr_ros.training.recipe import read_recipe, shipped

    torch.set_num_threads(args.threads)
    module = task_module(name)
    recipe = read_recipe(args.recipe or shipped(name, getattr(args, "small", False)))
    only_export = args.steps == 0
    processes = join_processes()
    try:
        if recipe.batch % processes.world:
            raise ValueError(
                f"{processes.world} processes cannot share a batch of {recipe.batch} evenly: "
                "change the recipe's batch"
            )
        loaders = args.loaders
        if loaders is None:
            loaders = 4 if processes.device.type == "cuda" else 0
        own = recipe.task | {"batch": recipe.batch // processes.world} | settings
        own = with_less(own, getattr(args, "without", None) or [])
        task = module.load(own, recipe.seed, processes.rank, processes.world)

        def training_of(recipe) -> Training:
            return Training(task, recipe, args.out, processes, loaders)

        if args.resume or only_export:
            recipe = replace(recipe, steps=args.steps or steps_of(args.out) or recipe.steps)
        else:
            refuse_begun(args.out)
            if args.steps:
                recipe = replace(recipe, steps=args.steps)
            elif args.minutes:
                recipe = replace(recipe, steps=_steps_in(args.minutes, training_of(recipe)))
        training = training_of(recipe)
        if args.resume or only_export:
            training.resume()
        elif args.begin_from:
            taken, whole = training.begin_from(args.begin_from)
            print(f"{taken} of {whole} weights are those of {args.begin_from}")
        complete = only_export or _run(training, args)
        if complete and args.export and processes.rank == 0:
            _export(module, training, args, described(task))
            say_what_is_left(name, args.export)
    except TrainingError as error:
        print(f"hmr train {name}: {error}", file=sys.stderr)
        return 1
    finally:
        leave_processes()
    status = 0 if complete else 130
    if processes.world > 1:
        end_process(status)
    return status


def with_less(task: dict, without: list[str]) -> dict:
    """A recipe's section ``task`` whose network has no part for further kinds of evidence."""
    if not without:
        return task
    network = task.get("network") or {}
    left_out = dict.fromkeys([*network.get("without", ()), *without])
    return task | {"network": network | {"without": list(left_out)}}


def task_module(name: str):
    """See ``hmr_ros.training.task``."""
    return importlib.import_module(f"hmr_ros.training.{name}_task")


def _run(training, args: argparse.Namespace) -> bool:
    """Train with a progress bar; False if it was stopped early (and saved)."""
    interrupted = []
    started, first = time.monotonic(), training.step
    deadline = started + 60 * args.pause_after if args.pause_after else float("inf")
    with _asked_to_stop(interrupted), _progress(training) as bar:
        for at in training.run(
            lambda: bool(interrupted) or time.monotonic() > deadline, bar.console.print
        ):
            samples = (at.step - first) * training.recipe.batch
            bar.update(
                bar.task_ids[0],
                completed=at.step,
                speed=f"{samples / (time.monotonic() - started):.0f} samples/s",
            )
            if at.figures:
                bar.update(bar.task_ids[0], figures=f"loss {at.figures['loss']:.3f}")
            if at.validation:
                figures = ", ".join(f"{k} {v:.4g}" for k, v in at.validation.items())
                bar.console.print(f"step {at.step}: {figures}")
    complete = training.step == training.recipe.steps
    if not complete and training.processes.rank == 0:
        print(f"stopped at step {training.step}; go on with --resume --out {training.out}")
    return complete


@contextlib.contextmanager
def _asked_to_stop(interrupted: list) -> Iterator[None]:
    """While in here Ctrl-C and termination are noted: a step in progress is finished first."""
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(s, lambda *_: interrupted.append(True)) for s in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)


def _progress(training):
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = ["[progress.description]{task.description}", BarColumn(), MofNCompleteColumn()]
    columns += [TextColumn("{task.fields[speed]}"), TimeRemainingColumn()]
    columns += [TextColumn("{task.fields[figures]}")]
    bar = Progress(*columns, disable=training.processes.rank > 0)
    bar.add_task(
        training.task.name,
        total=training.recipe.steps,
        completed=training.step,
        speed="",
        figures="",
    )
    return bar


def _steps_in(minutes: float, trial) -> int:
    """How many steps fit into ``minutes`` here: a few are run and thrown away."""
    if trial.processes.world > 1:
        raise ValueError("--minutes measures one process; with several give --steps")
    trial.timed_steps(3)
    return max(1, int(minutes * 60 / trial.timed_steps(MEASURED_STEPS) * MEASURED_STEPS))


def steps_of(out: Path) -> int | None:
    """Length of the training that a checkpoint belongs to; None if that cannot be read."""
    import torch

    from hmr_ros.training.loop import CHECKPOINT

    try:
        content = torch.load(out / CHECKPOINT, map_location="cpu", weights_only=True, mmap=True)
        return content["identity"]["steps"]
    except Exception:  # what is wrong with the file is said when it is resumed from
        return None


def _export(module, training, args: argparse.Namespace, data: str) -> None:
    from hmr_ros.training.model_card import Origin

    if not hasattr(module, "release"):
        raise ValueError(f"{module.__name__} has no release(): nothing is written by --export")
    words = [word for word in sys.argv[1:] if word not in ("--note", args.note)]
    origin = Origin(
        command=" ".join(["hmr", *words]),
        data=data,
        steps=training.step,
        batch=training.recipe.batch,
        seed=training.recipe.seed,
        note=args.note,
    )
    print(f"exporting to {args.export} ...")
    module.release(training.averaged().cpu(), training.task, args.export, origin)
