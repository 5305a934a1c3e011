"""Film: describe a film in words, and have it painted: the plan, a draft, the whole."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from dancegen import api
from dancegen.errors import DancegenError, InputError
from dancegen.options.command_line import command_line
from dancegen.renderers.film.prompts import PromptSchedule
from dancegen.stages.dance_edits import dances_in
from dancegen.stages.film_segments import painted_between
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said
from dancegen.studio.views import element, shown_dance, told

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

DRAFT, FILM = "A draft of ", "The film of "
"""What labels of this page's jobs begin with."""
FIRST = ("engine", "image", "size", "seed")
WITHOUT = ("poses", "prompt", "preview", "over", "beside", "music", "style")
VIDEO = "video.mp4"
SHOWN = 48
"""Segments of which a picture is shown."""


def page(studio: Studio) -> None:
    """Say what is painted when, look at what it takes, at a draft, and at the film while it grows."""
    import gradio as gr

    job = gr.State("")
    which = gr.Dropdown([], label="Dance", elem_id="film-dance")
    line = element(studio, "timeline", "film-line", clock="film", mark="prompt", lanes="prompts", label="The song")
    with gr.Row(equal_height=True):
        words = gr.Textbox(label="What to paint where you drag next", elem_id="film-words")
        prompt = gr.Textbox(
            label="The whole prompt", placeholder="0:00 a ballroom | 0:32 a street", elem_id="film-prompt"
        )
    with gr.Row(equal_height=True):
        plan = gr.Button("What will it take?", elem_id="film-plan")
        seconds = gr.Number(3, label="Seconds of a draft", minimum=0.5, min_width=120)
        draft, whole = (
            gr.Button("Draft", elem_id="film-draft"),
            gr.Button("Film", variant="primary", elem_id="film-all"),
        )
    takes = gr.Textbox(label="The plan", interactive=False, elem_id="film-told", max_lines=16)
    stage = element(studio, "stage", "film-stage", clock="film", empty="Choose a dance")
    strip = gr.HTML(elem_id="film-strip")
    same = gr.Textbox(label="The same as a command", interactive=False, buttons=["copy"], elem_id="film-same")
    form = options_form("render", without=WITHOUT, first=FIRST)

    def asked(digest: str, prompt: str, values: tuple[Any, ...]) -> dict[str, Any]:
        if not digest or not (prompt or "").strip():
            raise InputError("choose a dance, and say what to paint")
        PromptSchedule.parse(prompt)
        return {"poses": digest[:16], "prompt": prompt, **form.read(values)}

    def planned(digest: str, prompt: str, *values: Any) -> str:
        try:
            return "\n".join(api.plan("render", **asked(digest, prompt, values), store=studio.store).lines())
        except DancegenError as error:
            raise said(error) from error

    def painted(label: str, digest: str, prompt: str, seconds: float, *values: Any) -> list[Any]:
        try:
            keywords = asked(digest, prompt, values) | ({"preview": f"{seconds or 3:g}"} if label == DRAFT else {})
            return [studio.jobs.add("render", keywords, label + digest[:8]).id, command_line("render", keywords)]
        except DancegenError as error:
            raise said(error) from error

    def marked(prompt: str, words: str, event: Any) -> str:
        try:
            if event.action != "add":
                left = [(span["start_s"], span["label"]) for span in event.spans if span["label"]]
                return PromptSchedule.of_spans(left).written() if left else ""
            if not words.strip():
                raise InputError("say first what to paint there")
            schedule = PromptSchedule.parse(prompt or words)
            return schedule.saying(words.strip().replace("|", ","), event.start_s, event.end_s).written()
        except DancegenError as error:
            raise said(error) from error

    def scheduled(digest: str, prompt: str) -> dict[str, Any]:
        """The timeline of the dance's song, with the texts on it."""
        if (dance := studio.find(digest)) is None:
            return {"spans": []}
        try:
            end = float(dance.params.get("start") or 0) + float(dance.summary.get("seconds") or 0)
            spans = PromptSchedule.parse(prompt).spans(end) if (prompt or "").strip() else []
        except DancegenError:
            spans = []
        marks = [{"kind": "prompt", "lane": 0, "start_s": a, "end_s": b, "label": text} for a, b, text in spans]
        return {"song": shown_dance(studio, dance)["song"], "spans": marks}

    def refreshed(job_id: str, digest: str, prompt: str) -> list[Any]:
        """The stage with the dance or its film, a picture of each segment of it so far, and the timeline."""
        dances = dances_in(studio.store)
        digest = digest or (dances[0][1] if dances else "")
        making, dance = studio.job(job_id), studio.find(digest)
        made = making and studio.result(making)
        value = shown_dance(studio, dance) if dance else {}
        value["job"] = job_id if making and making.open else ""
        value["note"] = "" if making is None or making.open or made else making.error or making.state
        value["video"] = studio.url(made, VIDEO) if made else None
        parts = painted_between(studio.store, making.started_s, making.ended_s) if making and making.started_s else []
        shown = "".join(f'<img src="{escape(studio.url(each, name))}" alt="From frame {int(name[:6])} on">'
                        for each, name in parts[:SHOWN])  # fmt: skip
        strip = f'<div class="painted" data-count="{len(parts)}">{shown}</div>' if parts else ""
        return [gr.update(choices=dances, value=digest or None), value, strip, scheduled(digest, prompt)]

    def found_again() -> list[Any]:
        own = [each for each in studio.jobs.all() if each.label.startswith((DRAFT, FILM))]
        dance = studio.find(str(own[-1].keywords.get("poses", ""))) if own else None
        if dance is None:
            return ["", *[gr.update()] * (2 + len(form.components))]
        return [own[-1].id, own[-1].keywords["prompt"], dance.digest, *form.values(own[-1].keywords)]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    now = ([job, which, prompt], [which, stage, strip, line])
    which.input(lambda: "", None, job, **private).then(refreshed, *now, **private)
    prompt.change(scheduled, [which, prompt], line, **private)
    line.span(told(marked), [prompt, words], prompt, **private)
    plan.click(planned, [which, prompt, *form.components], takes, api_visibility="private")
    given = [which, prompt, seconds, *form.components]
    for button, label in ((draft, DRAFT), (whole, FILM)):
        button.click(partial(painted, label), given, [job, same], **private).then(refreshed, *now, **private)
    studio.changed.click(refreshed, *now, **private)
    studio.loaded(found_again, None, [job, prompt, which, *form.components], **private).then(refreshed, *now, **private)
