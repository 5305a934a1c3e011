"""How the site is built from these pages:  pip install '.[docs]' && sphinx-build -W docs build/docs"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from site_parts import contents, filled  # noqa: E402

from dancegen import __version__  # noqa: E402

project = "dancegen"
author = "the dancegen authors"
version = release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # An included page may begin at any level.
smartquotes = False
exclude_patterns = ["build"]

html_theme = "furo"
html_title = "dancegen"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#6d28d9", "color-brand-content": "#6d28d9"},
    "dark_css_variables": {"color-brand-primary": "#5eead4", "color-brand-content": "#5eead4"},
}


def setup(app: Any) -> None:
    app.connect("source-read", _read)
    app.connect(
        "env-get-outdated", lambda app, env, *changes: sorted(env.found_docs)
    )  # What is added may have changed.


def _read(app: Any, page: str, source: list[str]) -> None:
    """A page as Sphinx reads it: with what is made from the code, and the first one with the list of all."""
    source[0] = filled(source[0]) + (contents() if page == "index" else "")
