"""The page: its tabs, the queue above them, and how it looks by day and by night."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dancegen import __version__
from dancegen.studio import choose, edit, film, make, store_page
from dancegen.studio.studio import STATIC

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

TABS = (
    ("Make", "make", make.page),
    ("Choose", "choose", choose.page),
    ("Edit", "edit", edit.page),
    ("Film", "film", film.page),
    ("Store", "store", store_page.page),
)
"""Title, id and page of each."""
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
"""Of the machine: nothing is fetched."""


def build(studio: Studio) -> Any:
    """The Blocks with every page in its tab."""
    import gradio as gr

    with gr.Blocks(title="dancegen studio", analytics_enabled=False, fill_width=True) as blocks:
        studio.loaded = blocks.load
        changed = gr.Button("jobs changed", elem_id="jobs-changed", visible="hidden")
        # The usual mode drops a click that comes while the one before is answered: a job's end would be missed.
        studio.changed = partial(changed.click, trigger_mode="always_last")
        studio.chosen = gr.State("")
        gr.HTML(f"<h1>dancegen studio</h1><p>Give it a song, get a dance video. <small>{__version__}</small></p>")
        gr.HTML('<section id="queue" aria-label="Queue" aria-live="polite"></section>', elem_id="queue-place")
        with gr.Tabs(elem_id="pages"):
            for title, name, page in TABS:
                with gr.Tab(title, id=name, elem_id=f"tab-{name}") as studio.tab:
                    page(studio)
    blocks.queue(default_concurrency_limit=4)
    return blocks


def looks(studio: Studio) -> dict[str, Any]:
    """Theme, styles and scripts, as `mount_gradio_app` takes them."""
    import gradio as gr

    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.violet, secondary_hue=gr.themes.colors.teal, neutral_hue=gr.themes.colors.slate,
        font=list(FONTS), font_mono=list(MONO),
    ).set(
        button_primary_background_fill="*primary_700", button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800", button_primary_text_color="white",
        block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700", block_label_text_color_dark="*neutral_200",
        input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400",
    )  # fmt: skip
    head = (
        f'<script>window.studio = {{base: "{studio.base}"}};</script>'
        f'<script type="module" src="{studio.part("queue.js")}"></script>'
    )
    return {"theme": theme, "css_paths": [STATIC / "studio.css"], "head": head}
