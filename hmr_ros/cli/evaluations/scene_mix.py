"""``hmr eval scene-mix``: which training pictures help on photographs (torch; takes hours)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.evaluations.coco import default_data

SUMMARY = "the same small network trained on several mixes of scenes, judged on photographs"
SEED = 4100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval scene-mix``."""
    add_motions(parser)
    parser.add_argument("--backgrounds", type=Path, help="folder of background photographs")
    parser.add_argument(
        "--data", type=Path, default=default_data(), help="folder with person_keypoints.json"
    )
    parser.add_argument(
        "--arm",
        action="append",
        default=[],
        metavar="MIX",
        help="prototype, realistic, heavy, full (half of each of the last two), or "
        "full-without-KIND for a kind of occluder; several times. Default: prototype and full",
    )
    parser.add_argument("--people", type=int, default=8000, help="to train on, an arm")
    parser.add_argument("--steps", type=int, default=1500, help="of the small baseline's recipe")
    parser.add_argument("--seeds", type=int, default=1, help="trainings an arm; figures are means")
    parser.add_argument(
        "--begin-from",
        type=Path,
        metavar="FILE",
        help="weights that all arms begin from: checkpoint.pt of `hmr train baseline_keypoints`",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a training")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/scene-mix"),
        help="people and trainings are kept here; resumable, arms may be trained side by side",
    )


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by arm and subset of joints; gains are over the first arm."""
    import numpy as np

    from hmr_ros.batch import concatenate
    from hmr_ros.cli.looking import look_once
    from hmr_ros.evaluation.coco import read_people
    from hmr_ros.evaluation.scene_mix import (
        BLAZEPOSE,
        by_label,
        photographed,
        predicted,
        rows_of,
        under_board,
    )

    people = read_people(args.data / "person_keypoints.json")
    labelled = concatenate(people)
    photos = np.repeat(np.arange(len(people)), [len(p) for p in people])
    arms = args.arm or ["prototype", "full"]
    networks = {arm: [_trained(arm, seed, args) for seed in range(args.seeds)] for arm in arms}
    side = networks[arms[0]][0].config.backbone.image

    def answers(*boards: bool | None) -> dict[str, np.ndarray]:
        seen = [one for b in boards for one in photographed(args.data, people, look_once, side, b)]
        said = {arm: np.stack([predicted(n, seen) for n in own]) for arm, own in networks.items()}
        return said | {BLAZEPOSE: np.concatenate([s.keypoints for s in seen])[None]}

    rows = rows_of(answers(None), labelled, photos, arms[0], by_label(labelled))
    hidden = {"covered": np.concatenate([under_board(labelled, b) for b in (True, False)])}
    twice = concatenate([labelled, labelled])
    return rows + rows_of(answers(True, False), twice, np.tile(photos, 2), arms[0], hidden)


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    shown = []
    for row in figures["rows"]:
        said = {name: row[name] for name in ("subset", "n", "model")}
        for name in ("pck10", "pck20", "error"):
            said[name] = f"{row[name]:.3f}"
            if f"{name}_gain" in row:
                low, high = row["ci95"][f"{name}_gain"]
                gain = row[f"{name}_gain"]
                said[f"{name}, more than the first"] = f"{gain:+.3f} ({low:+.3f} to {high:+.3f})"
        shown.append(said)
    print_table("hmr eval scene-mix", shown, ("subset", "n", "model"))


def _trained(arm: str, seed: int, args: argparse.Namespace):
    """The network of one arm and seed: trained now, gone on with, or of an earlier run."""
    from dataclasses import replace

    import torch
    from rich.progress import Progress

    from hmr_ros.training.baseline_task import load
    from hmr_ros.training.loop import CHECKPOINT, Training
    from hmr_ros.training.recipe import read_recipe, shipped

    torch.set_num_threads(args.threads)
    recipe = replace(read_recipe(shipped("baseline", small=True)), steps=args.steps, seed=seed)
    size = recipe.task["network"]["backbone"]["image"]
    own = {
        "data": str(_drawn(arm, size, args)),
        "motions": str(args.motions),
        "batch": recipe.batch,
    }
    task = load(recipe.task | own, seed, 0, 1)
    training = Training(task, recipe, folder_of(arm, seed, args))
    if (training.out / CHECKPOINT).is_file():
        training.resume()
    elif args.begin_from:
        training.begin_from(args.begin_from)
    with Progress(transient=True) as bar:
        shown = bar.add_task(f"training {seed} on {arm}", total=args.steps, completed=training.step)
        for at in training.run():
            bar.update(shown, completed=at.step)
    return training.averaged()


def folder_of(arm: str, seed: int, args: argparse.Namespace) -> Path:
    """Of one training: where it began is told by the name, the rest is checked when it goes on."""
    from hmr_ros.runtime.graph_file import sha256_of

    name = f"{arm}-{args.people}x{args.steps}-{seed}"
    if args.begin_from is None:
        return args.out / name
    if not args.begin_from.is_file():
        raise ValueError(
            f"--begin-from {args.begin_from} is not there: `hmr train baseline_keypoints --small "
            "--out FOLDER` writes FOLDER/checkpoint.pt"
        )
    return args.out / f"{name}-{sha256_of(args.begin_from)[:8]}"


def _drawn(arm: str, size: int, args: argparse.Namespace) -> Path:
    """Folder of the people of one arm, drawn as far as they are not there yet."""
    from rich.progress import Progress

    from hmr_ros.cli.looking import look_once
    from hmr_ros.training.corpus_making import Drawing, draw_people

    drawing = Drawing(look_once, args.motions, "train", args.backgrounds, SEED, size, mixes_of(arm))
    folder = args.out / f"{arm}-{args.people}"
    with Progress(transient=True) as bar:
        task = bar.add_task(f"drawing {arm}", total=args.people)
        for done in draw_people(drawing, folder, args.people, args.workers):
            bar.update(task, completed=done)
    return folder


def mixes_of(arm: str) -> tuple:
    """The scene mixes that an arm is drawn from in equal parts. Raises ValueError."""
    from hmr_ros.data.scenes.mixes import HEAVY, PROTOTYPE, REALISTIC
    from hmr_ros.data.scenes.things import Thing

    full = (REALISTIC, HEAVY)
    named = {"prototype": (PROTOTYPE,), "realistic": (REALISTIC,), "heavy": (HEAVY,), "full": full}
    for kind in HEAVY.occluders:
        named[f"full-without-{Thing(kind).name.lower()}"] = tuple(m.without(kind) for m in full)
    if arm not in named:
        raise ValueError(f"arm {arm!r} is unknown; known: {', '.join(named)}")
    return named[arm]
