"""Wan VACE as a film backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dancegen.renderers.film.backend import FilmBackend, Grid
from dancegen.renderers.film.tiers import Tier
from dancegen.renderers.wan_vace.settings import DRAFT, NAME, RATE, SIDE, SIZE, TOGETHER, Settings
from dancegen.weights import ModelRef, Models

if TYPE_CHECKING:
    from dancegen.renderers.wan_vace.costs import FilmCosts
    from dancegen.renderers.wan_vace.painter import WanPainter


class WanVace(FilmBackend[Settings]):
    """Paints segments of 81 frames, each going on from the last frames of the one before: see `FilmBackend`."""

    name = NAME
    version = 1
    settings = Settings
    size = SIZE
    chained = True
    lacks = ("blend_s",)
    saves_memory = "a smaller --size, a --segment of 49, or --device cpu"

    def complete(self, asked: Settings) -> Settings:
        """The settings with fast mode's choices filled in. Raises InputError."""
        return asked.completed()

    def fitted(self, asked: Settings, models: Models, size: tuple[int, int]) -> Settings:
        """The same with the shift for a size."""
        return asked.completed().sized(size)

    def grid(self, settings: Settings) -> Grid:
        """Even frames at Wan's own rate, 4n+1 at once."""
        return Grid(
            rate=RATE, longest=settings.segment, overlap=settings.overlap, on_beats=False,
            shortest=min(DRAFT, settings.segment), step=TOGETHER, rest=1, side=SIDE,
        )  # fmt: skip

    def references(self, settings: Settings) -> list[ModelRef]:
        """Wan VACE and LoRAs."""
        from dancegen.renderers.wan_vace.models import references

        return references(settings)

    def sees_whole(self, settings: Settings) -> bool:
        """VACE takes whole pictures."""
        return True

    def pictures(self, settings: Settings) -> Mapping[str, tuple[str, ...]]:
        """Those of --looks."""
        return {"looks": settings.looks}

    def check(self, models: Models, settings: Settings) -> None:
        """Raises ModelError where they cannot work together."""
        from dancegen.renderers.wan_vace.models import check_fit

        check_fit(models)

    def costs(self, models: Models, settings: Settings, size: tuple[int, int], device: str) -> FilmCosts:
        """Counted from the networks' configurations."""
        from dancegen.renderers.wan_vace.costs import FilmCosts, Networks
        from dancegen.renderers.wan_vace.loading import wan_dtype

        return FilmCosts(Networks.of(models, wan_dtype(device), size), settings)

    def thrift(self, tier: Tier) -> str:
        """How memory is saved on a tier, in words."""
        from dancegen.renderers.wan_vace.thrift import thrift_on

        return str(thrift_on(tier))

    def load(self, models: Models, settings: Settings, device: str, tier: Tier) -> WanPainter:
        """What paints; its networks come when they are needed. Raises ModelError."""
        from dancegen.renderers.wan_vace.painter import WanPainter

        return WanPainter(models, settings, tier, device)

    def prepare(self, painter: WanPainter, texts: Sequence[str]) -> None:
        """Read all prompts, and free the text encoder."""
        painter.read([text for text in texts if text or painter.settings.guided])


BACKEND = WanVace()
