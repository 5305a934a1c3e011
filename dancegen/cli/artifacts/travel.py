"""artifacts export and import: one file or folder that another store can take in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli import result
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.cli.layout import wrapped
from dancegen.formatting import byte_size


def export_artifact(
    reference: Annotated[str, typer.Argument(metavar="ARTIFACT", help="Its path, digest or name, or like train~1.")],
    target: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A .zip or a folder; else STAGE-DIGEST.zip here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what lies there.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Copy an artifact with its manifest into one .zip or a folder, for another store to import."""
    from dancegen.cli.progress import CommandProgress
    from dancegen.store import SHORT, open_store
    from dancegen.store.bundle import bundle

    artifact = open_store(store).find(reference)
    path = target or Path(f"{artifact.stage}-{artifact.digest[:SHORT]}.zip")
    with CommandProgress(quiet=quiet) as progress:
        written = bundle(artifact, path, force=force, progress=progress)
    if as_json:
        result.print_json(
            {"stage": artifact.stage, "digest": artifact.digest, "path": str(written), "size": artifact.size}
        )  # fmt: skip
    elif quiet:
        print(written)
    else:
        print(wrapped(f"{artifact.stage} {artifact.digest[:SHORT]} ({byte_size(artifact.size)}) was copied to"))
        print(f"  {written}")


def import_artifact(
    source: Annotated[Path, typer.Argument(metavar="PATH", help="A .zip or folder that was exported.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Take an exported artifact into the store, once every byte of it is checked."""
    from dancegen.cli.progress import CommandProgress
    from dancegen.store import SHORT, open_store
    from dancegen.store.bundle import import_bundle

    with CommandProgress(quiet=quiet) as progress:
        artifact = import_bundle(open_store(store), source, progress)
    if as_json:
        result.print_json(result.as_dict(artifact))
    elif quiet:
        print(artifact.path)
    else:
        how = "was in the store already" if artifact.cached else "is in the store now"
        print(wrapped(f"{artifact.stage} {artifact.digest[:SHORT]} {how}"))
        result.print_rows([("in", str(artifact.path))])


COMMANDS = {
    "export": (export_artifact, ("export 3f2a9c41", "export train@latest model.zip", "export summer-tour tour/")),
    "import": (import_artifact, ("import model.zip", "import tour/")),
}
