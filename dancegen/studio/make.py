"""Make: from a song to a dance, in space and as a film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.errors import DancegenError, InputError
from dancegen.options.command_line import command_line
from dancegen.stages.dance_files import PREVIEW
from dancegen.stages.songs import DEMO
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said
from dancegen.studio.views import element, shown_dance, song_view, sound_of, told

if TYPE_CHECKING:
    from dancegen.jobs import Job
    from dancegen.studio.studio import Studio

FIRST = ("genre", "energy", "camera", "seed", "start", "seconds")
"""Options that stand open."""
STYLES = {"In space": None, "Neon": "neon", "OpenPose": "openpose", "Mannequin": "mannequin"}
"""What the dance can be looked at as, and the style of the film."""
LABEL, FILM = "The dance of ", "The film: "
"""What labels of this page's jobs begin with."""
VIDEO = "video.mp4"
WHOLE_S = 0.5
"""A dance that is so much shorter than its song is to a span of it."""


def page(studio: Studio) -> None:
    """Drop a song, mark what to dance to, choose, dance; then look at it."""
    import gradio as gr

    song, shown, job, film = gr.State(""), gr.State(""), gr.State(""), gr.State("")
    with gr.Row(elem_classes="songs"):
        dropped = gr.File(label="Drop a song here", type="filepath", file_types=["audio", "video"], height=132)
        with gr.Column(min_width=220):
            recorded = gr.Audio(label="or record one", type="filepath", sources=["microphone"], editable=False)
            demo = gr.Button("or take the demo song", elem_id="demo")
    line = element(studio, "timeline", "make-song", clock="make", mark="dance", single=True, label="The song")
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=3, min_width=300):
            stage = element(studio, "stage", "make-stage", clock="make", empty="Your dance will be here")
            looked = gr.Radio(list(STYLES), value="In space", label="Look at it", elem_id="make-style")
            same = gr.Textbox(label="The same as a command", interactive=False, buttons=["copy"], lines=2, max_lines=4)
        with gr.Column(scale=2, min_width=300):
            with gr.Row():
                start = gr.Button("Dance", variant="primary", elem_id="dance")
                stop = gr.Button("Cancel", variant="stop", elem_id="stop", visible=False)
            form = options_form("generate-poses", without=("song",), first=FIRST)

    def taken(path: str | None) -> tuple[Any, ...]:
        if not path:
            return "", {"song": "", "spans": []}, None, None
        sound = {"song": "", "spans": [], "sound": sound_of(studio, path), "start_s": 0}
        return path, sound, None, None

    def heard(path: str) -> Any:
        found = listened(path)
        if found is None:
            return gr.skip()
        return {"song": found, "spans": [], "sound": sound_of(studio, path), "start_s": 0, "seconds": found["seconds"]}

    def heard_again(path: str, digest: str) -> Any:
        """The song of a page that is loaded again, with the span that its dance dances to. The sound is the dance's."""
        found, dance = listened(path), studio.find(digest)
        if found is None:
            return gr.skip()
        start_s = float(dance.params.get("start") or 0) if dance else 0.0
        end_s = start_s + float(dance.summary.get("seconds") or 0) if dance else 0.0
        whole = not dance or end_s - start_s > found["seconds"] - WHOLE_S
        span = {"kind": "dance", "start_s": start_s, "end_s": min(end_s, found["seconds"])}
        return {"song": found, "spans": [] if whole else [span]}

    def listened(path: str) -> dict[str, Any] | None:
        try:
            return song_view(path, Context.open(studio.store)) if path else None
        except DancegenError as error:
            raise said(error) from error

    def marked(event: Any) -> tuple[Any, Any]:
        if not event.spans:
            return None, None
        start_s, end_s = event.spans[0]["start_s"], event.spans[0]["end_s"]
        return round(start_s, 2), round(end_s - start_s, 2)

    def dance(path: str, *values: Any) -> tuple[Any, ...]:
        name = "the demo song" if path == DEMO else Path(path).name
        try:
            keywords = {"song": path, **form.read(values)}
            if not path:
                raise InputError("there is no song yet: drop one, record one, or take the demo song")
            made = studio.jobs.add("generate-poses", keywords, LABEL + name)
        except DancegenError as error:
            raise said(error) from error
        return made.id, "", "In space", command_line("generate-poses", keywords)

    def filmed(style: str, digest: str) -> Any:
        if not digest or STYLES[style] in (None, "neon"):
            return ""
        try:
            return studio.jobs.add("render", {"poses": digest, "style": STYLES[style]}, FILM + style).id
        except DancegenError as error:
            raise said(error) from error

    def cancelled(job: str, film: str) -> None:
        for each in filter(None, (job, film)):
            if studio.job(each) is not None:
                studio.jobs.cancel(each)

    def state(job: str, film: str, digest: str, style: str) -> tuple[Any, ...]:
        """The stage, the digest on it, whether there is something to cancel, and a new dance for the other pages."""
        making, filming = studio.job(job), studio.job(film)
        found = making and studio.result(making)
        new = found.digest if found and found.digest != digest else gr.skip()
        digest = found.digest if found else digest
        dance = studio.find(digest)
        open_job = next((each for each in (making, filming) if each and each.open), None)
        value: dict[str, Any] = shown_dance(studio, dance, label=_words(dance)) if dance else {}
        value["job"] = open_job.id if open_job else ""
        value["note"] = _note(making) or _note(filming)
        if dance and style != "In space" and not open_job:
            drawn = dance if STYLES[style] == "neon" else filming and studio.result(filming)
            value["video"] = drawn and studio.url(drawn, PREVIEW if drawn is dance else VIDEO)
        return value, digest, gr.update(visible=open_job is not None), new

    def found_again() -> list[Any]:
        """Of the last job: its id, its dance, its song where that is still here, and what was chosen."""
        own = [each for each in studio.jobs.all() if each.label.startswith(LABEL)]
        if not own:
            return [gr.skip()] * (3 + len(form.components))
        made, path = studio.result(own[-1]), str(own[-1].keywords["song"])
        there = path if path == DEMO or Path(path).is_file() else ""
        return [own[-1].id, made.digest if made else "", there, *form.values(own[-1].keywords)]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    now = ([job, film, shown, looked], [stage, shown, stop, studio.chosen])
    span = [form.component("start"), form.component("seconds")]
    for event, source in ((dropped.change, dropped), (recorded.change, recorded)):
        event(taken, source, [song, line, *span], **private).then(heard, song, line, **private)
    demo.click(lambda: taken(DEMO), None, [song, line, *span], **private).then(heard, song, line, **private)
    line.span(told(marked), None, span, **private)
    start.click(dance, [song, *form.components], [job, film, looked, same], **private).then(state, *now, **private)
    looked.input(filmed, [looked, shown], film, **private).then(state, *now, **private)
    stop.click(cancelled, [job, film], None, **private).then(state, *now, **private)
    studio.changed(state, *now, **private)
    found = studio.loaded(found_again, None, [job, shown, song, *form.components], **private)
    found.then(state, *now, **private).then(heard_again, [song, shown], line, **private)


def _note(job: Job | None) -> str:
    """What is said over the stage of a job that did not come to its end."""
    if job is None or job.state == "done":
        return ""
    return {"failed": f"It failed: {job.error}", "cancelled": "Cancelled", "interrupted": "It was interrupted"}.get(
        job.state, "Waits …" if job.state == "waiting" else "The dance begins …"
    )


def _words(dance: Any) -> str:
    """A dance in a few words."""
    said = [dance.params.get("genre") or "", f"seed {dance.params.get('seed', 0)}", dance.digest[:8]]
    return " · ".join(filter(None, said))
