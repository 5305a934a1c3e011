"""dancegen extract-poses: a dataset's dancers as cameras see them."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "extract-poses"
EXAMPLES = examples("dancegen extract-poses", "dancegen extract-poses 3f2a9c41 --views 0,90,180,270")


@common_options(without=("seed", "device"))
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
    *,
    options: CommonOptions,
) -> None:
    """Make a pose dataset: 18 OpenPose keypoints a frame, from several camera angles.

    The dancer keeps one scale and one place for a whole clip.
    """
    from dancegen import extract_poses

    options.perform(extract_poses, dataset, views=views, size=size, detector=detector, workers=workers)
