"""What a run would do: its steps, each answered by the store or to be made, and why.

A dry run is the run itself in another context. The stages look at their inputs, choose models and work out recipes as
ever, and only where one would be made is it written down instead. So the two cannot tell different things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.errors import DancegenError
from dancegen.formatting import listing
from dancegen.store import SHORT, Artifact, Build, Input, Manifest, Recipe, Store
from dancegen.store.why import Difference, differences, newest_other

if TYPE_CHECKING:
    from dancegen.renderers.film.plan import Plan
    from dancegen.weights import Models

CACHED, TO_BE_MADE = 0, 3
"""Exit codes of a dry run: all is there; something would be made. (1 and 2 are errors, as ever.)"""


class NotMade(DancegenError):
    """A step cannot be looked at before something else is there: `what`."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not made yet")
        self.what = what


@dataclass(frozen=True)
class Pending(Artifact):
    """An artifact that a dry run did not make: how it would be made is known, what would come out is not."""

    @classmethod
    def of(cls, recipe: Recipe, path: Path) -> Pending:
        """The artifact that a recipe would make."""
        manifest = Manifest(
            recipe.stage, recipe.version, recipe.digest, "", dict(recipe.params), recipe.inputs, (), "", 0.0, {}, {}
        )  # fmt: skip
        return cls(path, manifest, cached=False)

    def file(self, name: str) -> Path:
        """Raises NotMade."""
        raise NotMade(self.stage)

    @property
    def content(self) -> str:
        """Raises NotMade."""
        raise NotMade(self.stage)

    @property
    def summary(self) -> dict[str, Any]:
        """Raises NotMade."""
        raise NotMade(self.stage)


@dataclass(frozen=True)
class Step:
    """One step of a run. recipe: None where it waits for something that is not there.

    artifact: what the store answers with. compared_with: else the newest artifact of that stage, and differences: what
    has changed since it was made. waits_for: the stage, or the models, without which no more can be told.
    """

    stage: str
    recipe: Recipe | None = None
    artifact: Artifact | None = None
    compared_with: Artifact | None = None
    differences: tuple[Difference, ...] = ()
    forced: bool = False
    waits_for: str = ""

    @property
    def cached(self) -> bool:
        """Whether the store answers it."""
        return self.artifact is not None

    def lines(self) -> list[str]:
        """For people."""
        if self.artifact is not None:
            return [f"{_named(self.artifact)}: cached, made {_when(self.artifact)}, in {self.artifact.path}"]
        if self.recipe is None:
            return [f"{self.stage}: would be made; what it depends on is not there yet: {self.waits_for}"]
        name = f"{self.stage} {self.recipe.digest[:SHORT]}: would be made"
        if self.forced:
            return [f"{name} again, because of --force"]
        if self.compared_with is None:
            return [f"{name}; there is no {self.stage} yet"]
        since = f"{name}; since {self.compared_with.digest[:SHORT]}, made {_when(self.compared_with)}:"
        return [since, *(line for each in self.differences for line in each.lines(1))]

    def to_dict(self) -> dict[str, Any]:
        """For scripts, which rely on its keys."""
        made, before = self.artifact, self.compared_with
        return {
            "stage": self.stage,
            "digest": self.recipe.digest if self.recipe is not None else None,
            "cached": self.cached,
            "path": str(made.path) if made is not None else None,
            "created": made.created if made is not None else None,
            "compared_with": before.digest if before is not None else None,
            "differences": [each.to_dict() for each in self.differences],
            "waits_for": self.waits_for or None,
        }


@dataclass(frozen=True)
class RunPlan:
    """What a run would do, step by step; of a painted film also what it would take, as far as that can be told.

    work: lines about what the last step has to do.
    """

    steps: tuple[Step, ...]
    models: Models | None = None
    film: Plan | None = None
    work: tuple[str, ...] = ()

    @property
    def cached(self) -> bool:
        """Whether the store answers all of it."""
        return all(step.cached for step in self.steps)

    @property
    def exit_code(self) -> int:
        """Of the command that shows it."""
        return CACHED if self.cached else TO_BE_MADE

    def lines(self) -> list[str]:
        """For people."""
        found = [*(line for step in self.steps for line in step.lines()), *self.work]
        if self.film is not None:
            return [*found, *self.film.lines()]
        return [*found, *(self.models.lines() if self.models is not None else [])]

    def to_dict(self) -> dict[str, Any]:
        """For scripts, which rely on its keys."""
        film = self.film.to_dict() if self.film is not None else self.models.to_dict() if self.models else {}
        return {
            "stage": self.steps[-1].stage,
            "cached": self.cached,
            "stages": [step.to_dict() for step in self.steps],
            **({"work": list(self.work)} if self.work else {}),
            **film,
        }


@dataclass
class _Notes:
    """What a dry run has written down so far."""

    steps: dict[str, Step] = field(default_factory=dict)
    models: Models | None = None
    film: Plan | None = None
    work: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DryRun(Context):
    """A context in which nothing is made."""

    notes: _Notes = field(default_factory=_Notes)

    @property
    def dry(self) -> bool:
        return True

    def obtain(self, recipe: Recipe, build: Build) -> Artifact:
        """The store's answer, or an artifact of which only the recipe is known; the step is written down."""
        found = None if self.force else self.store.answer(recipe, self.progress)
        if found is not None:
            step = Step(recipe.stage, recipe, found)
        else:
            before = newest_other(recipe, self.store.artifacts(recipe.stage))
            changed = [] if before is None else differences(before.manifest, recipe, _source(self.store))
            step = Step(
                recipe.stage, recipe, None, before, tuple(each for each in changed if each.decides), self.force
            )  # fmt: skip
        self.notes.steps.setdefault(recipe.digest, step)
        return found or Pending.of(recipe, self.store.places.artifact(recipe.stage, recipe.digest))

    def foresee(self, models: Models, plan: Callable[[], Plan]) -> None:
        """Write down what a film would take. Raises NotMade where its poses or one of its models are not there."""
        self.notes.models = models
        self.notes.film = plan()
        missing = [model.ref.text for model in models.located if model.missing]
        if missing:
            raise NotMade(f"the model{'s' if len(missing) > 1 else ''} {listing(missing)}")

    def tell(self, plan: Callable[[], list[str]]) -> None:
        """Write down what is said of the work, unless the store has the result already."""
        if not all(step.cached for step in self.notes.steps.values()):
            self.notes.work += plan()


def plan_run(stage: Callable[[Any, Context], Artifact], name: str, options: Any, context: Context) -> RunPlan:
    """What a stage would do with these options. name: of the last step of its chain. Raises as the stage does."""
    dry = DryRun(context.store, context.device, context.force, context.progress)
    notes = dry.notes
    try:
        stage(options, dry)
    except NotMade as waiting:
        notes.steps[""] = Step(name, waits_for=waiting.what)
    return RunPlan(tuple(notes.steps.values()), notes.models, notes.film, tuple(notes.work))


def _source(store: Store) -> Callable[[Input], Manifest | None]:
    """What is known of how an input was made that is an artifact of this store."""

    def look_up(item: Input) -> Manifest | None:
        try:
            return store.look_up(item.name.partition("/")[2], item.name.partition("/")[0]).manifest
        except DancegenError:
            return None

    return look_up


def _named(artifact: Artifact) -> str:
    return f"{artifact.stage} {artifact.digest[:SHORT]}"


def _when(artifact: Artifact) -> str:
    return artifact.created[:16].replace("T", " ")
