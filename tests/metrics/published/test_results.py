"""What papers report: one home, which the docs and the report show alike."""

from __future__ import annotations

import re
from pathlib import Path

from dancegen.metrics.published.protocol import COLUMNS
from dancegen.metrics.published.results import CAVEATS, RESULTS
from dancegen.metrics.report.published_page import write_published_report
from dancegen.metrics.table import shown_columns, written

DOCS = Path(__file__).parents[3] / "docs" / "evaluate.md"
SHOWN = shown_columns([result.figures for result in RESULTS], COLUMNS)
SOURCES = list(dict.fromkeys(result.source for result in RESULTS))


def test_the_docs_print_every_result_with_its_source():
    text = DOCS.read_text(encoding="utf-8")
    for result in RESULTS:
        cells = [written(result.figures[c.key], c) if c.key in result.figures else "–" for c in SHOWN]
        row = " | ".join([result.name, *cells, str(SOURCES.index(result.source) + 1)])
        assert f"| {row} |\n" in text, result.name
    flowing = re.sub(r"\s+", " ", text)
    for number, source in enumerate(SOURCES, 1):
        assert f" {number}. {source}." in flowing
    for caveat in CAVEATS:
        assert f"- {caveat}" in flowing


def test_every_figure_has_a_column_and_real_dance_a_row():
    assert all(set(result.figures) <= {column.key for column in COLUMNS} for result in RESULTS)
    assert len({result.name for result in RESULTS}) == len(RESULTS) and RESULTS[0].name == "AIST++ itself"


def test_the_report_shows_them_below_ones_own(tmp_path):
    page = tmp_path / "report.html"
    write_published_report(page, {"mine": {"fid_k": 12.5, "bas": 0.25}}, "Real dance is 40 dances.", ["a note"])
    shown = page.read_text(encoding="utf-8")
    assert shown.index("mine") < shown.index("Bailando++") and "0.2332" in shown and "28.16" in shown
    assert all(source.split(",")[0] in shown.replace("&#x27;", "'") for source in SOURCES)
