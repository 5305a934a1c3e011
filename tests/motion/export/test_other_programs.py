"""What is exported, in the programs that it is for: the official validator, three.js in a browser, Blender."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.motion.body import AT, NAMES, BodyMotion
from dancegen.motion.characters.fitting import fit
from dancegen.motion.characters.glb import read_glb_character, write_glb_character
from dancegen.motion.export.bvh import BONES
from dancegen.motion.export.glb import HUMANOID, TIP_BONES, write_glb, write_vrma
from dancegen.pose.skeleton import INDEX
from helpers.characters import SHORT, STYLES, Rig, write_avatar, write_character
from helpers.gltf_reader import Played
from helpers.other_programs import imported_by_blender, played, validated
from helpers.tiny_diffusion import FPS, stepping

MILLIMETRE = 1e-3
FACTS = {"digest": "ab" * 32}


@pytest.fixture(scope="module")
def dance() -> BodyMotion:
    return stepping(3.0).placed(0.6, (0.2, -0.1))


def retargeted(rig: Rig, dance: BodyMotion, folder: Path) -> Path:
    found = read_glb_character(write_character(folder / "hero.glb", rig), {})
    write_glb_character(found, fit(found.character, dance), folder / "dances.glb", FACTS)
    return folder / "dances.glb"


def test_the_official_validator_finds_nothing_wrong(dance, tmp_path):
    write_glb(dance, tmp_path / "dance.glb", FACTS)
    write_vrma(dance, tmp_path / "dance.vrma", FACTS)
    own = retargeted(Rig("unreal", arms_down=50, axes="bones", armature=True), dance, tmp_path)
    for issues in validated(tmp_path / "dance.glb", tmp_path / "dance.vrma", own):
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_three_js_has_the_joints_where_the_dance_has_them(dance, tmp_path):
    write_glb(dance, tmp_path / "dance.glb", FACTS)
    frames = list(range(0, len(dance), 10))
    shown = played(tmp_path, "dance.glb", [frame / FPS for frame in frames])
    assert shown["duration"] == pytest.approx((len(dance) - 1) / FPS, abs=1e-4) and shown["tracks"] == 21
    joints3d = dance.motion().joints3d
    for frame, seen in zip(frames, shown["seen"], strict=True):
        for joint, name in enumerate(NAMES):
            place = seen[{**BONES, **TIP_BONES}[name]]
            assert np.abs(place - dance.positions[frame, joint]).max() < MILLIMETRE, (frame, name)
            if name in INDEX and name != "neck":
                assert np.abs(place - joints3d[frame, INDEX[name]]).max() < MILLIMETRE, (frame, name)


def test_three_vrm_plays_the_animation_on_an_avatar(dance, tmp_path):
    write_vrma(dance, tmp_path / "dance.vrma", FACTS)
    write_avatar(tmp_path / "short.vrm")
    frames, names = [0, 17, 40, 77], STYLES["vrm"]
    shown = played(tmp_path, "short.vrm", [frame / FPS for frame in frames], vrma="dance.vrma")
    scale = (SHORT.leg + SHORT.floor_heights[0]) / (dance.body.leg + dance.body.floor_heights[0])
    for frame, seen in zip(frames, shown["seen"], strict=True):
        assert seen[names["pelvis"]] == pytest.approx(dance.root[frame] * scale, abs=0.002)
        for side in "lr":
            for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
                way = np.subtract(seen[names[f"{side}_{lower}"]], seen[names[f"{side}_{upper}"]])
                own = dance.positions[frame, AT[f"{side}_{lower}"]] - dance.positions[frame, AT[f"{side}_{upper}"]]
                assert way @ own / np.linalg.norm(way) / np.linalg.norm(own) > 0.9999, (frame, side, lower)
    assert set(HUMANOID) >= {"pelvis", "spine3", "l_toe"}


def test_blender_has_the_joints_where_the_dance_has_them(dance, tmp_path):
    write_glb(dance, tmp_path / "dance.glb", FACTS)
    frames = list(range(0, len(dance), 10))
    for frame, seen in zip(frames, imported_by_blender(tmp_path / "dance.glb", FPS, frames), strict=True):
        for joint, name in enumerate(NAMES):
            place = seen[{**BONES, **TIP_BONES}[name]]
            assert np.abs(place - dance.positions[frame, joint]).max() < MILLIMETRE, (frame, name)


def test_blender_has_a_retargeted_character_where_the_specification_puts_it(dance, tmp_path):
    path = retargeted(Rig("unreal", arms_down=50, axes="bones", armature=True), dance, tmp_path)
    frames = [0, 30, 60]
    own = Played(path).positions(frames)
    for number, seen in enumerate(imported_by_blender(path, FPS, frames)):
        for name in STYLES["unreal"].values():
            assert np.abs(seen[name] - own[name][number]).max() < MILLIMETRE, name
