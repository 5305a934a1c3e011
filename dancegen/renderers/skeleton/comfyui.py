"""ComfyUI workflows that paint a dance from its pictures, in the form of ComfyUI's API, which its page opens too.

Nodes, their inputs and their outputs are those of ComfyUI itself, VideoHelperSuite (VHS_*) and AnimateDiff-Evolved
(ADE_*). Which models are there nobody can know: the names are those the models are published under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Workflow = dict[str, dict[str, Any]]
"""Nodes by their number: class, inputs, and a title. An input is a value, or a node's number and which of its outputs.
"""

ANIMATEDIFF, WAN_VACE = "comfyui-animatediff.json", "comfyui-wan-vace.json"
ANIMATEDIFF_FPS, WAN_FPS = 12.0, 16.0
"""Frames a second that are painted, at most or about; more take longer and look no better."""
LONGEST_WAN = 81
"""Frames that Wan paints at once: it knows 4n + 1 of them, and goes astray on more."""
PROMPT = "a dancer on a stage, full body, dramatic light"
NEGATIVE = "worst quality, low quality, blurry, deformed, extra limbs, watermark, text"


@dataclass(frozen=True)
class Pictures:
    """A folder of pictures, in order, and the video that has their sound. size: (width, height)."""

    folder: str
    video: str
    size: tuple[int, int]
    fps: float
    frames: int

    def every(self, fps: float) -> int:
        """Of how many pictures one is taken for about so many a second, or fewer."""
        return max(1, -(-round(self.fps) // round(fps)))

    def fitted(self, step: int) -> tuple[int, int]:
        """The largest (width, height) in multiples of `step` that is no larger."""
        width, height = (max(step, side // step * step) for side in self.size)
        return width, height


def animatediff_workflow(pictures: Pictures) -> Workflow:
    """Stable Diffusion 1.5 with AnimateDiff and ControlNet's openpose model; windows of 16 frames, any length."""
    every = pictures.every(ANIMATEDIFF_FPS)
    width, height = pictures.fitted(8)
    return {
        "1": _node("CheckpointLoaderSimple", "Any Stable Diffusion 1.5", ckpt_name="v1-5-pruned-emaonly.safetensors"),
        "2": _node(
            "ADE_StandardStaticContextOptions", "Windows",
            context_length=16, context_overlap=4, fuse_method="pyramid", use_on_equal_length=False,
        ),
        "3": _node(
            "ADE_AnimateDiffLoaderGen1", "Motion module",
            model=["1", 0], model_name="v3_sd15_mm.ckpt", beta_schedule="autoselect", context_options=["2", 0],
        ),
        "4": _node("CLIPTextEncode", "What to film", clip=["1", 1], text=PROMPT),
        "5": _node("CLIPTextEncode", "What not", clip=["1", 1], text=NEGATIVE),
        "6": _pictures(pictures, every),
        "7": _node("ControlNetLoader", "OpenPose", control_net_name="control_v11p_sd15_openpose.pth"),
        "8": _node(
            "ControlNetApplyAdvanced", "Follow the dancer",
            positive=["4", 0], negative=["5", 0], control_net=["7", 0], image=["6", 0],
            strength=1.0, start_percent=0.0, end_percent=1.0,
        ),
        "9": _node("EmptyLatentImage", "One latent a picture", width=width, height=height, batch_size=["6", 2]),
        "10": _sampler(["3", 0], ["8", 0], ["8", 1], ["9", 0], steps=25, cfg=7.0, name="euler", scheduler="normal"),
        "11": _node("VAEDecode", "Pictures", samples=["10", 0], vae=["1", 2]),
        **_film(["11", 0], pictures, every, "12", "13"),
    }  # fmt: skip


def wan_vace_workflow(pictures: Pictures) -> Workflow:
    """Wan 2.1 VACE 1.3B, the first 81 frames: for the next ones set skip_first_images."""
    every = pictures.every(WAN_FPS)
    length = min(LONGEST_WAN, (max(1, -(-pictures.frames // every)) - 1) // 4 * 4 + 1)
    width, height = pictures.fitted(16)
    shift = 3.0 if width * height <= 832 * 480 else 5.0
    return {
        "1": _node("UNETLoader", "Wan VACE", unet_name="wan2.1_vace_1.3B_fp16.safetensors", weight_dtype="default"),
        "2": _node(
            "CLIPLoader", "Text encoder",
            clip_name="umt5_xxl_fp8_e4m3fn_scaled.safetensors", type="wan", device="default",
        ),
        "3": _node("VAELoader", "VAE", vae_name="wan_2.1_vae.safetensors"),
        "4": _node("CLIPTextEncode", "What to film", clip=["2", 0], text=PROMPT),
        "5": _node("CLIPTextEncode", "What not", clip=["2", 0], text=NEGATIVE),
        "6": _pictures(pictures, every, most=length),
        "7": _node("ModelSamplingSD3", "Flow shift: 3 at 480p, 5 at 720p", model=["1", 0], shift=shift),
        "8": _node(
            "WanVaceToVideo", "Follow the dancer",
            positive=["4", 0], negative=["5", 0], vae=["3", 0], width=width, height=height, length=length,
            batch_size=1, strength=1.0, control_video=["6", 0],
        ),
        "9": _sampler(["7", 0], ["8", 0], ["8", 1], ["8", 2], steps=30, cfg=5.0, name="uni_pc", scheduler="simple"),
        "10": _node("TrimVideoLatent", "Without the reference", samples=["9", 0], trim_amount=["8", 3]),
        "11": _node("VAEDecode", "Pictures", samples=["10", 0], vae=["3", 0]),
        **_film(["11", 0], pictures, every, "12", "13"),
    }  # fmt: skip


def _node(kind: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


def _pictures(pictures: Pictures, every: int, most: int = 0) -> dict[str, Any]:
    return _node(
        "VHS_LoadImagesPath", "The dance",
        directory=pictures.folder, image_load_cap=most, skip_first_images=0, select_every_nth=every,
    )  # fmt: skip


def _sampler(
    model: list, positive: list, negative: list, latent: list, *, steps: int, cfg: float, name: str, scheduler: str
) -> dict[str, Any]:  # fmt: skip
    return _node(
        "KSampler", "Paint",
        model=model, positive=positive, negative=negative, latent_image=latent,
        seed=0, steps=steps, cfg=cfg, sampler_name=name, scheduler=scheduler, denoise=1.0,
    )  # fmt: skip


def _film(images: list, pictures: Pictures, every: int, sound: str, film: str) -> Workflow:
    """The video with the dance's own sound. sound, film: the numbers of its nodes."""
    return {
        sound: _node("VHS_LoadAudio", "The song", audio_file=pictures.video, seek_seconds=0.0, duration=0.0),
        film: _node(
            "VHS_VideoCombine", "The film",
            images=images, audio=[sound, 0], frame_rate=pictures.fps / every, loop_count=0, filename_prefix="dancegen",
            format="video/h264-mp4", pix_fmt="yuv420p", crf=18, save_metadata=True, trim_to_audio=False,
            pingpong=False, save_output=True,
        ),
    }  # fmt: skip
