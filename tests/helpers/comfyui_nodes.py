"""What ComfyUI and two sets of nodes for it declare of the nodes that our workflows use, and what they would refuse.

Read in comfyanonymous/ComfyUI (nodes.py, comfy_extras/nodes_wan.py, nodes_model_advanced.py, comfy/samplers.py),
Kosinkadink/ComfyUI-VideoHelperSuite (videohelpersuite/nodes.py, load_images_nodes.py, video_formats/h264-mp4.json) and
Kosinkadink/ComfyUI-AnimateDiff-Evolved (animatediff/nodes.py, nodes_gen1.py, nodes_context.py, utils_model.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Number:
    """INT or FLOAT from low to high, in steps."""

    kind: str
    low: float
    high: float
    step: float = 0.0

    def fits(self, value: Any) -> bool:
        """Whether ComfyUI takes the value, and does not round it."""
        right = isinstance(value, int if self.kind == "INT" else (int, float)) and not isinstance(value, bool)
        in_steps = not self.step or abs((value - self.low) / self.step - round((value - self.low) / self.step)) < 1e-6
        return right and self.low <= value <= self.high and in_steps


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]
    kind: str = "COMBO"

    def fits(self, value: Any) -> bool:
        """Whether it is one of them."""
        return value in self.names


@dataclass(frozen=True)
class Word:
    """STRING, BOOLEAN, or the name of a file of one of the folders of models."""

    kind: str
    suffixes: tuple[str, ...] = ()

    def fits(self, value: Any) -> bool:
        """Whether it is of that type; a file's name by its suffix."""
        if self.kind == "BOOLEAN":
            return isinstance(value, bool)
        return isinstance(value, str) and (not self.suffixes or value.endswith(self.suffixes))


Input = Number | Choice | Word | str
"""What an input takes: a value, or by its type what another node gives."""


@dataclass(frozen=True)
class Node:
    """The inputs that a node must have and those that it may have, and the types of what it gives."""

    required: Mapping[str, Input]
    gives: tuple[str, ...]
    optional: Mapping[str, Input] = field(default_factory=dict)


TEXT, FLAG = Word("STRING"), Word("BOOLEAN")
MODEL_FILE = Word("COMBO", (".safetensors", ".ckpt", ".pth", ".pt", ".bin", ".sft"))
SHARE = Number("FLOAT", 0, 1, 0.001)
COUNT = Number("INT", 0, 2**53 - 1, 1)
SIDE_8, SIDE_16 = Number("INT", 16, 16384, 8), Number("INT", 16, 16384, 16)
BATCH = Number("INT", 1, 4096, 1)
SAMPLERS = Choice(("euler", "euler_ancestral", "heun", "dpm_2", "lms", "dpmpp_2m", "lcm", "ddim", "uni_pc"))
SCHEDULERS = Choice(("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta"))
CLIP_TYPES = Choice(
    ("stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2", "wan")
)  # fmt: skip

NODES: Mapping[str, Node] = {
    # ComfyUI
    "CheckpointLoaderSimple": Node({"ckpt_name": MODEL_FILE}, ("MODEL", "CLIP", "VAE")),
    "UNETLoader": Node(
        {"unet_name": MODEL_FILE, "weight_dtype": Choice(("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"))},
        ("MODEL",),
    ),
    "CLIPLoader": Node(
        {"clip_name": MODEL_FILE, "type": CLIP_TYPES}, ("CLIP",), {"device": Choice(("default", "cpu"))}
    ),
    "VAELoader": Node({"vae_name": MODEL_FILE}, ("VAE",)),
    "CLIPTextEncode": Node({"text": TEXT, "clip": "CLIP"}, ("CONDITIONING",)),
    "ControlNetLoader": Node({"control_net_name": MODEL_FILE}, ("CONTROL_NET",)),
    "ControlNetApplyAdvanced": Node(
        {"positive": "CONDITIONING", "negative": "CONDITIONING", "control_net": "CONTROL_NET", "image": "IMAGE",
         "strength": Number("FLOAT", 0, 10, 0.01), "start_percent": SHARE, "end_percent": SHARE},
        ("CONDITIONING", "CONDITIONING"), {"vae": "VAE"},
    ),
    "EmptyLatentImage": Node({"width": SIDE_8, "height": SIDE_8, "batch_size": BATCH}, ("LATENT",)),
    "KSampler": Node(
        {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT",
         "seed": Number("INT", 0, 2**64 - 1, 1), "steps": Number("INT", 1, 10000, 1),
         "cfg": Number("FLOAT", 0, 100, 0.1), "sampler_name": SAMPLERS, "scheduler": SCHEDULERS,
         "denoise": Number("FLOAT", 0, 1, 0.01)},
        ("LATENT",),
    ),
    "VAEDecode": Node({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "ModelSamplingSD3": Node({"model": "MODEL", "shift": Number("FLOAT", 0, 100, 0.01)}, ("MODEL",)),
    "WanVaceToVideo": Node(
        {"positive": "CONDITIONING", "negative": "CONDITIONING", "vae": "VAE", "width": SIDE_16, "height": SIDE_16,
         "length": Number("INT", 1, 16384, 4), "batch_size": BATCH, "strength": Number("FLOAT", 0, 1000, 0.01)},
        ("CONDITIONING", "CONDITIONING", "LATENT", "INT"),
        {"control_video": "IMAGE", "control_masks": "MASK", "reference_image": "IMAGE"},
    ),
    "TrimVideoLatent": Node({"samples": "LATENT", "trim_amount": Number("INT", 0, 99999, 1)}, ("LATENT",)),
    # VideoHelperSuite
    "VHS_LoadImagesPath": Node(
        {"directory": TEXT}, ("IMAGE", "MASK", "INT"),
        {"image_load_cap": COUNT, "skip_first_images": COUNT, "select_every_nth": Number("INT", 1, 2**53 - 1, 1),
         "meta_batch": "VHS_BatchManager"},
    ),
    "VHS_LoadAudio": Node(
        {"audio_file": TEXT}, ("AUDIO", "FLOAT"),
        {"seek_seconds": Number("FLOAT", 0, 1e9), "duration": Number("FLOAT", 0, 1e7, 0.01)},
    ),
    "VHS_VideoCombine": Node(
        {"images": "IMAGE", "frame_rate": Number("FLOAT", 1, 1e6), "loop_count": Number("INT", 0, 100, 1),
         "filename_prefix": TEXT, "pingpong": FLAG, "save_output": FLAG,
         "format": Choice(("image/gif", "image/webp", "video/h264-mp4", "video/h265-mp4", "video/webm"))},
        ("VHS_FILENAMES",),
        # and what video/h264-mp4 asks for beside
        {"audio": "AUDIO", "meta_batch": "VHS_BatchManager", "vae": "VAE",
         "pix_fmt": Choice(("yuv420p", "yuv420p10le")), "crf": Number("INT", 0, 100, 1), "save_metadata": FLAG,
         "trim_to_audio": FLAG},
    ),
    # AnimateDiff-Evolved
    "ADE_StandardStaticContextOptions": Node(
        {"context_length": Number("INT", 1, 128, 1), "context_overlap": Number("INT", 0, 128, 1)},
        ("CONTEXT_OPTIONS",),
        {"fuse_method": Choice(("pyramid", "relative", "flat")), "use_on_equal_length": FLAG, "start_percent": SHARE,
         "guarantee_steps": COUNT, "prev_context": "CONTEXT_OPTIONS", "view_opts": "VIEW_OPTS"},
    ),
    "ADE_AnimateDiffLoaderGen1": Node(
        {"model": "MODEL", "model_name": MODEL_FILE, "beta_schedule": Choice(
            ("autoselect", "use existing", "sqrt_linear (AnimateDiff)", "linear (AnimateDiff-SDXL)",
             "linear (HotshotXL/default)", "avg(sqrt_linear,linear)", "lcm avg(sqrt_linear,linear)", "lcm",
             "lcm[100_ots]", "lcm >> sqrt_linear", "sqrt", "cosine", "squaredcos_cap_v2")
        )},
        ("MODEL",),
        {"context_options": "CONTEXT_OPTIONS", "motion_lora": "MOTION_LORA", "ad_settings": "AD_SETTINGS",
         "ad_keyframes": "AD_KEYFRAMES", "sample_settings": "SAMPLE_SETTINGS", "scale_multival": "MULTIVAL",
         "effect_multival": "MULTIVAL", "per_block": "PER_BLOCK"},
    ),
}  # fmt: skip


def refused(workflow: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What ComfyUI would refuse of a workflow in the form of its API, or take otherwise than it is written."""
    for number, node in workflow.items():
        kind = node["class_type"]
        if kind not in NODES:
            yield f"{number}: there is no node {kind}"
            continue
        known = {**NODES[kind].required, **NODES[kind].optional}
        yield from (f"{number} {kind}: lacks {name}" for name in NODES[kind].required if name not in node["inputs"])
        for name, value in node["inputs"].items():
            if name not in known:
                yield f"{number} {kind}: has no {name}"
            elif isinstance(value, list):
                yield from _badly_linked(workflow, f"{number} {kind}.{name}", known[name], value)
            elif isinstance(known[name], str) or not known[name].fits(value):  # type: ignore[union-attr]
                yield f"{number} {kind}.{name}: not {value!r}"


def _badly_linked(workflow: Mapping[str, Any], place: str, wanted: Input, link: list) -> Iterator[str]:
    source, output = link
    gives = NODES[workflow[source]["class_type"]].gives if source in workflow else ()
    if output >= len(gives):
        yield f"{place}: nothing comes from {source} at {output}"
        return
    kind = wanted if isinstance(wanted, str) else wanted.kind
    if gives[output] != kind:
        yield f"{place}: is given {gives[output]}, takes {kind}"
