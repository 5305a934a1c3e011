"""Which detectors there are, what each needs, and which of them is taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.store import Input

if TYPE_CHECKING:
    from dancegen.detectors import Detector

BLAZEPOSE, OPENPOSE = "blazepose", "openpose"


@dataclass(frozen=True)
class DetectorSpec:
    """A detector that was chosen, and where its weights are. Cheap to make, and another process can load it.

    name: of its kind. weights: the file, where they are one. why: a sentence on why it was taken, where it was chosen
    and not named. hands, face: whether it looks for them.
    """

    name: str
    weights: Path | None = None
    why: str = ""
    hands: bool = False
    face: bool = False

    def input(self, role: str) -> Input:
        """Its weights as a recipe's input: by their bytes, or by the version of the package they come with."""
        if self.weights is not None:
            return Input.file(role, self.weights)
        from dancegen.detectors.blazepose import installed_version

        return Input.weights(role, BLAZEPOSE, installed_version())

    def load(self, device: str = "cpu") -> Detector:
        """The detector, its weights read. Raises ModelError for weights that are none."""
        if self.weights is not None:
            from dancegen.detectors.openpose.detector import Openpose
            from dancegen.devices import choose_device

            return Openpose(self.weights, device=choose_device(device))
        from dancegen.detectors.blazepose import Blazepose

        return Blazepose()


def resolve(asked: str | Path, *, hands: bool = False, face: bool = False, offline: bool = False) -> DetectorSpec:
    """What a person named: a detector, or a path to weights. Nothing is downloaded. Raises InputError."""
    if str(asked) == BLAZEPOSE:
        from dancegen.detectors.blazepose import installed_version

        installed_version()
        return DetectorSpec(BLAZEPOSE, hands=hands, face=face)
    return DetectorSpec(OPENPOSE, find_weights(asked), hands=hands, face=face)


def find_weights(path: str | Path) -> Path:
    """The file of OpenPose weights that a path means: it, or body_pose_model.pth in a folder. Raises InputError."""
    from dancegen.detectors.openpose import BODY_WEIGHTS, GRAPH

    file = Path(path) / BODY_WEIGHTS if Path(path).is_dir() else Path(path)
    if not file.is_file() or file.suffix.lower() not in (".pth", GRAPH):
        raise InputError(
            f"--detector {path}: give blazepose, or OpenPose weights, {BODY_WEIGHTS} or a folder that holds it "
            "(209 MB, from https://huggingface.co/lllyasviel/Annotators, for non-commercial use only), or a .pb graph "
            "of the network"
        )
    return file


def usual_detector() -> str | None:
    """The detector that needs no weights of a person's own, if its extra is installed."""
    from dancegen.detectors.blazepose import found_version

    return BLAZEPOSE if found_version() else None
