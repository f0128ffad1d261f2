"""``hmr eval scene-mix``: which training pictures help on photographs (torch; takes hours)."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.evaluations.coco import default_data
from hmr_ros.cli.motion_file import default_motions

SUMMARY = "the same small network trained on several mixes of scenes, judged on photographs"
SEED = 4100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval scene-mix``."""
    parser.add_argument(
        "--motions", type=Path, default=default_motions(), help="motion clips (.npz)"
    )
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
    parser.add_argument("--images", type=int, default=16000, help="training pictures an arm")
    parser.add_argument("--steps", type=int, default=1200, help="of 64 pictures")
    parser.add_argument(
        "--seeds", type=int, default=1, help="trainings an arm; answers are averaged"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/scene-mix"), help="answers are kept here; resumable"
    )


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by arm and subset of joints; gains are over the first arm."""
    import numpy as np

    from hmr_ros.batch import concatenate
    from hmr_ros.evaluation.coco import read_people
    from hmr_ros.evaluation.scene_mix import crops, rows_of

    people = read_people(args.data / "person_keypoints.json")
    pictures, maps = crops(args.data, people)
    labelled = concatenate(people)
    photos = np.repeat(np.arange(len(people)), [len(p) for p in people])
    arms = args.arm or ["prototype", "full"]
    answers = {arm: _answers(arm, args, pictures, maps) for arm in arms}
    return rows_of(answers, labelled, photos, arms[0])


def _answers(arm: str, args: argparse.Namespace, pictures, maps):
    """[N, 17, 2] of one arm, trained now or read from an earlier run of the same settings."""
    import numpy as np
    from rich.progress import Progress

    from hmr_ros.evaluation.scene_mix import predicted
    from hmr_ros.training.keypoint_probe import train_probe

    name = f"{arm}-{args.images}x{args.steps}x{args.seeds}.npy"
    kept = args.out / name
    if kept.is_file():
        return np.load(kept)
    args.out.mkdir(parents=True, exist_ok=True)
    images, keypoints = _training_set(arm, args)
    found = []
    with Progress(transient=True) as bar:
        task = bar.add_task(f"training on {arm}", total=args.seeds * args.steps)
        for seed in range(args.seeds):
            network = train_probe(
                images,
                keypoints,
                args.steps,
                seed=seed,
                report=lambda step, loss: bar.advance(task),
            )
            found.append(predicted(network, pictures, maps))
    answer = np.mean(found, 0)
    np.save(kept, answer)
    return answer


def _training_set(arm: str, args: argparse.Namespace):
    """Pictures and keypoints of one arm, in memory."""
    import numpy as np
    from rich.progress import track

    from hmr_ros.data.keypoint_crops import KeypointCrop
    from hmr_ros.data.stream import rendered_stream
    from hmr_ros.models.keypoint_probe import SIZE

    images = np.empty((args.images, SIZE, SIZE, 3), np.uint8)
    keypoints = np.empty((args.images, 17, 2), np.float32)
    done = 0
    mixes = mixes_of(arm)
    for mix in mixes:
        count = (args.images - done) // (len(mixes) - mixes.index(mix))
        make = KeypointCrop(mix, args.motions, "train", args.backgrounds, SIZE, SEED)
        stream = rendered_stream(make, range(count), args.workers)
        for image, points in track(stream, f"drawing {mix.name}", total=count, transient=True):
            images[done], keypoints[done] = image, np.nan_to_num(points, nan=-1e3)
            done += 1
    return images, keypoints


def mixes_of(arm: str) -> list:
    """The scene mixes that an arm is drawn from in equal parts. Raises ValueError."""
    from hmr_ros.data.scenes.mixes import HEAVY, PROTOTYPE, REALISTIC
    from hmr_ros.data.scenes.things import Thing

    full = [REALISTIC, HEAVY]
    named = {"prototype": [PROTOTYPE], "realistic": [REALISTIC], "heavy": [HEAVY], "full": full}
    for kind in HEAVY.occluders:
        named[f"full-without-{Thing(kind).name.lower()}"] = [mix.without(kind) for mix in full]
    if arm not in named:
        raise ValueError(f"arm {arm!r} is unknown; known: {', '.join(named)}")
    return named[arm]
