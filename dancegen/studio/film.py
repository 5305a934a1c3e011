"""Film: describe a film in words, and have it painted: the plan, a draft, the whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape
from time import monotonic
from typing import TYPE_CHECKING, Any

from dancegen import api
from dancegen.errors import DancegenError, InputError
from dancegen.formatting import byte_size
from dancegen.options.command_line import command_line
from dancegen.renderers.film.prompts import PromptSchedule
from dancegen.stages.dance_edits import dances_in
from dancegen.stages.film_draft import SHEET
from dancegen.stages.film_segments import painted_between
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said
from dancegen.studio.views import element, shown_dance, told

if TYPE_CHECKING:
    from dancegen.jobs import Job
    from dancegen.store import Artifact
    from dancegen.studio.studio import Studio

DRAFT, FILM = "A draft of ", "The film of "
"""What labels of this page's jobs begin with."""
FIRST = ("engine", "image", "size", "seed")
WITHOUT = ("poses", "prompt", "preview", "seeds", "over", "beside", "music", "style")
VIDEO = "video.mp4"
SHOWN = 48
"""Segments of which a picture is shown."""
LOOK_S = 2.0
"""How often new segments are looked for while a film is painted."""
MOST_SEEDS = 16
LEAST_S = 0.05
"""A text that begins so shortly before the end is left out: the playhead stops a little before it."""


def page(studio: Studio) -> None:
    """Say what is painted when, look at what it takes, at a draft, and at the film while it grows."""
    import gradio as gr

    which = gr.Dropdown([], label="Dance", elem_id="film-dance")
    line = element(studio, "timeline", "film-line", clock="film", mark="prompt", lanes="prompts", label="The song")
    with gr.Row(equal_height=True):
        words = gr.Textbox(label="What to paint where you drag next", elem_id="film-words")
        prompt = gr.Textbox(
            label="The whole prompt", placeholder="0:00 a ballroom | 0:32 a street", elem_id="film-prompt"
        )
    with gr.Row(equal_height=True):
        plan = gr.Button("What will it take?", elem_id="film-plan")
        seeds = gr.Number(4, label="Seeds of a draft", precision=0, minimum=1, maximum=MOST_SEEDS, min_width=120)
        seconds = gr.Number(3, label="Seconds of it, with one seed", minimum=0.5, min_width=120)
        draft = gr.Button("Draft from the playhead", elem_id="film-draft")
        whole = gr.Button("Film", variant="primary", elem_id="film-all")
        stop = gr.Button("Cancel", variant="stop", elem_id="film-stop", visible=False)
    takes = gr.Textbox(label="The plan", interactive=False, elem_id="film-told", max_lines=16)
    stage = element(studio, "stage", "film-stage", clock="film", empty="Choose a dance")
    strip = gr.HTML(elem_id="film-strip")
    same = gr.Textbox(label="The same as a command", interactive=False, buttons=["copy"], elem_id="film-same")
    form = options_form("render", without=WITHOUT, first=FIRST)
    playhead, clock = gr.Number(0, visible="hidden"), gr.Timer(LOOK_S, active=False)

    def asked(digest: str, prompt: str, values: tuple[Any, ...]) -> dict[str, Any]:
        if not digest or not (prompt or "").strip():
            raise InputError("choose a dance, and say what to paint")
        PromptSchedule.parse(prompt)
        return studio.jobs.check("render", {"poses": digest[:16], "prompt": prompt, **form.read(values)})

    def planned(digest: str, prompt: str, *values: Any) -> str:
        try:
            return "\n".join(api.plan("render", **asked(digest, prompt, values), store=studio.store).lines())
        except DancegenError as error:
            raise said(error) from error

    def drafted(digest: str, at: float, seconds: float | None, seeds: float | None) -> dict[str, Any]:
        """What makes a draft of a film. at: the playhead, seconds of the song."""
        start, end = _span(studio.find(digest))
        length = seconds or 3
        first = max(0.0, min(at - start, end - start - length))
        number = {"seeds": min(int(seeds), MOST_SEEDS)} if seeds and seeds > 1 else {}
        return {"preview": f"{first:.2f}-{first + length:.2f}", **number}

    def painted(label: str, at: float, seconds: float, seeds: float, digest: str, prompt: str, *values: Any) -> str:
        try:
            keywords = asked(digest, prompt, values)
            keywords |= drafted(digest, at, seconds, seeds) if label == DRAFT else {}
            studio.jobs.add("render", keywords, label + digest[:8])
        except DancegenError as error:
            raise said(error) from error
        return command_line("render", keywords)

    def marked(prompt: str, words: str, digest: str, event: Any) -> list[Any]:
        try:
            if event.action != "add":
                left = [(span["start_s"], span["label"]) for span in event.spans if span["label"]]
                prompt = PromptSchedule.of_spans(left).written() if left else ""
            elif words.strip():
                schedule = PromptSchedule.parse(prompt or words)
                schedule = schedule.saying(words.strip().replace("|", ","), event.start_s, event.end_s)
                end = _span(studio.find(digest))[1]
                lasting = [(a, text) for a, _, text in schedule.spans(end) if end - a > LEAST_S]
                prompt = PromptSchedule.of_spans(lasting).written()
            else:
                gr.Warning("Say first what to paint there.")
        except DancegenError as error:
            gr.Warning(escape(str(error)))
        # `turn`, so that what was drawn goes also where nothing came of it: an element leaves an equal value alone.
        return [prompt, {**scheduled(digest, prompt), "turn": monotonic()}]

    def scheduled(digest: str, prompt: str) -> dict[str, Any]:
        """The timeline of the dance's song, with the texts on it."""
        if (dance := studio.find(digest)) is None:
            return {"spans": []}
        try:
            spans = PromptSchedule.parse(prompt).spans(_span(dance)[1]) if (prompt or "").strip() else []
        except DancegenError:
            spans = []
        marks = [{"kind": "prompt", "lane": 0, "start_s": a, "end_s": b, "label": text} for a, b, text in spans]
        return {"song": shown_dance(studio, dance)["song"], "spans": marks}

    def refreshed(digest: str) -> list[Any]:
        """The dances, the stage with one of them or its film, what is painted of it, and what can be cancelled."""
        dances = dances_in(studio.store)
        newest: str = dances[0][1] if dances else ""
        dance = studio.find(digest or newest)
        offered = gr.update(choices=dances) if digest else gr.update(choices=dances, value=newest or None)
        making = _job_of(dance, studio.jobs.all())
        made = making and studio.result(making)
        value = shown_dance(studio, dance) if dance else {}
        value["job"] = making.id if making and making.open else ""
        value["note"] = "" if making is None or making.open or making.state == "done" else making.error or making.state
        value["video"] = studio.url(made, VIDEO) if made else None
        working = bool(making and making.open)
        shown = "".join(_strip(studio, making, made))
        return [offered, value, shown, gr.update(visible=working), gr.Timer(active=working)]

    def grown(digest: str) -> Any:
        making = _job_of(studio.find(digest), studio.jobs.all())
        return "".join(_strip(studio, making, None)) if making and making.open else gr.skip()

    def cancelled(digest: str) -> None:
        making = _job_of(studio.find(digest), studio.jobs.all())
        if making is not None:
            studio.jobs.cancel(making.id)

    def turned_to(digest: str) -> Any:
        return gr.update(choices=dances_in(studio.store), value=digest)

    def found_again() -> list[Any]:
        own = [each for each in studio.jobs.all() if each.label.startswith((DRAFT, FILM))]
        dance = studio.find(str(own[-1].keywords.get("poses", ""))) if own else None
        if dance is None:
            return [gr.update()] * (2 + len(form.components))
        shown = gr.update(choices=dances_in(studio.store), value=dance.digest)
        return [shown, own[-1].keywords["prompt"], *form.values(own[-1].keywords)]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    now = (which, [which, stage, strip, stop, clock])
    which.input(refreshed, *now, **private)
    for event in (which.change, prompt.change):
        event(scheduled, [which, prompt], line, **private)
    line.span(told(marked), [prompt, words, which], [prompt, line], **private)
    plan.click(planned, [which, prompt, *form.components], takes, api_visibility="private")
    given = [playhead, seconds, seeds, which, prompt, *form.components]
    at = f"(await import('{studio.part('dance_clock.js')}')).Clock.named('film').time"
    for button, label in ((draft, DRAFT), (whole, FILM)):
        js = f"async (_, ...others) => [{at}, ...others]"
        button.click(partial(painted, label), given, same, js=js, **private).then(refreshed, *now, **private)
    stop.click(cancelled, which, None, **private)
    clock.tick(grown, which, strip, **private)
    studio.changed(refreshed, *now, **private)
    studio.chosen.change(turned_to, studio.chosen, which, **private).then(refreshed, *now, **private)
    found = studio.loaded(found_again, None, [which, prompt, *form.components], **private)
    found.then(refreshed, *now, **private).then(scheduled, [which, prompt], line, **private)


def _span(dance: Artifact | None) -> tuple[float, float]:
    """(first, last) second of the song that is danced to."""
    start = float(dance.params.get("start") or 0) if dance else 0.0
    return start, start + float(dance.summary.get("seconds") or 0 if dance else 0)


def _job_of(dance: Artifact | None, jobs: list[Job]) -> Job | None:
    """The job of this page that a dance's stage shows: the first one that is not over, else the last one."""
    own = [each for each in jobs if each.label.startswith((DRAFT, FILM))]
    own = [each for each in own if dance and each.keywords.get("poses") == dance.digest[:16]]
    return next((each for each in own if each.open), own[-1] if own else None)


def _strip(studio: Studio, making: Job | None, made: Artifact | None) -> Iterator[str]:
    """A picture of each segment that is painted; of a film that is done its files, and of a draft all seeds."""
    if made is not None:
        sizes = {each.path: each.size for each in made.files}
        for name in filter(sizes.get, (VIDEO, SHEET)):
            address = studio.url(made, name, download=True)
            yield f'<p><a href="{escape(address)}" download>Download {name} ({byte_size(sizes[name])})</a></p>'
        if SHEET in sizes:
            yield f'<img class="sheet" src="{escape(studio.url(made, SHEET))}" alt="A row of frames of each seed">'
            return
    since = making.started_s if making else None
    parts = painted_between(studio.store, since, making.ended_s) if making and since else []
    if parts:
        yield f'<div class="painted" data-count="{len(parts)}">'
        for each, name in parts[:SHOWN]:
            yield f'<img src="{escape(studio.url(each, name))}" alt="From frame {int(name[:6])} on">'
        yield "</div>"
