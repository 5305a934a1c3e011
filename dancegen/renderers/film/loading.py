"""Loading networks of diffusers and transformers from located models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, ModelError
from dancegen.renderers.film.tiers import is_out_of_memory
from dancegen.weights import CONFIG, Located

if TYPE_CHECKING:
    import torch


def working_dtype(device: str) -> torch.dtype:
    """Half precision where the device is made for it."""
    import torch

    return torch.float32 if device == "cpu" else torch.float16


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16 by itself."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        torch.ones(2, device=device, dtype=torch.bfloat16).sum()
    except (RuntimeError, TypeError):  # Metal before macOS 14
        return False
    return True


@contextlib.contextmanager
def explained(located: Located) -> Iterator[None]:
    """Turn whatever loading raises into a ModelError that names the model; a lack of memory stays what it is."""
    try:
        yield
    except DancegenError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"{located.ref.option} {located.ref.text} cannot be loaded: {first}") from error


def is_checkpoint(located: Located) -> bool:
    """Whether a model is one file without its configuration. Of a model that is not here nobody can say it."""
    return bool(located.files) and not any(name.endswith(CONFIG) for name in located.files)


def variant_of(located: Located, prefix: str) -> dict[str, Any]:
    """Which of a directory's sets of weights was chosen, as from_pretrained takes it; it must not ask the hub."""
    weights = [name for name in located.files if name.startswith(prefix) and "model" in Path(name).name]
    chosen: dict[str, Any] = {"local_files_only": True}
    if any(".fp16." in name for name in weights):
        chosen["variant"] = "fp16"
    if not any(name.endswith(".bin") for name in weights):
        chosen["use_safetensors"] = True
    return chosen
