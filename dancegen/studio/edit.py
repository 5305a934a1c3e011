"""Edit: keep what is good of a dance, and redo the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, InputError
from dancegen.options.command_line import command_line
from dancegen.stages import dance_edits as edits
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said
from dancegen.studio.views import element, shown_dance, told

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

LABEL = "The edit of "
"""What labels of this page's jobs begin with."""
UNDONE = ("waiting", "running", "interrupted")
"""States of an edit that a page which is loaded again goes on with."""
FIRST = ("seed", "energy", "keep_joints", "start_pose", "end_pose")
WITHOUT = ("song", "edit", "keep", "pass_pose", "retime_span", "retarget")
"""Options that are marked on the timeline, or cannot be asked for here."""
ROWS = "keep|other speed|poses"
ROLES = {"begins": "start_pose", "ends": "end_pose", "at the playhead": ""}
HELP = (
    "Drag on a row to mark what stays, what is danced at another speed, and when a pose is passed; a double click "
    "marks a whole phrase. Drag a yellow joint, or take it with J, to change the pose at the playhead."
)


def page(studio: Studio) -> None:
    """Mark on the timeline of a dance, compare two versions, redo, undo."""
    import gradio as gr

    marks, places, job = gr.State([]), gr.State({}), gr.State("")
    which = gr.Dropdown([], label="Dance", elem_id="edit-dance")
    gr.HTML(f"<p>{HELP}</p>")
    line = element(studio, "timeline", "edit-line", clock="edit", mark="keep", lanes=ROWS, label="The dance")
    with gr.Row(elem_classes="work"):
        before = element(studio, "stage", "edit-before", clock="edit", empty="There is no version before this one")
        after = element(studio, "stage", "edit-after", clock="edit", handles=True, empty="Choose a dance")
    with gr.Row():
        redo = gr.Button("Redo the rest", variant="primary", elem_id="redo")
        undo, clear = gr.Button("Undo", elem_id="undo"), gr.Button("Clear the marks", elem_id="clear")
    same = gr.Textbox(label="The same as a command", interactive=False, buttons=["copy"], elem_id="edit-same")
    with gr.Row():
        speed = gr.Number(0.5, label="Speed", info="Of what is marked next.", minimum=0.25, maximum=4, min_width=120)
        other = gr.Dropdown([], label="A pose of", info="For the next mark of a pose, too.", scale=3, min_width=240)
        second = gr.Number(0, label="At second", info="Of its song.", minimum=0, min_width=120)
        role = gr.Radio(list(ROLES), value="begins", label="is where the dance", scale=2, min_width=240)
    take = gr.Button("Take this pose", elem_id="take")
    playhead = gr.Number(0, visible="hidden")  # a State would take nothing from the browser
    form = options_form("generate-poses", without=WITHOUT, first=FIRST)
    with gr.Accordion("The song, if it was danced to elsewhere", open=False):
        song = gr.File(label="The file that was danced to", type="filepath", height=140)
    still = [gr.update()]

    def views(digest: str, marked: list[Any], job_id: str) -> list[Any]:
        """What timeline and stages show."""
        dance, making = studio.find(digest), studio.job(job_id)
        if dance is None:
            return [{"spans": []}, {}, {}]
        now, old = shown_dance(studio, dance, label=f"Now · {digest[:8]}"), edits.edited_from(dance, studio.store)
        now["job"] = job_id if making and making.open else ""
        now["note"] = "" if making is None or making.open or making.state == "done" else making.error or making.state
        was = shown_dance(studio, old, label=f"Before · {old.digest[:8]}", sound="") if old else {}
        return [{"song": now["song"], "spans": marked}, was, now]

    def chosen(digest: str) -> list[Any]:
        dance = studio.find(digest)
        own = next((each.keywords for each in studio.jobs.all() if dance and each.digest == digest), {})
        asked = {name: value for name, value in own.items() if name not in edits.OF_THE_EDIT}
        fields = form.values({**asked, **(edits.settings_of(dance) if dance else {})})
        known, moved = studio.drafts.of(digest)
        return [known, moved, *views(digest, known, ""), *fields]

    def refreshed(job_id: str, digest: str, marked: list[Any]) -> list[Any]:
        making, dances = studio.job(job_id), edits.dances_in(studio.store)
        made, which = making and studio.result(making), gr.update(choices=dances)
        if making and made and (edited := studio.find(making.keywords["edit"])):
            studio.drafts.keep(edited.digest, [], {})
        if made or not digest:
            job_id, digest = "", made.digest if made else dances[0][1] if dances else ""
            fields, which = chosen(digest), gr.update(choices=dances, value=digest or None)
        else:  # without a job nothing is new, and somebody may be choosing another dance meanwhile
            shown = views(digest, marked, job_id) if making else still * 3
            fields = [*still * 2, *shown, *still * len(form.components)]
        return [job_id, which, gr.update(choices=dances), *fields]

    def marked(
        speed: float, pose: str | None, second: float, digest: str, places: dict[str, Any], event: Any
    ) -> list[Any]:
        found = edits.labelled(event.spans, speed, f"{(pose or '')[:16]}@{second or 0:g}")
        there = {f"{mark['start_s']:g}" for mark in found if mark["kind"] == edits.POSE}
        return kept(digest, found, {at: known for at, known in places.items() if at in there})

    def kept(digest: str, marks: list[Any], places: dict[str, Any]) -> list[Any]:
        """What the states and the timeline show of new marks, which are remembered until they are danced."""
        if digest:
            studio.drafts.keep(digest, marks, places)
        return [marks, places, {"spans": marks}]

    def moved(marks: list[Any], places: dict[str, Any], digest: str, event: Any) -> list[Any]:
        at, dance = round(float(event.time_s), 2), studio.find(digest)
        known = {**places.get(f"{at:g}", {}), event.name: event.position}
        try:
            if dance is None:
                raise InputError("this dance is not there any more")
            joints = edits.moved_pose(dance, at, known)
            marks = edits.with_pose(marks, at, str(edits.write_pose(known, studio.uploads / "poses")))
        except DancegenError as error:
            raise said(error) from error
        shown = shown_dance(studio, dance, label=f"Now · {digest[:8]}", pose=joints.ravel().tolist())
        return [*kept(digest, marks, {**places, f"{at:g}": known}), shown]

    def taken(
        role: str, pose: str, second: float, now: float, marks: list[Any], places: dict[str, Any], digest: str
    ) -> list[Any]:
        if not pose:
            raise said(InputError("choose the dance that the pose is of"))
        reference = f"{pose[:16]}@{second or 0:g}"
        marks = marks if ROLES[role] else edits.with_pose(marks, round(now, 2), reference)
        fields = [reference if ROLES[role] == name else gr.update() for name in ("start_pose", "end_pose")]
        return [*kept(digest, marks, places), *fields]

    def danced(digest: str, marks: list[Any], song: str | None, *values: Any) -> list[Any]:
        try:
            dance = studio.find(digest)
            if dance is None:
                raise InputError("choose a dance")
            songs = filter(None, [song, *(each.keywords.get("song") for each in studio.jobs.all())])
            asked = {"song": edits.song_of(dance, songs), "edit": digest[:16], **edits.asked_by(marks)}
            asked |= form.read(values)
            return [
                studio.jobs.add("generate-poses", asked, LABEL + digest[:8]).id,
                command_line("generate-poses", asked),
            ]
        except DancegenError as error:
            raise said(error) from error

    def undone(digest: str) -> str:
        dance = studio.find(digest)
        old = edits.edited_from(dance, studio.store) if dance else None
        if old is None:
            raise said(InputError("there is no version before this one"))
        return old.digest

    def turned_to(digest: str) -> list[Any]:
        return ["", gr.update(choices=edits.dances_in(studio.store), value=digest), *chosen(digest)]

    def found_again() -> list[Any]:
        """An edit that is being danced, and the dance that it is of; else the dance that was marked last."""
        open_jobs = [each for each in studio.jobs.all() if each.label.startswith(LABEL) and each.state in UNDONE]
        edited = open_jobs[-1].keywords["edit"] if open_jobs else studio.drafts.newest()
        dance, dances = studio.find(edited), edits.dances_in(studio.store)
        digest = dance.digest if dance else dances[0][1] if dances else None
        return [open_jobs[-1].id if open_jobs else "", gr.update(choices=dances, value=digest)]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    whole = [marks, places, line, before, after, *form.components]
    now = ([job, which, marks], [job, which, other, *whole])
    which.input(chosen, which, whole, **private)
    marking = [marks, places, line]
    line.span(told(marked), [speed, other, second, which, places], marking, **private)
    after.joint(told(moved), [marks, places, which], [*marking, after], **private)
    clock = f"(await import('{studio.part('dance_clock.js')}')).Clock.named('edit').time"
    take.click(
        taken, [role, other, second, playhead, marks, places, which],
        [*marking, form.component("start_pose"), form.component("end_pose")],
        js=f"async (a, b, c, d, ...more) => [a, b, c, {clock}, ...more]", **private,
    )  # fmt: skip
    clear.click(
        lambda digest: [*kept(digest, [], {}), *views(digest, [], "")[1:]], which, [*marking, before, after], **private
    )
    redo.click(danced, [which, marks, song, *form.components], [job, same], **private).then(refreshed, *now, **private)
    undo.click(undone, which, which, **private).success(chosen, which, whole, **private)
    studio.changed(refreshed, *now, **private)
    studio.chosen.change(turned_to, studio.chosen, [job, which, *whole], **private)
    studio.loaded(found_again, None, [job, which], **private).success(
        lambda digest: chosen(digest) if digest else still * len(whole), which, whole, **private
    ).then(refreshed, *now, **private)
