"""The verbs as functions, made from the same declarations as the commands; nothing is imported before it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from importlib import import_module
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.allocator import keep_memory
from dancegen.context import Context
from dancegen.devices import is_main_process, rank_and_world_size
from dancegen.errors import InputError, KeywordError, StoreError
from dancegen.options.declare import declared
from dancegen.options.verbs import VERBS, Verb, verb_named
from dancegen.progress import SILENT
from dancegen.store import SHORT, Artifact
from dancegen.store.marks import check_name
from dancegen.threads import wait_asleep

if TYPE_CHECKING:
    from dancegen.dry_run import RunPlan

CIRCUMSTANCES: Mapping[str, Any] = {"store": None, "force": False, "progress": SILENT, "cancel": None}
"""Keywords of every verb that go into its Context, with their defaults; verbs that compute take `device`, too."""


def verb(name: str) -> Callable[..., Artifact]:
    """The function of a verb: its options and circumstances as keywords, and `output`, which receives a copy."""
    declaration = next(each for each in VERBS if each.function == name)

    def run(*arguments: Any, **keywords: Any) -> Artifact:
        return perform(declaration, _bound(declaration, arguments, keywords))[0]

    run.__name__ = run.__qualname__ = name
    run.__doc__ = described(declaration)
    run.__signature__ = signature(declaration)  # type: ignore[attr-defined]
    return run


def perform(declaration: Verb, given: Mapping[str, Any]) -> tuple[Artifact, Path | None]:
    """Run a verb with these keywords: the artifact, and where its copy went.

    Where the copy is to go is looked at before any work, and again when it is written.
    """
    from dancegen.stages.outputs import planned_copy, suited

    wait_asleep()
    keep_memory()
    options, context = _split(declaration, given)
    options = suited(options, given.get("output"))
    name = given.get("name") and check_name(given["name"], taken=names_taken())
    copy = planned_copy(declaration, options, given.get("output"), context)
    artifact = _stage(declaration.function)(options, context)
    if not is_main_process():
        return artifact, None
    if name:
        _give_name(name, artifact, context)
    return artifact, copy.write(artifact)


def names_taken() -> set[str]:
    """Words that mean something else than an artifact, so that no artifact can have them for a name."""
    from dancegen.choreographers.registry import FAMILIES

    return {*(each.name for each in VERBS), *FAMILIES, "demo"}


def _give_name(name: str, artifact: Artifact, context: Context) -> None:
    try:
        before = context.store.marks.give(name, artifact.stage, artifact.digest)
    except StoreError as error:  # the result is there all the same
        context.progress.warn(f"{artifact.stage} {artifact.digest[:SHORT]} could not be named {name}: {error}")
        return
    if before is not None:
        context.progress.say(f"{name} was the name of {'/'.join(before)} before")


def plan(verb: str, *arguments: Any, **keywords: Any) -> RunPlan:
    """What a verb (`"dance"`, `"generate-poses"`) would do with these keywords: what the store has, what would be made
    and why, and of a painted film what it would take. Nothing is made or loaded.

    Raises as the verb does, InputError for a verb that there is not.
    """
    declaration = verb_named(verb)
    return foretell(declaration, _bound(declaration, arguments, keywords))


def warm_up(*verbs: str) -> None:
    """Import what these verbs need, before anybody waits for it."""
    wait_asleep()
    for each in verbs:
        _stage(verb_named(each).function)
    with suppress(ImportError):  # who needs it says so in words
        import torch  # noqa: F401


def foretell(declaration: Verb, given: Mapping[str, Any]) -> RunPlan:
    """As `perform`, but that nothing is made."""
    from dancegen.dry_run import plan_run
    from dancegen.stages.outputs import planned_copy, suited

    if rank_and_world_size()[1] > 1:
        raise InputError("--dry-run looks with one process: leave the launcher out")
    options, context = _split(declaration, given)
    options = suited(options, given.get("output"))
    planned_copy(declaration, options, given.get("output"), context)
    return plan_run(_stage(declaration.function), declaration.stage, options, context)


def signature(declaration: Verb) -> Signature:
    """Of a verb's function: what a command takes by its place first, then keywords."""
    own = []
    for each in fields(declaration.options()):
        kind = Parameter.POSITIONAL_OR_KEYWORD if declared(each).argument else Parameter.KEYWORD_ONLY
        default = Parameter.empty if each.default is MISSING else each.default
        own.append(Parameter(each.name, kind, default=default, annotation=each.type))
    context = {"output": None, "name": None, **({"device": "auto"} if declaration.computes else {}), **CIRCUMSTANCES}
    own += [Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, default in context.items()]
    return Signature(sorted(own, key=lambda parameter: parameter.kind), return_annotation="Artifact")


def described(declaration: Verb) -> str:
    """The docstring of a verb's function."""
    lines = [f"    {each.name}: {declared(each).help}" for each in fields(declaration.options())]
    return (
        f"{declaration.about}\n\n"
        + "\n".join(lines)
        + "\n\n    output: a file or directory that receives a copy. name: what to call the result. store: a directory;"
        "\n    of several the first is written to, the others are only read. progress: a dancegen.progress.Progress."
        "\n    cancel: a threading.Event that ends it at its next step. Returns the Artifact, raises DancegenErrors."
    )


def _bound(declaration: Verb, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments by their names. Raises KeywordError, with what was probably meant, for a keyword there is not."""
    taken = signature(declaration)
    for name, value in keywords.items():
        if name not in taken.parameters:
            from dancegen.options.hints import hint_for

            hint = hint_for(declaration, name, value if isinstance(value, str) else None, taken.parameters)
            raise KeywordError(f"{declaration.function}() takes no {name}{hint and f': {hint}'}")
    return taken.bind(*arguments, **keywords).arguments


def _split(declaration: Verb, given: Mapping[str, Any]) -> tuple[Any, Context]:
    kind = declaration.options()
    names = {each.name for each in fields(kind)}
    options = kind(**{name: value for name, value in given.items() if name in names})
    circumstances = {name: given[name] for name in (*CIRCUMSTANCES, "device") if name in given}
    return options, Context.open(**circumstances)


def _stage(name: str) -> Callable[..., Artifact]:
    return getattr(import_module(f"dancegen.stages.{name}"), name)
