"""What painting a film will take, known before any weights are loaded: downloads, memory, time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dancegen.devices import free_gigabytes
from dancegen.formatting import duration, listing
from dancegen.renderers.film.segments import Segment
from dancegen.renderers.film.tiers import Tier, tier_named, tiers_within
from dancegen.weights import Models

if TYPE_CHECKING:
    from dancegen.renderers.film.backend import FilmBackend
    from dancegen.renderers.film.settings import FilmOptions

MARGIN = 1.15
"""What is planned for is the counted peak times this: allocators and convolutions' workspaces take some, too."""
SPARE = 0.9
"""The share of the free memory that may be planned for."""
_PER_MULTIPLICATION = {"cpu": 0.5, "cuda": 0.4, "mps": 0.4}
"""The speed of diffusion networks against that of one large matrix multiplication."""


@dataclass(frozen=True)
class Plan:
    """What a film will take. seconds: an estimate from the device's speed in one matrix multiplication.

    thrift, about, then: how memory is saved, what of the settings decides how much is needed, and what follows the
    painting, in words. figures: the same for scripts. left_out: options that were given and that a draft goes without.
    """

    models: Models
    device: str
    dtype: str
    tier: Tier
    thrift: str
    peak_gb: float
    available_gb: float
    key_frames: int
    frames: int
    segments: int
    steps: int
    about: str
    then: str
    figures: Mapping[str, object]
    seconds: float
    left_out: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the memory that is there is enough."""
        return self.peak_gb <= self.available_gb

    def lines(self) -> list[str]:
        """For people."""
        lines = self.models.lines()
        lines.append(
            f"{self.key_frames} frames are painted in {self.segments} segments of {self.steps} steps each on "
            f"{self.device} in {self.dtype}, {f'{self.then}, ' if self.then else ''}{self.frames} are shown"
        )
        enough = "" if self.fits else ", which may not be enough"
        lines.append(
            f"at most {self.peak_gb:.2g} GB of memory are needed, {self.available_gb:.2g} GB are there{enough}: "
            f"{', '.join(words for words in (self.about, self.thrift) if words)}"
        )
        each = self.seconds / max(self.key_frames, 1)
        slow = ", which is slow: a GPU is far faster" if self.device == "cpu" and each > 2 else ""
        lines.append(f"about {duration(each)} a painted frame, {duration(self.seconds)} in all{slow}")
        if self.left_out:
            lines.append(
                f"a draft of seeds goes without {listing(self.left_out)}: paint the seed that you like with --preview "
                "to see that too"
            )
        return lines

    def to_dict(self) -> dict[str, object]:
        """For scripts."""
        return {
            **self.models.to_dict(),
            "device": self.device,
            "dtype": self.dtype,
            "vram": self.tier.name,
            "peak_gb": round(self.peak_gb, 3),
            "available_gb": round(self.available_gb, 3),
            "fits": self.fits,
            "key_frames": self.key_frames,
            "frames": self.frames,
            "segments_total": self.segments,
            "steps": self.steps,
            **self.figures,
            "seconds": round(self.seconds, 1),
            **({"goes_without": list(self.left_out)} if self.left_out else {}),
        }


def make_plan(
    backend: FilmBackend[Any], models: Models, settings: FilmOptions, segments: list[Segment], *,
    size: tuple[int, int], frames: int, device: str, left_out: tuple[str, ...] = (),
) -> Plan:  # fmt: skip
    """Choose the tier and count what it takes: the roomiest that fits what is free, and the memory that is named.

    Where none fits it is the lowest. frames: of the film, painted or interpolated. left_out: see `Plan`.
    """
    costs = backend.costs(models, settings, size, device)
    available = free_gigabytes(device)
    if settings.vram != "auto":
        available = min(available, tier_named(settings.vram).gigabytes)
    tiers = tiers_within(settings.vram)
    tier, peak = tiers[-1], 0.0
    for tier in tiers:
        peak = costs.peak(tier) * MARGIN / 1e9
        if peak <= available * SPARE:
            break
    operations = costs.operations(segments)
    return Plan(
        models=models,
        device=device,
        dtype=costs.dtype,
        tier=tier,
        thrift=backend.thrift(tier),
        peak_gb=peak,
        available_gb=available,
        key_frames=sum(segment.stop - segment.start for segment in segments),
        frames=frames,
        segments=len(segments),
        steps=backend.steps(settings),
        about=costs.about,
        then=costs.then,
        figures=costs.figures,
        seconds=operations / (operations_per_second(device, costs.dtype) * _PER_MULTIPLICATION[device.split(":")[0]]),
        left_out=left_out,
    )


def operations_per_second(device: str, dtype: str) -> float:
    """How fast the device multiplies matrices of a type like `float16`, measured for a moment."""
    import torch

    side, rounds = (1024, 4) if device == "cpu" else (4096, 20)
    one = torch.randn(side, side, device=device).to(getattr(torch, dtype))

    def seconds() -> float:
        started = time.perf_counter()
        product = one
        for _ in range(rounds):
            product = one @ one
        product.float().sum().item()  # waits for the device
        return time.perf_counter() - started

    seconds()
    return rounds * 2 * side**3 / min(seconds(), seconds())
