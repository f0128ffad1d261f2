"""``hmr eval factorized``: the ablation table of FactorizedHMR."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions

SUMMARY = "what each part of FactorizedHMR is worth, on simulated people: the ablation table"
BATCH = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval factorized``."""
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME=FILE",
        help="weights (.safetensors) of `hmr train factorized_keypoints --arm ...`, each a row of "
        "the table; the last is the whole method (default: the shipped factorized alone)",
    )
    add_motions(parser)
    parser.add_argument("--people", type=int, default=1000, help="with poses of the split val")
    parser.add_argument(
        "--plain",
        type=float,
        default=1.0,
        help="share with little noise on keypoints; others have a detector's errors (default: 1)",
    )
    parser.add_argument(
        "--known", type=int, default=20_000, help="poses that count as plausible (default: 20000)"
    )
    parser.add_argument(
        "--films",
        type=Path,
        help="folder of `hmr train films --split val --rendered`: with it two rows more, of people "
        "in films, by the shipped network over time",
    )
    parser.add_argument(
        "--html", "--report", type=Path, metavar="FILE", help="write an HTML report (or a folder's)"
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows of the table, lines that are to be reached, facts; the report is written here.

    Raises ValueError for weights that cannot be used, ``MotionError`` for such motions.
    """
    import torch

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.data.lifting import rotation_from_axis_angle, varied_mirrored
    from hmr_ros.evaluation.factorized_arms import asked, lines, refuse_names, table, versus
    from hmr_ros.evaluation.report.factorized_report import factorized_report
    from hmr_ros.evaluation.report.page import write_page
    from hmr_ros.models.factorized_state import LIMBS
    from hmr_ros.models.weights import load
    from hmr_ros.training.simulated_people import SimulatedPeople, without_picture
    from hmr_ros.training.stage_two import digest_of

    body, networks = load_body_model(), {}
    named = [text.partition("=") for text in args.network or ["factorized"]]
    refuse_names([name for name, _, _ in named])
    for name, _, file in named:
        path = Path(file) if file else asset("weights", f"{name}.safetensors")
        networks[name] = load(path, body, "factorized")
        if digest_of(networks[name].anchor.state_dict()) != digest_of(
            next(iter(networks.values())).anchor.state_dict()
        ):
            raise ValueError(
                f"{path} stands on another stage one than {next(iter(networks))!r}: train all arms "
                "with the same --anchor"
            )
    source = SimulatedPeople(body, args.motions, "val", args.plain)
    rng = torch.Generator().manual_seed(1)
    sizes = [min(BATCH, args.people - at) for at in range(0, args.people, BATCH)]
    side = networks[name].config.backbone.image  # of all, as stage one is
    people = [without_picture(source.draw(size, rng), side) for size in sizes]
    poses = varied_mirrored(source.poses, args.known, rng)[:, list(LIMBS)]
    visibility = torch.cat([batch["visibility"] for batch in people]).numpy()
    poses = rotation_from_axis_angle(poses)
    arms = asked(networks, people, poses)
    rows = table(arms, versus(arms, networks), visibility)
    if args.films is not None:
        rows += _over_time(args.films, body, poses)
    facts = {"people": args.people, "plain": args.plain, "known": args.known}
    facts |= {"motions": args.motions.name, "networks": list(networks)}
    figures = {
        "rows": rows,
        "lines": lines(arms, networks, visibility),
        "facts": facts,
    }
    if args.films is not None:
        facts["films"] = args.films.name
    if args.html is not None:
        facts["report"] = str(write_page(args.html, factorized_report(figures)))
    return figures


def _over_time(folder: Path, body, poses) -> list[dict]:
    """The rows of people in films. Raises ``FilmError`` for a folder that cannot be used."""
    from hmr_ros.evaluation.factorized_arms import table
    from hmr_ros.evaluation.factorized_over_time import AGAINST, streamed
    from hmr_ros.evaluation.followed_films import films_in
    from hmr_ros.runtime.temporal import Temporal

    films = list(films_in([folder]))
    if not films:
        raise ValueError(f"nobody is seen in the films of {folder}: hmr train films draws others")
    arms, visibility = streamed(films, body, Temporal(body), poses)
    return table(arms, AGAINST, visibility)


def show(figures: Mapping) -> None:
    """The terminal's tables; intervals are in the report and in ``--json``."""
    from hmr_ros.cli.evaluations.samples import shown
    from hmr_ros.cli.figures import print_table

    rows = []
    for row in figures["rows"]:
        of = {name: f"{row[name]:.{3 if name == 'excess' else 0}f}" for name in row["ci95"]}
        rows.append({"arm": row["arm"], **{k.removesuffix("_mm"): v for k, v in of.items()}})
    title = f"hmr eval factorized, {figures['facts']['people']} people, mm"
    print_table(title, rows, ("arm",))
    print_table("to be reached", shown(figures["lines"]), ("figure", "of"))
