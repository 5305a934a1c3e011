"""What painting a film will take, known before any weights are loaded: downloads, memory, time.

Work and memory are counted, not guessed: the networks are built from their configurations on torch's `meta` device,
where tensors have shapes but no numbers, and every operation of one window is followed.
"""

from __future__ import annotations

import json
import time
import weakref
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dancegen.devices import free_gigabytes
from dancegen.renderers.animatediff.loading import SD15, Models
from dancegen.renderers.animatediff.settings import WINDOW, Settings
from dancegen.renderers.film.memory import Level, level_named, levels_within
from dancegen.renderers.film.segments import Segment, windows

if TYPE_CHECKING:
    import torch

    from dancegen.renderers.film.weights import Located

_MARGIN = 1.15  # of the counted peak: what allocators and convolutions' workspaces take beside tensors
WINDOWS = (WINDOW, 12, 8)
"""Frames of a window, the longest first, that are tried where memory is short."""
_SPARE = 0.9  # of the free memory may be planned for
_PARTS = (("base", "unet"), ("motion-adapter", "motion_adapter"), ("controlnet", "controlnet"), ("vae", "vae"))
"""The networks that are counted: the model each comes in, and its name there."""
_PER_MULTIPLICATION = {"cpu": 0.5, "cuda": 0.4, "mps": 0.4}
"""The speed of these networks against that of one large matrix multiplication."""


@dataclass(frozen=True)
class Cost:
    """Floating-point operations, and the most bytes of tensors at once, weights aside."""

    operations: float
    peak: float


@dataclass(frozen=True)
class Plan:
    """What a film will take. seconds: an estimate from the device's speed in one matrix multiplication."""

    models: Models
    download_gb: float
    device: str
    dtype: str
    level: Level
    peak_gb: float
    available_gb: float
    key_frames: int
    frames: int
    segments: int
    steps: int
    window: int
    temporal: bool
    seconds: float

    @property
    def fits(self) -> bool:
        return self.peak_gb <= self.available_gb

    def lines(self) -> list[str]:
        """For people."""
        absent = [model for model in self.models.located if not model.here]
        lines = [f"to download: {model.name}, {model.gigabytes:.2g} GB, from the hub" for model in absent]
        lines.append(
            f"{self.key_frames} frames are painted in {self.segments} segments of {self.steps} steps each on "
            f"{self.device} in {self.dtype}, {'then once more with TemporalNet, ' if self.temporal else ''}"
            f"{self.frames} are shown"
        )
        enough = "" if self.fits else ", which may not be enough"
        lines.append(
            f"at most {self.peak_gb:.2g} GB of memory are needed, {self.available_gb:.2g} GB are there{enough}: "
            f"windows of {self.window} frames, {self.level.settings}"
        )
        each = self.seconds / max(self.key_frames, 1)
        slow = ", which is slow: a GPU is far faster" if self.device == "cpu" and each > 2 else ""
        lines.append(f"about {_clock(each)} a painted frame, {_clock(self.seconds)} in all{slow}")
        return lines

    def to_dict(self) -> dict[str, object]:
        """For scripts."""
        return {
            "models": [
                {"role": m.ref.role, "name": m.name, "gigabytes": round(m.gigabytes, 4), "here": m.here}
                for m in self.models.located
            ],
            "download_gb": round(self.download_gb, 3),
            "device": self.device,
            "dtype": self.dtype,
            "vram": self.level.name,
            "peak_gb": round(self.peak_gb, 3),
            "available_gb": round(self.available_gb, 3),
            "fits": self.fits,
            "key_frames": self.key_frames,
            "frames": self.frames,
            "segments_total": self.segments,
            "steps": self.steps,
            "window": self.window,
            "temporal": self.temporal,
            "seconds": round(self.seconds, 1),
        }


def make_plan(
    models: Models, settings: Settings, segments: list[Segment], *, size: tuple[int, int], frames: int, device: str,
    vram: str,
) -> Plan:  # fmt: skip
    """Choose the level and count what it takes: the roomiest that fits what is free, and the memory that is named.

    Where none fits it is the thriftiest.
    """
    dtype = working_dtype(device)
    networks = Networks.of(models, dtype, size)
    available = free_gigabytes(device)
    if vram != "auto":
        available = min(available, level_named(vram).gigabytes)
    for level in levels_within(vram):
        peak = networks.peak(settings, level) * _MARGIN / 1e9
        if peak <= available * _SPARE:
            break
    together = sum(networks.operations(settings, len(segment)) for segment in segments)
    key_frames = segments[-1].stop if segments else 0
    if settings.temporal:
        together += networks.temporal_operations(settings, key_frames)
    return Plan(
        models=models,
        download_gb=sum(model.gigabytes for model in models.located if not model.here),
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        level=level,
        peak_gb=peak,
        available_gb=available,
        key_frames=key_frames,
        frames=frames,
        segments=len(segments),
        steps=settings.steps,
        window=settings.window,
        temporal=settings.temporal,
        seconds=together / (operations_per_second(device, dtype) * _PER_MULTIPLICATION[device]),
    )


def fitting_window(models: Models, settings: Settings, size: tuple[int, int], vram: str) -> int:
    """Frames of the longest window that `vram` gigabytes hold at any level; the shortest of `WINDOWS` where none does.

    It goes by the gigabytes that are named and by half precision, not by this machine: a film is the same anywhere.
    """
    import torch

    networks, most = Networks.of(models, torch.float16, size), level_named(vram).gigabytes * 1e9 * _SPARE
    for window in WINDOWS:
        asked = replace(settings, window=window)
        if any(networks.peak(asked, level) * _MARGIN <= most for level in levels_within(vram)):
            break
    return window


def working_dtype(device: str) -> torch.dtype:
    """Half precision where the device is made for it."""
    import torch

    return torch.float32 if device == "cpu" else torch.float16


def operations_per_second(device: str, dtype: torch.dtype) -> float:
    """How fast the device multiplies matrices, measured for a moment."""
    import torch

    side, rounds = (1024, 4) if device == "cpu" else (4096, 20)
    one = torch.randn(side, side, device=device).to(dtype)

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(rounds):
            product = one @ one
        product.float().sum().item()  # waits for the device
        return time.perf_counter() - started

    seconds()
    return rounds * 2 * side**3 / min(seconds(), seconds())


class Networks:
    """The film's networks on the meta device, and the costs of running them."""

    def __init__(
        self, unet, flat, controlnet, vae, readers: tuple[int, ...], dtype: torch.dtype, latent: tuple[int, int]
    ) -> None:
        """unet with motion modules, flat without. readers: bytes of what reads words and, if wanted, a portrait."""
        self.unet, self.flat, self.controlnet, self.vae, self.dtype, self.latent = (
            unet, flat, controlnet, vae, dtype, latent
        )  # fmt: skip
        self.readers = readers
        self._costs: dict[tuple, Cost] = {}

    @classmethod
    def of(cls, models: Models, dtype: torch.dtype, size: tuple[int, int]) -> Networks:
        text = _config(models, "base", "text_encoder")
        readers = [_transformer(text) + text["vocab_size"] * text["hidden_size"]]
        readers += [_transformer(_image_encoder(model)) for model in models.all("ip-adapter")]
        configs = (_config(models, role, part) for role, part in _PARTS)
        return _networks(
            tuple(json.dumps(config, sort_keys=True) for config in configs),
            tuple(count * dtype.itemsize for count in readers), dtype, size,
        )  # fmt: skip

    def operations(self, settings: Settings, frames: int) -> float:
        """Floating-point operations of painting and decoding so many frames in one segment."""
        batch = 2 if settings.guidance > 1 else 1
        step = 0.0
        for first, stop in windows(frames, settings.window, settings.stride):
            each = batch * (stop - first)
            step += self._control(each).operations + self._unet(batch, stop - first).operations
        return step * settings.steps + self._decode(1).operations * frames

    def temporal_operations(self, settings: Settings, frames: int) -> float:
        """Floating-point operations of the second pass: every frame but the first, by two ControlNets, one by one."""
        from dancegen.renderers.animatediff.temporal import steps_of, still_settings

        batch = 2 if still_settings(settings).guidance > 1 else 1
        step = 2 * self._control(batch).operations + self._flat(batch).operations
        each = step * steps_of(settings)[1] + self._encode().operations + self._decode(1).operations
        return each * max(0, frames - 1)

    def peak(self, settings: Settings, level: Level, *, beside: bool = True) -> float:
        """Bytes on the device at the worst moment: weights, what a window leaves there, and the busiest networks.

        beside: frames are decoded beside the last windows, where all networks stay on the device.
        """
        batch = 2 if level.together and settings.guidance > 1 else 1
        weights = sum(_bytes(network) for network in (self.unet, self.controlnet))
        resting = sum(self.readers) + _bytes(self.vae)
        residuals = self._residuals(batch * settings.window)
        control = self._control(min(level.control_frames, batch * settings.window)).peak + residuals
        painting = max(control, self._unet(batch, settings.window).peak + residuals)
        decoding = self._decode(level.decode_frames).peak
        if level.resident:
            return weights + resting + (painting + decoding if beside else max(painting, decoding))
        return weights + max(painting, _bytes(self.vae) + decoding, *self.readers)

    def _unet(self, batch: int, frames: int) -> Cost:
        def run(torch) -> None:
            self.unet(
                torch.zeros(batch, self.unet.config.in_channels, frames, *self.latent, dtype=self.dtype),
                torch.tensor(1),
                encoder_hidden_states=self._words(torch, batch * frames),
            )

        return self._cost(("unet", batch, frames), run)

    def _flat(self, batch: int) -> Cost:
        def run(torch) -> None:
            latents = torch.zeros(batch, self.flat.config.in_channels, *self.latent, dtype=self.dtype)
            self.flat(latents, torch.tensor(1), encoder_hidden_states=self._words(torch, batch))

        return self._cost(("flat", batch), run)

    def _encode(self) -> Cost:
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        height, width = (side * factor for side in self.latent)
        return self._cost(
            ("encode",), lambda torch: self.vae.encode(torch.zeros(1, 3, height, width, dtype=self.dtype))
        )

    def _control(self, frames: int) -> Cost:
        return self._cost(("control", frames), lambda torch: self._controlled(torch, frames))

    def _controlled(self, torch, frames: int):
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        height, width = self.latent
        return self.controlnet(
            torch.zeros(frames, self.unet.config.in_channels, height, width, dtype=self.dtype),
            torch.tensor(1),
            encoder_hidden_states=self._words(torch, frames),
            controlnet_cond=torch.zeros(frames, 3, height * factor, width * factor, dtype=self.dtype),
            return_dict=False,
        )

    def _residuals(self, frames: int) -> int:
        import torch

        with torch.inference_mode(), torch.device("meta"):
            down, middle = self._controlled(torch, frames)
        return sum(tensor.numel() * tensor.element_size() for tensor in (*down, middle))

    def _decode(self, frames: int) -> Cost:
        channels = self.vae.config.latent_channels
        return self._cost(
            ("vae", frames),
            lambda torch: self.vae.decode(torch.zeros(frames, channels, *self.latent, dtype=self.dtype)),
        )

    def _words(self, torch, batch: int):
        return torch.zeros(batch, 77, self.unet.config.cross_attention_dim, dtype=self.dtype)

    def _cost(self, key: tuple, run) -> Cost:
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        if key not in self._costs:
            memory = _memory_counter()
            with torch.inference_mode(), torch.device("meta"), FlopCounterMode(display=False) as work, memory:
                run(torch)
            self._costs[key] = Cost(float(work.get_total_flops()), float(memory.peak))
        return self._costs[key]


@lru_cache(maxsize=8)  # counting takes seconds, and the next film mostly asks for what the last one asked
def _networks(
    configs: tuple[str, ...], readers: tuple[int, ...], dtype: torch.dtype, size: tuple[int, int]
) -> Networks:  # fmt: skip
    """The networks of `_PARTS`, each from its configuration in JSON."""
    import torch
    from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel, UNetMotionModel

    from dancegen.renderers.animatediff.loading import quiet_libraries

    kinds = UNet2DConditionModel, MotionAdapter, ControlNetModel, AutoencoderKL
    with quiet_libraries(), torch.device("meta"):
        flat, adapter, controlnet, vae = (
            kind.from_config(json.loads(config)) for kind, config in zip(kinds, configs, strict=True)
        )
        unet = UNetMotionModel.from_unet2d(flat, adapter, load_weights=False)
        for network in (unet, flat, controlnet, vae):
            network.to(dtype).requires_grad_(False)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return Networks(unet, flat, controlnet, vae, readers, dtype, (size[1] // factor, size[0] // factor))


def _memory_counter():
    """A context manager that follows every tensor made in it; `peak` is the most bytes that lived at once."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Counter(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.now = self.peak = 0
            self._alive: set[int] = set()

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(made):
                if isinstance(tensor, torch.Tensor):
                    self._follow(tensor.untyped_storage())
            return made

        def _follow(self, storage) -> None:
            key, size = storage._cdata, storage.nbytes()
            if key not in self._alive:
                self._alive.add(key)
                self.now += size
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._forget, key, size)

        def _forget(self, key: int, size: int) -> None:
            self._alive.discard(key)
            self.now -= size

    return Counter()


def _config(models: Models, role: str, part: str) -> dict:
    """A network's configuration: the model's own where it is here, else that of Stable Diffusion 1.5."""
    located = models.one(role)
    folder = "" if role != "base" else f"{part}/"
    names = [name for name in located.files if name.endswith("config.json") and (not folder or name.startswith(folder))]
    names = [name for name in names if "tokenizer" not in name]
    own = located.folder / names[0] if located.here and names else SD15 / part / "config.json"
    config = json.loads(own.read_text(encoding="utf-8"))
    return config.get("text_config", config)


_VIT_H = {"hidden_size": 1280, "num_hidden_layers": 32, "intermediate_size": 5120}
"""The image encoder of Stable Diffusion 1.5's IP-Adapters."""


def _image_encoder(located: Located) -> dict:
    """The configuration of an IP-Adapter's image encoder: its own where it is here."""
    names = [name for name in located.files if name.endswith("config.json")]
    if not located.here or not names:
        return _VIT_H
    config = json.loads((located.folder / names[0]).read_text(encoding="utf-8"))
    return _VIT_H | config.get("vision_config", config)


def _transformer(config: dict) -> int:
    """Parameters of a transformer's layers: each holds four square matrices and two of its intermediate size."""
    width = config["hidden_size"]
    return config["num_hidden_layers"] * width * (4 * width + 2 * config["intermediate_size"])


def _bytes(network) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.2g} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
