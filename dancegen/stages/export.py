"""export: a dance in the files of other programs, by the mannequin or by somebody's own character."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.errors import InputError, MocapError
from dancegen.options.dance import ExportOptions
from dancegen.options.declare import recipe_for
from dancegen.stages.dance_files import BVH, GENERATED, MOTION, find_dance
from dancegen.stages.lift_poses import lift_poses
from dancegen.stages.pose_files import PoseFile, is_motion_file, is_pose_file, poses_of, read_pose_file
from dancegen.store import Artifact, Input

if TYPE_CHECKING:
    from dancegen.motion.body import BodyMotion

STAGE, VERSION = "export", 2
GLB, VRMA = "dance.glb", "dance.vrma"
GLB_CHARACTERS, BVH_CHARACTERS = (".glb", ".vrm"), (".bvh",)
"""Suffixes of the files that characters come in."""


def export(options: ExportOptions, context: Context, dance: Artifact | None = None) -> Artifact:
    """A dance as GLB with a mannequin, as VRM animation and as BVH; with --retarget by that character, as GLB and BVH.

    Poses in a picture are first lifted into space, as `generate-poses --edit` does. dance: that of the options, where
    it is known already. Raises InputError for what is no dance, MocapError for what is no character.
    """
    check_character(options)
    source = _source(options, context, dance)
    fps = float(options.fps or source.fps)
    named = {} if options.joints is None else {"joints": (Input.file("joints", options.joints),)}
    character = {} if options.retarget is None else {"retarget": (Input.file("retarget", options.retarget),)}
    recipe = recipe_for(
        STAGE, VERSION, options, {"dance": (source.input,), **character, **named}, fps=fps, frames=source.frames(fps)
    )  # fmt: skip

    def build(directory: Path) -> dict[str, Any]:
        motion = source.motion().resample(fps, source.frames(fps))
        facts = {"digest": recipe.digest, "dance": source.digest, "fps": fps, "start_s": round(motion.start_s, 6)}
        if options.retarget is None:
            done = _by_the_mannequin(motion, directory, facts)
        else:
            done = _by_a_character(motion, Path(options.retarget), options.joints, directory, facts)
        context.progress.say(done.pop("said"))
        return {"seconds": round(motion.seconds, 3), "frames": len(motion), "fps": fps, **done}

    return context.obtain(recipe, build)


def check_character(options: ExportOptions) -> None:
    """What can be said of the character before there is a dance. Raises InputError, MocapError."""
    if options.retarget is None:
        if options.joints is not None:
            raise InputError("--joints says which joint of a character is which: name the character with --retarget")
        return
    if _suffix(options.retarget) not in (*GLB_CHARACTERS, *BVH_CHARACTERS):
        raise InputError(
            f"--retarget {options.retarget}: characters are read from .glb, .vrm and .bvh; open yours in Blender and "
            "export it as glTF 2.0 (.glb)"
        )
    if not Path(options.retarget).is_file():
        raise InputError(f"--retarget {options.retarget}: there is no such file")
    _read_character(Path(options.retarget), options.joints)


def check_output(output: str | Path, retarget: str | Path | None) -> None:
    """InputError where a character's dance cannot be written as what --output names."""
    suffix, kind = _suffix(output), _suffix(retarget)
    known = kind in (*GLB_CHARACTERS, *BVH_CHARACTERS)
    if retarget is None or not known or suffix in ("", ".bvh") or (suffix == ".glb" and kind in GLB_CHARACTERS):
        return
    if suffix == ".glb":
        raise InputError(
            f"--output {output}: {retarget} has a skeleton and no mesh: give -o dance.bvh, or the character as .glb"
        )
    if suffix == ".vrma":
        raise InputError(f"--output {output}: VRM programs fit a .vrma to any avatar themselves: leave --retarget out")
    raise InputError(f"--output {output}: a character dances in a .glb or a .bvh")


@dataclass(frozen=True)
class _Source:
    """Where a dance is read from. path: a motion.npz. fps, seconds: of its poses; None: the motion's own."""

    path: Path
    input: Input
    digest: str
    rate: float | None = None
    seconds: float | None = None

    def motion(self) -> BodyMotion:
        from dancegen.motion.body import BodyMotion

        return BodyMotion.load(self.path)

    @property
    def fps(self) -> float:
        return self.motion().fps if self.rate is None else self.rate

    def frames(self, fps: float) -> int:
        """How many frames the dance has at a rate."""
        return max(1, round((self.motion().seconds if self.seconds is None else self.seconds) * fps))


def _source(options: ExportOptions, context: Context, dance: Artifact | None) -> _Source:
    reference = options.dance if dance is None else dance
    if not isinstance(reference, Artifact | None):
        path = Path(reference)
        if path.is_file() and is_motion_file(path):
            given = Input.file("dance", context.store.checked_path(path))
            return _Source(path, given, given.digest)
        if is_pose_file(reference):
            return _lifted(read_pose_file(reference, context.store), context)
    if reference is None:
        found = context.resolve(None, GENERATED)
    else:
        found = reference if isinstance(reference, Artifact) else find_dance(reference, context.store)
    if not (found.path / MOTION).is_file():
        return _lifted(poses_of(found, context.store), context)
    given = Input.artifact("dance", found)
    return _Source(
        found.file(MOTION), given, found.digest, float(found.params["fps"]), float(found.summary["seconds"])
    )  # fmt: skip


def _lifted(found: PoseFile, context: Context) -> _Source:
    """The motion of a body that is seen where the poses are."""
    from dancegen.choreographers import choose_model
    from dancegen.choreographers.registry import usual_family

    model = choose_model(usual_family(), context.store, lambda: context.resolve(None, "extract-poses"))
    motion = lift_poses(found, model, context)
    sequence = found.sequence
    return _Source(motion, Input.file("dance", motion), found.input.digest, sequence.fps, sequence.seconds)


def _by_the_mannequin(motion: BodyMotion, directory: Path, facts: dict[str, Any]) -> dict[str, Any]:
    from dancegen.motion.export.bvh import write_bvh
    from dancegen.motion.export.glb import write_glb, write_vrma

    write_glb(motion, directory / GLB, facts)
    write_vrma(motion, directory / VRMA, facts)
    write_bvh(motion, directory / BVH)
    return {"said": f"{motion.seconds:.1f} s of dance by the mannequin, {motion.body.height_m:.2f} m tall"}


def _by_a_character(
    motion: BodyMotion, path: Path, joints: str | Path | None, directory: Path, facts: dict[str, Any]
) -> dict[str, Any]:
    from dancegen.motion.characters.bvh import write_bvh_character
    from dancegen.motion.characters.fitting import fit
    from dancegen.motion.characters.glb import GlbCharacter, write_glb_character

    found = _read_character(path, joints)
    character = found.character if isinstance(found, GlbCharacter) else found
    fitted = fit(character, motion)
    if isinstance(found, GlbCharacter):
        write_glb_character(found, fitted, directory / GLB, facts)
    write_bvh_character(fitted, directory / BVH)
    total = len([name for name in character.armature.names if name])
    return {
        "joints": total,
        "joints_moved": len(fitted.moving),
        "leg": round(character.leg, 4),
        "said": f"{path.name} dances: {len(fitted.moving)} of its {total} joints are moved, the others go along",
    }


def _read_character(path: Path, joints: str | Path | None) -> Any:
    from dancegen.motion.characters.character import read_bvh_character
    from dancegen.motion.characters.glb import read_glb_character
    from dancegen.motion.readers.joint_names import read_joint_map

    named = {} if joints is None else read_joint_map(joints)
    read = read_bvh_character if _suffix(path) in BVH_CHARACTERS else read_glb_character
    try:
        return read(path, named)
    except MocapError as error:
        raise MocapError(f"--retarget {error}") from error


def _suffix(path: str | Path | None) -> str:
    return "" if path is None else Path(path).suffix.lower()
