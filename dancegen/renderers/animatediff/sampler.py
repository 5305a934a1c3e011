"""The denoising loop: context windows over a segment step together, and what is done can be saved after any step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.renderers.animatediff.noise import frame_noise, generator
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.film.memory import Level
from dancegen.renderers.film.segments import pyramid, settled, windows

if TYPE_CHECKING:
    import torch
    from diffusers import AnimateDiffControlNetPipeline

_STATE = ("lower_order_nums", "_step_index")
"""What a scheduler remembers between steps, beside a multistep solver's last outputs."""


@dataclass(frozen=True)
class Scene:
    """What a stretch of key frames is painted from.

    first: the absolute number of its first key frame. poses: (F, H, W, 3) uint8, drawn for ControlNet. texts: the
    words, shares: (F, texts) how much of each a frame has. seed: the film's. portrait: (H, W, 3) uint8 of the person to
    look like, or None.
    """

    first: int
    poses: np.ndarray
    texts: tuple[str, ...]
    shares: np.ndarray
    seed: int = 0
    portrait: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.poses)


class Sampler:
    """Paints scenes with a pipeline's networks. What all scenes share, as the words' embeddings, is computed once."""

    def __init__(self, pipeline: AnimateDiffControlNetPipeline, settings: Settings, level: Level, device: str) -> None:
        import torch

        self.pipeline, self.settings, self.device = pipeline, settings, device
        self._embedded: dict[str, torch.Tensor] = {}
        self._portrait: tuple[bytes, torch.Tensor] | None = None
        # The poses are embedded once a scene, not once a step: the ControlNet is given what this layer makes of them.
        controlnet = pipeline.controlnet
        self._embed_poses, controlnet.controlnet_cond_embedding = (
            controlnet.controlnet_cond_embedding,
            torch.nn.Identity(),
        )
        self._flipped = controlnet.config.controlnet_conditioning_channel_order == "bgr"
        controlnet.register_to_config(controlnet_conditioning_channel_order="rgb")
        self.use(level)

    def use(self, level: Level) -> None:
        """Go on more or less thriftily."""
        self.level = level
        if not level.resident:
            self._park(self.pipeline.text_encoder, self.pipeline.vae, self.pipeline.image_encoder)

    @property
    def guided(self) -> bool:
        """Whether the negative prompt counts: at a guidance of 1 it would cancel out."""
        return self.settings.guidance > 1

    @cached_property
    def dtype(self) -> torch.dtype:
        return self.pipeline.unet.dtype

    def words_over(self, text: str) -> int:
        """How many tokens of a text do not fit into what CLIP reads."""
        tokenizer = self.pipeline.tokenizer
        return max(0, len(tokenizer(text).input_ids) - tokenizer.model_max_length)

    def paint(
        self,
        scene: Scene,
        *,
        resume: Path | None = None,
        save_every: int = 4,
        advance: Callable[[float], None] = lambda steps: None,
        finished: Callable[[int, torch.Tensor], None] = lambda first, latents: None,
    ) -> torch.Tensor:
        """(F, 4, h, w) latents of a scene, on the CPU.

        resume: where the latents are saved every so many steps, and read from if they are there. advance: told of each
        finished step. finished: given the latents of each stretch of frames, and the number of its first, as soon as
        the last step has no more windows that see them.
        """
        import torch

        with torch.inference_mode():
            return self._denoise(scene, resume, save_every, advance, finished)

    def film(self, scene: Scene, write: Callable[[int, np.ndarray], None], **how) -> None:
        """Paint a scene and give each of its frames, (H, W, 3) uint8 RGB, to `write` with its place in the scene.

        Where all networks stay on the device, frames are decoded and written beside the last step's next windows. how:
        see `paint`.
        """
        if not self.level.resident or self.device.startswith("mps"):  # Metal's queue is one thread's
            for number, frame in enumerate(self.decode(self.paint(scene, **how))):
                write(number, frame)
            return
        work: list[Future] = []
        pool = ThreadPoolExecutor(1, "decoding")

        def finished(first: int, latents: torch.Tensor) -> None:
            work.append(pool.submit(self._develop, first, latents, self._event(), write))

        try:
            self.paint(scene, finished=finished, **how)
            for each in work:
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _develop(self, first: int, latents: torch.Tensor, painted, write: Callable[[int, np.ndarray], None]) -> None:
        with self._beside(painted):
            for number, frame in enumerate(self.decode(latents), first):
                write(number, frame)

    def _event(self):
        """The moment by which all that was asked of a CUDA device so far is done."""
        import torch

        if not self.device.startswith("cuda"):
            return None
        event = torch.cuda.Event()
        event.record()
        return event

    def _beside(self, painted):
        """A context whose work on a CUDA device waits for `painted` and for nothing that comes after it."""
        import torch

        if painted is None:
            return nullcontext()
        stream = torch.cuda.Stream()
        stream.wait_event(painted)
        return torch.cuda.stream(stream)

    def decode(self, latents: torch.Tensor):
        """Yield (H, W, 3) uint8 RGB frames of (F, 4, h, w) latents, a few at a time."""
        import torch

        vae = self.pipeline.vae
        self._wake(vae)
        for some in latents.split(self.level.decode_frames):
            with torch.inference_mode():
                pictures = vae.decode(some.to(self.device, vae.dtype) / vae.config.scaling_factor).sample
            pictures = ((pictures.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
            yield from pictures.permute(0, 2, 3, 1).cpu().numpy()
        self._rest(vae)

    def _denoise(self, scene: Scene, resume: Path | None, save_every: int, advance, finished) -> torch.Tensor:
        import torch

        scheduler = self.pipeline.scheduler
        scheduler.set_timesteps(self.settings.steps, device=self.device)
        words, picture, control = self._words(scene), self._picture(scene), self._control(scene)
        latents, done = self._begin(scene, resume)
        advance(done)
        total = len(scheduler.timesteps)
        if done == total:  # in the same stretches as ever: what is decoded together is rounded together
            for part in settled(len(scene), self.settings.window, self.settings.stride):
                finished(part.start, latents[part])
        for step, time in enumerate(scheduler.timesteps):
            if step < done:
                continue
            noises = self._predict(scheduler.scale_model_input(latents, time), time, words, picture, control)
            chance = _chance(scheduler, scene, step)
            if step + 1 < total:
                noise = torch.cat([noise for _, noise in noises])
                latents = scheduler.step(noise, time, latents, **chance).prev_sample
            else:
                latents = _finish(scheduler, time, latents, noises, chance, finished)
            advance(1)
            if resume is not None and ((step + 1) % save_every == 0 or step + 1 == total):
                save_state(resume, latents, scheduler, step + 1)
        return latents.cpu()

    def _begin(self, scene: Scene, resume: Path | None) -> tuple[torch.Tensor, int]:
        """The latents to go on from, and how many steps they have behind them."""
        scheduler, factor = self.pipeline.scheduler, self.pipeline.vae_scale_factor
        saved = load_state(resume, scheduler, self.device) if resume is not None else None
        if saved is not None:
            return saved
        height, width = scene.poses.shape[1:3]
        shape = (self.pipeline.unet.config.in_channels, height // factor, width // factor)
        noise = frame_noise(
            scene.seed, scene.first, scene.first + len(scene), shape,
            window=self.settings.window, stride=self.settings.stride,
        )  # fmt: skip
        return (noise * scheduler.init_noise_sigma).to(self.device), 0

    def _predict(self, latents, time, words, picture, control) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield the noise that is seen in a segment, the mean of all windows that see a frame: (frames, (n, 4, h, w)).

        A stretch of frames comes as soon as no other window sees it; together they are the whole segment, in order.
        """
        import torch

        total = torch.zeros_like(latents)
        weight = torch.zeros(len(latents), 1, 1, 1, device=self.device)
        cut = len(latents), self.settings.window, self.settings.stride
        for (first, stop), done in zip(windows(*cut), settled(*cut), strict=True):
            part = slice(first, stop)
            seen = self._window(latents[part], time, words[:, part], picture, control[part])
            share = torch.from_numpy(pyramid(stop - first)).to(self.device).view(-1, 1, 1, 1)
            total[part] += seen * share
            weight[part] += share
            yield done, total[done] / weight[done]

    def _window(self, latents, time, words, picture, control) -> torch.Tensor:
        """(W, 4, h, w) float32 of one window, with guidance: away from the negative prompt (Ho and Salimans 2022)."""
        import torch

        # The order of `words`: without the prompt, with it.
        passes = [slice(0, 2)] if self.level.together or not self.guided else [slice(0, 1), slice(1, 2)]
        seen = torch.cat(
            [
                self._networks(latents, time, words[each], None if picture is None else picture[each], control)
                for each in passes
            ]
        )
        if not self.guided:
            return seen[0]
        without, with_prompt = seen
        return without + self.settings.guidance * (with_prompt - without)

    def _networks(self, latents, time, words, picture, control) -> torch.Tensor:
        """(B, W, 4, h, w) float32: ControlNet and UNet on a window under B of the words."""
        batch, frames = len(words), len(latents)
        sample = latents.to(self.dtype).expand(batch, *latents.shape)
        words = words.flatten(0, 1)
        down, middle = self._controlnet(sample.flatten(0, 1), time, words, control.repeat(batch, 1, 1, 1))
        seen = self.pipeline.unet(
            sample.permute(0, 2, 1, 3, 4),
            time,
            encoder_hidden_states=words,
            added_cond_kwargs=None if picture is None else {"image_embeds": [picture]},
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
        return seen.permute(0, 2, 1, 3, 4).float().reshape(batch, frames, *latents.shape[1:])

    def _controlnet(self, sample, time, words, control):
        """Residuals for the UNet, computed some frames at a time: a ControlNet looks at each frame by itself."""
        import torch

        parts = [
            self.pipeline.controlnet(
                sample[some], time, encoder_hidden_states=words[some], controlnet_cond=control[some].to(self.device),
                conditioning_scale=self.settings.control_scale, return_dict=False,
            )
            for some in _chunks(len(sample), self.level.control_frames)
        ]  # fmt: skip
        if len(parts) == 1:
            return parts[0]
        return [torch.cat(each) for each in zip(*(down for down, _ in parts), strict=True)], torch.cat(
            [middle for _, middle in parts]
        )

    # What leads the networks

    def _control(self, scene: Scene) -> torch.Tensor:
        """(F, C, h, w): the poses as ControlNet's first layer sees them; kept in main memory where there is little."""
        import torch

        pictures = torch.from_numpy(np.ascontiguousarray(scene.poses)).permute(0, 3, 1, 2)
        pictures = pictures.flip(1) if self._flipped else pictures
        parts = [
            self._embed_poses(pictures[some].to(self.device, self.dtype) / 255)
            for some in _chunks(len(scene), self.level.control_frames)
        ]
        return torch.cat([part if self.level.resident else part.cpu() for part in parts])

    def _words(self, scene: Scene) -> torch.Tensor:
        """(2, F, tokens, D): the negative prompt's embedding and the frames' blends; unguided, the latter only."""
        import torch

        self._wake(self.pipeline.text_encoder)
        texts = torch.stack([self._embedding(text) for text in scene.texts])
        shares = torch.from_numpy(scene.shares).to(self.device)
        blends = torch.einsum("ft,tnd->fnd", shares, texts.float()).to(self.dtype)
        negative = self._embedding(self.settings.negative_prompt) if self.guided else None
        self._rest(self.pipeline.text_encoder)
        return blends[None] if negative is None else torch.stack([negative.expand_as(blends), blends])

    def _embedding(self, text: str) -> torch.Tensor:
        if text not in self._embedded:
            self._embedded[text] = self.pipeline.encode_prompt(text, self.device, 1, False)[0][0]
        return self._embedded[text]

    def _picture(self, scene: Scene) -> torch.Tensor | None:
        """(2 or 1, 1, ...): the portrait as the IP-Adapter reads it, the empty picture before it."""
        if scene.portrait is None:
            return None
        from PIL import Image

        key = scene.portrait.tobytes()
        if self._portrait is None or self._portrait[0] != key:
            self._wake(self.pipeline.image_encoder)
            (embedded,) = self.pipeline.prepare_ip_adapter_image_embeds(
                Image.fromarray(scene.portrait), None, self.device, 1, self.guided
            )
            self._portrait = (key, embedded.to(self.dtype))
            self._rest(self.pipeline.image_encoder)
        return self._portrait[1]

    # Where networks wait

    def _wake(self, network) -> None:
        if not self.level.resident:
            network.to(self.device)

    def _rest(self, network) -> None:
        if not self.level.resident:
            self._park(network)

    def _park(self, *networks) -> None:
        if self.device != "cpu":
            for network in networks:
                if network is not None:
                    network.to("cpu")


def _chance(scheduler, scene: Scene, step: int) -> dict[str, list[torch.Generator]]:
    """Where a sampler draws noise in its steps, each frame's is its own."""
    if "generator" not in scheduler.step.__code__.co_varnames:
        return {}
    frames = range(scene.first, scene.first + len(scene))
    return {"generator": [generator(scene.seed, "step", step, frame) for frame in frames]}


def _finish(scheduler, time, latents, noises, chance, finished) -> torch.Tensor:
    """The last step, stretch by stretch of frames: samplers compute each frame by itself."""
    import torch

    done = torch.empty_like(latents)
    for part, noise in noises:
        of_part = copy(scheduler)
        if hasattr(scheduler, "model_outputs"):  # of the steps before, for all frames
            of_part.model_outputs = [None if seen is None else seen[part] for seen in scheduler.model_outputs]
        drawn = {name: each[part] for name, each in chance.items()}
        done[part] = of_part.step(noise, time, latents[part], **drawn).prev_sample
        finished(part.start, done[part])
    return done


def save_state(path: Path, latents: torch.Tensor, scheduler, step: int) -> None:
    """Write how far a segment has come, whole or not at all, without pickles."""
    import os

    from safetensors.torch import save_file

    state = {name: getattr(scheduler, name) for name in _STATE if hasattr(scheduler, name)}
    outputs = getattr(scheduler, "model_outputs", [])
    tensors = {f"output{place}": output for place, output in enumerate(outputs) if output is not None}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in {"latents": latents, **tensors}.items()}
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, {"step": str(step), "state": json.dumps(state)})
    os.replace(temporary, path)


def load_state(path: Path, scheduler, device: str) -> tuple[torch.Tensor, int] | None:
    """The latents and the number of steps done that `save_state` wrote, the scheduler set back to there; else None."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata()
            tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):  # a disk that lost its last moments: begin anew
        return None
    for name, value in json.loads(about["state"]).items():
        setattr(scheduler, name, value)
    if hasattr(scheduler, "model_outputs"):
        places = range(len(scheduler.model_outputs))
        scheduler.model_outputs = [tensors.get(f"output{place}") for place in places]
    return tensors["latents"], int(about["step"])


def _chunks(total: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, total, size)]
