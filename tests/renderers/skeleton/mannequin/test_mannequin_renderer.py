"""The mannequin in its studio: what is in front covers what is behind, and its shadow lies under its feet."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.motion.body import AT, BodyMotion
from dancegen.motion.cameras import axes
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.staged import Staged
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers import DEPTH, NORMAL
from dancegen.renderers.skeleton.mannequin import MannequinRenderer
from dancegen.renderers.skeleton.mannequin.depth import CAMERA, REACH
from dancegen.renderers.skeleton.mannequin.renderer import BACKGROUND, FLAT_NORMAL, PICTURE
from helpers.posed_body import BODY, moved, posed
from helpers.tiny_diffusion import stepping

SIZE = (320, 240)
ARM_ACROSS = {"l_shoulder": (60, -70, -20), "l_elbow": (0, -100, 0), "r_shoulder": (0, 0, 70)}
"""The left forearm lies before the chest, the right arm hangs."""


def drawn(motion, camera="front", size=SIZE, shown=PICTURE, **how) -> np.ndarray:
    """(T, H, W, 3)"""
    staged = Staged.filmed(motion, camera, size)
    sequence = PoseSequence(np.ones((len(motion), 18, 3), np.float32), motion.fps)
    frames = MannequinRenderer().frames(sequence, None, size=size, fps=motion.fps, staged=staged, shown=shown, **how)
    return np.stack(list(frames))


def one_of(staged: Staged, **how) -> np.ndarray:
    """(H, W, 3): the only picture of a dance of one frame."""
    sequence = PoseSequence(np.ones((1, 18, 3), np.float32), staged.motion.fps)
    (picture,) = MannequinRenderer().frames(sequence, None, size=SIZE, fps=staged.motion.fps, staged=staged, **how)
    return picture


def standing() -> BodyMotion:
    """In a T, soles on the floor."""
    dance = posed({})
    skin, _ = Mannequin.of(BODY).posed(dance.positions[0], dance.orientations[0])
    return moved(dance, np.array([[0.0, -skin[:, 1].min(), 0.0]]))


def seen_at(motion, points: np.ndarray, camera="front", size=SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (T, N, 2) of points (T, N, 3), and how far ahead of the camera they are (T, N)."""
    lens = Staged.filmed(motion, camera, size).lens
    ahead = np.einsum("tnk,tk->tn", points - lens.eye[:, None], axes(lens.eye, lens.target)[:, 2])
    return lens.pixels(points), ahead


def there(depth: np.ndarray) -> np.ndarray:
    return depth[..., 0] > 60


@pytest.mark.parametrize("size", [(320, 240), (129, 201), (64, 64), (33, 17)])
def test_any_size_is_drawn_odd_ones_too(size):
    frames = drawn(posed({}, frames=2), size=size)
    assert frames.shape == (2, size[1], size[0], 3) and frames.dtype == np.uint8
    assert (frames[0] == frames[1]).all() and frames.std() > 3


def test_the_same_dance_gives_the_same_pictures_and_another_gives_others():
    dance = stepping(0.5)
    one = drawn(dance)
    assert (one == drawn(dance)).all()
    assert np.abs(np.diff(one.astype(int), axis=0)).mean(axis=(1, 2, 3)).min() > 0


@pytest.mark.parametrize("camera", ["front", "side", "follow", "orbit"])
def test_all_of_the_figure_is_in_the_picture(camera):
    shown = there(drawn(stepping(2.0), camera, shown=DEPTH))
    assert not shown[:, 0].any() and not shown[:, -1].any() and not shown[:, :, 0].any() and not shown[:, :, -1].any()
    assert shown.any(axis=(1, 2)).all()


def test_the_figure_is_where_its_joints_are():
    dance = stepping(1.0)
    shown = there(drawn(dance, shown=DEPTH))
    names = ["pelvis", "spine2", "head", "l_elbow", "r_elbow", "l_wrist", "r_wrist", "l_knee", "r_knee", "l_ankle"]
    pixels, _ = seen_at(dance, dance.positions[:, [AT[name] for name in names]])
    x, y = np.rint(pixels).astype(int).transpose(2, 0, 1)
    assert shown[np.arange(len(dance))[:, None], y, x].all()


def test_an_arm_before_the_chest_hides_it_and_one_behind_the_back_is_hidden():
    """The depth at the wrist is the wrist's from the front, and the back's from behind."""
    across, hanging = posed(ARM_ACROSS), posed({"l_shoulder": (0, 0, -70), "r_shoulder": (0, 0, 70)})
    for turn, nearer in ((0.0, True), (np.pi, False)):
        one, other = across.placed(turn, (0, 0)), hanging.placed(turn, (0, 0))
        staged = Staged.filmed(one, "front", SIZE)
        with_arm, without = (
            one_of(replace(staged, motion=each), shown=DEPTH)[..., 0].astype(int) for each in (one, other)
        )
        x, y = np.rint(staged.lens.pixels(one.positions[:, [AT["l_wrist"]]])[0, 0]).astype(int)
        gain = with_arm[y, x] - without[y, x]
        assert without[y, x] > 0 and (gain > 8 if nearer else abs(gain) <= 2)


def test_depth_is_that_of_the_joints():
    """As `depth` has it: one over the distance, the hips a body's height away. Skin lies before a joint."""
    dance = posed({"l_shoulder": (0, -70, 0), "r_hip": (-60, 0, 0)})
    grey = drawn(dance, shown=DEPTH)[0, ..., 0].astype(float)
    names = ["head", "l_elbow", "l_wrist", "r_shoulder", "r_knee", "l_knee", "spine2"]
    places = dance.positions[:, [AT[name] for name in names]]
    pixels, ahead = seen_at(dance, places)
    hips = seen_at(dance, dance.positions[:, [AT["l_hip"], AT["r_hip"]]])[1].mean()
    behind = CAMERA + (ahead[0] - hips) / BODY.height_m
    x, y = np.rint(pixels[0]).astype(int).T
    assert (grey[y, x] > 0).all()
    found = 255 * (CAMERA - REACH) / grey[y, x]
    assert (found < behind + 0.004).all() and (found > behind - 0.11).all()
    assert grey.max() > grey[y[names.index("head")], x[names.index("head")]]  # knee and hand are nearer
    assert grey[0, 0] == 0


def test_normals_look_left_in_red_up_in_green_and_to_the_camera_in_blue():
    """ScanNet's convention, which ControlNet's normalbae model was trained on."""
    dance = posed({})
    normals, shown = drawn(dance, shown=NORMAL)[0].astype(int), there(drawn(dance, shown=DEPTH))[0]
    assert (normals[~shown & (drawn(dance, shown=DEPTH)[0, ..., 0] == 0)] == FLAT_NORMAL).all()
    assert normals[shown][:, 2].min() > 100 and np.median(normals[shown][:, 2]) > 190
    rows, columns = np.nonzero(shown)
    belly = int(seen_at(dance, dance.positions[:, [AT["spine1"]]])[0][0, 0, 1])
    waist = columns[rows == belly]
    assert normals[belly, waist.min() + 1, 0] > 180 > 76 > normals[belly, waist.max() - 1, 0]
    top = rows.min()
    assert np.median(normals[top + 1, columns[rows == top + 1], 1]) > 170  # the crown looks up
    length = np.linalg.norm((normals[shown] - 127.5) / 127.5, axis=1)
    assert abs(np.median(length) - 1) < 0.02


def test_the_shadow_lies_at_the_feet_and_leaves_them_in_a_jump():
    dance = standing()
    staged = Staged.filmed(dance, "front", SIZE)
    high = replace(staged, motion=moved(dance, np.array([[0.0, 0.6, 0.0]])))
    still, jumping = (one_of(each, background=(200, 200, 200)).astype(int) for each in (staged, high))
    for side, outward in (("l", 0.06), ("r", -0.06)):
        beside = dance.positions[0, AT[f"{side}_toe"]] * (1, 0, 1) + (outward, 0, -0.05)
        x, y = np.rint(staged.lens.pixels(beside[None, None])[0, 0]).astype(int)
        assert still[y, x].min() < 0.85 * still[y, 20].min()
        assert jumping[y, x].min() > still[y, x].min() + 12
    lens = staged.lens.pixels(np.array([[[0.45, 0.0, -0.4]]]))[0, 0]  # away from the light, which is on the left
    x, y = np.rint(lens).astype(int)
    assert still[y - 3 : y + 3, x - 12 : x + 12].min() < 0.85 * still[y, 20].min()


def test_feet_stand_on_the_floor_and_what_is_under_it_is_not_seen():
    staged = Staged.filmed(standing(), "front", SIZE)
    sunk = replace(staged, motion=moved(staged.motion, np.array([[0.0, -0.3, 0.0]])))
    one, other = (one_of(each, background=(0, 0, 0)) for each in (staged, sunk))
    toes, heels = (staged.lens.pixels(np.array([[[0.0, 0.0, z]]]))[0, 0, 1] for z in (0.2, -0.06))
    assert one[int(heels) + 2 : int(toes)].max() > 40 and one[int(toes) + 3 :].max() < 12
    assert other[int(heels) + 6 :].max() < 12 < other[: int(heels)].max()


def test_the_background_is_the_colour_that_is_asked_for():
    for colour in ((255, 255, 255), (0, 177, 64), (0, 0, 0)):
        picture = drawn(posed({}), background=colour)[0].astype(int)
        assert np.abs(np.median(picture.reshape(-1, 3), axis=0) - colour).max() < 0.2 * max(max(colour), 1)
        assert (picture[:100, :60].max(axis=(0, 1)) <= colour).all()
    usual = drawn(posed({}))[0].astype(int)
    assert np.abs(np.median(usual.reshape(-1, 3), axis=0) - BACKGROUND).max() < 30


def test_memory_does_not_grow_with_the_dance():
    peaks = []
    for seconds in (1.0, 8.0):
        dance = stepping(seconds)
        staged = Staged.filmed(dance, "follow", (160, 120))
        sequence = PoseSequence(np.ones((len(dance), 18, 3), np.float32), dance.fps)
        frames = MannequinRenderer().frames(sequence, None, size=(160, 120), fps=dance.fps, staged=staged)
        next(frames)
        tracemalloc.start()
        for _ in frames:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_poses_in_the_picture_only_are_refused_and_so_is_a_stamp():
    flat = PoseSequence(np.ones((3, 18, 3), np.float32), 30.0)
    with pytest.raises(InputError, match="in space"):
        next(MannequinRenderer().frames(flat, None, size=SIZE, fps=30.0))
    with pytest.raises(InputError, match="too small"):
        next(MannequinRenderer().frames(flat, None, size=(8, 8), fps=30.0))


def test_joints_in_space_without_rotations_will_do():
    from dancegen.motion.cameras import film

    frames = list(MannequinRenderer().frames(film(stepping(0.3).motion(), "front"), None, size=SIZE, fps=15.0))
    assert len(frames) == round(0.3 * 15) and frames[0].std() > 5
