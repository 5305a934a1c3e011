"""The options of painted films, which `render` and `dance` share: one block, put behind a command's own options."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, get_type_hints

import typer

_LOOK, _MODELS, _WORK = "Painting (with --prompt)", "Models of a painted film", "How a film is painted"


def _option(kind: type, panel: str, help: str, metavar: str | None = None, flag: str | None = None) -> object:
    names = (flag,) if flag else ()
    return Annotated[kind, typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)]


_text, _number, _count, _several = str | None, float | None, int | None, list[str] | None

OPTIONS: dict[str, tuple[object, object]] = {
    "negative_prompt": (_option(_text, _LOOK, "What must not be in the picture.", "TEXT"), None),
    "image": (_option(_text, _LOOK, "A portrait; the dancer takes its looks.", "PATH"), None),
    "align": (_option(bool, _LOOK, "Give the dancer the portrait's proportions.", flag="--align"), False),
    "steps": (_option(_count, _LOOK, "Denoising steps: 20, or 6 with --fast.", "N"), None),
    "guidance": (_option(_number, _LOOK, "How closely to follow the prompt: 7.5, or 1.5 with --fast.", "X"), None),
    "key_fps": (_option(_number, _LOOK, "Frames a second to paint; others are interpolated. 10.", "FPS"), None),
    "fast": (_option(bool, _LOOK, "Paint in a few steps, with AnimateLCM.", flag="--fast"), False),
    "temporal": (_option(bool, _LOOK, "A second pass against flicker, with TemporalNet.", flag="--temporal"), False),
    "temporal_strength": (_option(_number, _LOOK, "How much the second pass paints anew. 0.35.", "X"), None),
    "control_scale": (_option(_number, _LOOK, "How much the poses weigh. 1.", "X"), None),
    "ip_scale": (_option(_number, _LOOK, "How much the portrait weighs. 0.7.", "X"), None),
    "blend_s": (_option(_number, _LOOK, "Seconds from one prompt to the next. 1.", "S", "--blend"), None),
    "frames": (_option(bool, _LOOK, "Keep the frames as PNG files too.", flag="--frames"), False),
    "base": (_option(_text, _MODELS, "Stable Diffusion 1.5 or made from it.", "MODEL"), None),
    "vae": (_option(_text, _MODELS, "The VAE.", "MODEL"), None),
    "motion_adapter": (_option(_text, _MODELS, "AnimateDiff's motion modules.", "MODEL"), None),
    "controlnet": (_option(_text, _MODELS, "ControlNet for OpenPose skeletons.", "MODEL"), None),
    "temporalnet": (_option(_text, _MODELS, "ControlNet that sees the frame before.", "MODEL"), None),
    "ip_adapter": (_option(_text, _MODELS, "IP-Adapter, its image encoder beside it.", "MODEL"), None),
    "lora": (_option(_several, _MODELS, "A LoRA, with its weight; repeatable.", "MODEL[=X]"), None),
    "motion_lora": (_option(_several, _MODELS, "A LoRA of the motion modules; repeatable.", "MODEL[=X]"), None),
    "sampler": (_option(_text, _WORK, "dpm++, lcm or euler.", "NAME"), None),
    "window": (
        _option(_count, _WORK, "Frames denoised together, up to 32. 16, or as --vram N allows.", "N"),
        None,
    ),
    "stride": (_option(_count, _WORK, "Frames from one window to the next. Three quarters of it.", "N"), None),
    "segment": (_option(_count, _WORK, "Painted frames a segment, at most. 128.", "N"), None),
    "overlap": (_option(_count, _WORK, "Frames that neighbouring segments share. 8.", "N"), None),
    "vram": (_option(_text, _WORK, "GB of GPU memory to plan for: auto, 8, 12, 16, 24.", "GB"), None),
    "offline": (_option(bool, _WORK, "Never ask the network for models.", flag="--offline"), False),
    "backend": (_option(_text, _WORK, "Paint segments in parallel: dask, ray or loky.", "NAME"), None),
    "scheduler": (_option(_text, _WORK, "The address of Dask's scheduler or Ray's head.", "ADDRESS"), None),
    "workers": (_option(_count, _WORK, "Segments that are painted at once.", "N"), None),
    "detector": (_option(_text, _WORK, "Sees the portrait: blazepose, OpenPose weights, or none.", "PATH"), None),
}
"""Name, as the Python API's keyword: its annotation and its default. None leaves the choice to the engine."""


def with_film_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with OPTIONS added; it gets those that were given as one keyword, `film`.

    Common options come after them: `common_options` decorates what this returns.
    """
    kinds = get_type_hints(command, include_extras=True)
    own = {name: p.replace(annotation=kinds[name]) for name, p in signature(command).parameters.items()}
    del own["film"]
    common = own.pop("options")
    added = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)
        for name, (kind, default) in OPTIONS.items()
    ]

    @wraps(command)
    def run(**values) -> None:
        film = {name: values.pop(name) for name in OPTIONS}
        given = {name: value for name, value in film.items() if value is not None and value is not False}
        command(**values, film={name: value for name, value in given.items() if value != []})

    run.__signature__ = signature(command).replace(parameters=[*own.values(), *added, common])
    run.__annotations__ = {name: p.annotation for name, p in run.__signature__.parameters.items()}
    return run
