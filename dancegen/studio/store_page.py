"""Store: what there is, from what it was made, and where it can go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError
from dancegen.formatting import byte_size, duration
from dancegen.store.collect import delete_result
from dancegen.store.lineage import origins
from dancegen.studio.forms import options_form
from dancegen.studio.studio import said

if TYPE_CHECKING:
    from dancegen.store import Artifact, Store
    from dancegen.store.lineage import Origin
    from dancegen.store.listing import Listed, Listing
    from dancegen.studio.studio import Studio

SHOWN = 200
"""Results that the list has at once."""
SHOWN_FILES = 40
FIRST_FILES = (".mp4", ".bvh", ".glb", ".vrma", ".json")
DANCE, REPORT = "generate-poses", "report.html"
ALL = "all"
CHOOSE = """element.addEventListener('click', (event) => {
    const row = event.target.closest('[data-result]');
    if (row) trigger('select', {result: row.dataset.result});
});"""


def page(studio: Studio) -> None:
    """A list of results, and beside it the one that was chosen."""
    import gradio as gr

    chosen = gr.State("")
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            stage = gr.Dropdown([ALL], value=ALL, label="Show", info="Results of one step, or all.")
            table = gr.HTML(js_on_load=CHOOSE, elem_id="results")
        with gr.Column(scale=4, min_width=320):
            with gr.Row():
                export = gr.Button("Export GLB and VRMA", visible=False, elem_id="export")
                delete = gr.Button("Delete", visible=False, variant="stop", elem_id="delete")
            with gr.Group(visible=False) as asked:
                all_of_it = gr.Checkbox(label="Delete all that was made from it, too", elem_id="with-dependents")
                sure = gr.Button("Yes, delete it", variant="stop", elem_id="sure")
            details = gr.HTML("<p>Choose a result in the list.</p>", elem_id="result")
            with gr.Accordion("Evaluate", open=False, visible=False) as measure:
                form = options_form("evaluate", without=("inputs",), first=("songs", "seconds"))
                evaluate = gr.Button("Evaluate", variant="primary", elem_id="evaluate")
    report = gr.HTML(elem_id="report")

    def listed(stage: str) -> list[Any]:
        listing = studio.store.listing()
        known = [ALL, *listing.stages]
        stage = stage if stage in known else ALL
        return [gr.update(choices=known, value=stage), _table(listing, studio.store, stage)]

    def shown(reference: str) -> list[Any]:
        try:
            artifact = studio.store.look_up(reference) if reference else None
        except DancegenError as error:
            artifact, reference = None, f"<p>{escape(str(error))}</p>"
        if artifact is None:
            html = reference or "<p>Choose a result in the list.</p>"
            return [html, *[gr.update(visible=False) for _ in range(4)], ""]
        html = "".join(_details(artifact, studio))
        measured = artifact.stage in (DANCE, "train", "render")
        visible = (artifact.stage == DANCE, artifact.path.parent.parent == studio.store.root, False, measured)
        return [html, *[gr.update(visible=each) for each in visible], _report(artifact, studio)]

    def choose(event: Any) -> list[Any]:
        return [event.result, *shown(event.result)]

    choose.__annotations__["event"] = gr.EventData  # Gradio reads it, and knows no names of functions

    def remove(reference: str, with_all: bool, stage: str) -> list[Any]:
        try:
            delete_result(studio.store, reference, with_all)
        except DancegenError as error:
            raise said(error) from error
        return ["", *shown(""), *listed(stage)]

    def queue(verb: str, keywords: dict[str, Any], label: str, *values: Any) -> None:
        try:
            studio.jobs.add(verb, keywords | (form.read(values) if values else {}), label)
        except DancegenError as error:
            raise said(error) from error

    quiet: Any = {"show_progress": "hidden", "api_visibility": "private"}
    beside = [details, export, delete, asked, measure, report]
    for event in (studio.loaded, studio.changed, studio.tab.select, stage.input):
        event(listed, stage, [stage, table], **quiet)
    studio.changed(shown, chosen, beside, **quiet)
    table.select(choose, None, [chosen, *beside], **quiet)
    delete.click(lambda: gr.update(visible=True), None, asked, **quiet)
    sure.click(remove, [chosen, all_of_it, stage], [chosen, *beside, stage, table], **quiet)
    export.click(lambda it: queue("export", {"dance": it}, f"export of {it[:8]}"), chosen, None, **quiet)
    evaluate.click(
        lambda it, *values: queue("evaluate", {"inputs": [it]}, f"evaluation of {it[:8]}", *values),
        [chosen, *form.components], None, **quiet,
    )  # fmt: skip


def _table(listing: Listing, store: Store, stage: str) -> str:
    found = [each for each in reversed(listing.artifacts) if stage in (ALL, each.stage)]
    if not found:
        return "<p>Nothing here yet: make a dance.</p>"
    names = store.marks.names()
    rows = "".join(
        f'<tr><td><button type="button" class="plain" data-result="{each.short}">{escape(each.stage)} {each.short[:8]}'
        f"</button></td><td>{escape(', '.join(names.get((each.stage, each.short), _songs(each))))}</td>"
        f"<td>{each.created[:16].replace('T', ' ')}</td><td>{byte_size(each.size)}</td></tr>"
        for each in found[:SHOWN]
    )
    more = f"<p>and {len(found) - SHOWN} older ones: dancegen artifacts ls lists all.</p>" if len(found) > SHOWN else ""
    head = "".join(f'<th scope="col">{title}</th>' for title in ("Result", "Name, or song", "Made (UTC)", "Size"))
    return (
        f'<div class="scrolling" tabindex="0" role="region" aria-label="Results"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
    )


def _songs(listed: Listed) -> list[str]:
    return [item.name for item in listed.inputs if item.role == "song"]


def _details(artifact: Artifact, studio: Studio) -> Iterator[str]:
    """What a person wants to know of a result, as HTML."""
    from dancegen.stages.own_command import command_of

    listing, place = studio.store.listing(), (artifact.stage, artifact.digest[:16])
    yield f"<h2>{escape(artifact.stage)} {artifact.digest[:8]}</h2>{_player(artifact, studio)}"
    users = listing.users.get(artifact.content, [])
    rows = {
        "Name": ", ".join(studio.store.marks.names().get(place, [])),
        "Made": f"{artifact.created[:16].replace('T', ' ')} UTC, in {duration(artifact.duration_s)}",
        "Size": f"{byte_size(artifact.size)} in {len(artifact.files)} files",
        "Used by": ", ".join(f"{each.stage} {each.short[:8]}" for each in users) or "nothing",
        "Command": command_of(artifact, listing),
        **{key: value for key, value in artifact.summary.items() if isinstance(value, str)},
    }
    yield _facts(rows)
    figures = {key: _figure(value) for key, value in artifact.summary.items() if not isinstance(value, str)}
    yield f"<details><summary>Figures</summary>{_facts(figures)}</details>" if any(figures.values()) else ""
    tree = "".join(_tree(origins(artifact.inputs, listing)))
    yield f"<h3>Made from</h3><ul>{tree}</ul>" if tree else ""
    yield f"<h3>Download</h3><ul>{''.join(_links([artifact, *_exports(users)], studio))}</ul>"


def _facts(rows: Mapping[str, str]) -> str:
    """A list of words and what they say, without those that say nothing."""
    told = {key.replace("_", " "): value for key, value in rows.items() if value}
    lines = (f"<dt>{escape(key[:1].upper() + key[1:])}</dt><dd>{escape(value)}</dd>" for key, value in told.items())
    return f"<dl>{''.join(lines)}</dl>"


def _report(artifact: Artifact, studio: Studio) -> str:
    if not any(entry.path == REPORT for entry in artifact.files):
        return ""
    source = escape(studio.url(artifact, REPORT))
    alone = f'<p><a href="{source}" target="_blank" rel="noopener">The report on a page of its own</a></p>'
    return f'{alone}<iframe title="Report" src="{source}" sandbox="allow-popups" class="report"></iframe>'


def _player(artifact: Artifact, studio: Studio) -> str:
    video = next((entry.path for entry in artifact.files if entry.path.endswith(".mp4")), None)
    return f'<video controls playsinline src="{studio.url(artifact, video)}"></video>' if video else ""


def _links(artifacts: Iterable[Artifact | Listed], studio: Studio) -> Iterator[str]:
    for each in artifacts:
        files = [(entry[0], entry[1]) if isinstance(entry, tuple | list) else (entry.path, entry.size)
                 for entry in each.files]  # fmt: skip
        for name, size in sorted(files, key=lambda file: _usefulness(file[0]))[:SHOWN_FILES]:
            address = escape(studio.url(each, name, download=True))
            yield f'<li><a href="{address}" download>{escape(name)}</a> {byte_size(size)}</li>'
        if len(files) > SHOWN_FILES:
            yield f"<li>and {len(files) - SHOWN_FILES} more</li>"


def _usefulness(name: str) -> tuple[int, str]:
    """Where a file stands among the downloads: what other programs open comes first."""
    suffix = Path(name).suffix
    return (FIRST_FILES.index(suffix) if suffix in FIRST_FILES else len(FIRST_FILES), name)


def _exports(users: Iterable[Listed]) -> list[Listed]:
    return [each for each in users if each.stage == "export"][-1:]


def _tree(found: Iterable[Origin]) -> Iterator[str]:
    for each in found:
        inside = "".join(_tree(each.origins))
        lost = " (no longer in the store)" if each.lost else ""
        yield f"<li>{escape(each.item.role)}: {escape(each.item.name)}{lost}{inside and f'<ul>{inside}</ul>'}</li>"


def _figure(value: object) -> str:
    """A summary's figure; nothing of tables, which the report shows."""
    if value is None:
        return ""
    if isinstance(value, dict):
        whole = not any(isinstance(row, dict) for row in value.values())
        return ", ".join(f"{key} {_figure(each)}" for key, each in value.items()) if whole else ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
