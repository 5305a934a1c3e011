"""SMPL parameters as AIST++, EDGE, AMASS and video models write them: one motion, however it is kept."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancegen.errors import MocapError
from dancegen.motion.body import AT, NAMES, Body, BodyMotion
from dancegen.motion.readers.registry import find_takes, load_motion
from dancegen.motion.readers.smpl import OFFSETS, read_smpl
from dancegen.pose.skeleton import INDEX
from helpers.listening import Listener

FRAMES, FPS = 90, 60.0
WRIST = INDEX["l_wrist"]


def poses() -> np.ndarray:
    """(T, 24, 3) axis-angle of a body that turns about its own axis and waves its left arm from the T-pose down."""
    times = np.arange(FRAMES) / FPS
    found = np.zeros((FRAMES, 24, 3))
    found[:, 0, 1] = 0.4 * np.sin(2 * times)
    found[:, AT["l_shoulder"], 2] = -0.6 - 0.6 * np.sin(4 * times)
    found[:, AT["r_shoulder"], 2] = 1.2
    found[:, AT["l_knee"], 0] = 0.3 + 0.3 * np.sin(3 * times)
    return found


def places() -> np.ndarray:
    times = np.arange(FRAMES) / FPS
    return np.stack([0.2 * np.sin(times), np.full(FRAMES, 0.93), 0.1 * times], axis=1)


def z_up(turned: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same motion in a room whose z points up."""
    lay = Rotation.from_euler("x", 90, degrees=True)
    turned = turned.copy()
    turned[:, 0] = (lay * Rotation.from_rotvec(turned[:, 0])).as_rotvec()
    return turned, lay.apply(moved)


def aist(folder):
    path = folder / "gBR_sBM_cAll_d04_mBR0_ch01.pkl"
    kept = {"smpl_poses": poses().reshape(FRAMES, 72), "smpl_trans": (places() * 95).astype(np.float32)}
    path.write_bytes(pickle.dumps(kept | {"smpl_scaling": np.array([95]), "smpl_loss": 1.5}))
    return path


def edge(folder):
    turned, moved = z_up(poses()[::2], places()[::2])
    path = folder / "edge.pkl"
    joints = np.zeros((len(moved), 24, 3), np.float32)
    kept = {"smpl_poses": turned.reshape(len(moved), 72), "smpl_trans": moved, "full_pose": joints}
    path.write_bytes(pickle.dumps(kept))
    return path


def amass(folder):
    turned, moved = z_up(poses(), places())
    path = folder / "amass.npz"
    hands = np.full((FRAMES, 90), 0.5)
    flat = np.concatenate([turned[:, :22].reshape(FRAMES, 66), hands], axis=1)
    np.savez(path, poses=flat, trans=moved, mocap_framerate=np.array(60.0), gender="female", betas=np.zeros(16))
    return path


def gvhmr(folder):
    path = folder / "gvhmr.pkl"
    body = {"global_orient": poses()[::2, 0], "body_pose": poses()[::2, 1:22].reshape(-1, 63), "transl": places()[::2]}
    path.write_bytes(pickle.dumps({"smpl_params_global": body, "smpl_params_incam": {}}))
    return path


FORMATS = {"aist": (aist, 60), "edge": (edge, 30), "amass": (amass, 60), "gvhmr": (gvhmr, 30)}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_dancer(name, tmp_path):
    write, fps = FORMATS[name]
    heard = Listener()
    motion = load_motion(write(tmp_path), progress=heard)
    assert motion.fps == fps and len(motion) == FRAMES * fps // 60
    told = any("frames a second are assumed" in line for line in heard.said)
    assert told == (name != "amass")  # the only one that states its rate
    assert 1.5 < motion.height_m < 1.9 and motion.rotations is not None
    # The waving hand: from the T-pose down by 1.2 of a radian, whatever way was up in the file.
    hand = motion.joints3d[:, WRIST] - motion.joints3d[:, INDEX["l_shoulder"]]
    down = np.arcsin(-hand[:, 1] / np.linalg.norm(hand, axis=1))
    times = np.arange(len(motion)) / fps
    assert np.abs(down - (0.6 + 0.6 * np.sin(4 * times))).max() < 0.1
    assert np.median(motion.joints3d[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1].min(axis=1)) == pytest.approx(
        0.039 * motion.height_m, abs=0.02
    )


def test_rotations_are_kept_and_lead_to_the_joints(tmp_path):
    motion = load_motion(amass(tmp_path))
    body = BodyMotion(
        Body(motion.rotations.offsets, motion.height_m), motion.rotations.root, motion.rotations.local, 60
    )
    away = np.linalg.norm(body.motion().joints3d[:, 1:14] - motion.joints3d[:, 1:14], axis=-1)
    assert away.max() < 0.02


def test_the_skeleton_stands_upright_and_is_as_wide_as_it_is():
    rest = np.zeros((24, 3))
    for joint, parent in enumerate((-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)):
        rest[joint] = OFFSETS[joint] + (rest[parent] if parent >= 0 else 0)
    at = dict(zip(NAMES, rest, strict=True))
    assert at["head"][1] > at["neck"][1] > at["spine1"][1] > at["l_knee"][1] > at["l_ankle"][1]
    assert at["l_wrist"][0] > 0.6 and at["r_wrist"][0] < -0.6 and at["l_toe"][2] > at["l_ankle"][2]


def test_forward_kinematics_agree_with_the_published_code(shared_data):
    golden = np.load(shared_data / "published-metrics" / "golden.npz")
    found = read_smpl(shared_data / "aistpp" / "motions" / "transflower_generated.pkl")
    assert np.abs(found.armature().positions - golden["smpl_joints"]).max() < 1e-5


def test_the_dancer_and_the_body_are_where_the_published_code_has_them(shared_data):
    """Within a millimetre, on the floor: in all frames but those with jumps that are bridged."""
    truth = np.load(shared_data / "published-metrics" / "golden.npz")["smpl_joints"]
    motion = load_motion(shared_data / "aistpp" / "motions" / "transflower_generated.pkl")
    limbs = [f"{side}_{joint}" for side in "lr" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]
    places = truth[:, [AT[name] for name in limbs]]
    body = BodyMotion(
        Body(motion.rotations.offsets, motion.height_m), motion.rotations.root, motion.rotations.local, motion.fps
    )
    for found in (motion.joints3d[:, [INDEX[name] for name in limbs]], body.positions[:, [AT[name] for name in limbs]]):
        moved = found - places
        floor = np.median(moved, axis=(0, 1))
        assert np.abs(floor[[0, 2]]).max() < 1e-5  # only its height is changed
        off = np.linalg.norm(moved - floor, axis=-1).max(axis=1)
        assert np.count_nonzero(off > 1e-3) == 25 and np.median(off) < 1e-5


def test_only_what_holds_smpl_is_taken_for_it(tmp_path):
    for write, _ in FORMATS.values():
        write(tmp_path)
    np.savez(tmp_path / "poses.npz", keypoints=np.zeros((3, 18, 3)))
    np.savez(tmp_path / "motion.npz", root=np.zeros((3, 3)), rotations=np.zeros((3, 20, 3, 3)))
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"weights": np.ones(3)}))
    assert {take.path.name for take in find_takes(tmp_path)} == {
        "gBR_sBM_cAll_d04_mBR0_ch01.pkl", "edge.pkl", "amass.npz", "gvhmr.pkl",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"smpl_scaling": np.array([0])}, "smpl_scaling is 0"),
        ({"smpl_scaling": np.array([1, 2])}, "one number"),
        ({"smpl_trans": np.zeros((3, 3))}, "not those of one SMPL body"),
        ({"smpl_poses": np.zeros((FRAMES, 71))}, "not those of one SMPL body"),
        ({"smpl_poses": np.full((FRAMES, 72), np.nan)}, "frame 0 is not a number .90 of 90 frames."),
        ({"smpl_poses": "text"}, "cannot be read"),
        ({"smpl_poses": np.zeros((1, 72)), "smpl_trans": np.zeros((1, 3))}, "one pose"),
    ],
)
def test_what_is_no_motion_is_refused_in_words(change, words, tmp_path):
    kept = {"smpl_poses": poses().reshape(FRAMES, 72), "smpl_trans": places(), "smpl_scaling": np.array([1])}
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps(kept | change))
    with pytest.raises(MocapError, match=rf"odd\.pkl.*{words}"):
        load_motion(path)


@pytest.mark.parametrize(
    "name", ["no_bytes.pkl", "no_archive.npz", "nowhere.pkl", "motions/gBR_sBM_cAll_d04_mBR0_ch01.pkl"]
)
def test_what_is_too_damaged_to_say_what_it_is_is_named_and_not_passed_over(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if path.stem == "nowhere":
        path.symlink_to(path)
    else:
        path.write_bytes(b"" if path.stem == "no_bytes" else b"text of some length")
    (take,) = find_takes(tmp_path)
    with pytest.raises(MocapError, match=path.name):
        take.read()


def test_an_archive_of_objects_runs_nothing(tmp_path):
    path = tmp_path / "odd.npz"
    np.savez(path, poses=np.array([{"a": 1}], dtype=object), trans=np.zeros((1, 3)))
    with pytest.raises(MocapError, match=r"odd\.npz"):
        load_motion(path)
