"""Joint names of the programs that people use, each a whole body; what is unknown can be said in a map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature
from dancegen.motion.readers.joint_names import ARM, LEG, ROLES, find_body, read_joint_map, spellings
from dancegen.motion.readers.registry import load_motion
from helpers.stick_figure import FIGURE, MIXAMO, write_bvh

# How they write collar bone, shoulder, elbow, wrist, hip, knee, ankle, head. {s} l, {S} L, {side} left, {Side} Left.
PROGRAMS = {
    "Mixamo": "mixamorig:{Side}Shoulder mixamorig:{Side}Arm mixamorig:{Side}ForeArm mixamorig:{Side}Hand "
    "mixamorig:{Side}UpLeg mixamorig:{Side}Leg mixamorig:{Side}Foot mixamorig:Head",
    "Mixamo in three.js": "mixamorig{Side}Shoulder mixamorig{Side}Arm mixamorig{Side}ForeArm mixamorig{Side}Hand "
    "mixamorig{Side}UpLeg mixamorig{Side}Leg mixamorig{Side}Foot mixamorigHead",
    "Mixamo through Blender": "Armature|mixamorig:{Side}Shoulder Armature|mixamorig:{Side}Arm "
    "Armature|mixamorig:{Side}ForeArm Armature|mixamorig:{Side}Hand Armature|mixamorig:{Side}UpLeg "
    "Armature|mixamorig:{Side}Leg Armature|mixamorig:{Side}Foot Armature|mixamorig:Head",
    "the second armature of a Blender file": "{Side}Shoulder.001 {Side}Arm.001 {Side}ForeArm.001 {Side}Hand.001 "
    "{Side}UpLeg.001 {Side}Leg.001 {Side}Foot.001 Head.001",
    "MotionBuilder": "Character1_{Side}Shoulder Character1_{Side}Arm Character1_{Side}ForeArm Character1_{Side}Hand "
    "Character1_{Side}UpLeg Character1_{Side}Leg Character1_{Side}Foot Character1_Head",
    "Bandai Namco": "Shoulder_{S} UpperArm_{S} LowerArm_{S} Hand_{S} UpperLeg_{S} LowerLeg_{S} Foot_{S} Head",
    "DeepMotion": "{s}_shoulder_JNT {s}_arm_JNT {s}_forearm_JNT {s}_hand_JNT {s}_upleg_JNT {s}_leg_JNT {s}_foot_JNT "
    "head_JNT",
    "VRoid": "J_Bip_{S}_Shoulder J_Bip_{S}_UpperArm J_Bip_{S}_LowerArm J_Bip_{S}_Hand J_Bip_{S}_UpperLeg "
    "J_Bip_{S}_LowerLeg J_Bip_{S}_Foot J_Bip_C_Head",
    "VRM": "{side}Shoulder {side}UpperArm {side}LowerArm {side}Hand {side}UpperLeg {side}LowerLeg {side}Foot head",
    "Rigify": "DEF-shoulder.{S} DEF-upper_arm.{S} DEF-forearm.{S} DEF-hand.{S} DEF-thigh.{S} DEF-shin.{S} DEF-foot.{S} "
    "DEF-spine.006",
    "Blender by hand": "shoulder_{side} upper_arm_{side} forearm_{side} hand_{side} thigh_{side} shin_{side} "
    "foot_{side} head",
    "Rokoko": "{Side}Shoulder {Side}Arm {Side}ForeArm {Side}Hand {Side}Thigh {Side}Shin {Side}Foot Head",
    "Xsens": "{Side}Collar {Side}Shoulder {Side}Elbow {Side}Wrist {Side}Hip {Side}Knee {Side}Ankle Head",
    "Xsens in FBX": "{Side}Shoulder {Side}UpperArm {Side}ForeArm {Side}Hand {Side}UpperLeg {Side}LowerLeg {Side}Foot "
    "Head",
    "Unreal": "clavicle_{s} upperarm_{s} lowerarm_{s} hand_{s} thigh_{s} calf_{s} foot_{s} head",
    "Daz": "{s}Collar {s}ShldrBend {s}ForearmBend {s}Hand {s}ThighBend {s}Shin {s}Foot head",
    "Daz Genesis 9": "{s}_shoulder {s}_upperarm {s}_forearm {s}_hand {s}_thigh {s}_shin {s}_foot head",
    "Poser": "{s}Collar {s}Shldr {s}ForeArm {s}Hand {s}Thigh {s}Shin {s}Foot head",
    "3ds Max Biped": "Bip01_{S}_Clavicle Bip01_{S}_UpperArm Bip01_{S}_Forearm Bip01_{S}_Hand Bip01_{S}_Thigh "
    "Bip01_{S}_Calf Bip01_{S}_Foot Bip01_Head",
    "Source": "ValveBiped.Bip01_{S}_Clavicle ValveBiped.Bip01_{S}_UpperArm ValveBiped.Bip01_{S}_Forearm "
    "ValveBiped.Bip01_{S}_Hand ValveBiped.Bip01_{S}_Thigh ValveBiped.Bip01_{S}_Calf ValveBiped.Bip01_{S}_Foot "
    "ValveBiped.Bip01_Head1",
    "Character Creator": "CC_Base_{S}_Clavicle CC_Base_{S}_Upperarm CC_Base_{S}_Forearm CC_Base_{S}_Hand "
    "CC_Base_{S}_Thigh CC_Base_{S}_Calf CC_Base_{S}_Foot CC_Base_Head",
    "Sketchfab": "CC_Base_{S}_Clavicle_050 CC_Base_{S}_Upperarm_051 CC_Base_{S}_Forearm_052 CC_Base_{S}_Hand_055 "
    "CC_Base_{S}_Thigh_04 CC_Base_{S}_Calf_05 CC_Base_{S}_Foot_06 CC_Base_Head_038",
    "CMU": "{s}clavicle {s}humerus {s}radius {s}hand {s}femur {s}tibia {s}foot head",
    "OptiTrack": "{S}Shoulder {S}UArm {S}FArm {S}Hand {S}Thigh {S}Shin {S}Foot Head",
    "SMPL": "{S}_Collar {S}_Shoulder {S}_Elbow {S}_Wrist {S}_Hip {S}_Knee {S}_Ankle Head",
    "Kinect": "Clavicle{Side} Shoulder{Side} Elbow{Side} Wrist{Side} Hip{Side} Knee{Side} Ankle{Side} Head",
    "MakeHuman": "clavicle.{S} upperarm01.{S} lowerarm01.{S} wrist.{S} upperleg01.{S} lowerleg01.{S} foot.{S} head",
    "Auto-Rig Pro": "shoulder.{s} arm_stretch.{s} forearm_stretch.{s} hand.{s} thigh_stretch.{s} leg_stretch.{s} "
    "foot.{s} head.x",
}  # fmt: skip


def armature(*names: str) -> Armature:
    """Joints in a row, each the parent of the next."""
    count = len(names)
    places = np.zeros((1, count, 3))
    return Armature(names, tuple(range(-1, count - 1)), places[0], places, np.zeros((1, count, 3, 3)), 30.0)


def body(program: str) -> dict[str, str]:
    """The program's own names by our joints, each side's collar bone first."""
    *limbs, head = PROGRAMS[program].split(" ")
    names = {"head": head}
    for s, side in (("l", "left"), ("r", "right")):
        written = [name.format(s=s, S=s.upper(), side=side, Side=side.title()) for name in limbs]
        names |= {f"{s}_{role}": name for role, name in zip(("collar", *ARM, *LEG), written, strict=True)}
    return names


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_joints_of_every_program_are_known(program):
    names = body(program)
    there = armature("Root", "Spine", "Lower_Back", "LeftEye", "Neck", *names.values(), "LeftHandIndex1", "HeadTop_End")
    found = find_body(there, Path("own.bvh"))
    assert {role: there.names[found[role]] for role in ROLES} == {role: names[role] for role in ROLES}


def test_a_joint_comes_before_its_twist_of_the_same_name():
    names = body("Rigify")
    there = armature("DEF-spine", *(f"{name}.001" for name in names.values()), *names.values())
    found = find_body(there, Path("own.bvh"))
    assert all(there.names[found[role]] == names[role] for role in ROLES)


def test_a_letter_is_a_side_only_before_or_after_a_bone():
    assert list(spellings("lowerarm_r")) == ["r lowerarm"]
    assert list(spellings("LowerBack")) == ["lowerback"]
    assert list(spellings("ball_l")) == ["balll"]
    assert list(spellings("rig:Left_Foot.002")) == ["leftfoot002", "l foot"]


def test_an_unknown_skeleton_gets_a_map_to_start_from_that_works_once_it_is_filled_in(tmp_path):
    strange = {role: f"Knochen {number}" for number, role in enumerate(FIGURE)} | {"l_hip": "LeftUpLeg"}
    turns = {"l_elbow": np.tile([[0.0, 40.0, 0.0]], (30, 1))}
    path = write_bvh(tmp_path / "own.bvh", strange, turns)
    with pytest.raises(MocapError, match=r"no right shoulder.*Knochen 4.*--joints map.json") as refused:
        load_motion(path)
    start = json.loads(str(refused.value).partition("start from: ")[2])
    assert set(start) == set(ROLES) and start["l_hip"] == "LeftUpLeg" and start["head"] == "?"
    (tmp_path / "map.json").write_text(json.dumps(start))
    with pytest.raises(MocapError, match=r"map.json does not say yet which joint is the right shoulder"):
        read_joint_map(tmp_path / "map.json")
    (tmp_path / "map.json").write_text(json.dumps({role: strange[role] for role in start}), encoding="utf-16")
    expected = load_motion(write_bvh(tmp_path / "mixamo.bvh", MIXAMO, turns)).joints3d
    found = load_motion(path, joints=read_joint_map(tmp_path / "map.json"))
    np.testing.assert_array_equal(found.joints3d, expected)


def test_a_map_may_name_only_what_is_unknown_and_overrules_what_is_known():
    names = body("VRM")
    there = armature("Hips", *names.values(), "Skull", "LeftElbowHelper")
    found = find_body(there, Path("own.bvh"), {"head": "Skull", "l_elbow": "LeftElbowHelper", "r_elbow": "not here"})
    assert (there.names[found["head"]], there.names[found["l_elbow"]]) == ("Skull", "LeftElbowHelper")
    assert there.names[found["r_elbow"]] == names["r_elbow"]
    with pytest.raises(MocapError, match=r"head and .*left wrist|left wrist and head"):
        find_body(there, Path("own.bvh"), {"head": names["l_wrist"]})
    with pytest.raises(MocapError, match=r"no left elbow.*'not here', which --joints says"):
        find_body(armature(*(name for role, name in names.items() if role != "l_elbow")), Path("own.bvh"),
                  {"l_elbow": "not here"})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no JSON"),
        ("[]", "should hold joint names"),
        ("{}", "should hold joint names"),
        ('{"head": 7}', "should hold joint names"),
        ('{"tail": "Tail"}', "'tail' is none of our joints, which are r_shoulder"),
        ('{"head": "?"}', "does not say yet which joint is the head"),
        ('{"l_hip": "A", "left hip": "B"}', "names left hip twice"),
        ('{"l_hip": "A", "r_hip": "A"}', "'A' for two joints"),
        ("[" * 100_000, "map.json"),
    ],
)
def test_a_map_that_is_none_is_refused_in_words(text, message, tmp_path):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(MocapError, match=message):
        read_joint_map(tmp_path / "map.json")


def test_the_keys_of_a_map_are_written_as_people_write(tmp_path):
    (tmp_path / "map.json").write_text('{"left shoulder": "a", "LeftElbow": "b", "R_WRIST": "c", "Head": "d"}')
    assert read_joint_map(tmp_path / "map.json") == {"l_shoulder": "a", "l_elbow": "b", "r_wrist": "c", "head": "d"}
