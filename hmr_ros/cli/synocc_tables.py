"""The terminal's tables of the SynOcc benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

STILL_WIDTH, VIDEO_WIDTH = 142, 162  # columns of a terminal that the whole tables need
# Figures of SynOcc video and the titles of their columns; a column that no row has is left out.
VIDEO = {
    "recall": "recall",
    "mpjpe_mm": "MPJPE",
    "pa_mpjpe_mm": "PA-MPJPE",
    "lasting_mm": "lasting",
    "in_view_percent": "in view %",
    "root_mm": "pelvis",
    "w_mpjpe_mm": "W",
    "wa_mpjpe_mm": "WA",
    "mota": "MOTA",
    "idf1": "IDF1",
    "switches": "switches",
    "acceleration": "accel",
    "jitter": "jitter",
    "sliding_mm": "slide",
    "fps": "fps",
}


def show_still(figures: Mapping) -> None:
    """The terminal's tables: one line a model and level, then the paired differences."""
    console, narrow = roomy_console(STILL_WIDTH)
    for protocol, title in (
        ("given", "SynOcc still, boxes given"),
        ("detection", "SynOcc still, people found by the models"),
    ):
        rows = [r for r in figures["rows"] if r["protocol"] == protocol]
        if rows:
            console.print(summary_table(title, rows, narrow))
    compared = [
        r for r in figures["comparisons"] if r["protocol"] == "given" and r["subset"] == "all"
    ]
    if compared:
        console.print(difference_table(compared))
    if any(r.get("calibration") == "over-confident" for r in figures["rows"]):
        console.print(
            "[red]red coverage: over-confident, its regions hold less than they promise[/red]"
        )
    for name in ("interrupted", "report"):
        if name in figures["facts"]:
            console.print(f"{name}: {figures['facts'][name]}", highlight=False)


def roomy_console(width: int):
    """A console, and whether tables of ``width`` columns are too wide for it. What is not a
    terminal (a file, a pipe) is as wide as need be."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, width))
    return console, console.width < width


def summary_table(title: str, rows: Sequence[Mapping], narrow: bool = False):
    """Rows of the subset ``all``, with the error on visible and hidden joints beside. narrow:
    intervals below the figures, and fewer columns."""
    table = Table(title=title, title_justify="left", padding=(0, 0) if narrow else (0, 1))
    table.add_column("level", no_wrap=True)
    table.add_column("model", no_wrap=True)
    heads = ("people", "seen", "MPJPE", "PA-MPJPE", "PVE", "visible", "hidden", "PCK", "PCK3D")
    heads = (*heads, "cov50", "cov90")
    dropped = {"PVE", "PCK3D", "cov50"} if narrow else set()
    for head in heads:
        if head not in dropped:
            table.add_column(head, justify="right", no_wrap=True)
    chosen = [r for r in rows if r["subset"] == "all"]
    by = {(r["model"], r["level"], r["subset"]): r.get("mpjpe_mm") for r in rows}
    for level in dict.fromkeys(r["level"] for r in chosen):
        for row in (r for r in chosen if r["level"] == level):
            ci, key = row["ci95"], (row["model"], level)
            colour = "red" if row.get("calibration") == "over-confident" else ""
            cover = [share(row.get(name)) for name in ("coverage50", "coverage90")]
            cells = (
                f"{row['people']:,}",
                share(row["found"]),
                *(
                    ranged(row.get(name), ci.get(name), narrow=narrow)
                    for name in ("mpjpe_mm", "pa_mpjpe_mm", "pve_mm")
                ),
                *(ranged(by.get((*key, subset))) for subset in ("visible", "hidden")),
                share(row.get("pck")),
                share(row.get("pck3d")),
                *(f"[{colour}]{text}[/]" if colour else text for text in cover),
            )
            kept = (c for c, head in zip(cells, heads, strict=True) if head not in dropped)
            table.add_row(level, row["model"], *kept)
        table.add_section()
    return table


def difference_table(compared: Sequence[Mapping]):
    """Paired differences on the people whom both models answer."""
    first = compared[0]["versus"]
    table = Table(
        title=f"More error than {first}, on the same people (mm, 95 % interval)",
        title_justify="left",
    )
    table.add_column("level")
    table.add_column("model", no_wrap=True)
    for head in ("people", "MPJPE", "PA-MPJPE"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in compared:
        table.add_row(
            row["level"],
            row["model"],
            f"{row['people']:,}",
            *(
                ranged(row.get(name), row["ci95"].get(name), sign=True)
                for name in ("mpjpe_mm", "pa_mpjpe_mm")
            ),
        )
    return table


def ranged(
    value: float | None,
    ends: Sequence[float] | None = None,
    sign: bool = False,
    narrow: bool = False,
) -> str:
    """A figure in millimetres with its interval, which is on a line of its own if ``narrow``."""
    if value is None or value != value:
        return "-"
    form = "+.0f" if sign else ".0f"
    text = format(value, form)
    if ends is None or any(end != end for end in ends):
        return text
    interval = f"{format(ends[0], form)}..{format(ends[1], form)}"
    return f"{text}\n{interval}" if narrow else f"{text} ({interval})"


def percents(value: float | None, ends: Sequence[float] | None = None) -> str:
    """A share with its interval, in percent."""
    scaled = None if value is None else 100 * value
    return ranged(scaled, None if ends is None else [100 * end for end in ends])


def share(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.0f} %"


def show_video(figures: Mapping) -> None:
    """The terminal's table."""
    console, narrow = roomy_console(VIDEO_WIDTH)
    padding = (0, 0) if narrow else (0, 1)
    table = Table(title="SynOcc video (errors in mm)", title_justify="left", padding=padding)
    table.add_column("level", no_wrap=True)
    table.add_column("model", no_wrap=True)
    columns = {k: v for k, v in VIDEO.items() if any(k in row for row in figures["rows"])}
    for title in columns.values():
        table.add_column(title, justify="right", no_wrap=True)

    def cell(row: Mapping, name: str) -> str:
        if name in ("recall", "mota", "idf1"):
            return share(row.get(name))
        ends = row["ci95"].get(name) if name in ("mpjpe_mm", "pa_mpjpe_mm") else None
        return str(row[name]) if name == "switches" else ranged(row.get(name), ends, narrow=narrow)

    for row in figures["rows"]:
        table.add_row(row["level"], row["model"], *(cell(row, name) for name in columns))
    console.print(table)
    if any("inside90_visible" in row for row in figures["rows"]):
        console.print(regions_table(figures["rows"]))
    if figures.get("comparisons"):
        console.print(ratio_table(figures["comparisons"]))
    for name in ("interrupted", "report"):
        if name in figures["facts"]:
            console.print(f"{name}: {figures['facts'][name]}", highlight=False)


def regions_table(rows: Sequence[Mapping]):
    """How often the published regions hold the joints of reported people, of all levels."""
    title = "Share of joints in their 50 / 90 % regions (95 % interval over clips)"
    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    states = ("visible", "self_occluded", "hidden")
    for state in states:
        table.add_column(state.replace("_", "-"), justify="right", no_wrap=True)
    for row in (row for row in rows if row["level"] == "all"):
        cells = []
        for state in states:
            names = (f"inside{level}_{state}" for level in (50, 90))
            said = (percents(row.get(name), row["ci95"].get(name)) for name in names)
            cells.append(" / ".join(said))
        table.add_row(row["model"], *cells)
    return table


def ratio_table(compared: Sequence[Mapping]):
    """Figures over the first model's, on what both report."""
    title = f"Share of the error of {compared[0]['versus']} (95 % interval over clips)"
    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    names = ("mpjpe", "lasting", "in_view", "w_mpjpe", "jitter", "sliding")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in compared:
        cells = []
        for name in names:
            value, ends = row.get(name), row["ci95"].get(name)
            known = value is not None and value == value
            cells.append(f"{value:.2f} ({ends[0]:.2f}..{ends[1]:.2f})" if known else "-")
        table.add_row(row["model"], *cells)
    return table
