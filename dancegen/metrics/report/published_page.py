"""report.html of the AIST++ protocol: one's own figures, and those of papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from dancegen.metrics.published.protocol import COLUMNS
from dancegen.metrics.report.page import document, figure_cells, notes_list, table_of
from dancegen.metrics.table import shown_columns


@dataclass(frozen=True)
class Result:
    """One row of a paper's table. figures: by column key; what the paper does not report is left out."""

    name: str
    figures: dict[str, float]
    source: str


_BAILANDO = "Siyao et al., Bailando, CVPR 2022, table 1"
RESULTS = (
    Result("FACT", {"fid_k": 35.35}, _BAILANDO),
    Result("Bailando", {"fid_k": 28.16, "bas": 0.2332}, _BAILANDO),
)
"""Those that were looked up; a paper's own table has more."""
CAVEATS = (
    "Distances to different sets of real dance do not compare: every feature is measured in the spread of that set, "
    "and its covariance is part of the distance. Only figures against all of AIST++ stand beside a paper's.",
    "A feature that is rare in the real set is divided by almost nothing, so that FID_g and Div_g of a small set can "
    "be of any size.",
    "Div and BAS have no best value: a dance that trembles is diverse, and one that stops on every beat is aligned.",
)
"""What is to be known before one's own figures are held against these."""


def write_published_report(
    path: Path, rows: Mapping[str, Mapping[str, float]], about: str, notes: Sequence[str]
) -> None:
    """Write the page: one file that needs nothing beside it. rows: figures by name; about: the real set in words."""
    columns = shown_columns(list(rows.values()), COLUMNS)
    own = [_line(name, figure_cells(figures, columns)) for name, figures in rows.items()]
    reported = shown_columns([result.figures for result in RESULTS], COLUMNS)
    papers = [_line(each.name, figure_cells(each.figures, reported), each.source) for each in RESULTS]
    body = [
        f"<header><h1>The AIST++ protocol</h1><p>{escape(about)}</p></header>",
        table_of(columns, own),
        notes_list(notes),
        f"<section><h2>What papers report</h2>{notes_list(CAVEATS)}{table_of(reported, papers)}</section>",
    ]
    path.write_text(document(body), encoding="utf-8")


def _line(name: str, cells: str, source: str = "") -> str:
    return f'<tr><th scope="row" title="{escape(source)}">{escape(name)}</th>{cells}</tr>'
