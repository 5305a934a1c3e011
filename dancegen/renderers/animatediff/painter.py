"""From a scene to frames: what leads the networks, the denoising, and the VAE that makes pictures of latents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.progress import Advance
from dancegen.renderers.animatediff.controls import Control, chunks, controls_of
from dancegen.renderers.animatediff.parts import in_parts, whole
from dancegen.renderers.animatediff.precision import latents_of, pictures_of, widen
from dancegen.renderers.animatediff.sampler import Conditioning, Finished, Sampler
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.texts import Texts
from dancegen.renderers.animatediff.thrift import LAYER_PLACES, Thrift, thrift_on
from dancegen.renderers.animatediff.windows import other_seed
from dancegen.renderers.film.backend import Scene, Write
from dancegen.renderers.film.finite import NotFinite
from dancegen.renderers.film.tiers import Tier

LARGER, FACE = "larger", "face"
"""Where the larger pass of a scene, and the one over its faces, keep how far they have come."""

if TYPE_CHECKING:
    import torch
    from diffusers import AnimateDiffControlNetPipeline


class AnimateDiffPainter:
    """Paints scenes with a pipeline's networks: see `film.backend.Painter`.

    What scenes share, as the prompt's embeddings, is computed once.
    """

    def __init__(self, pipeline: AnimateDiffControlNetPipeline, settings: Settings, tier: Tier, device: str) -> None:

        self.pipeline, self.settings, self.device = pipeline, settings, device
        self.texts = Texts(pipeline, device)
        self._image_embeds: tuple[bytes, torch.Tensor] | None = None
        self._controls = controls_of(pipeline, settings)
        self._stream: Any = None
        self.use(tier)

    def use(self, tier: Tier) -> None:
        """From now on keep within the memory of a tier."""
        self.thrift: Thrift = thrift_on(tier)
        if not self.thrift.resident:
            self._park(self.pipeline.text_encoder, self.pipeline.vae, self.pipeline.image_encoder)
        whole(self.pipeline.unet)
        if self.thrift.layer_frames is not None and not self.settings.pulses("lora"):  # those must see whole windows
            in_parts(self.pipeline.unet, self.thrift.layer_frames, LAYER_PLACES)

    def widen(self, fault: NotFinite) -> str:
        """From now on compute in numbers of a wider range: see `precision.widen`."""
        pipeline: Any = self.pipeline
        parts = {"vae": pipeline.vae, "base": pipeline.unet}
        for name, control in zip(("controlnet", "depth_controlnet"), self._controls, strict=False):
            parts |= {name: control.network, f"{name}, first layers": control.embed}
        encoders = {"text_encoder": pipeline.text_encoder, "image_encoder": pipeline.image_encoder}
        parts |= {name: network for name, network in encoders.items() if network is not None}
        done = widen(parts, fault, self.settings, self.device)
        self.texts.known.clear()
        self._image_embeds = None
        return done

    def tokens_over(self, text: str) -> int:
        """None: a text is read 77 tokens at a time."""
        return 0

    def film(
        self,
        scene: Scene,
        write: Write,
        *,
        resume: Path | None = None,
        advance: Advance = lambda steps: None,
        before: np.ndarray | None = None,
    ) -> None:
        """Paint a scene and give each of its frames, (H, W, 3) uint8 RGB, to `write` with its place in the scene.

        Where all networks stay on the device, frames are decoded and written beside the last step's next windows.
        """
        if scene.faces is not None:
            painted = list(self.decode(self.paint(scene, resume=resume, advance=advance)))
            for place, frame in enumerate(self._with_faces(painted, scene, resume, advance)):
                write(place, frame)
            return
        if not self.thrift.resident or self.device.startswith("mps"):  # Metal's queue is one thread's
            for place, frame in enumerate(self.decode(self.paint(scene, resume=resume, advance=advance))):
                write(place, frame)
            return
        work: list[Future[None]] = []
        pool = ThreadPoolExecutor(1, "decoding")

        def finished(first: int, latents: torch.Tensor) -> None:
            work.append(pool.submit(self._decode_beside, first, latents, self._event(), write))

        try:
            self.paint(scene, resume=resume, advance=advance, finished=finished)
            for each in work:
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def paint(
        self,
        scene: Scene,
        *,
        resume: Path | None = None,
        advance: Advance = lambda steps: None,
        finished: Finished = lambda first, latents: None,
    ) -> torch.Tensor:
        """(F, 4, h, w) latents of a scene, on the CPU: see `Sampler.sample`; of its larger one, if there is one."""
        larger = scene.larger
        if larger is None:
            return self._denoise(scene, resume, advance, finished)
        small = self._denoise(scene, resume, advance, lambda first, latents: None)
        again = replace(larger, seed=other_seed(scene.seed, "larger"))
        kept = None if resume is None else resume / LARGER
        return self._denoise(again, kept, advance, finished, self._enlarged(small, larger), self.settings.larger_steps)

    def _denoise(
        self, scene: Scene, resume: Path | None, advance: Advance, finished: Finished,
        start: torch.Tensor | None = None, taken: int | None = None,
    ) -> torch.Tensor:  # fmt: skip
        import torch

        with torch.inference_mode():
            conditioning = Conditioning(
                self._encode_prompt(scene), self._encode_image(scene.portrait), self._encode_controls(scene),
                {name: torch.from_numpy(each).to(self.device) for name, each in scene.strengths.items()},
            )  # fmt: skip
            sampler = Sampler(self.pipeline, self.settings, self.thrift, self.device)
            return sampler.sample(
                scene, conditioning, resume=resume, advance=advance, finished=finished, start=start, taken=taken
            )

    def _with_faces(
        self, frames: list[np.ndarray], scene: Scene, resume: Path | None, advance: Advance
    ) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 frames, the face of each painted anew where there is one."""
        faces, poses = scene.faces, scene.face_poses
        if faces is None or poses is None:
            yield from frames
            return
        cut = np.stack([faces.cut(frame, place, poses.shape[1]) for place, frame in enumerate(frames)])
        alone = replace(
            scene, poses=poses, depth=None, larger=None, faces=None, seed=other_seed(scene.seed, "face")
        )  # fmt: skip
        kept = None if resume is None else resume / FACE
        latents = self._denoise(
            alone, kept, advance, lambda first, latents: None, self._encode(cut), self.settings.face_steps
        )
        for place, (frame, face) in enumerate(zip(frames, self.decode(latents), strict=True)):
            yield faces.put(frame, place, face) if faces.seen[place] else frame

    def _encode(self, pictures: np.ndarray) -> torch.Tensor:
        """(F, 4, h, w) float32 latents of (F, H, W, 3) uint8 RGB pictures, on the CPU. Raises NotFinite."""
        import torch

        vae: Any = self.pipeline.vae
        self._wake(vae)
        parts = chunks(len(pictures), self.thrift.decode_frames)
        found = [latents_of(vae, pictures[some], self.device).float().cpu() for some in parts]
        self._rest(vae)
        return torch.cat(found)

    def _enlarged(self, latents: torch.Tensor, scene: Scene) -> torch.Tensor:
        """The latents in the size of a scene: the picture in them is enlarged, and stays soft until it is painted."""
        from torch.nn.functional import interpolate

        factor = self.pipeline.vae_scale_factor
        height, width = (side // factor for side in scene.poses.shape[1:3])
        return interpolate(latents.float(), (height, width), mode="bicubic", antialias=False).to(latents.dtype)

    def decode(self, latents: torch.Tensor) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 RGB frames of (F, 4, h, w) latents, a few at a time. Raises NotFinite."""
        vae: Any = self.pipeline.vae
        self._wake(vae)
        for some in latents.split(self.thrift.decode_frames):
            yield from pictures_of(vae, some, self.device)
        self._rest(vae)

    # Decoding beside the last windows

    def _decode_beside(self, first: int, latents: torch.Tensor, painted: Any, write: Write) -> None:
        with self._stream_after(painted):
            for place, frame in enumerate(self.decode(latents), first):
                write(place, frame)

    def _event(self) -> Any:
        """The moment by which all that was asked of a CUDA device so far is done."""
        import torch

        if not self.device.startswith("cuda"):
            return None
        event = torch.cuda.Event()
        event.record()
        return event

    def _stream_after(self, painted: Any) -> AbstractContextManager[Any]:
        """A context whose work on a CUDA device waits for `painted` and for nothing that comes after it."""
        import torch

        if painted is None:
            return nullcontext()
        if self._stream is None:  # one for all: each has memory of its own, which it keeps
            self._stream = torch.cuda.Stream(self.device)
        self._stream.wait_event(painted)
        return torch.cuda.stream(self._stream)

    # What leads the networks

    def _encode_prompt(self, scene: Scene) -> torch.Tensor:
        """(2, F, tokens, D): the negative prompt's embedding and the frames' blends; unguided, the latter only."""
        import torch

        self._wake(self.pipeline.text_encoder)
        against = [self.settings.negative_prompt] if self.settings.guided else []
        *negative, texts = self._together(against, scene.texts)
        self._rest(self.pipeline.text_encoder)
        weights = torch.from_numpy(scene.weights).to(self.device)
        prompt = torch.einsum("ft,tnd->fnd", weights, texts.float()).to(self.pipeline.unet.dtype)
        return torch.stack([*(each.to(prompt).expand_as(prompt) for each in negative), prompt])

    def _together(self, against: list[str], texts: Sequence[str]) -> list[torch.Tensor]:
        """(tokens, D) of the negative prompt, if there is one, and last (texts, tokens, D), all of one length."""
        import torch

        found = self.texts.of([*against, *texts])
        return [*found[: len(against)], torch.stack(found[len(against) :])]

    def _encode_image(self, portrait: np.ndarray | None) -> torch.Tensor | None:
        """(2 or 1, N, ...): see `portrait_embeds`."""
        if portrait is None:
            return None
        key = portrait.tobytes()
        if self._image_embeds is None or self._image_embeds[0] != key:
            self._wake(self.pipeline.image_encoder)
            embeds = portrait_embeds(self.pipeline, portrait, self.device, guided=self.settings.guided)
            self._image_embeds = (key, embeds)
            self._rest(self.pipeline.image_encoder)
        return self._image_embeds[1]

    def _encode_controls(self, scene: Scene) -> tuple[Control, ...]:
        """The pictures behind each ControlNet's first layers; kept in main memory where there is little."""
        pictures = (scene.poses,) if scene.depth is None else (scene.poses, scene.depth)
        frames, dtype = self.thrift.control_frames, self.pipeline.unet.dtype
        keep = self.device if self.thrift.resident else "cpu"
        return tuple(
            control.of(shown, scene.strengths.get(name), device=self.device, dtype=dtype, together=frames, keep=keep)
            for name, control, shown in zip(("control", "depth"), self._controls, pictures, strict=False)
        )

    # Where networks wait

    def _wake(self, network: Any) -> None:
        if not self.thrift.resident:
            network.to(self.device)

    def _rest(self, network: Any) -> None:
        if not self.thrift.resident:
            self._park(network)

    def _park(self, *networks: Any) -> None:
        if self.device != "cpu":
            for network in networks:
                if network is not None:
                    network.to("cpu")


def portrait_embeds(pipeline: Any, portrait: np.ndarray, device: str, *, guided: bool) -> torch.Tensor:
    """(2 or 1, N, ...): (N, S, S, 3) uint8 pictures as the IP-Adapter reads them, if guided empty ones before them."""
    from PIL import Image

    pictures = [[Image.fromarray(picture) for picture in portrait]]  # all for the one adapter
    (embeds,) = pipeline.prepare_ip_adapter_image_embeds(pictures, None, device, 1, guided)
    return embeds.to(pipeline.unet.dtype)
