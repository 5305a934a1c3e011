"""Film: describe a film in words, and have it painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio


def page(studio: Studio) -> None:
    """The tab."""
    import gradio as gr

    gr.HTML("<p>Not here yet.</p>")
