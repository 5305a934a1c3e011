"""A dance written as GLB and as VRM animation is the same dance to readers that are not ours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancegen.motion.body import AT, NAMES, TIPS, BodyMotion
from dancegen.motion.export.bvh import BONES
from dancegen.motion.export.glb import HUMANOID, TIP_BONES, write_glb, write_vrma
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.rotations import about
from dancegen.pose.skeleton import INDEX
from helpers.gltf_reader import Played
from helpers.tiny_diffusion import FPS, stepping

FACTS = {"digest": "ab" * 32, "start_s": 12.5}


@pytest.fixture(scope="module")
def dance() -> BodyMotion:
    return stepping(4.0).placed(2.5, (1.0, -0.5))


def test_every_tenth_frame_is_where_the_dance_has_it(dance, tmp_path):
    write_glb(dance, tmp_path / "dance.glb", FACTS)
    played = Played(tmp_path / "dance.glb")
    frames = list(range(0, len(dance), 10))
    assert played.fps == pytest.approx(FPS) and played.times[0] == 0 and len(played.times) == len(dance)
    seen = played.positions(frames)
    for joint, name in enumerate(NAMES):
        assert np.abs(seen[{**BONES, **TIP_BONES}[name]] - dance.positions[frames, joint]).max() < 1e-4, name
    joints3d = dance.motion().joints3d
    for side in "lr":
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            name = f"{side}_{joint}"
            assert np.abs(seen[BONES[name]] - joints3d[frames, INDEX[name]]).max() < 1e-3, name


def test_the_mannequin_is_its_skin(dance, tmp_path):
    write_glb(dance, tmp_path / "dance.glb", FACTS)
    played, figure = Played(tmp_path / "dance.glb"), Mannequin.of(dance.body)
    assert np.abs(played.skinned(None)[0] - figure.vertices).max() < 1e-5
    for frame in (0, 50):
        vertices, _ = figure.posed(dance.positions[frame], dance.orientations[frame])
        assert np.abs(played.skinned([frame])[0] - vertices).max() < 1e-4
    assert figure.vertices[:, 1].min() == pytest.approx(0, abs=0.01)


def test_the_rest_pose_is_a_t_that_faces_ahead_on_the_floor(dance, tmp_path):
    for name, write, names in (("a.glb", write_glb, BONES), ("a.vrma", write_vrma, HUMANOID)):
        write(dance, tmp_path / name, FACTS)
        played = Played(tmp_path / name)
        at = dict(zip(played.names, played.worlds()[0, :, :3, 3], strict=True))
        left, right = (at[names[f"{side}_wrist"]] - at[names[f"{side}_shoulder"]] for side in "lr")
        assert left[0] > 0.4 and np.abs(left[1:]).max() < 1e-6 and np.allclose(left, -right, atol=1e-6)
        below = at[names["l_ankle"]] - at[names["l_hip"]]
        assert below[1] < -0.7 and np.abs(below[[0, 2]]).max() < 1e-6
        assert at[names["l_ankle"]][1] == pytest.approx(dance.body.floor_heights[0], abs=1e-6)
        toe = {**TIP_BONES, **{k: v for k, v in HUMANOID.items() if k == "l_toe" and names is HUMANOID}}["l_toe"]
        assert at[toe][2] > at[names["l_ankle"]][2] + 0.05


def test_quaternions_do_not_change_their_sign_when_a_dancer_turns_and_turns(tmp_path):
    still = stepping(3.0)
    rotations = still.rotations.copy()
    rotations[:, 0] = about(1, np.linspace(0, 6 * np.pi, len(still)))
    write_glb(BodyMotion(still.body, still.root, rotations, FPS), tmp_path / "turns.glb", FACTS)
    played = Played(tmp_path / "turns.glb")
    for track in played.tracks("rotation").values():
        assert ((track[1:] * track[:-1]).sum(axis=1) > 0.9).all()
        assert np.abs(np.linalg.norm(track, axis=1) - 1).max() < 1e-5


def test_a_vrm_animation_has_the_bones_that_the_specification_asks_for(dance, tmp_path):
    write_vrma(dance, tmp_path / "dance.vrma", FACTS)
    played = Played(tmp_path / "dance.vrma")
    said = played.file.extensions["VRMC_vrm_animation"]
    assert played.file.extensionsUsed == ["VRMC_vrm_animation"] and said["specVersion"] == "1.0"
    bones = {bone: each["node"] for bone, each in said["humanoid"]["humanBones"].items()}
    required = ["hips", "spine", "head"]
    limbs = ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
    required += [side + limb for side in ("left", "right") for limb in limbs]
    assert set(required) <= set(bones)
    for side in ("left", "right"):  # each bone hangs on the one that the specification says
        for upper, lower in (limbs[:2], limbs[1:3], limbs[3:5], limbs[4:]):
            assert played.parents[bones[side + lower]] == bones[side + upper]
    assert set(played.tracks("translation")) == {bones["hips"]}
    assert set(played.tracks("rotation")) == set(bones.values()) - {bones["leftToes"], bones["rightToes"]}
    rest, frames = played.worlds()[0], list(range(0, len(dance), 10))
    worlds = played.worlds(frames)
    assert rest[bones["leftUpperArm"], 0, 3] > 0 > rest[bones["rightUpperArm"], 0, 3]
    for name, bone in HUMANOID.items():
        assert np.abs(worlds[:, bones[bone], :3, 3] - dance.positions[frames, AT[name]]).max() < 1e-4, name
        if AT[name] not in TIPS:
            away = Rotation.from_matrix(
                np.swapaxes(worlds[:, bones[bone], :3, :3], -1, -2) @ dance.orientations[frames, AT[name]]
            )
            assert np.rad2deg(away.magnitude()).max() < 0.1, name


def test_the_file_says_which_dance_it_is(dance, tmp_path):
    for name, write in (("a.glb", write_glb), ("a.vrma", write_vrma)):
        write(dance, tmp_path / name, FACTS)
        assert Played(tmp_path / name).file.asset.extras == {"dancegen": FACTS}


def test_a_dance_of_one_frame_and_one_at_a_rate_of_film_are_written(dance, tmp_path):
    write_glb(dance.slice(0, 1), tmp_path / "one.glb", FACTS)
    assert np.abs(Played(tmp_path / "one.glb").positions([0])["Hips"] - dance.root[0]).max() < 1e-6
    film = dance.resample(24000 / 1001)
    write_glb(film, tmp_path / "film.glb", FACTS)
    played = Played(tmp_path / "film.glb")
    assert (np.diff(played.times) > 0).all() and played.fps == pytest.approx(24000 / 1001, rel=1e-5)
