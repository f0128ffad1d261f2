"""``hmr train films``: people followed through films, for the network over time to train on."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_drawing_arguments

SUMMARY = "films of moving people, followed by the pipeline, for `temporal` to train on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train films``."""
    parser.add_argument("--out", type=Path, default=Path("runs/films"), help="folder of films")
    parser.add_argument(
        "--films", type=int, required=True, help="until the folder holds so many; more may follow"
    )
    parser.add_argument("--frames", type=int, default=90, help="of a film")
    parser.add_argument(
        "--mix",
        action="append",
        metavar="NAME",
        help="of scenes, several in turns, such as far: people 8 to 26 m away before a long lens. "
        "Default: realistic and heavy",
    )
    parser.add_argument(
        "--rendered",
        action="store_true",
        help="draw every frame and look at it with the real front end (much slower)",
    )
    add_drawing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the films are there, 130 when interrupted (whole films are kept)."""
    from rich.progress import track

    from hmr_ros.data.scenes.mixes import MIXES as KNOWN
    from hmr_ros.training.film_making import MIXES, FilmDrawing, by_the_product, draw_films
    from hmr_ros.training.film_stand_in import by_stand_in

    unknown = set(args.mix or ()) - KNOWN.keys()
    if unknown:
        raise ValueError(f"--mix {min(unknown)!r} is unknown; known: {', '.join(KNOWN)}")
    drawing = FilmDrawing(
        watcher=by_the_product if args.rendered else by_stand_in,
        motions=args.motions,
        split=args.split,
        photos=args.photos,
        seed=args.seed,
        frames=args.frames,
        mixes=tuple(KNOWN[name] for name in args.mix) if args.mix else MIXES,
    )
    films = draw_films(drawing, args.out, args.films, args.workers)
    first = next(films)
    drawn = sum(1 for _ in track(films, "films", total=max(0, args.films - first)))
    print(f"{args.out} holds {first + drawn} films")
    return 0
