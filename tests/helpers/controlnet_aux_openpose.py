"""controlnet-aux's own OpenPose, on weights that tests have: what ours is held to."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from controlnet_aux.open_pose import OpenposeDetector
    from controlnet_aux.open_pose.body import Body, BodyResult, Keypoint
    from controlnet_aux.open_pose.face import Face, FaceNet
    from controlnet_aux.open_pose.hand import Hand
    from controlnet_aux.open_pose.model import bodypose_model, handpose_model

__all__ = ["Body", "BodyResult", "Keypoint", "OpenposeDetector"]
NETWORKS = {"body_pose_model.pth": bodypose_model, "hand_pose_model.pth": handpose_model, "facenet.pth": FaceNet}
PARTS = {"body_pose_model.pth": Body, "hand_pose_model.pth": Hand, "facenet.pth": Face}
OUTPUTS = {"body_pose_model.pth": (38, 19), "hand_pose_model.pth": (22,), "facenet.pth": (71,)}
GAIN = {"body_pose_model.pth": 0.75, "hand_pose_model.pth": 0.85, "facenet.pth": 0.9}
"""Of the weights, with which maps have values as those of a trained network."""


class Given(torch.nn.Module):
    """A network that finds what it was given, or what a graph says, for Body to make people of."""

    def __init__(self, find):
        super().__init__()
        self._find, self._anywhere = find, torch.nn.Parameter(torch.zeros(1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self._find(pictures)
        return maps[:, 19:], maps[:, :19]


def body_of(find) -> Body:
    """controlnet-aux's Body on a function from pictures to (B, 57, h, w) maps."""
    body = Body.__new__(Body)
    body.model = Given(find)
    return body


def graph_body(path: Path) -> Body:
    """controlnet-aux's Body on a frozen graph."""
    net = cv2.dnn.readNet(str(path))

    def find(pictures: torch.Tensor) -> torch.Tensor:
        net.setInput(pictures.flip(1).numpy() * 256)
        return torch.from_numpy(net.forward())

    return body_of(find)


def people_of(body: Body, picture: np.ndarray) -> np.ndarray:
    """(P, 18, 3) keypoints that controlnet-aux finds in a BGR picture."""
    results = body.format_body_result(*body(picture))
    rows = [[(k.x, k.y, k.score) if k is not None else (0, 0, 0) for k in result.keypoints] for result in results]
    return np.array(rows, np.float32).reshape(-1, 18, 3)


def random_network(name: str, thin: int = 1) -> torch.nn.Module:
    """A network of the real class with weights chosen by chance. thin: how many times fewer channels inside."""
    torch.manual_seed(0)
    network = NETWORKS[name]()
    for module in list(network.modules()):
        for key, layer in module.named_children():
            if isinstance(layer, torch.nn.Conv2d) and thin > 1:
                channels = [_thinner(count, OUTPUTS[name], thin) for count in (layer.in_channels, layer.out_channels)]
                setattr(module, key, torch.nn.Conv2d(*channels, layer.kernel_size, layer.stride, layer.padding))
    for weight in network.parameters():
        if weight.ndim > 1:
            torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")
            weight.data *= GAIN[name]
        else:
            torch.nn.init.normal_(weight, 0, 0.05)
    return network.eval()


def _thinner(count: int, outputs: tuple[int, ...], thin: int) -> int:
    if count in (3, *outputs):
        return count
    total = sum(outputs)
    return 128 // thin + total if count == 128 + total else count // thin


def write_random(folder: Path, name: str) -> Path:
    """A file of weights of the real architecture, chosen by chance, in half precision to be small."""
    state = random_network(name).state_dict()
    prefixed = name != "facenet.pth"
    torch.save({k.split(".", 1)[1] if prefixed else k: v.half() for k, v in state.items()}, folder / name)
    return folder / name


def part_of(name: str, network: torch.nn.Module):
    """controlnet-aux's Hand or Face on a network."""
    part = PARTS[name].__new__(PARTS[name])
    part.model = network
    return part
