"""The verbs as functions: a stage, with the command's `output` added and nothing imported before it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from inspect import Parameter, signature

from dancegen.launch import leads
from dancegen.store import Artifact, check_output, deliver

MAIN_FILES = {
    "prepare": (),
    "extract_poses": (),
    "train": ("model.safetensors", "history.csv"),
    "generate_poses": ("poses.npz", "preview.mp4", "openpose.json", "dance.bvh"),
    "render": ("video.mp4",),
    "evaluate": ("report.html", "metrics.json", "reference.npz"),
}
"""A verb's files that `output` with a file suffix can name."""


@cache
def verb(name: str) -> Callable[..., Artifact]:
    """The stage function of that name, which also takes `output`: a file or directory that receives a copy."""
    stage = getattr(import_module(f"dancegen.stages.{name}"), name)
    if "output" in signature(stage).parameters:
        return stage
    return _with_output(stage, MAIN_FILES[name])


def _with_output(stage: Callable[..., Artifact], files: tuple[str, ...]) -> Callable[..., Artifact]:
    @wraps(stage)
    def run(*args, output=None, **kwargs) -> Artifact:
        check_output(output, files)
        artifact = stage(*args, **kwargs)
        if output is not None and leads():
            deliver(artifact, output, files)
        return artifact

    described = signature(stage)
    extra = Parameter("output", Parameter.KEYWORD_ONLY, default=None, annotation="str | Path | None")
    ordered = sorted([*described.parameters.values(), extra], key=lambda parameter: parameter.kind)  # ** comes last
    run.__signature__ = described.replace(parameters=ordered)
    return run
