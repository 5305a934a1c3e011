"""Make: from a song to a dance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError
from dancegen.options.command_line import command_line
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

FIRST = ("start", "seconds", "genre", "energy", "camera", "seed")
"""Options that stand open."""


def page(studio: Studio) -> None:
    """Drop a song, choose, dance."""
    import gradio as gr

    song = gr.Audio(label="Song", type="filepath", sources=["upload", "microphone"])
    demo = gr.Checkbox(label="The demo song", value=False)
    form = options_form("generate-poses", without=("song",), first=FIRST)
    start = gr.Button("Dance", variant="primary", elem_id="dance")
    line = gr.Textbox(label="The same as a command", interactive=False, buttons=["copy"])

    def dance(song: str | None, demo: bool, *values: Any) -> str:
        keywords = {"song": "demo" if demo else song, **form.read(values)}
        try:
            studio.jobs.add("generate-poses", keywords, "a dance")
        except DancegenError as error:
            raise said(error) from error
        return command_line("generate-poses", keywords)

    start.click(dance, [song, demo, *form.components], line, api_visibility="private")
