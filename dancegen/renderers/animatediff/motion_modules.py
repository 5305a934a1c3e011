"""Motion modules in one file: AnimateDiff's own checkpoints of every version, and diffusers' weights without a folder.

Version 1 knows 24 places in time and has no module in the middle of the UNet, version 2 knows 32 and has one, version 3
knows 32 and has none. Which one a file is, it says by the names and shapes of its tensors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import ModelError
from dancegen.files import Shapes, load_weights
from dancegen.weights import CONFIG

if TYPE_CHECKING:
    import torch
    from diffusers import MotionAdapter

_MODULE = re.compile(r"(?:^|\.)((?:(?:down|up)_blocks\.\d+|mid_block)\.motion_modules\.\d+\..+)$")
_PLACES = ("pos_encoder.pe", "pos_embed.pe")
"""Where in time a frame is: a table of sines, which diffusers makes by itself."""


def motion_config(shapes: Shapes, usual: Path) -> dict[str, Any]:
    """The configuration of the motion modules in a checkpoint, by its tensors' names and shapes.

    usual: the folder of the configuration that says what shapes do not: how many heads and groups there are. Raises
    ModelError where there are no motion modules.
    """
    named = {_diffusers_name(name): shape for name, shape in shapes.items() if _MODULE.search(name)}
    widths = {
        int(name.split(".")[1]): shape[0]
        for name, shape in named.items()
        if name.startswith("down_blocks.") and name.endswith("motion_modules.0.norm.weight")
    }
    if not widths or sorted(widths) != list(range(len(widths))):
        raise ModelError("there are no motion modules of AnimateDiff in it")
    config = json.loads((usual / CONFIG).read_text(encoding="utf-8"))
    places = [shape[1] for name, shape in shapes.items() if name.endswith(_PLACES) and len(shape) == 3]
    middle = _count(named, r"mid_block\.motion_modules\.(\d+)\.")
    config |= {
        "block_out_channels": [widths[block] for block in sorted(widths)],
        "motion_layers_per_block": _count(named, r"down_blocks\.0\.motion_modules\.(\d+)\."),
        "use_motion_mid_block": middle > 0,
        "motion_mid_block_layers_per_block": max(1, middle),
        "motion_max_seq_length": min(places, default=config["motion_max_seq_length"]),
    }
    first = next((shape for name, shape in shapes.items() if name.rpartition("module.")[2] == "conv_in.weight"), None)
    return config if first is None else config | {"conv_in_channels": first[1]}


def load_motion_modules(file: Path, usual: Path, dtype: torch.dtype) -> MotionAdapter:
    """The motion modules of a checkpoint, whichever version; no code in it is run. usual: see `motion_config`.

    Raises ModelError.
    """
    from diffusers import MotionAdapter

    tensors = load_weights(file)
    config = motion_config({name: tuple(each.shape) for name, each in tensors.items()}, usual)
    adapter: Any = MotionAdapter.from_config(config)
    own = {_diffusers_name(name): each for name, each in tensors.items() if _MODULE.search(name)}
    weights = {name: each for name, each in own.items() if not name.endswith(_PLACES)}
    found = adapter.load_state_dict(weights, strict=False)
    missing = [name for name in found.missing_keys if not name.endswith(_PLACES)]
    if missing or found.unexpected_keys:
        amiss = f"{missing[0]} is not in it" if missing else f"{found.unexpected_keys[0]} is none of theirs"
        raise ModelError(f"its motion modules are not AnimateDiff's: {amiss}")
    return adapter.to(dtype)


def _diffusers_name(name: str) -> str:
    """A tensor's name in diffusers: in AnimateDiff's own code, and before it under `module.`, it has another."""
    from diffusers.loaders.single_file_utils import convert_animatediff_checkpoint_to_diffusers

    found = _MODULE.search(name)
    plain = name if found is None else found[1]
    return next(iter(convert_animatediff_checkpoint_to_diffusers({plain: None})), plain)


def _count(names: Mapping[str, object], pattern: str) -> int:
    """How many numbers stand where the pattern has its group."""
    return len({match[1] for name in names if (match := re.match(pattern, name))})
