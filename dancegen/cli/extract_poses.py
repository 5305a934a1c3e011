"""dancegen extract-poses: a dataset's dancers as cameras see them."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.cli import common
from dancegen.cli.common import DebugOption, ForceOption, JsonOption, OutputOption, QuietOption, StoreOption

NAME = "extract-poses"
EXAMPLES = common.examples("dancegen extract-poses", "dancegen extract-poses 3f2a9c41 --views 0,90,180,270")


def command(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="A prepared dataset: path or digest; else the newest.")
    ] = None,
    views: Annotated[
        str, typer.Option(metavar="DEGREES", help="Where cameras stand round the dancer, or orbit, follow, cuts.")
    ] = "0,45,90,135",
    size: Annotated[str, typer.Option(metavar="WxH", help="Canvas in pixels.")] = "512x512",
    detector: Annotated[
        str | None, typer.Option(metavar="NAME", help="What finds poses in videos; motion capture needs none.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes at work; all cores if left out.")] = None,
    store: StoreOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    debug: DebugOption = False,
) -> None:
    """Make a pose dataset: 18 OpenPose keypoints a frame, from several camera angles.

    The dancer keeps one scale and one place for a whole clip.
    """
    from dancegen import extract_poses

    common.perform(
        lambda progress: extract_poses(
            dataset, views=views, size=size, detector=detector, workers=workers,
            store=store, output=output, force=force, progress=progress,
        ),
        output=output, as_json=as_json, quiet=quiet,
    )  # fmt: skip
