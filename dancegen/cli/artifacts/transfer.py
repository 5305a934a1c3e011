"""artifacts push and pull: artifacts to and from a place elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dancegen.cli import common, result
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.formatting import byte_size

if TYPE_CHECKING:
    from dancegen.store.transfer import Moved

_Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="A folder, or s3://, gs://, sftp:// and whatever fsspec reaches.")
]
_Which = Annotated[list[str] | None, typer.Argument(metavar="ARTIFACT...", help="Digests, names or stages; else all.")]
_Inputs = Annotated[bool, typer.Option("--with-inputs", help="Also the artifacts that they were made from.")]


def push_artifacts(
    address: _Address,
    artifacts: _Which = None,
    with_inputs: _Inputs = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Copy artifacts to another place, and read every file back there. What is there already is not sent again."""
    from dancegen.store.transfer import push

    _run(push, "sent", store, address, artifacts, with_inputs, as_json, quiet)


def pull_artifacts(
    address: _Address,
    artifacts: _Which = None,
    with_inputs: _Inputs = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Copy artifacts from another place into the store, each once its every byte is checked."""
    from dancegen.store.transfer import pull

    _run(pull, "fetched", store, address, artifacts, with_inputs, as_json, quiet)


def _run(
    move: Callable[..., list[Moved]], done: str, store: Any, address: str, artifacts: list[str] | None,
    with_inputs: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    from dancegen.cli.progress import CommandProgress
    from dancegen.store import SHORT, open_store

    with CommandProgress(quiet=quiet) as progress, common.stdout_reserved():
        moved = move(open_store(store), address, artifacts or (), with_inputs=with_inputs, progress=progress)
    if as_json:
        result.print_json({"artifacts": [each.to_dict() for each in moved]})
    elif not quiet:
        for each in moved:
            kept = "left, since another result of its recipe is there" if each.kept else "there already"
            print(f"{each.stage} {each.digest[:SHORT]}: {done if each.moved else kept}, {byte_size(each.size)}")
        if not moved:
            print("nothing to copy")


COMMANDS = {
    "push": (push_artifacts, ("push /mnt/lab/dances", "push s3://lab/dances 3f2a9c41 --with-inputs")),
    "pull": (pull_artifacts, ("pull /mnt/lab/dances train", "pull s3://lab/dances 3f2a9c41 --with-inputs")),
}
