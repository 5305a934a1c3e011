"""From a scene to frames: prompts, conditions, denoising, and the VAE that makes a video of latents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.errors import DancegenError, ModelError
from dancegen.progress import Advance
from dancegen.renderers.film.backend import Scene, Write
from dancegen.renderers.film.finite import NotFinite, check_finite
from dancegen.renderers.film.tiers import Tier
from dancegen.renderers.wan_vace.colour import Tone, matched
from dancegen.renderers.wan_vace.conditions import conditioning
from dancegen.renderers.wan_vace.loading import load_transformer, load_vae, wan_dtype
from dancegen.renderers.wan_vace.sampler import Sampler, noise_of
from dancegen.renderers.wan_vace.settings import Settings
from dancegen.renderers.wan_vace.texts import Texts
from dancegen.renderers.wan_vace.thrift import Streamed, thrift_on
from dancegen.renderers.wan_vace.vae import SHARE, decode, encode, raw
from dancegen.weights import Models

if TYPE_CHECKING:
    import torch

TEXT, TONE = "text", "tone"
"""What a segment tells the next one."""


class WanPainter:
    """Paints scenes with Wan VACE: see `film.backend.Painter`.

    The text encoder comes first and goes; the other networks are loaded when the first scene is painted.
    """

    def __init__(self, models: Models, settings: Settings, tier: Tier, device: str) -> None:
        """Raises ModelError."""
        self.models, self.settings, self.device = models, settings, device
        self.dtype = wan_dtype(device)
        self.texts = Texts(models.one("base"), self.dtype)
        self._transformer: Any = None
        self._vae: Any = None
        self._streamed: Streamed | None = None
        self.use(tier)

    def use(self, tier: Tier) -> None:
        """From now on keep within the memory of a tier."""
        self.thrift = thrift_on(tier)
        for network in (self._transformer, self._vae):
            if network is not None and not self.thrift.resident:
                self._park(network)

    def widen(self, fault: NotFinite) -> str:
        """From now on compute in float32 where it was float16: bfloat16 reaches as far as float32.

        Raises ModelError for weights that are themselves not finite, DancegenError where nothing is wider.
        """
        import torch

        for part in (self._transformer, self._vae):
            for layer, weights in () if part is None else part.named_parameters():
                if not torch.isfinite(weights).all():
                    merged = " (or of a --lora that was merged into it)" if self.settings.merged else ""
                    raise ModelError(
                        f"{fault}: weights of --base {self.settings.base}{merged} are not numbers, in {layer}: get the "
                        "model anew, or name another"
                    )
        if self.dtype != torch.float16:
            raise DancegenError(
                f"{fault}, and there is no wider precision that would help. Most often a LoRA, a --guidance or a "
                "--control-scale is too strong: try without them"
            )
        self.dtype = torch.float32
        self.texts = Texts(self.models.one("base"), self.dtype)
        self._end_stream()
        self._transformer = None
        return "all goes on in float32"

    def read(self, texts: Iterable[str]) -> None:
        """Read prompts before anything is painted, and free the text encoder. Raises ModelError."""
        self.texts.read(texts, self.device if self.thrift.reads_here else "cpu")

    def tokens_over(self, text: str) -> int:
        """How many tokens of a text are not read."""
        return self.texts.tokens_over(text)

    def film(
        self,
        scene: Scene,
        write: Write,
        *,
        resume: Path | None = None,
        advance: Advance = lambda steps: None,
        before: np.ndarray | None = None,
    ) -> Mapping[str, Any]:
        """Paint a scene, going on from the frames `before`: see `film.backend.Painter.film`.

        The next segment is told the tone that it is to keep, and for which text.
        """
        import torch

        text = text_of(scene, before)
        with torch.inference_mode():
            latents = self.paint(scene, text, before, resume, advance)
            painted = self._decoded(latents)
        if before is None:
            new, tone = painted, Tone.of(painted)
        elif self.settings.no_colour_match:
            new, tone = painted[len(before) :], Tone.of(painted)
        else:
            kept = scene.told if scene.told.get(TEXT) == text else {}
            new, tone = matched(painted, before, Tone.told(kept[TONE]) if kept else None)
        known = [] if before is None else list(before)
        for place, frame in enumerate(known):
            write(place, frame)
        for place, frame in enumerate(new, len(known)):
            write(place, frame.clip(0, 255).round().astype(np.uint8))
        return {TEXT: text, TONE: tone.to_dict()}

    def paint(
        self, scene: Scene, text: str, before: np.ndarray | None, resume: Path | None, advance: Advance
    ) -> torch.Tensor:
        """(1, C, n, h, w) latents of a scene, on the device, without those of pictures."""
        against = self.settings.negative_prompt if self.settings.guided else None
        self.read([each for each in (text, against) if each is not None])
        led = self._conditions(scene, before)
        with self._awake(self.transformer):
            noise = noise_of(scene.seed, scene.first, (1, self.transformer.config.in_channels, *led.shape[2:]))
            latents = Sampler(self.transformer, self.settings, self.device).sample(
                noise, led, self.texts.of(text), None if against is None else self.texts.of(against), resume=resume,
                advance=advance,
            )  # fmt: skip
        return latents[:, :, 0 if scene.portrait is None else len(scene.portrait) :]

    @property
    def transformer(self) -> Any:
        """Loaded when it is first needed."""
        if self._transformer is None:
            self._transformer = load_transformer(self.models, self.dtype)
        return self._transformer

    @property
    def vae(self) -> Any:
        """Loaded when it is first needed."""
        if self._vae is None:
            self._vae = load_vae(self.models)
        return self._vae

    def _conditions(self, scene: Scene, before: np.ndarray | None) -> torch.Tensor:
        with self._awake(self.vae):

            def latents(video: torch.Tensor) -> torch.Tensor:
                return encode(self.vae, video, device=self.device, strips=self.thrift.strips).cpu()

            return conditioning(latents, scene.poses, before, scene.portrait, SHARE)

    def _decoded(self, latents: torch.Tensor) -> np.ndarray:
        """(F, H, W, 3) float32, 0 to 255. Raises NotFinite."""
        with self._awake(self.vae):
            video = decode(self.vae, raw(self.vae, latents), strips=self.thrift.strips)
        check_finite(video, "where latents become pictures", decoding=True)
        return ((video[0] / 2 + 0.5).clamp(0, 1) * 255).permute(1, 2, 3, 0).numpy()

    # Where networks wait

    @contextmanager
    def _awake(self, network: Any) -> Iterator[None]:
        """While a network computes."""
        if network is self._transformer and self.thrift.streamed and self.device != "cpu":
            if self._streamed is None:
                self._streamed = Streamed([*network.blocks, *network.vace_blocks], self.device)
            for name, part in network.named_children():
                if name not in ("blocks", "vace_blocks"):
                    part.to(self.device)
            network.scale_shift_table.data = network.scale_shift_table.data.to(self.device)
        else:
            network.to(self.device)
        try:
            yield
        finally:
            if not self.thrift.resident:
                self._park(network)

    def _park(self, network: Any) -> None:
        if network is self._transformer:
            if self._streamed is not None and not self.thrift.streamed:
                self._end_stream()
            if self._streamed is not None:
                for name, part in network.named_children():
                    if name not in ("blocks", "vace_blocks"):
                        part.to("cpu")
                return
        if self.device != "cpu":
            network.to("cpu")

    def _end_stream(self) -> None:
        if self._streamed is not None:
            self._streamed.end()
            self._streamed = None


def text_of(scene: Scene, before: np.ndarray | None) -> str:
    """The one text that a segment is painted in: the one that most of its own frames have."""
    own = scene.weights[0 if before is None else len(before) :]
    return scene.texts[int((own if len(own) else scene.weights).sum(axis=0).argmax())]
