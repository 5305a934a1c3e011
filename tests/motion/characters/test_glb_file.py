"""A GLB from outside is read, or refused in words that name it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.characters.character import read_bvh_character
from dancegen.motion.characters.glb import read_glb_character
from dancegen.motion.characters.glb_file import noted_digest
from dancegen.motion.export.glb import write_glb
from helpers.characters import STYLES, Rig, write_avatar, write_character
from helpers.posed_body import posed


@pytest.fixture(scope="module")
def hero(tmp_path_factory) -> Path:
    return write_character(tmp_path_factory.mktemp("hero") / "hero.glb", Rig())


def with_json(hero: Path, path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The file with other JSON, all lengths right."""
    data = hero.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    document = change(document) or document
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    whole = struct.pack("<I", len(text)) + b"JSON" + text + data[20 + length :]
    path.write_bytes(data[:8] + struct.pack("<I", 12 + len(whole)) + whole)
    return path


def node(name: str, document: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in document["nodes"] if each.get("name") == name)


def renamed(document: dict[str, Any]) -> None:
    for number, each in enumerate(document["nodes"]):
        each["name"] = f"Object{number}"


def in_a_circle(document: dict[str, Any]) -> None:
    hips = document["nodes"].index(node("mixamorig:Hips", document))
    node("Armature", document)["children"] = []
    node("mixamorig:Head", document)["children"] = [hips]


def torn(document: dict[str, Any]) -> None:
    """The forearm hangs on the hips."""
    arm, fore = node("mixamorig:LeftArm", document), node("mixamorig:LeftForeArm", document)
    number = document["nodes"].index(fore)
    arm["children"].remove(number)
    node("mixamorig:Hips", document)["children"].append(number)


def on_one_line(document: dict[str, Any]) -> None:
    for each in document["nodes"]:
        if each.get("name", "").startswith("mixamorig"):
            each["translation"] = [0.0, 0.1, 0.0]


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no nodes": (lambda d: d.pop("nodes") and None, "no nodes"),
    "nodes that are none": (lambda d: d.update(nodes=[1, 2]), "nodes are no list"),
    "a child that is not there": (lambda d: d["nodes"][0].update(children=[999]), "where there are"),
    "a child below nothing": (lambda d: d["nodes"][0].update(children=[-1]), "where there are"),
    "a child that is true": (lambda d: d["nodes"][0].update(children=[True]), "where there are"),
    "a child of two": (lambda d: d["nodes"][2].update(children=[4]), "hangs on two others"),
    "a circle": (in_a_circle, "in a circle"),
    "words for places": (lambda d: d["nodes"][3].update(translation=["a", 0, 0]), "placed by 3 numbers"),
    "numbers that are none": (lambda d: d["nodes"][3].update(translation=[float("nan"), 0, 0]), "placed by 3 numbers"),
    "too few numbers": (lambda d: d["nodes"][3].update(rotation=[0, 0, 1]), "placed by 4 numbers"),
    "no rotation": (lambda d: d["nodes"][3].update(rotation=[0, 0, 0, 0]), "rotation of node 3"),
    "a skin of joints that are not there": (lambda d: d["skins"][0].update(joints=[10**9]), "a joint of a skin"),
    "another version": (lambda d: d["asset"].update(version="1.0"), "export it as glTF 2.0"),
    "no asset": (lambda d: d.pop("asset") and None, "export it as glTF 2.0"),
    "a longer buffer": (lambda d: d["buffers"][0].update(byteLength=10**9), "is cut off"),
    "a buffer outside": (lambda d: d["buffers"].append({"byteLength": 4, "uri": "../../x.bin"}), "in another file"),
    "a picture outside": (lambda d: d.update(images=[{"uri": "/etc/passwd"}]), "'/etc/passwd', which is not read"),
    "a list": (lambda d: [d], "no object"),
    "mirrored": (lambda d: node("Armature", d).update(scale=[-1, 1, 1]), "mirrored by a negative scale"),
    "uneven": (lambda d: node("mixamorig:Spine", d).update(scale=[1, 2, 1]), "differently along its axes"),
    "flat": (lambda d: node("mixamorig:Spine", d).update(scale=[0, 0, 0]), "scale of nothing"),
    "names of nobody": (renamed, "no right shoulder.*Its joints are: Object0.*--joints map.json; to start from"),
    "a torn arm": (torn, "left elbow .'mixamorig:LeftForeArm'. does not hang on the left shoulder"),
    "no figure": (on_one_line, "no standing figure"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused_in_words(damage, hero, tmp_path):
    change, words = DAMAGES[damage]
    path = with_json(hero, tmp_path / "damaged.glb", change)
    with pytest.raises(MocapError, match=words) as caught:
        read_glb_character(path, {})
    assert str(path) in str(caught.value)


def test_a_whole_one_is_read_after_the_same_way_of_writing(hero, tmp_path):
    found = read_glb_character(with_json(hero, tmp_path / "whole.glb", lambda d: None), {})
    assert found.character.armature.names[found.character.hips] == "mixamorig:Hips"


@pytest.mark.parametrize(
    ("start", "words"),
    [(b"", "does not begin with glTF"), (b"{}" + bytes(40), "in text"), (b"glTF" + bytes(40), "version 0"),
     (b"glTF\x02\0\0\0\xff\xff\0\0" + bytes(20), "cut off"),
     (b"glTF\x02\0\0\0\x14\0\0\0\xff\xff\0\0JSON", "goes on behind")],
)  # fmt: skip
def test_what_is_no_glb_is_named(start, words, tmp_path):
    (tmp_path / "a.glb").write_bytes(start)
    with pytest.raises(MocapError, match=words):
        read_glb_character(tmp_path / "a.glb", {})


def test_a_file_that_is_cut_off_anywhere_is_refused(hero, tmp_path):
    data = hero.read_bytes()
    for length in (*range(0, 200, 7), *np.linspace(200, len(data) - 1, 20).astype(int)):
        (tmp_path / "cut.glb").write_bytes(data[:length])
        with pytest.raises(MocapError, match=r"cut\.glb"):
            read_glb_character(tmp_path / "cut.glb", {})


def test_joints_of_unknown_names_are_found_by_a_map(hero, tmp_path):
    path = with_json(hero, tmp_path / "other.glb", renamed)
    names = [
        each["name"] for each in json.loads(hero.read_bytes()[20:].split(b"\0")[0].rpartition(b"}")[0] + b"}")["nodes"]
    ]
    given = {ours: f"Object{names.index(theirs)}" for ours, theirs in STYLES["mixamo"].items()}
    found = read_glb_character(path, {role: given[role] for role in given if role not in ("pelvis", "neck")})
    assert found.character.armature.names[found.character.body["l_elbow"]] == given["l_elbow"]


def test_a_vrm_file_says_which_bone_is_which(tmp_path):
    path = write_avatar(tmp_path / "avatar.vrm")
    other = with_json(path, tmp_path / "renamed.vrm", renamed)
    found = read_glb_character(other, {})
    known = read_glb_character(path, {}).character
    assert {role: known.body[role] for role in known.body.index} == dict(found.character.body.index)


def test_a_file_says_which_dance_it_is(hero, tmp_path):
    write_glb(posed({}, 3), tmp_path / "dance.glb", {"digest": "ef" * 32})
    assert noted_digest(tmp_path / "dance.glb") == "ef" * 32
    assert noted_digest(hero) is None and noted_digest(tmp_path / "none.glb") is None
    odd = with_json(hero, tmp_path / "odd.glb", lambda d: d["asset"].update(extras={"dancegen": {"digest": 4}}))
    assert noted_digest(odd) is None


def test_toes_that_point_backwards_are_named(tmp_path):
    swapped = {
        name: name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        for name in STYLES["mixamo"].values()
    }
    path = write_character(tmp_path / "hero.glb", Rig())
    with_json(
        path,
        path,
        lambda d: [each.update(name=swapped.get(each["name"], each["name"])) for each in d["nodes"]] and None,
    )
    with pytest.raises(MocapError, match="toes point backwards"):
        read_glb_character(path, {})


def test_a_bvh_without_a_figure_stands_as_in_its_first_frame(tmp_path):
    from dancegen.motion.characters.fitting import fit

    lines = [
        "HIERARCHY",
        "ROOT Hips",
        "{",
        "OFFSET 0 0 0",
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
    ]
    turns: list[str] = ["0 90 0 0 0 0"]

    def joint(
        name: str, length: float, turn: tuple[float, float, float], *below: Callable[[], None]
    ) -> Callable[[], None]:
        def write() -> None:
            lines.extend([f"JOINT {name}", "{", f"OFFSET {length} 0 0", "CHANNELS 3 Zrotation Xrotation Yrotation"])
            turns.append(" ".join(map(str, turn)))
            for each in below:
                each()
            if not below:
                lines.extend(["End Site", "{", "OFFSET 8 0 0", "}"])
            lines.append("}")

        return write

    def leg(side: str) -> Callable[[], None]:
        sign = 1 if side == "Left" else -1
        foot = joint(f"{side}Foot", 40, (90, 0, 0), joint(f"{side}ToeBase", 12, (0, 0, 0)))
        shin = joint(f"{side}Leg", 40, (0, 0, 0), foot)
        return joint(
            f"{side}Pelvis", 0.0, (0 if sign > 0 else 180, 0, 0), joint(f"{side}UpLeg", 10, (-90 * sign, 90, 0), shin)
        )

    def arm(side: str) -> Callable[[], None]:
        sign = 1 if side == "Left" else -1
        hand = joint(f"{side}Hand", 25, (0, 0, 0))
        return joint(
            f"{side}Shoulder",
            30,
            (-90 * sign, 0, 0),
            joint(f"{side}Arm", 18, (0, 0, 0), joint(f"{side}ForeArm", 28, (0, 0, 0), hand)),
        )

    spine = joint(
        "Spine", 15, (0, 0, 0), arm("Left"), arm("Right"), joint("Neck", 35, (0, 0, 0), joint("Head", 12, (0, 0, 0)))
    )
    for each in (leg("Left"), leg("Right"), joint("Waist", 1, (90, 0, 0), spine)):
        each()
    lines += ["}", "MOTION", "Frames: 1", "Frame Time: 0.033333", " ".join(turns)]
    (tmp_path / "line.bvh").write_text("\n".join(lines) + "\n")
    character = read_bvh_character(tmp_path / "line.bvh", {})
    assert np.linalg.norm(character.turned - np.eye(3), axis=(1, 2)).max() > 1
    dance = posed({"l_shoulder": (0, 0, 70), "r_elbow": (0, -60, 0)}, 4)
    fitted = fit(character, dance)
    body = character.body
    way = fitted.positions[:, body["l_elbow"]] - fitted.positions[:, body["l_shoulder"]]
    own = dance.positions[:, 18] - dance.positions[:, 16]
    away = (way @ character.axes.T * own).sum(1) / np.linalg.norm(way, axis=1) / np.linalg.norm(own, axis=1)
    assert away.min() > 0.9999
