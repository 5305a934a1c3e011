"""artifacts why and verify: why two results differ, and whether what is stored is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.cli import result
from dancegen.cli.artifacts import words
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.cli.layout import wrapped
from dancegen.errors import InputError
from dancegen.formatting import byte_size


def why(
    references: Annotated[list[str] | None, typer.Argument(metavar="A B", help="Two artifacts, the earlier first.")] = (
        None
    ),
    stage: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Compare the newest of this stage with the one made before.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Say why two results differ: the very input, parameter, file, stage version or library."""
    from dancegen.store import open_store
    from dancegen.store.why import differences

    opened = open_store(store)
    given = references or []
    if (stage is None) != (len(given) == 2) or (stage is not None and given):
        raise InputError("name two artifacts, or a stage: dancegen artifacts why A B, or why --stage render")
    before, after = map(opened.look_up, given if stage is None else (f"{stage}~1", f"{stage}@latest"))
    found = differences(before.manifest, after.manifest, words.source_in(opened))
    if as_json:
        result.print_json(
            {
                "before": {"stage": before.stage, "digest": before.digest, "created": before.created},
                "after": {"stage": after.stage, "digest": after.digest, "created": after.created},
                "differences": [each.to_dict() for each in found],
            }
        )
        return
    if not quiet:
        print(wrapped(f"{before.stage} {before.digest[:16]}, made {before.created[:16].replace('T', ' ')}"))
        print(wrapped(f"{after.stage} {after.digest[:16]}, made {after.created[:16].replace('T', ' ')}"))
    for line in [line for each in found for line in each.lines(1)] or ["  they differ in nothing that is known"]:
        print(wrapped(line, " " * (len(line) - len(line.lstrip()) + 2)))


def verify(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="ARTIFACT...", help="Which ones; else all of the store.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Compare names and sizes only, not every byte.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare every byte with its hash. The exit code is 1 where something is damaged; nothing is changed."""
    from dancegen.cli.progress import CommandProgress
    from dancegen.store import Artifact, OtherSchema, Unusable, open_store

    opened = open_store(store)
    paths = [opened.look_up(each).path for each in references] if references else opened.directories()
    checked, size, wrong = 0, 0, []
    with CommandProgress(quiet=quiet) as progress, progress.task("verifying", len(paths)) as advance:
        for path in paths:
            try:
                artifact = Artifact.read(path, thorough=not quick)
                checked, size = checked + 1, size + artifact.size
            except Unusable as reason:
                wrong.append((path, reason))
            advance(1)
    damaged = [(path, reason) for path, reason in wrong if not isinstance(reason, OtherSchema)]
    if as_json:
        said = [{"path": str(path), "kind": type(reason).__name__, "why": str(reason)} for path, reason in wrong]
        result.print_json(
            {"store": str(opened.root), "quick": quick, "whole": checked, "bytes": size, "damaged": said}
        )  # fmt: skip
    else:
        for path, reason in wrong:
            print(str(path) if quiet else wrapped(f"{path}: {reason}", "  "))
        if not quiet:
            how = "names and sizes" if quick else "every byte"
            print(wrapped(f"{checked} artifacts are whole ({byte_size(size)}, {how} compared)"))
            if damaged:
                print(wrapped(f"{len(damaged)} damaged: each is moved aside and made again when it is asked for", "  "))
    if damaged:
        raise typer.Exit(1)


COMMANDS = {
    "why": (why, ("why 3f2a9c41 8c1e20aa", "why --stage render", "why train~1 train@latest --json")),
    "verify": (verify, ("verify", "verify --quick", "verify 3f2a9c41")),
}
