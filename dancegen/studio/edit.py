"""Edit: keep what is good of a dance, and redo the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio


def page(studio: Studio) -> None:
    """The tab."""
    import gradio as gr

    gr.HTML("<p>Not here yet.</p>")
