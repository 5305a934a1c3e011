"""report.html of the AIST++ protocol: one's own figures, and those of papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from dancegen.metrics.published.protocol import COLUMNS
from dancegen.metrics.published.results import CAVEATS, RESULTS
from dancegen.metrics.report.page import document, figure_cells, notes_list, table_of
from dancegen.metrics.table import shown_columns


def write_published_report(
    path: Path, rows: Mapping[str, Mapping[str, float]], about: str, notes: Sequence[str]
) -> None:
    """Write the page: one file that needs nothing beside it. rows: figures by name; about: the real set in words."""
    columns = shown_columns(list(rows.values()), COLUMNS)
    own = [_line(name, figure_cells(figures, columns)) for name, figures in rows.items()]
    reported = shown_columns([result.figures for result in RESULTS], COLUMNS)
    papers = [_line(each.name, figure_cells(each.figures, reported), each.source) for each in RESULTS]
    sources = [f"{each.name}: {each.source}" for each in RESULTS]
    body = [
        f"<header><h1>The AIST++ protocol</h1><p>{escape(about)}</p></header>",
        table_of(columns, own),
        notes_list(notes),
        f"<section><h2>What papers report</h2>{notes_list(CAVEATS)}{table_of(reported, papers)}"
        f"<details><summary>Where these figures are from</summary>{notes_list(sources)}</details></section>",
    ]
    path.write_text(document(body), encoding="utf-8")


def _line(name: str, cells: str, source: str = "") -> str:
    return f'<tr><th scope="row" title="{escape(source)}">{escape(name)}</th>{cells}</tr>'
