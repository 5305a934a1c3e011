"""report.html: the table and its details, every row's dance to look at, and where its windows lie among real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from dancegen.metrics.reference import REAL, Reference
from dancegen.metrics.report import charts, pictures
from dancegen.metrics.table import DETAILS, Column, Row, control_cells, controls, known, shown_columns, written
from dancegen.progress import SILENT, Progress

MOST_SHEETS = 4
"""Songs of a row whose poses are shown; each costs some 30 kB of the page."""


def write_report(
    path: Path, rows: Sequence[Row], real: Reference, notes: Sequence[str] = (), progress: Progress = SILENT
) -> None:
    """Write the page: one file that needs nothing beside it. `notes` are said once, under the table."""
    shown = [row for row in rows if row.recordings or row.pictures]
    made = [row for row in rows if row.dances and row.name != REAL]
    colors = {row.name: charts.COLORS[i % len(charts.COLORS)] for i, row in enumerate(made)} | {REAL: charts.GREY}
    with progress.task("Writing the report", len(shown)) as advance:
        sections = []
        for row in shown:
            sections.append(_section(row, colors.get(row.name, "#777")))
            advance(1)
    body = [
        _head(real), _summary(rows, colors), notes_list(notes), *sections, _details(rows, colors),
        _scatters(rows, real, colors),
    ]  # fmt: skip
    path.write_text(document(body), encoding="utf-8")


def document(body: Sequence[str], title: str = "dancegen evaluate", style: str = "") -> str:
    """A whole page with these parts in it. style: more than what all pages have."""
    return _PAGE.format(title=escape(title), style=_STYLE + style, body="\n".join(body))


def _head(real: Reference) -> str:
    about = real.about
    takes, held_out = about.get("training_takes"), about.get("held_out_takes")
    words = [
        f"Real dance is {takes} takes ({float(about.get('training_seconds') or 0) / 60:.0f} minutes), seen from all "
        "around."
    ]
    if held_out:
        words.append(f"Its row is measured on {held_out} takes held out from them.")
    else:
        words.append("No takes are held out: its row is measured on the very takes that it is compared with.")
    halves = [about.get("fid_k_half"), about.get("fid_g_half")]
    if all(known(half) for half in halves):
        words.append(f"Half of the takes against the other half: FID k {halves[0]:.1f}, FID g {halves[1]:.1f}.")
    words.append("More is not better, nearer to real dance is.")
    return f"<header><h1>How good is the dance?</h1><p>{escape(' '.join(words))}</p></header>"


def _summary(rows: Sequence[Row], colors: dict[str, str]) -> str:
    columns = shown_columns([row.figures for row in rows])
    lines = []
    for row in rows:
        lines.append(_line(row, columns, colors))
        for title, control in controls(row.name, row.figures):
            cells = _cells(control_cells(control, columns))
            lines.append(f'<tr class="control"><th scope="row">{escape(title)}</th>{cells}</tr>')
    return table_of(columns, lines)


def _details(rows: Sequence[Row], colors: dict[str, str]) -> str:
    columns = shown_columns([row.figures for row in rows], DETAILS)
    if not columns:
        return ""
    table = table_of(columns, [_line(row, columns, colors) for row in rows])
    return f"<section><h2>In detail</h2>{table}</section>"


def _line(row: Row, columns: Sequence[Column], colors: dict[str, str]) -> str:
    kind = "real" if row.name == REAL else "baseline" if row.is_baseline else "subject"
    dot = f'<i style="background:{colors[row.name]}"></i>' if row.name in colors else "<i></i>"
    cells = figure_cells(row.figures, columns)
    return f'<tr class="{kind}"><th scope="row">{dot}{escape(row.name)}</th>{cells}</tr>'


def figure_cells(figures: Mapping[str, float | None], columns: Sequence[Column]) -> str:
    """The cells of a row's figures."""
    return _cells([written(figures.get(column.key), column) for column in columns])


def _cells(figures: Sequence[str]) -> str:
    return "".join(f"<td>{figure}</td>" for figure in figures)


def table_of(columns: Sequence[Column], lines: Sequence[str]) -> str:
    """The table of these lines, and below it what its columns mean."""
    head = "".join(f'<th title="{escape(column.meaning)}">{escape(column.title)}</th>' for column in columns)
    items = "".join(f"<dt>{escape(column.title)}</dt><dd>{escape(column.meaning)}</dd>" for column in columns)
    return (
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
        f"<details><summary>What the columns mean</summary><dl>{items}</dl></details>"
    )


def notes_list(notes: Sequence[str]) -> str:
    """What is to be said, as a list; nothing where there is nothing."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _section(row: Row, color: str) -> str:
    parts = [f'<section><h2><i style="background:{color}"></i>{escape(row.name)}</h2>', notes_list(row.notes)]
    parts += [f'<img class="sheet" alt="Frames of {escape(row.name)}" src="{url}">' for url in row.pictures]
    for number, (recording, dance) in enumerate(zip(row.recordings, row.dances, strict=True)):
        if number == MOST_SHEETS:
            parts.append(f"<p>and {len(row.recordings) - number} more songs</p>")
            break
        if not dance.shown:
            parts.append(f"<h3>{escape(recording.song)}</h3><p>Nobody is shown.</p>")
            continue
        sequence, _ = recording.load()
        sheet = f'<img class="sheet" alt="Poses to {escape(recording.song)}" src="{pictures.contact_sheet(sequence)}">'
        if number:
            parts.append(f"<h3>{escape(recording.song)}</h3>{sheet}")
            continue
        film, poster = pictures.preview(sequence, recording.audio)
        video = f'<video controls loop muted playsinline poster="{poster}" src="{film}"></video>'
        chart = charts.speed_chart(dance)
        key = '<p class="key">speed <b class="k-speed"></b> its minima <b class="k-minimum"></b> steps '
        key += '<b class="k-step"></b> beats <b class="k-beat"></b></p>'
        parts.append(f'<h3>{escape(recording.song)}</h3><div class="dance">{video}<div>{chart}{key}{sheet}</div></div>')
    return "".join(parts) + "</section>"


def _scatters(rows: Sequence[Row], real: Reference, colors: dict[str, str]) -> str:
    made = [row for row in rows if row.windows is not None and len(row.windows.kinetic)]
    if not made:
        return ""
    both = []
    for title, name in (("How it moves (kinetic)", "kinetic"), ("Which poses it takes (geometric)", "geometric")):
        sets = [(row.name, colors[row.name], getattr(row.windows, name)) for row in made]
        picture = charts.scatter(getattr(real.sample, name), getattr(real, name), sets)
        both.append(f"<figure>{picture}<figcaption>{title}</figcaption></figure>")
    names = "".join(f'<li><i style="background:{colors[row.name]}"></i>{escape(row.name)}</li>' for row in made)
    return (
        "<section><h2>Among real dances</h2><p>Each dot is a window of three seconds, in the two directions in which "
        f'real ones differ most. Real dance is grey.</p><div class="pair">{"".join(both)}</div>'
        f'<ul class="names"><li><i style="background:{charts.GREY}"></i>real dance</li>{names}</ul></section>'
    )


_STYLE = """
:root { color-scheme: light dark; --ink: #1d232b; --soft: #66707c; --line: #dfe3e8; --page: #fbfbfa; --card: #fff;
  --real: #eef4ea; --speed: #1d4e89; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa3ad; --line: #343a42; --page: #15181c;
  --card: #1c2026; --real: #223024; --speed: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.2rem 1.4rem 4rem; max-width: 1240px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 0 0 .4rem; }
h3 { font-size: .95rem; font-weight: 600; color: var(--soft); margin: 1rem 0 .4rem; }
header p { color: var(--soft); margin: 0 0 1.4rem; max-width: 75ch; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .45rem .5rem; text-align: right; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; color: var(--soft); font-size: .85rem; cursor: help; white-space: normal;
  vertical-align: bottom; }
section table { font-size: .9rem; } section .wide { margin-top: .6rem; } section details { margin-bottom: 0; }
tbody th { text-align: left; font-weight: 600; position: sticky; left: 0; background: inherit; }
tbody tr { background: var(--card); } tbody tr:last-child > * { border-bottom: 0; }
tr.real { background: var(--real); } tr.baseline { color: var(--soft); } tr.baseline th { font-weight: 400; }
tr.control { color: var(--soft); font-size: .88rem; } tr.control th { font-weight: 400; padding-left: 1.8rem; }
i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em; }
details { margin: .8rem 0 1.6rem; color: var(--soft); } summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .6rem 0; }
dt { font-weight: 600; color: var(--ink); } dd { margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.2rem;
  margin: 1.1rem 0; }
.notes { margin: .2rem 0 0; padding-left: 1.2rem; color: #b3541e; }
.dance { display: grid; grid-template-columns: 256px 1fr; gap: 1.1rem; align-items: start; }
.dance > div { min-width: 0; }
@media (max-width: 760px) { .dance { grid-template-columns: 1fr; } }
video { width: 256px; height: 256px; background: #000; border-radius: 8px; display: block; }
.sheet { width: 100%; border-radius: 6px; display: block; background: #000; }
.chart { width: 100%; height: auto; display: block; } .tick { font-size: 11px; fill: var(--soft); }
.beat { stroke: #e08e1b; stroke-opacity: .55; stroke-width: 1.2; } .axis { stroke: var(--line); }
.speed { fill: none; stroke: var(--speed); stroke-width: 1.8; } .minimum { fill: var(--speed); }
.step { fill: #d1495b; }
.key { margin: .1rem 0 .6rem; color: var(--soft); font-size: .85rem; }
.key b { display: inline-block; margin: 0 1em 0 .3em; vertical-align: middle; }
.k-speed { width: 18px; height: 2px; background: var(--speed); }
.k-minimum { width: 7px; height: 7px; border-radius: 50%; background: var(--speed); }
.k-step { border: 5px solid transparent; border-top: 9px solid #d1495b; border-bottom: 0; }
.k-beat { width: 2px; height: 13px; background: #e08e1b; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { color: var(--soft); text-align: center; margin-top: .3rem; }
.scatter { width: 100%; border: 1px solid var(--line); border-radius: 8px; } .scatter g { fill-opacity: .55; }
.names { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; padding: 0; margin: .9rem 0 0; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
