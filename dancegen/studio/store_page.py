"""Store: what there is, from what it was made, and where it can go."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dancegen.formatting import byte_size

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio


def page(studio: Studio) -> None:
    """The tab."""
    import gradio as gr

    table = gr.HTML(label="Results")

    def listed() -> str:
        rows = [
            f"<tr><td>{escape(each.stage)}</td><td>{escape(each.short)}</td><td>{byte_size(each.size)}</td></tr>"
            for each in reversed(studio.store.listing().artifacts)
        ]
        return f"<div class=scrolling><table><tr><th>Stage<th>Digest<th>Size</tr>{''.join(rows)}</table></div>"

    studio.loaded(listed, None, table, api_visibility="private")
    studio.changed.click(listed, None, table, show_progress="hidden", api_visibility="private")
