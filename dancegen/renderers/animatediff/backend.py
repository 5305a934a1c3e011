"""AnimateDiff as a film backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dancegen.renderers.animatediff.settings import LATENT_SIDE, SIZE, Settings
from dancegen.renderers.animatediff.texts import word_of
from dancegen.renderers.animatediff.thrift import thrift_on
from dancegen.renderers.film.backend import FilmBackend, Grid
from dancegen.renderers.film.pulse import TARGETS, Pulse
from dancegen.renderers.film.tiers import Tier
from dancegen.weights import ModelRef, Models

if TYPE_CHECKING:
    import numpy as np

    from dancegen.renderers.animatediff.costs import FilmCosts
    from dancegen.renderers.animatediff.painter import AnimateDiffPainter
    from dancegen.renderers.animatediff.temporal import TemporalPainter


class AnimateDiff(FilmBackend[Settings]):
    """Paints key frames with Stable Diffusion 1.5, AnimateDiff and ControlNet: see `film.backend.FilmBackend`."""

    name = "animatediff"
    version = 2
    settings = Settings
    size = SIZE
    saves_memory = "a smaller --size, a --window of 8, or --device cpu"

    def complete(self, asked: Settings) -> Settings:
        """The settings with fast mode's choices, windows and strides filled in. Raises InputError."""
        return asked.completed()

    def fitted(self, asked: Settings, models: Models, size: tuple[int, int]) -> Settings:
        """The same with the longest window that the memory holds which was named. Raises InputError."""
        if asked.window is not None or asked.vram == "auto":
            return asked.completed()
        from dancegen.renderers.animatediff.costs import fitting_window

        usual = asked.completed()
        window = fitting_window(models, usual, usual.enlarged(size), asked.vram)
        return replace(asked, window=window).completed()

    def grid(self, settings: Settings) -> Grid:
        """Key frames, one of them on each beat, in segments of any length."""
        return Grid(
            rate=settings.key_fps, longest=settings.segment, overlap=settings.overlap, shortest=settings.window,
            side=LATENT_SIDE,
        )  # fmt: skip

    def references(self, settings: Settings) -> list[ModelRef]:
        """Stable Diffusion 1.5 and its companions."""
        from dancegen.renderers.animatediff.models import references

        return references(settings)

    def unused(self, settings: Settings) -> tuple[str, ...]:
        """Without a portrait the IP-Adapter does nothing, without a second pass TemporalNet, and so on."""
        return (
            *(() if settings.refine_face else ("face_strength",)),
            *(() if settings.upscale else ("upscale_strength",)),
            *(() if settings.depth else ("depth_controlnet", "depth_scale", "depth_span")),
            *(("ip_adapter", "ip_scale") if settings.image is None else ()),
            *(() if settings.temporal else ("temporalnet", "temporal_strength")),
        )

    def steps(self, settings: Settings) -> int:
        """Those of a scene in its size, of the larger pass, and of the one over faces."""
        return settings.steps + settings.larger_steps + settings.face_steps

    def shown_size(self, settings: Settings, size: tuple[int, int]) -> tuple[int, int]:
        """With --upscale larger than what is painted first."""
        return settings.enlarged(size)

    def refines_faces(self, settings: Settings) -> bool:
        """With --refine-face."""
        return settings.refine_face

    def sees_head(self, settings: Settings) -> bool:
        """With an IP-Adapter that was taught faces, such as ip-adapter-plus-face; its file's name says so."""
        return "face" in settings.ip_adapter.split("@")[0].replace("\\", "/").rsplit("/", 1)[-1].lower()

    def sees_depth(self, settings: Settings) -> bool:
        """With --depth."""
        return settings.depth

    def pulses(self, settings: Settings) -> tuple[Pulse, ...]:
        """Of the prompt, LoRAs, and both controls."""
        return settings.pulses(*TARGETS)

    def recipe_params(self, settings: Settings) -> Mapping[str, object]:
        """The memory that is named acts through the window, a learnt word also through its name."""
        words = [word_of(text)[1] for text in settings.embedding]
        return {"window": settings.window, **({"words": words} if words else {})}

    def check(self, models: Models, settings: Settings) -> None:
        """Raises ModelError where one of them is made for another base, or cannot do what it is there for."""
        from dancegen.renderers.animatediff.fit import check_fit

        check_fit(models, settings)

    def costs(self, models: Models, settings: Settings, size: tuple[int, int], device: str) -> FilmCosts:
        """Counted from the networks' configurations."""
        from dancegen.renderers.animatediff.costs import FilmCosts, Networks
        from dancegen.renderers.film.loading import working_dtype

        dtype, larger = working_dtype(device), settings.enlarged(size)
        again = Networks.of(models, dtype, larger) if settings.upscale else None
        return FilmCosts(Networks.of(models, dtype, size), settings, again)

    def thrift(self, tier: Tier) -> str:
        """How memory is saved on a tier, in words."""
        return str(thrift_on(tier))

    def load(self, models: Models, settings: Settings, device: str, tier: Tier) -> AnimateDiffPainter:
        """Diffusers' pipeline on a device, and what paints with it. Raises ModelError."""
        from dancegen.renderers.animatediff.loading import load_pipeline
        from dancegen.renderers.animatediff.painter import AnimateDiffPainter
        from dancegen.renderers.film.loading import working_dtype

        pipeline = load_pipeline(models, settings, device=device, dtype=working_dtype(device))
        return AnimateDiffPainter(pipeline, settings, tier, device)

    def has_second_pass(self, settings: Settings) -> bool:
        """With --temporal."""
        return settings.temporal

    def load_second_pass(
        self, models: Models, settings: Settings, device: str, tier: Tier, portrait: np.ndarray | None
    ) -> TemporalPainter:
        """The networks that TemporalNet needs. Raises ModelError."""
        from dancegen.renderers.animatediff.temporal import TemporalPainter
        from dancegen.renderers.film.loading import working_dtype

        painter = TemporalPainter(models, settings, device=device, dtype=working_dtype(device), portrait=portrait)
        if not thrift_on(tier).resident:
            painter.save_memory()
        return painter


BACKEND = AnimateDiff()
