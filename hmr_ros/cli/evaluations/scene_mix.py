"""``hmr eval scene-mix``: which training pictures help on photographs (torch; takes hours)."""

from __future__ import annotations

import argparse
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
    parser.add_argument("--people", type=int, default=6000, help="to train on, an arm")
    parser.add_argument("--steps", type=int, default=1500, help="of 64 people")
    parser.add_argument(
        "--seeds", type=int, default=1, help="trainings an arm; answers are averaged"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/scene-mix"),
        help="people and answers are kept here; resumable",
    )


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by arm and subset of joints; gains are over the first arm."""
    import numpy as np

    from hmr_ros.batch import concatenate
    from hmr_ros.cli.looking import look_once
    from hmr_ros.evaluation.coco import read_people
    from hmr_ros.evaluation.scene_mix import BLAZEPOSE, photographed, rows_of

    people = read_people(args.data / "person_keypoints.json")
    seen = photographed(args.data, people, look_once)
    labelled = concatenate(people)
    photos = np.repeat(np.arange(len(people)), [len(p) for p in people])
    arms = args.arm or ["prototype", "full"]
    answers = {arm: _answers(arm, args, seen) for arm in arms}
    answers[BLAZEPOSE] = np.concatenate([s.keypoints for s in seen])
    return rows_of(answers, labelled, photos, arms[0])


def _answers(arm: str, args: argparse.Namespace, seen):
    """[N, 17, 2] of one arm, trained now or read from an earlier run of the same settings."""
    import numpy as np
    from rich.progress import Progress

    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.scene_mix import predicted
    from hmr_ros.training.keypoint_probe import read_crops, train_probe

    kept = args.out / f"{arm}-{args.people}x{args.steps}x{args.seeds}.npy"
    if kept.is_file():
        return np.load(kept)
    crops = read_crops(_corpus(arm, args), load_body_model(), args.people)
    found = []
    with Progress(transient=True) as bar:
        task = bar.add_task(f"training on {arm}", total=args.seeds * args.steps)
        for seed in range(args.seeds):
            network = train_probe(
                crops, args.steps, seed=seed, report=lambda step, loss: bar.advance(task)
            )
            found.append(predicted(network, seen))
    answer = np.mean(found, 0)
    np.save(kept, answer)
    return answer


def _corpus(arm: str, args: argparse.Namespace):
    """The people of one arm, drawn as far as they are not there yet."""
    from rich.progress import Progress

    from hmr_ros.cli.looking import look_once
    from hmr_ros.models.keypoint_probe import SIZE
    from hmr_ros.training.corpus import Corpus
    from hmr_ros.training.corpus_making import Drawing, draw_people

    drawing = Drawing(look_once, args.motions, "train", args.backgrounds, SEED, SIZE, mixes_of(arm))
    folder = args.out / arm
    with Progress(transient=True) as bar:
        task = bar.add_task(f"drawing {arm}", total=args.people)
        for done in draw_people(drawing, folder, args.people, args.workers):
            bar.update(task, completed=done)
    return Corpus(folder)


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
