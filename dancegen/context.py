"""What a run carries from the command to the last function that needs it: where results are kept, where models compute,
what is shown meanwhile, and whether to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from dancegen.errors import Cancelled
from dancegen.progress import SILENT, Advance, Progress, remark
from dancegen.store import SHORT, Artifact, Build, Recipe, Roots, Store, open_store


@dataclass(frozen=True)
class Context:
    """The circumstances of a run. None of them changes a result.

    device: auto, cpu, cuda or mps. force: make anew what the store has. standalone: what a person asked for, which
    becomes the newest of its stage, and not a step on the way to it.
    """

    store: Store
    device: str = "auto"
    force: bool = False
    progress: Progress = SILENT
    standalone: bool = True

    @classmethod
    def open(
        cls,
        store: Store | Roots | None = None,
        *,
        device: str = "auto",
        force: bool = False,
        progress: Progress = SILENT,
        cancel: Event | None = None,
    ) -> Context:
        """The context of a verb that is called. cancel: once it is set, the run ends with Cancelled at its next step.

        store: where artifacts are kept; of several directories the first is written to, the others are only read.
        Raises InputError where it is no directory.
        """
        shown = progress if cancel is None else Cancellable(progress, cancel)
        return cls(open_store(store), device, force, shown)

    def step(self, **changes: Any) -> Context:
        """The context of a step on the way to something larger."""
        return replace(self, standalone=False, **changes)

    def obtain(self, recipe: Recipe, build: Build) -> Artifact:
        """The artifact of a recipe, from the store or made now. Raises StoreError, and whatever `build` raises."""
        return self.store.obtain(
            recipe, build, force=self.force, progress=self.progress, standalone=self.standalone
        )  # fmt: skip

    @property
    def dry(self) -> bool:
        """Whether nothing is made, and it is only said what would be: see `dry_run`."""
        return False

    def foresee(self, models: Any, plan: Callable[[], Any]) -> None:
        """Told before a film is painted: its models, and what works out all that it takes. Only a dry run listens."""

    def tell(self, plan: Callable[[], list[str]]) -> None:
        """Told before a stage works: what gives lines about the work that is ahead. Only a dry run listens."""

    def resolve(self, reference: str | Path | Artifact | None, stage: str) -> Artifact:
        """The artifact of `stage` a person means; None is the newest one, and which that is gets said.

        Raises NotFoundError or InputError as Store.find and Store.newest do.
        """
        if isinstance(reference, Artifact):
            return self.store.find(reference.path, stage)
        if reference is not None:
            return self.store.find(reference, stage)
        artifact = self.store.newest(stage)
        made = artifact.created[:16].replace("T", " ")
        self.progress.say(f"using the newest {stage}: {artifact.digest[:SHORT]}, made {made}")
        return artifact


class Cancellable:
    """Progress whose every step first looks whether the run was cancelled."""

    def __init__(self, progress: Progress, cancel: Event) -> None:
        self._progress, self._cancel = progress, cancel
        self.say, self.warn = progress.say, progress.warn

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        """As the progress behind it. Raises Cancelled, also from `advance`."""
        self._check()
        with self._progress.task(label, total) as advance:

            def step(amount: float = 1.0) -> None:
                self._check()
                advance(amount)

            step.remark = partial(remark, advance)  # type: ignore[attr-defined]
            yield step

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled("cancelled; what is finished was kept, and the same call goes on from there")
