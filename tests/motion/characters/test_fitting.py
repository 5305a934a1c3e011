"""A dance on characters of other programs: limbs point where the dancer's do, and feet stand on the floor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancegen.motion.body import AT, FEET, NAMES, Body, BodyMotion
from dancegen.motion.characters.bvh import write_bvh_character
from dancegen.motion.characters.character import read_bvh_character
from dancegen.motion.characters.fitted import Fitted
from dancegen.motion.characters.fitting import fit
from dancegen.motion.characters.glb import read_glb_character, write_glb_character
from dancegen.motion.export.bvh import BONES
from dancegen.motion.export.glb import TIP_BONES, write_glb
from dancegen.motion.readers.bvh import read_bvh
from dancegen.motion.rotations import about
from helpers.characters import CHILD, SHORT, STYLES, Rig, write_character
from helpers.gltf_reader import Played
from helpers.posed_body import one_after_another, posed
from helpers.tiny_diffusion import BODY, stepping

LIMBS = [(f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))]
LEGS = [(f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in (("hip", "knee"), ("knee", "ankle"))]


@pytest.fixture(scope="module")
def dance() -> BodyMotion:
    """Standing, squatting, arms up and forward, a knee lifted, on tiptoe, and turned about."""
    poses = [
        {},
        {"l_shoulder": (0, 0, -80), "r_shoulder": (0, 0, 80), "head": (20, 30, 0)},
        {"l_hip": (-60, 0, 10), "r_hip": (-60, 0, -10), "l_knee": (100, 0, 0), "r_knee": (100, 0, 0),
         "l_ankle": (-40, 0, 0), "r_ankle": (-40, 0, 0), "l_shoulder": (0, -80, 0), "r_elbow": (0, 70, 0)},
        {"l_hip": (-80, 0, 0), "l_knee": (90, 0, 0), "l_shoulder": (0, 0, 85), "r_shoulder": (0, 0, -85),
         "spine1": (15, 0, 0), "spine2": (10, 20, 0)},
        {"l_ankle": (30, 0, 0), "r_ankle": (30, 0, 0), "r_shoulder": (40, 0, 60)},
    ]  # fmt: skip
    return one_after_another([grounded(posed(pose, 6)) for pose in poses]).placed(0.7, (0.4, -0.3))


def grounded(dance: BodyMotion) -> BodyMotion:
    """The dance with the lowest joint of its feet as high as it is when a foot stands flat."""
    above = (dance.positions[:, FEET, 1] - dance.body.floor_heights).min(axis=1)
    return replace(dance, root=dance.root - above[:, None] * np.array([0.0, 1.0, 0.0]))


def on_rig(rig: Rig, dance: BodyMotion, folder: Path) -> tuple[Fitted, Played]:
    """The dance on a character, ahead of which is where it faces, and the file that was written of it."""
    dance = dance.placed(-np.deg2rad(rig.facing), (0.0, 0.0))
    found = read_glb_character(write_character(folder / "hero.glb", rig), {})
    fitted = fit(found.character, dance)
    write_glb_character(found, fitted, folder / "dances.glb", {"digest": "cd" * 32})
    return fitted, Played(folder / "dances.glb")


RIGS = {
    "mixamo, T, Blender's armature": Rig("mixamo", armature=True),
    "vrm, facing back, bones' own axes": Rig("vrm", axes="bones", facing=180.0),
    "unreal, A, bones' own axes": Rig("unreal", arms_down=50, legs_out=8, axes="bones", armature=True),
    "rigify, A": Rig("rigify", arms_down=35),
    "daz, arms down, facing left": Rig("daz", arms_down=80, axes="bones", facing=90.0),
    "long legs": Rig("mixamo", arms_down=45, body=Body.of({**CHILD, "shank": 0.5, "thigh": 0.4}, 1.9)),
}


@pytest.mark.parametrize("kind", RIGS)
def test_limbs_point_where_the_dancers_do(kind, dance, tmp_path):
    rig = RIGS[kind]
    fitted, played = on_rig(rig, dance, tmp_path)
    seen = played.positions(list(range(len(dance))))
    names = STYLES[rig.style]
    for upper, lower in LIMBS:
        way = seen[names[lower]] - seen[names[upper]]
        wanted = dance.positions[:, AT[lower]] - dance.positions[:, AT[upper]]
        assert angles(way, wanted).max() < 0.1, (upper, lower)
        length, own = np.linalg.norm(way, axis=1), np.linalg.norm(rig.body.offsets[AT[lower]])
        assert length == pytest.approx(np.full(len(dance), own), abs=1e-4)
    for upper, lower in LEGS:
        way = seen[names[lower]] - seen[names[upper]]
        assert angles(way, dance.positions[:, AT[lower]] - dance.positions[:, AT[upper]]).max() < 20, (upper, lower)
    across = dance.positions[:, AT["l_hip"]] - dance.positions[:, AT["r_hip"]]
    assert angles(seen[names["l_hip"]] - seen[names["r_hip"]], across).max() < 0.1
    assert len(fitted) == len(dance) == len(played.times)


@pytest.mark.parametrize("kind", RIGS)
def test_feet_stand_on_the_floor_and_not_in_it(kind, dance, tmp_path):
    rig = RIGS[kind]
    _, played = on_rig(rig, dance, tmp_path)
    frames = [3, 9, 15, 21, 27]
    skin = played.skinned(frames)
    lowest = skin[..., 1].min(axis=1) / rig.body.leg
    assert lowest.min() > -0.02 and lowest.max() < 0.03, lowest
    names = STYLES[rig.style]
    at = played.positions(frames)
    standing = rig.body.floor_heights[0]
    for side in "lr":
        ankle = at[names[f"{side}_ankle"]][:, 1] / rig.body.leg
        assert ankle[:3] == pytest.approx(np.full(3, standing / rig.body.leg), abs=0.01)
        assert ankle[4] > standing / rig.body.leg + 0.05  # on tiptoe
    assert at[names["l_ankle"]][3, 1] > 0.3 * rig.body.leg  # the lifted knee


def test_the_same_body_dances_the_same(tmp_path):
    dance = stepping(3.0)
    lifted = replace(dance, root=dance.root + np.array([0, 0.06, 0], np.float32))  # its feet sink in when they swing
    write_glb(lifted, tmp_path / "same.glb", {})
    found = read_glb_character(tmp_path / "same.glb", {})
    fitted = fit(found.character, lifted)
    assert fitted.unit == pytest.approx(1.0)
    names = {**BONES, **TIP_BONES}
    for joint, name in enumerate(NAMES):
        own = fitted.positions[:, found.character.armature.names.index(names[name])]
        assert np.abs(own - lifted.positions[:, joint]).max() < 1e-3, name


def test_rest_pose_and_axes_do_not_matter(dance, tmp_path):
    seen = []
    for number, rig in enumerate((Rig("mixamo"), Rig("mixamo", arms_down=45, axes="bones", armature=True, facing=30))):
        (tmp_path / str(number)).mkdir()
        seen.append(on_rig(rig, dance, tmp_path / str(number))[1].positions(list(range(len(dance)))))
    for name in STYLES["mixamo"].values():
        if "Middle" not in name and "Toe" not in name:
            assert np.abs(seen[0][name] - seen[1][name]).max() < 1e-3, name


def test_a_foot_that_stands_does_not_slide(tmp_path):
    """Both knees bend and stretch over feet that stand, on legs of other proportions."""
    bend = np.deg2rad(25 * (1 - np.cos(np.linspace(0, 4 * np.pi, 60))))
    still = posed({}, 60)
    rotations = still.rotations.copy()
    turning = {name: number for number, name in enumerate(n for n in AT if "toe" not in n and "hand" not in n)}
    for side in "lr":
        for joint, share in (("hip", -1.0), ("knee", 2.0), ("ankle", -1.0)):
            rotations[:, turning[f"{side}_{joint}"]] = about(0, share * bend)
    bent = BodyMotion(still.body, still.root, rotations, 30.0)
    shift = bent.positions[0, AT["l_ankle"]] - bent.positions[:, AT["l_ankle"]]
    squat = BodyMotion(still.body, still.root + shift, rotations, 30.0)
    assert np.ptp(squat.positions[:, AT["l_ankle"]], axis=0).max() < 1e-5 and np.ptp(squat.root[:, 1]) > 0.2
    _, played = on_rig(Rig("mixamo"), squat, tmp_path)
    ankle = played.positions(list(range(60)))["mixamorig:LeftFoot"]
    assert np.ptp(ankle, axis=0).max() < 0.006


def test_the_file_keeps_what_is_in_it(dance, tmp_path):
    before = Played(write_character(tmp_path / "hero.glb", Rig()))
    _, after = on_rig(Rig(), dance, tmp_path)
    kept = before.file.binary_blob()
    assert after.file.binary_blob()[: len(kept)] == kept
    was, now = (json.loads(played.file.to_json()) for played in (before, after))
    for kind in ("materials", "meshes", "skins", "scenes"):
        assert now[kind] == was[kind]
    assert now["accessors"][: len(was["accessors"])] == was["accessors"]
    assert [each.name for each in after.file.animations] == ["dance", "Idle"]
    assert after.file.asset.extras["dancegen"]["digest"] == "cd" * 32


def test_another_dance_takes_the_place_of_the_one_before(dance, tmp_path):
    on_rig(Rig(), dance, tmp_path)
    found = read_glb_character(tmp_path / "dances.glb", {})
    write_glb_character(found, fit(found.character, dance.slice(0, 9)), tmp_path / "again.glb", {})
    again = Played(tmp_path / "again.glb")
    assert [each.name for each in again.file.animations] == ["dance", "Idle"] and len(again.times) == 9


def test_nodes_with_a_matrix_are_animated_too(dance, tmp_path):
    path = write_character(tmp_path / "hero.glb", Rig(axes="bones"))
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    for node in document["nodes"]:
        if "rotation" in node:
            from scipy.spatial.transform import Rotation

            matrix = np.eye(4)
            matrix[:3, :3] = Rotation.from_quat(node.pop("rotation")).as_matrix() * node.pop("scale")
            matrix[:3, 3] = node.pop("translation")
            node["matrix"] = matrix.T.ravel().tolist()
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    size = (20 + len(text) + len(rest)).to_bytes(4, "little")
    path.write_bytes(data[:8] + size + len(text).to_bytes(4, "little") + b"JSON" + text + rest)
    found = read_glb_character(path, {})
    fitted = fit(found.character, dance)
    write_glb_character(found, fitted, tmp_path / "dances.glb", {})
    seen = Played(tmp_path / "dances.glb").positions([0, 10, 20])
    for joint, name in enumerate(found.character.armature.names):
        assert np.abs(seen[name] - fitted.positions[[0, 10, 20], joint]).max() < 1e-4


def test_bones_between_those_of_a_person_go_along(tmp_path, dance):
    """Twist bones between shoulder and elbow, a finger, a tail."""
    lines = (tmp_path / "plain.bvh").open("w")
    lines.write(CHARACTER)
    lines.close()
    character = read_bvh_character(tmp_path / "plain.bvh", {})
    fitted = fit(character, dance)
    write_bvh_character(fitted, tmp_path / "out.bvh")
    back = read_bvh(tmp_path / "out.bvh")
    assert [name for name in back.names if name] == [name for name in character.armature.names if name]
    at = {name: back.positions[:, index] for index, name in enumerate(back.names) if name}
    for joint, name in enumerate(character.armature.names):
        if name:
            assert np.abs(at[name] - fitted.positions[:, joint]).max() < 1e-3
    along = dance.positions[:, AT["l_elbow"]] - dance.positions[:, AT["l_shoulder"]]
    assert angles(at["LeftForeArm"] - at["LeftArm"], along).max() < 0.1
    assert angles(at["LeftArmTwist"] - at["LeftArm"], along).max() < 0.1
    tail = np.linalg.norm(at["Tail"] - at["Hips"], axis=1)
    assert np.ptp(tail) < 1e-4
    text = (tmp_path / "out.bvh").read_text()
    assert "CHANNELS 3 Yrotation Xrotation Zrotation" in text  # the order that the file had


def angles(ways: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(T,) degrees between vectors (T, 3)."""
    cosine = (ways * others).sum(1) / np.linalg.norm(ways, axis=1) / np.linalg.norm(others, axis=1)
    return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))


def _joint(name: str, offset: str, *below: str) -> str:
    inside = "\n".join(below) if below else "End Site\n{\nOFFSET 0 0 4\n}"
    return f"JOINT {name}\n{{\nOFFSET {offset}\nCHANNELS 3 Yrotation Xrotation Zrotation\n{inside}\n}}"


def _arm(side: str, sign: int) -> str:
    hand = _joint(f"{side}Hand", f"{sign * 20} 0 0", _joint(f"{side}HandMiddle1", f"{sign * 8} 0 0"))
    twist = _joint(f"{side}ArmTwist", f"{sign * 12} 0 0", _joint(f"{side}ForeArm", f"{sign * 12} 0 0", hand))
    return _joint(f"{side}Shoulder", f"{sign * 3} 10 0", _joint(f"{side}Arm", f"{sign * 12} 0 0", twist))


def _leg(side: str, sign: int) -> str:
    foot = _joint(f"{side}Foot", "0 -38 0", _joint(f"{side}ToeBase", "0 -6 12"))
    return _joint(f"{side}UpLeg", f"{sign * 9} -2 0", _joint(f"{side}Leg", "0 -44 0", foot))


CHARACTER = "\n".join(
    ["HIERARCHY", "ROOT Hips", "{", "OFFSET 0 92 0",
     "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation",
     _leg("Left", 1), _leg("Right", -1), _joint("Tail", "0 0 -15"),
     _joint("Spine", "0 12 0", _joint("Chest", "0 18 2", _arm("Left", 1), _arm("Right", -1),
                                      _joint("Neck", "0 16 0", _joint("Head", "0 9 2")))),
     "}", "MOTION", "Frames: 1", "Frame Time: 0.0333333", " ".join(["0"] * (6 + 3 * 25)), ""]
)  # fmt: skip
"""A skeleton in centimetres with a twist bone in each arm, two joints of spine, and a tail."""


REAL = ("bvh-misc/jesse_dance.bvh", "cmu-salsa/60_05_scaled.bvh", "cmu-indian/indian_14.bvh",
        "cmu-breakdance/85_12.bvh", "cmu-misc/131_01.bvh", "g1-moves/J_Dance2_Salsa.bvh")  # fmt: skip


@pytest.mark.parametrize("take", REAL)
def test_real_skeletons_dance_and_stand(shared_data, take, dance, tmp_path):
    """Of Rokoko, CMU in two conversions, an FBX, 3ds Max, and a robot's: metres, inches, centimetres and others."""
    character = read_bvh_character(shared_data / take, {})
    fitted = fit(character, dance)
    write_bvh_character(fitted, tmp_path / "out.bvh")
    back = read_bvh(tmp_path / "out.bvh")
    assert [name for name in back.names if name] == [name for name in character.armature.names if name]
    seen = np.stack([back.positions[:, back.names.index(name)] for name in character.armature.names if name], axis=1)
    at = {joint: number for number, joint in enumerate(j for j, name in enumerate(character.armature.names) if name)}
    seen = seen @ character.axes.T / fitted.unit
    for upper, lower in LIMBS:
        way = seen[:, at[character.body[lower]]] - seen[:, at[character.body[upper]]]
        assert angles(way, dance.positions[:, AT[lower]] - dance.positions[:, AT[upper]]).max() < 0.1, (upper, lower)
    for side in "lr":
        ankle = character.body[f"{side}_ankle"]
        above = seen[:, at[ankle], 1] - (character.floor + character.upright[ankle, 1]) / fitted.unit
        assert np.abs(above[:18:6]).max() < 0.02  # both feet stand, hips high and low
        assert above[27] > 0.03  # on tiptoe


def test_the_short_figure_is_another_body():
    assert BODY.leg / SHORT.leg > 1.5
