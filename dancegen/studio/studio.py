"""What every page of the studio is given: the store, the queue, and the addresses of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dancegen.errors import DancegenError
from dancegen.jobs import Job, Jobs
from dancegen.jobs.drafts import Drafts
from dancegen.stages.dance_files import find_dance
from dancegen.store import SHORT, Store

if TYPE_CHECKING:
    from dancegen.store import Artifact
    from dancegen.store.listing import Listed

STATIC = Path(__file__).parent / "static"
"""JavaScript and styles of our own, shipped in the wheel."""


@dataclass
class Studio:
    """The interface between the studio and its pages. A page is a module with `page(studio)`, called inside its tab.

    store: of the commands. jobs: `jobs.add("generate-poses", {...}, "what people read")` makes things; `jobs.get(id)`
    says how far it is. Show what `add` raises (DancegenError) with `said`.
    base: what every address of this server begins with, `/1f3a...`; whoever does not know it reaches nothing.
    uploads: where uploaded files lie (Gradio writes them); their paths can be given to `jobs.add`.
    changed: the event whenever a job of any tab begins, ends or goes a step on; the last of several is never dropped:
        studio.changed(refresh, inputs, outputs, show_progress="hidden")
    loaded: the page's load event, with the same arguments: what a reload must find again is shown by it.
    tab: the page's own tab while it is built: studio.tab.select(refresh, inputs, outputs) whenever it is opened.
    chosen: the state that has the dance that was made or kept last in this window: studio.chosen.change(show, ...).

    In the browser, `window.studio.base` is the base, and every change of a job is an event:
        window.addEventListener("studio:job", (event) => event.detail.state)
    """

    store: Store
    jobs: Jobs
    base: str
    home: Path
    changed: Any = field(default=None, repr=False)
    loaded: Any = field(default=None, repr=False)
    tab: Any = field(default=None, repr=False)
    chosen: Any = field(default=None, repr=False)

    @property
    def uploads(self) -> Path:
        return self.home / "uploads"

    @cached_property
    def drafts(self) -> Drafts:
        """Marks that were not danced yet."""
        return Drafts(self.home / "drafts.json")

    def url(self, artifact: Artifact | Listed, name: str, *, download: bool = False) -> str:
        """The address of a file of an artifact, for a player, a picture, a fetch, or as a download."""
        path = f"{self.base}/files/{artifact.stage}/{artifact.digest[:SHORT]}/{quote(name)}"
        return f"{path}?download" if download else path

    def part(self, name: str) -> str:
        """The address of a file in static/: `<script type="module" src=...>` in a page's `head`, an import, a style."""
        return f"{self.base}/parts/{quote(name)}"

    def job(self, job_id: str) -> Job | None:
        """The job of an id, while it is remembered."""
        try:
            return self.jobs.get(job_id) if job_id else None
        except DancegenError:
            return None

    def find(self, digest: str) -> Artifact | None:
        """The dance of a digest, while the store has it."""
        try:
            return find_dance(digest, self.store) if digest else None
        except DancegenError:
            return None

    def result(self, job: Job) -> Artifact | None:
        """What a job has made, while the store has it."""
        try:
            return self.store.look_up(job.digest, job.stage) if job.digest else None
        except DancegenError:
            return None


def said(error: DancegenError) -> Any:
    """The error as Gradio shows one, without anything in it taken for HTML: `raise said(error)`."""
    import gradio as gr

    return gr.Error(escape(str(error)), duration=None, print_exception=False)
