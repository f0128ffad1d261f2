"""Plots as SVG text: values with intervals, curves, and the reliability diagram."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from hmr_ros.evaluation.report.page import colour, escaped

# (value, low, high); low and high may be NaN.
Interval = tuple[float, float, float]


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``, 1, 2 or 5 times a power of ten apart."""
    span = max(high - low, 1e-9)
    raw = span / about
    power = 10 ** np.floor(np.log10(raw))
    step = next((f * power for f in (1, 2, 5) if f * power >= raw), 10 * power)
    first = np.ceil(low / step - 1e-9) * step
    found = np.arange(first, high + step * 1e-6, step)
    return [float(v) + 0.0 if abs(v) > step * 1e-6 else 0.0 for v in found]


def _number(value: float) -> str:
    return f"{value:.6g}"


def with_intervals(
    rows: Iterable[Mapping], field: str, label: Callable[[Mapping], str] = lambda row: row["level"]
) -> dict[str, dict[str, Interval]]:
    """Figures by label and model, as ``dots`` takes them, of the rows that have ``field``."""
    values: dict[str, dict[str, Interval]] = {}
    for row in rows:
        if field in row:
            values.setdefault(label(row), {})[row["model"]] = (row[field], *row["ci95"][field])
    return values


def dots(
    values: Mapping[str, Mapping[str, Interval]],
    names: Sequence[str],
    unit: str,
    width: int = 640,
    zero: bool = True,
    notes: Mapping[str, str] | None = None,
) -> str:
    """One line a label, one dot with its interval a series: values[label][name].

    names: of all series, in the order of their colours. zero: the axis starts at 0; else it holds
    0 as a marked line (differences). notes: small print behind a label.
    """
    flat = [v for row in values.values() for v in row.values()]
    ends = [e for v in flat for e in v if np.isfinite(e)]
    if not ends:
        return '<p class="faint">no figures</p>'
    low = 0.0 if zero else min(0.0, *ends)
    high = max(0.0, *ends) if not zero else max(ends)
    if not zero:
        room = 0.06 * (high - low or 1)
        low, high = low - room, high + room
    else:
        high *= 1.04
    notes = notes or {}
    characters = max(len(label) + len(notes.get(label, "")) + 1 for label in values)
    left, right, top = 18 + int(6.6 * characters), 18, 8
    present = [n for n in names if any(n in row for row in values.values())]
    pitch = 13
    heights = [pitch * max(1, len(present)) + 9] * len(values)
    bottom = top + sum(heights)

    def x(value: float) -> float:
        return left + (value - low) / (high - low or 1) * (width - left - right)

    out = [f'<svg viewBox="0 0 {width} {bottom + 40}" width="{width}" role="img">']
    for tick in ticks(low, high):
        style = "axis" if tick == 0 else "grid"
        out.append(
            f'<line class="{style}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" '
            f'y2="{bottom}"/><text class="faint" text-anchor="middle" x="{x(tick):.1f}" '
            f'y="{bottom + 16}">{_number(tick)}</text>'
        )
    y = top
    for (label, row), height in zip(values.items(), heights, strict=True):
        note = f' <tspan class="faint">{escaped(notes[label])}</tspan>' if label in notes else ""
        out.append(
            f'<text x="{left - 10}" y="{y + height / 2 + 4:.1f}" text-anchor="end">'
            f"{escaped(label)}{note}</text>"
        )
        for n, name in enumerate(present):
            if name not in row:
                continue
            value, lower, upper = row[name]
            if not np.isfinite(value):
                continue
            middle, ink = y + 4.5 + pitch * (n + 0.5), colour(list(names).index(name))
            if np.isfinite([lower, upper]).all():
                out.append(
                    f'<line x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{middle:.1f}" '
                    f'y2="{middle:.1f}" stroke="{ink}" stroke-width="3" stroke-opacity=".45" '
                    'stroke-linecap="round"/>'
                )
            said = f"{label}, {name}: {value:.1f} ({lower:.1f} to {upper:.1f}) {unit}"
            out.append(
                f'<circle cx="{x(value):.1f}" cy="{middle:.1f}" r="4.4" fill="{ink}">'
                f"<title>{escaped(said)}</title></circle>"
            )
        y += height
        out.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y}" y2="{y}"/>')
    out.append(
        f'<text class="faint" x="{width - right}" y="{bottom + 34}" text-anchor="end">'
        f"{escaped(unit)}</text></svg>"
    )
    return "".join(out)


def curves(
    lines: Mapping[str, Sequence[Interval]],
    places: Sequence[float],
    names: Sequence[str],
    x_label: str,
    y_label: str,
    width: int = 620,
    height: int = 300,
) -> str:
    """Lines over ``places`` with a band for the interval; axes start at 0."""
    ends = [e for line in lines.values() for v in line for e in v if np.isfinite(e)]
    if not ends:
        return '<p class="faint">no figures</p>'
    top_value, far = 1.05 * max(ends), max(places)
    left, right, top, bottom = 52, 16, 10, height - 44

    def at(px: float, py: float) -> str:
        across = left + px / (far or 1) * (width - left - right)
        return f"{across:.1f},{bottom - py / top_value * (bottom - top):.1f}"

    out = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">']
    for tick in ticks(0, top_value):
        a, b = at(0, tick).split(","), at(far, tick).split(",")
        out.append(
            f'<line class="grid" x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}"/>'
            f'<text class="faint" x="{left - 7}" y="{float(a[1]) + 4:.1f}" text-anchor="end">'
            f"{_number(tick)}</text>"
        )
    for tick in ticks(0, far):
        a = at(tick, 0).split(",")
        out.append(
            f'<text class="faint" x="{a[0]}" y="{bottom + 16}" text-anchor="middle">'
            f"{_number(tick)}</text>"
        )
    for name, line in lines.items():
        ink = colour(list(names).index(name))
        known = [(p, v) for p, v in zip(places, line, strict=True) if np.isfinite(v[0])]
        banded = [(p, v) for p, v in known if np.isfinite(v).all()]
        if len(banded) > 1:
            band = [at(p, v[2]) for p, v in banded] + [at(p, v[1]) for p, v in reversed(banded)]
            out.append(f'<polygon points="{" ".join(band)}" fill="{ink}" opacity=".16"/>')
        points = [at(p, v[0]) for p, v in known]
        out.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{ink}" stroke-width="2"/>'
        )
        for point in points:
            cx, cy = point.split(",")
            out.append(f'<circle cx="{cx}" cy="{cy}" r="3.2" fill="{ink}"/>')
    out.append(
        f'<text class="faint" x="{width - right}" y="{height - 8}" text-anchor="end">'
        f'{escaped(x_label)}</text><text class="faint" x="{left + 6}" y="{top + 10}">'
        f"{escaped(y_label)}</text></svg>"
    )
    return "".join(out)


def reliability_diagram(
    promised: Sequence[float], observed: Sequence[float], ink: str, size: int = 250
) -> str:
    """Observed over promised coverage; below the diagonal is over-confident, and shaded so."""
    left, top = 40, 8
    side = size - left - 14

    def at(px: float, py: float) -> str:
        return f"{left + px * side:.1f},{top + (1 - py) * side:.1f}"

    out = [f'<svg viewBox="0 0 {size} {size}" width="{size}" role="img">']
    out.append(
        f'<polygon points="{at(0, 0)} {at(1, 0)} {at(1, 1)}" fill="var(--bad)" opacity=".09"/>'
    )
    for tick in (0, 0.25, 0.5, 0.75, 1):
        ax, ay = at(0, tick).split(",")
        bx, by = at(1, tick).split(",")
        cx, _ = at(tick, 0).split(",")
        out.append(
            f'<line class="grid" x1="{ax}" y1="{ay}" x2="{bx}" y2="{by}"/>'
            f'<text class="faint" x="{left - 5}" y="{float(ay) + 4:.1f}" text-anchor="end">'
            f'{100 * tick:.0f}</text><text class="faint" x="{cx}" y="{top + side + 15}" '
            f'text-anchor="middle">{100 * tick:.0f}</text>'
        )
    x0, y0 = at(0, 0).split(",")
    x1, y1 = at(1, 1).split(",")
    out.append(
        f'<line class="axis" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke-dasharray="4 4"/>'
    )
    points = [at(0, 0), *map(at, promised, observed)]
    out.append(
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{ink}" stroke-width="2.5"/>'
        f'<text class="faint" x="{left + side}" y="{top + side - 8}" text-anchor="end">'
        "over-confident</text>"
        f'<text class="faint" x="{left + 6}" y="{top + 14}">under-confident</text>'
        f'<text class="faint" x="{left + side}" y="{size - 5}" text-anchor="end">'
        "promised coverage, %</text></svg>"
    )
    return "".join(out)
