"""Which detectors there are, what each needs, and which of them is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.detectors import locating
from dancegen.detectors.locating import Wanted
from dancegen.errors import InputError, ModelError
from dancegen.hub import at_hand, fetch, model_input
from dancegen.progress import SILENT, Progress
from dancegen.store import Input, hash_value
from dancegen.weights import Located

if TYPE_CHECKING:
    from dancegen.detectors import Detector

AUTO, BLAZEPOSE, DWPOSE, OPENPOSE, VITPOSE = "auto", "blazepose", "dwpose", "openpose", "vitpose"
NON_COMMERCIAL = "OpenPose and its weights are for non-commercial use only (CMU's licence); vitpose is Apache-2.0"


@dataclass(frozen=True)
class DetectorSpec:
    """A detector that was chosen, and where its weights are. Cheap to make, and another machine can load it.

    name: of its kind. models: its weights, which may still have to be downloaded. version: of the package, where they
    come with one. why: a sentence on why it was taken, where it was chosen and not named. hands, face: whether it looks
    for them.
    """

    name: str
    models: tuple[Located, ...] = ()
    version: str = ""
    why: str = ""
    hands: bool = False
    face: bool = False

    def input(self, role: str, progress: Progress = SILENT) -> Input:
        """Its weights as a recipe's input: the hub's commits, the bytes of local files, or a package's version."""
        if not self.models:
            return Input.weights(role, self.name, self.version)
        if len(self.models) == 1 and self.models[0].revision is None and len(self.models[0].files) == 1:
            return Input.file(role, self.models[0].directory / self.models[0].files[0])
        inputs = [model_input(model, progress) for model in self.models]
        return Input(
            role, "weights", " and ".join(each.name for each in inputs), hash_value([i.digest for i in inputs])
        )

    def load(self, device: str = "cpu") -> Detector:
        """The detector, its weights downloaded if need be, and read. device: as `devices.choose_device` takes it.

        Raises ModelError for weights that are none, or cannot be had.
        """
        from dancegen.devices import choose_device

        here = tuple(at_hand(fetch(model)) for model in self.models)
        return KINDS[self.name].load(replace(self, models=here), choose_device(device))

    def fetched(self, progress: Progress) -> DetectorSpec:
        """The same with its weights on this machine, for processes that then need no network.

        What is downloaded, and how large it is, is said. Raises ModelError where it cannot be had.
        """
        for model in self.models:
            if not model.here:
                progress.say(f"downloading {model.hub_id} from huggingface.co, {model.gigabytes:.2f} GB")
        return replace(self, models=tuple(fetch(model, progress) for model in self.models))

    @property
    def downloads(self) -> list[str]:
        """What would be downloaded, and how large it is, in words; nothing where all is here."""
        missing = [model for model in self.models if not model.here]
        return [f"{each.hub_id} would be downloaded from huggingface.co, {each.gigabytes:.2f} GB" for each in missing]

    def tell(self, progress: Progress) -> None:
        """Say which it is and why, if it was chosen, and what its licence forbids."""
        if self.why:
            progress.say(f"--detector auto takes {self.name}: {self.why}")
        if self.name == OPENPOSE:
            progress.say(NON_COMMERCIAL)


@dataclass(frozen=True)
class Kind:
    """A kind of detector.

    locate: finds its weights, at a path, under a name of the hub, or where they usually are. load: reads them. parts:
    whether it finds hands and faces.
    """

    locate: Callable[[Wanted], DetectorSpec]
    load: Callable[[DetectorSpec, str], Detector]
    parts: bool = False


def _openpose(wanted: Wanted) -> DetectorSpec:
    return DetectorSpec(OPENPOSE, (locating.openpose(wanted),), hands=wanted.hands, face=wanted.face)


def _load_openpose(spec: DetectorSpec, device: str) -> Detector:
    from dancegen.detectors.openpose import FACE_WEIGHTS, HAND_WEIGHTS
    from dancegen.detectors.openpose.detector import Openpose

    (model,) = spec.models
    (body,) = (name for name in model.files if name not in (HAND_WEIGHTS, FACE_WEIGHTS))
    hands = model.directory / HAND_WEIGHTS if spec.hands else None
    face = model.directory / FACE_WEIGHTS if spec.face else None
    return Openpose(model.directory / body, hands, face, device)


def _vitpose(wanted: Wanted) -> DetectorSpec:
    return DetectorSpec(VITPOSE, locating.vitpose(wanted))


def _load_vitpose(spec: DetectorSpec, device: str) -> Detector:
    from dancegen.detectors.vitpose import Vitpose

    pose, boxes = spec.models
    return Vitpose(pose.directory, boxes.directory, device)


def _blazepose(wanted: Wanted) -> DetectorSpec:
    from dancegen.detectors.blazepose import installed_version

    return DetectorSpec(BLAZEPOSE, version=installed_version())


def _load_blazepose(spec: DetectorSpec, device: str) -> Detector:
    from dancegen.detectors.blazepose import Blazepose

    return Blazepose()


def _dwpose(wanted: Wanted) -> DetectorSpec:
    return DetectorSpec(DWPOSE, (locating.dwpose(wanted),), hands=wanted.hands, face=wanted.face)


def _load_dwpose(spec: DetectorSpec, device: str) -> Detector:
    from dancegen.detectors.dwpose import Dwpose

    folder = spec.models[0].directory
    boxes, pose = folder / locating.BOX_WEIGHTS, folder / locating.POSE_WEIGHTS
    return Dwpose(boxes, pose, hands=spec.hands, face=spec.face, device=device)


KINDS = {
    VITPOSE: Kind(_vitpose, _load_vitpose),
    BLAZEPOSE: Kind(_blazepose, _load_blazepose),
    DWPOSE: Kind(_dwpose, _load_dwpose, parts=True),
    OPENPOSE: Kind(_openpose, _load_openpose, parts=True),
}


def resolve(asked: str | Path, *, hands: bool = False, face: bool = False, offline: bool = False) -> DetectorSpec:
    """What a person named: a detector, `auto`, a path to weights, or a name on the hub. Nothing is downloaded.

    Raises InputError, with what to do, where it cannot be had; ModelError for weights that are not there.
    """
    if str(asked) == AUTO:
        return _choose(Wanted(None, hands, face, offline))
    name = str(asked) if str(asked) in KINDS else locating.kind_of(asked)
    if (hands or face) and not KINDS[name].parts:
        raise InputError(
            f"--detector {asked} finds bodies only: for {'--hands' if hands else '--face'} take dwpose, or openpose, "
            "which is for non-commercial use only"
        )
    return KINDS[name].locate(Wanted(None if str(asked) in KINDS else str(asked), hands, face, offline))


def _choose(wanted: Wanted) -> DetectorSpec:
    """The first detector that can be had, of those that may be used for anything. Raises InputError."""
    parts = wanted.hands or wanted.face
    reasons = []
    for name in (DWPOSE,) if parts else (VITPOSE, BLAZEPOSE):
        try:
            found = KINDS[name].locate(wanted)
        except (InputError, ModelError) as error:
            reasons.append(f"{name}: {str(error).split('. ')[0]}")  # without the advice, which follows once
            continue
        return replace(found, why=_why(found, reasons))
    if parts:
        advice = (
            "pip install 'dancegen[dwpose]', and run once with network for its weights; or take --detector openpose, "
            "which is for non-commercial use only"
        )
    else:
        advice = (
            "pip install 'dancegen[blazepose]', which needs no network, or run once with network for vitpose's weights"
        )
    raise InputError(f"--detector auto finds no detector to use: {advice}. ({'; '.join(reasons)})")


def _why(found: DetectorSpec, reasons: list[str]) -> str:
    if reasons:
        return "it is installed, and needs no network; vitpose's weights are not here and the hub cannot be asked"
    if all(model.here for model in found.models):
        return "its weights are in the hub's cache"
    gigabytes = sum(model.gigabytes for model in found.models if not model.here)
    return f"its weights can be had from the hub ({gigabytes:.2g} GB, downloaded once)"


def usual_detector() -> str | None:
    """The detector that is at hand without asking anybody, if there is one."""
    try:
        return resolve(AUTO, offline=True).name
    except InputError:
        return None
