"""Choose: four dances of one song side by side, playing together with the sound; keep one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, InputError
from dancegen.stages.songs import DEMO
from dancegen.studio.make import LABEL
from dancegen.studio.studio import said
from dancegen.studio.views import ACCENTS, element, shown_dance, told

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

SEED, KEPT = "Seed ", "Kept: seed "
"""What labels of this page's jobs begin with."""
MOST_SEED = 2**31 - len(ACCENTS)


def page(studio: Studio) -> None:
    """Dance the song of Make with as many seeds as there are places, compare, keep."""
    import gradio as gr

    jobs, kept = gr.State([]), gr.State("")
    with gr.Row(elem_classes="seeds", equal_height=True):
        like = gr.Dropdown([], label="Of which song", info="With all that was chosen for it in Make.", scale=3)
        first = gr.Number(1, label="First seed", info="And the three after it.", precision=0, minimum=0, min_width=120)
        start = gr.Button("Dance four seeds", variant="primary", elem_id="four")
    choice = element(studio, "choice", "choose-four", clock="choose", empty="A dance will be here")
    line = element(studio, "timeline", "choose-song", clock="choose", label="The song that all four dance to")
    with gr.Row():
        play = gr.Button("Play or pause all", elem_id="choose-play", min_width=160)
        name = gr.Textbox(label="A name for the one you keep", placeholder="like: chorus", max_length=80, scale=2)

    def offered() -> Any:
        made = [each for each in studio.jobs.all() if each.label.startswith(LABEL)]
        newest = {each.label.removeprefix(LABEL): each.id for each in made}
        songs = list(reversed(newest.items()))
        return gr.update(choices=[*songs, ("the demo song, as usual", DEMO)], value=songs[0][1] if songs else DEMO)

    def dance(like: str | None, first: float | None) -> tuple[list[str], str]:
        model = studio.job(like or "")
        keywords = dict(model.keywords) if model else {"song": DEMO}
        of = model.label.removeprefix(LABEL) if model else "the demo song"
        seeds = range(int(min(max(first or 0, 0), MOST_SEED)), int(min(max(first or 0, 0), MOST_SEED)) + len(ACCENTS))
        try:
            made = [
                studio.jobs.add("generate-poses", {**keywords, "seed": seed}, f"{SEED}{seed} of {of}") for seed in seeds
            ]
        except DancegenError as error:
            raise said(error) from error
        return [each.id for each in made], ""

    def keep(jobs: list[str], name: str, event: Any) -> list[str]:
        model = studio.job(jobs[event.index]) if event.index < len(jobs) else None
        try:
            if model is None or not model.digest:
                raise InputError("this dance is not there any more: dance the four seeds again")
            chosen = {**model.keywords, "name": name.strip() or None}
            studio.jobs.add("generate-poses", chosen, f"{KEPT}{model.keywords.get('seed', 0)}")
        except DancegenError as error:
            raise said(error) from error
        return [model.digest] * 2

    def state(jobs: list[str], kept: str) -> tuple[dict[str, Any], dict[str, Any]]:
        dances: list[dict[str, Any]] = []
        for job, accent in zip(map(studio.job, jobs), ACCENTS, strict=False):
            made = job and studio.result(job)
            shown = shown_dance(studio, made) if made else {}
            seed = job.keywords.get("seed", 0) if job else "?"
            note = "" if job is None or job.open or made else job.error or job.state
            more = {"label": f"Seed {seed}", "accent": accent, "note": note, "kept": bool(made) and made.digest == kept}
            dances.append({**shown, **more, "job": job.id if job and job.open else ""})
        song = next((each["song"] for each in dances if "song" in each), "")
        return {"dances": dances}, {"song": song}

    def found_again() -> tuple[list[str], str]:
        """The jobs of the last four seeds, and the one of them that was kept."""
        every = studio.jobs.all()
        kept = next((each.digest for each in reversed(every) if each.label.startswith(KEPT)), "")
        return [each.id for each in every if each.label.startswith(SEED)][-len(ACCENTS) :], kept

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    now = ([jobs, kept], [choice, line])
    start.click(dance, [like, first], [jobs, kept], **private).then(state, *now, **private)
    choice.keep(told(keep), [jobs, name], [kept, studio.chosen], **private).then(state, *now, **private)
    play.click(None, None, None, js=_play(studio), **private)
    studio.changed(state, *now, **private)
    studio.changed(offered, None, like, **private)
    studio.loaded(offered, None, like, **private)
    studio.loaded(found_again, None, [jobs, kept], **private).then(state, *now, **private)


def _play(studio: Studio) -> str:
    return f"() => {{ import('{studio.part('dance_clock.js')}').then((m) => m.Clock.named('choose').toggle()); }}"
