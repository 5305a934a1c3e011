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


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without the libraries' own bars and advice: what a person should know, dancegen says itself."""
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    before = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
    for log, _ in before:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in before:
            log.set_verbosity(level)
            log.enable_progress_bar()


def is_checkpoint(located: Located) -> bool:
    """Whether a model is one file without its configuration."""
    return not any(name.endswith(CONFIG) for name in located.files)


def variant_of(located: Located, prefix: str) -> dict[str, Any]:
    """Which of a directory's sets of weights was chosen, as from_pretrained takes it; it must not ask the hub."""
    weights = [name for name in located.files if name.startswith(prefix) and "model" in Path(name).name]
    chosen: dict[str, Any] = {"local_files_only": True}
    if any(".fp16." in name for name in weights):
        chosen["variant"] = "fp16"
    if not any(name.endswith(".bin") for name in weights):
        chosen["use_safetensors"] = True
    return chosen
