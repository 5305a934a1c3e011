"""Where the weights of detectors are: on this machine's disk, in the hub's cache, on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dancegen.detectors.openpose import BODY_WEIGHTS, FACE_WEIGHTS, GRAPH, HAND_WEIGHTS
from dancegen.errors import InputError
from dancegen.hub import locate
from dancegen.text import read_json
from dancegen.weights import CONFIG, Layout, Located, ModelRef

OPENPOSE_MODEL, DWPOSE_MODEL = "lllyasviel/Annotators", "yzd-v/DWPose"
BOX_WEIGHTS, POSE_WEIGHTS = "yolox_l.onnx", "dw-ll_ucoco_384.onnx"
"""Of DWPose and the YOLOX before it."""
POSE_MODEL, BOX_MODEL = "usyd-community/vitpose-base-simple", "PekingU/rtdetr_r50vd_coco_o365"
POSE_TYPE, BOX_TYPE = "vitpose", "rt_detr"
"""What ViTPose and RT-DETR call themselves in their configurations."""
PROCESSOR = "preprocessor_config.json"
_WITHOUT = "--detector blazepose needs no network: pip install 'dancegen[blazepose]'"
_ROLE = "detector"


@dataclass(frozen=True)
class Wanted:
    """What is looked for. asked: a path or a name on the hub; None for the usual one. offline: nobody is asked."""

    asked: str | None
    hands: bool = False
    face: bool = False
    offline: bool = False

    @property
    def path(self) -> Path | None:
        """The path that was named."""
        return None if self.asked is None or not Path(self.asked).exists() else Path(self.asked)


def kind_of(asked: str | Path) -> str:
    """Whose weights a path or a name on the hub means. Raises InputError where that cannot be told."""
    path = Path(asked)
    if path.is_dir():
        held = {file.name for file in path.iterdir()}
        if BODY_WEIGHTS in held:
            return "openpose"
        if POSE_WEIGHTS in held:
            return "dwpose"
        if POSE_TYPE in _networks(path):
            return "vitpose"
    elif path.is_file() and path.suffix.lower() in (".pth", GRAPH):
        return "openpose"
    elif not path.exists() and str(asked).count("/") == 1 and not str(asked).startswith((".", "/", "~")):
        name = str(asked).split("/")[1].casefold()
        return "openpose" if name.startswith("annotators") else "dwpose" if "dwpose" in name else "vitpose"
    raise InputError(
        f"--detector {asked}: give auto, vitpose, blazepose, dwpose, openpose, none, or weights: a folder with "
        f"ViTPose and RT-DETR, one with {BOX_WEIGHTS} and {POSE_WEIGHTS}, or OpenPose's: {BODY_WEIGHTS}, a folder that "
        f"holds it (209 MB, from https://huggingface.co/{OPENPOSE_MODEL}, for non-commercial use only), or a {GRAPH} "
        "graph of the network"
    )


def openpose(wanted: Wanted) -> Located:
    """OpenPose's weights: of the body, and of hands and face where they are wanted, which lie beside it.

    Raises InputError or ModelError where some are not there.
    """
    parts = [name for name, asked in ((HAND_WEIGHTS, wanted.hands), (FACE_WEIGHTS, wanted.face)) if asked]
    if wanted.path is None:
        layout = Layout(named=(BODY_WEIGHTS, *parts), holds=f"OpenPose weights ({', '.join([BODY_WEIGHTS, *parts])})")
        size = 0.21 + 0.15 * len(parts)
        return locate(
            ModelRef(_ROLE, wanted.asked or OPENPOSE_MODEL, layout, gigabytes=size, without=_WITHOUT),
            offline=wanted.offline,
        )
    folder = wanted.path if wanted.path.is_dir() else wanted.path.parent
    body = BODY_WEIGHTS if wanted.path.is_dir() else wanted.path.name
    missing = [name for name in parts if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"--detector {wanted.asked} finds bodies only: put {' and '.join(missing)} beside it, from "
            f"https://huggingface.co/{OPENPOSE_MODEL}"
        )
    files = (body, *parts)
    gigabytes = sum((folder / name).stat().st_size for name in files) / 1e9
    return Located(ModelRef(_ROLE, str(wanted.asked)), folder.resolve(), files, None, gigabytes)


def vitpose(wanted: Wanted) -> tuple[Located, Located]:
    """ViTPose and RT-DETR: in two folders of one that was named, or of the hub. Raises InputError or ModelError."""
    names = wanted.asked or POSE_MODEL, BOX_MODEL
    if wanted.path is not None:
        networks = _networks(wanted.path)
        if BOX_TYPE not in networks:
            raise InputError(
                f"--detector {wanted.asked} holds ViTPose, but no RT-DETR to find the people: hf download {BOX_MODEL} "
                f"--local-dir {wanted.path / 'rtdetr'}"
            )
        names = str(networks[POSE_TYPE]), str(networks[BOX_TYPE])
    pose, boxes = (
        locate(ModelRef(_ROLE, name, _network(holds), gigabytes=size, without=_WITHOUT), offline=wanted.offline)
        for name, holds, size in zip(names, ("ViTPose", "RT-DETR"), (0.34, 0.17), strict=True)
    )
    return pose, boxes


def dwpose(wanted: Wanted) -> Located:
    """DWPose and the YOLOX before it, of a folder that was named or of the hub. Raises InputError or ModelError.

    InputError also where the extra is not there.
    """
    if not all(find_spec(name) for name in ("rtmlib", "onnxruntime")):
        raise InputError("--detector dwpose needs rtmlib and ONNX Runtime: pip install 'dancegen[dwpose]'")
    layout = Layout(named=(BOX_WEIGHTS, POSE_WEIGHTS), holds=f"DWPose weights ({BOX_WEIGHTS}, {POSE_WEIGHTS})")
    ref = ModelRef(_ROLE, wanted.asked or DWPOSE_MODEL, layout, gigabytes=0.35, without=_WITHOUT)
    return locate(ref, offline=wanted.offline)


def _network(name: str) -> Layout:
    return Layout(networks=(("",),), extras=(PROCESSOR,), holds=f"{name} model as transformers saves it")


def _networks(folder: Path) -> dict[str, Path]:
    """The networks that lie in the folders of a folder, by what they call themselves."""
    found: dict[str, Path] = {}
    for config in sorted(folder.glob(f"*/{CONFIG}")):
        said: Any = read_json(config, "configuration of a model", InputError)
        if isinstance(said, dict) and isinstance(said.get("model_type"), str):
            found.setdefault(said["model_type"], config.parent)
    return found
