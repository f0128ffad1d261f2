"""One HTML file without scripts: text, tables, drawings and pictures, all inside it."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Series colours that keep apart for the colour-blind, on light and on dark ground alike
# (after Okabe and Ito 2008).
COLOURS = ("#2f7fc1", "#d97706", "#0f9d76", "#b0569b", "#7a7f87")

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f5f6f8; --ink: #1d2127;
  --faint: #667080; --line: #d9dde3; --bad: #b3261e; --bad-ground: #fdecea; --good: #1b7f4d;
  --good-ground: #e8f5ee; --unsure: #8a6100; --unsure-ground: #fdf4dc; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181d; --panel: #1e2229;
  --ink: #e4e7ec; --faint: #9aa4b2; --line: #363c46; --bad: #ff8a80; --bad-ground: #40201e;
  --good: #6fd3a0; --good-ground: #173325; --unsure: #f0c05a; --unsure-ground: #3a3016; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 22px 60px; }
h1 { font-size: 27px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 6px;
  padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 18px 0 6px; }
p { margin: 6px 0; max-width: 78ch; } .faint { color: var(--faint); }
.lead { font-size: 17px; margin: 14px 0; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; background: var(--panel);
  padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; } th { font-weight: 600; color: var(--faint); font-size: 13px; }
th.text, td.text { text-align: left; } tr.first td { border-top: 2px solid var(--line); }
td .ci { color: var(--faint); font-size: 12px; margin-left: 5px; } td.best { font-weight: 700; }
.note { border-left: 4px solid; border-radius: 4px; padding: 8px 14px; margin: 10px 0; }
.bad { color: var(--bad); background: var(--bad-ground); border-color: var(--bad); }
.good { color: var(--good); background: var(--good-ground); border-color: var(--good); }
.unsure { color: var(--unsure); background: var(--unsure-ground); border-color: var(--unsure); }
.badge { display: inline-block; border-radius: 10px; padding: 0 9px; font-size: 13px;
  font-weight: 600; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 6px; }
.legend span { margin-right: 18px; white-space: nowrap; }
.row { display: flex; flex-wrap: wrap; gap: 22px; align-items: flex-start; }
.cases { display: grid; grid-template-columns: 1fr; gap: 16px; }
figure { margin: 0; background: var(--panel); border-radius: 8px; padding: 10px; }
figure img { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: 13px; margin-top: 6px; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .faint { fill: var(--faint); } svg .grid { stroke: var(--line); }
svg .axis { stroke: var(--faint); } details { margin: 10px 0; }
summary { cursor: pointer; color: var(--faint); }
@media print { details { display: none; } }
"""


@dataclass(frozen=True)
class Section:
    """A heading, what to know about it (HTML), and its content (HTML)."""

    title: str
    text: str
    content: str


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole document. ``lead`` is HTML."""
    parts = [
        f"<section><h2>{escaped(s.title)}</h2>"
        f"{f'<p>{s.text}</p>' if s.text else ''}{s.content}</section>"
        for s in sections
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing may be loaded from anywhere: the file is all there is.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escaped(title)}</h1>{lead}{''.join(parts)}</main></body></html>\n"
    )


def write_page(path: Path, text: str) -> Path:
    """Write the document; a folder (or a name without ending) gets ``index.html``. Returns where
    it is."""
    path = Path(path)
    if path.is_dir() or path.suffix.lower() not in (".html", ".htm"):
        path = path / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def escaped(text: object) -> str:
    return html.escape(str(text))


def image_tag(content: bytes, alt: str, kind: str = "jpeg") -> str:
    """A picture inside the document."""
    data = base64.b64encode(content).decode()
    return f'<img alt="{escaped(alt)}" src="data:image/{kind};base64,{data}">'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text: int = 1, first=()) -> str:
    """Cells are HTML; the first ``text`` columns are left-aligned; a line is drawn above the rows
    whose numbers are in ``first``."""

    def cells(tag: str, row: Sequence[str]) -> str:
        found = []
        for n, cell in enumerate(row):
            classes = ["text"] if n < text else []
            if cell.startswith("*"):
                cell, classes = cell[1:], [*classes, "best"]
            style = f' class="{" ".join(classes)}"' if classes else ""
            found.append(f"<{tag}{style}>{cell}</{tag}>")
        return "".join(found)

    body = "".join(
        f"<tr{' class=first' if n in first else ''}>{cells('td', row)}</tr>"
        for n, row in enumerate(rows)
    )
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(value: float | None, interval: Sequence[float] | None = None, digits: int = 0) -> str:
    """A number with its interval; a dash where there is none."""
    if value is None or value != value:
        return "–"
    shown = f"{value:.{digits}f}"
    if interval is None or any(end is None or end != end for end in interval):
        return shown
    low, high = (f"{end:.{digits}f}" for end in interval)
    return f'{shown}<span class="ci">{low}…{high}</span>'


def percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.0f} %"


def legend(names: Sequence[str]) -> str:
    """Names with the colours of their series."""
    keys = "".join(
        f'<span><i class="key" style="background:{colour(n)}"></i>{escaped(name)}</span>'
        for n, name in enumerate(names)
    )
    return f'<p class="legend">{keys}</p>'


def colour(number: int) -> str:
    """Of series ``number``."""
    return COLOURS[number % len(COLOURS)]


def dot(names: Sequence[str], name: str) -> str:
    """The model's colour before its name."""
    return f'<i class="key" style="background:{colour(list(names).index(name))}"></i>'
