"""The choreographer in joint space: exact numbers, kept promises about what is given, and dances of any length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.choreographers import DanceControls, choreograph
from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
from dancegen.choreographers.diffusion.feet import fix_foot_contacts
from dancegen.choreographers.diffusion.model import load_model
from dancegen.choreographers.diffusion.planning import DancePlan, SampleRequest
from dancegen.choreographers.diffusion.sampling import _turned, sample
from dancegen.choreographers.diffusion.timing import footfalls, snap_to_beats
from dancegen.errors import InputError, ModelError
from dancegen.metrics.beats import with_half_beats
from dancegen.motion.body import AT, NAMES, PARENTS
from helpers.tiny_diffusion import BODY, CONFIG, FPS, beats, model, saved_model, song, stepping


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("model"))


def _limbs(positions: np.ndarray) -> np.ndarray:
    return np.stack([np.linalg.norm(positions[:, j] - positions[:, p], axis=-1) for j, p in enumerate(PARENTS) if j], 1)


def test_numbers_hold_the_dance_and_torch_places_joints_where_numpy_does():
    motion = stepping()
    numbers = f.encode(motion)
    assert numbers.shape == (180, 127)
    back = f.decode(numbers, BODY, FPS)
    assert np.abs(back.positions - motion.positions).max() < 1e-6
    placed = f.positions(torch.from_numpy(numbers), torch.from_numpy(BODY.offsets).float())
    assert np.abs(placed.numpy() - motion.positions).max() < 1e-5


def test_a_windows_own_axes_begin_at_the_dancer_and_lead_back_into_the_room():
    numbers = torch.from_numpy(f.encode(stepping().placed(1.2, (0.5, -2.0))))[None].repeat(2, 1, 1)
    own, turn, place = f.own_axes(numbers, torch.tensor([3, 50]))
    for row, frame in enumerate((3, 50)):
        assert own[row, frame, (0, 2)].abs().max() < 1e-6
        assert abs(float(f.heading(own[row, frame]))) < 1e-5
    offsets = torch.from_numpy(BODY.offsets).float()
    before, after = (f.positions(x, offsets) for x in (numbers, own))
    assert ((after - after[..., :1, :]).norm(dim=-1) - (before - before[..., :1, :]).norm(dim=-1)).abs().max() < 1e-5
    assert (after[..., 1] - before[..., 1]).abs().max() < 1e-5
    assert (f.into_room(own, turn, place) - numbers).abs().max() < 1e-5


def test_every_number_but_none_twice_belongs_to_a_part_of_the_body():
    assert (f.part_masks().sum(0) == 1).all()


def test_windows_are_seen_from_where_what_is_known_ends():
    known = torch.zeros(4, 60, 4)
    known[0, :12] = 1
    known[1, 20:30] = 1
    known[2, :, 0] = 1
    assert f.origin(known, 24).tolist() == [11, 20, 23, 0]


def test_music_is_heard_at_the_dances_rate_however_loud_it_is():
    features = song(6.0)
    heard = music.encode_music(features.mel, features.beats, 180, FPS)
    louder = music.encode_music(features.mel + 0.7, features.beats, 180, FPS)
    assert heard.shape == (180, music.WIDTH)
    assert np.abs(heard[:, : music.BANDS] - louder[:, : music.BANDS]).max() < 1e-4
    on_beat = np.rint(beats(6.0).times_s[1:-1] * FPS).astype(int)
    assert heard[on_beat, music.BANDS + 1].min() > 0.95 * heard[:, music.BANDS + 1].max() > 0
    off_beat = np.rint((beats(6.0).times_s[1:-2] + 0.25) * FPS).astype(int)
    assert heard[on_beat, music.BANDS].mean() > 3 * heard[off_beat, music.BANDS].mean()
    assert (music.encode_music(features.mel, song(6.0, False).beats, 180, FPS)[:, music.BANDS + 1 :] == 0).all()


def test_a_swelling_tone_has_no_onsets_as_loud_as_drums_nor_has_the_first_sound_after_silence():
    swell = np.repeat(0.4 * np.sin(np.arange(900) / 90)[:, None], 80, 1).astype(np.float32)
    assert music.encode_music(swell, song(6.0, False).beats, 300, FPS)[1:, music.BANDS].max() < 1
    swell[:90] = -4
    begins = music.encode_music(swell, song(6.0, False).beats, 300, FPS)[:, music.BANDS]
    assert begins.max() <= 8 and begins[60:].max() < 1


def test_an_accent_slows_a_dance_on_its_beats_and_moves_none_of_them():
    told, even = beats(6.0), np.arange(180.0)[:, None] / FPS
    still = stepping().slice(0, 1)
    still = replace(still, root=np.repeat(still.root, 180, 0), rotations=np.repeat(still.rotations, 180, 0))
    accent = snap_to_beats(even, still, told, 0.3)[:, 0]
    on_beat = told.times_s[1:-1] * FPS
    assert np.abs(np.interp(on_beat, np.arange(180), accent) - told.times_s[1:-1]).max() < 0.005
    speed = np.gradient(accent) * FPS
    assert np.interp(on_beat, np.arange(180), speed) == pytest.approx(0.7, abs=0.05)
    assert np.interp(on_beat + 0.25 * FPS, np.arange(180), speed) == pytest.approx(1.3, abs=0.05)
    assert (snap_to_beats(even, still, song(6.0, False).beats, 0.3) == even).all()


def test_steps_that_come_early_are_moved_onto_the_beat():
    early = stepping(6.0, 0.03)  # by 70 ms
    told = beats(6.0)
    numbers = f.encode(early)
    moved = f.decode(snap_to_beats(numbers, early, told, 0.0), BODY, FPS)

    def off(motion):
        inside = [t for t in footfalls(motion) if 0.6 < t < 5.4]
        every = with_half_beats(told.times_s)
        return np.mean([np.abs(every - t).min() for t in inside])

    assert off(early) > 0.04 and off(moved) < 0.02
    assert np.abs(np.diff(moved.positions, 2, axis=0)).max() < 1.5 * np.abs(np.diff(early.positions, 2, axis=0)).max()
    assert (snap_to_beats(numbers, early, song(6.0, False).beats, 0.2) == numbers).all()


def test_steps_of_a_longer_dance_are_moved_as_those_of_a_shorter_one():
    """To the same bits, until some beats before the shorter one ends."""
    dance, told = stepping(40.0, 0.04), beats(40.0)
    whole = snap_to_beats(f.encode(dance), dance, told, 0.0)
    for seconds in (10, 15, 21):
        part = dance.slice(0, round(seconds * FPS))
        made = snap_to_beats(f.encode(part), part, told, 0.0)
        same = round((seconds - 3) * FPS)
        assert np.array_equal(made[:same], whole[:same]) and not np.array_equal(whole[:same], f.encode(dance)[:same])


def test_a_dance_is_as_long_as_the_song_and_the_same_for_the_same_seed(folder):
    dancer = DiffusionChoreographer(folder)
    one, two, other = (
        np.concatenate([c.keypoints for c in choreograph(dancer, song(7.3), seed=s, fps=24.0)]) for s in (3, 3, 4)
    )
    assert len(one) == round(7.3 * 24)
    assert (one == two).all() and np.abs(one - other).max() > 1
    chunk = next(choreograph(dancer, song(7.3), size=(300, 200)))
    assert chunk.size == (300, 200) and chunk.joints3d.shape == (*chunk.keypoints.shape[:2], 3)


def test_limbs_never_change_length_and_feet_never_sink(folder):
    motion = DiffusionChoreographer(folder).dance(song(9.0), seed=1)
    assert np.ptp(_limbs(motion.positions), axis=0).max() < 1e-5
    ankles = motion.positions[:, [AT["l_ankle"], AT["r_ankle"]], 1]
    assert ankles.min() > BODY.floor_heights[0] - 0.01


def test_the_dancer_stays_on_the_stage():
    """However far the denoiser would go: here it is made to walk 3 m away in each window."""
    walker = model()
    with torch.no_grad():
        walker.denoiser.output_projection.weight.zero_()
        walker.denoiser.output_projection.bias[0] = 3.0 / walker.normalizer.spread[0]
    heard = song(20.0)
    numbers = music.encode_music(heard.mel, heard.beats, 600, FPS)
    (free,) = sample(walker, [SampleRequest(numbers, floor=None)])
    (held,) = sample(walker, [SampleRequest(numbers, floor=(3.0, 3.0))])
    assert np.abs(free[:, (0, 2)]).max() > 20
    ends = np.arange(59, 600, 48)
    assert np.abs(held[ends][:, (0, 2)]).max() < 1.51


def test_a_denoiser_that_is_a_little_off_leaves_no_jump_where_the_dance_goes_on():
    """Its windows all show one pose, 5 cm aside of where the dancer is: she gets there, but does not jump."""
    aside = model()
    with torch.no_grad():
        aside.denoiser.output_projection.weight.zero_()
        aside.denoiser.output_projection.bias[0] = (0.05 - aside.normalizer.mean[0]) / aside.normalizer.spread[0]
        aside.denoiser.output_projection.bias[1] = (0.9 - aside.normalizer.mean[1]) / aside.normalizer.spread[1]
    heard = song(6.0)
    (made,) = sample(aside, [SampleRequest(music.encode_music(heard.mel, heard.beats, 180, FPS), floor=None)])
    assert made[-1, 0] > made[0, 0] + 0.1
    assert np.abs(np.diff(made[:, 0])).max() < 0.01


def test_kept_spans_and_limbs_stay_within_a_millimetre_and_the_rest_is_new(folder):
    old = DiffusionChoreographer(folder).dance(song(8.0), seed=1)
    spans = DiffusionChoreographer(folder).dance(song(8.0), DanceControls(edit=old, keep=((2.0, 4.0),)), seed=2)
    inside = slice(60, 120)
    assert np.abs(spans.positions[inside] - old.positions[inside]).max() < 1e-3
    assert np.abs(spans.positions[130:] - old.positions[130:]).max() > 0.01
    legs = DiffusionChoreographer(folder).dance(song(8.0), DanceControls(edit=old, keep_joints=("legs",)), seed=2)
    lower = [AT[f"{s}_{j}"] for s in "lr" for j in ("hip", "knee", "ankle", "toe")]
    wrists = [AT["l_wrist"], AT["r_wrist"]]
    assert np.abs(legs.positions[:, lower] - old.positions[:, lower]).max() < 1e-3
    assert np.abs(legs.positions[:, wrists] - old.positions[:, wrists]).max() > 0.01
    arms = DiffusionChoreographer(folder).dance(song(8.0), DanceControls(edit=old, keep_joints=("arms",)), seed=2)
    upper = [i for i, name in enumerate(NAMES) if name not in {NAMES[j] for j in lower}]
    assert np.abs(arms.positions[:, upper] - old.positions[:, upper]).max() < 1e-3
    assert np.abs(arms.positions[:, lower] - old.positions[:, lower]).max() > 0.01


def test_what_is_kept_is_not_moved_onto_the_beat_nor_is_a_dance_without_one(folder):
    tune = song(8.0)
    plain = DiffusionChoreographer(folder).dance(tune, DanceControls(retime=False), seed=1)
    none = replace(tune, beats=song(8.0, False).beats)
    same = [DiffusionChoreographer(folder).dance(none, DanceControls(retime=r), seed=1) for r in (False, True)]
    assert np.array_equal(same[0].root, same[1].root)
    controls = DanceControls(edit=plain, keep=((2.0, 4.0),))
    kept = DiffusionChoreographer(folder).dance(tune, controls, seed=2)
    assert np.abs(kept.positions[60:120] - plain.positions[60:120]).max() < 1e-3


def test_what_is_kept_stays_where_it_was_in_the_song(folder):
    """An edit that begins two seconds later in the song than the dance it is made from."""
    old = replace(DiffusionChoreographer(folder).dance(song(8.0), seed=1), start_s=60.0)

    def edited(**conditioning):
        tune = replace(song(6.0), start_s=62.0)
        return DiffusionChoreographer(folder).dance(tune, DanceControls(edit=old, **conditioning), seed=2)

    assert np.abs(edited(keep=((64.0, 65.0),)).positions[60:90] - old.positions[120:150]).max() < 1e-3
    for span in ((2.0, 4.0), (68.5, 70.0)):
        with pytest.raises(InputError, match=r"lasts from 60 to 68 s of the song"):
            edited(keep=(span,))


def test_every_free_frame_is_danced_by_one_window_and_spans_that_follow_are_seen(folder):
    """Wherever a kept span begins, the last window before it sees a second of it, and of what was before."""
    numbers = music.encode_music(song(20.0).mel, song(20.0).beats, 600, FPS)
    for first in (1, 5, 30, 59, 60, 61, 70, 108, 109, 300, 590):
        known = np.zeros((600, 4), np.float32)
        known[first : first + 40] = 1
        request = SampleRequest(numbers, given=np.zeros((600, f.WIDTH), np.float32), known=known)
        plan = list(DancePlan(request).plan(60, 12))
        danced = np.zeros(600, int)
        danced[known[:, 0] > 0] = 1
        for begin, until in plan:
            assert 0 <= begin < until <= begin + 60
            danced[begin:until] = np.maximum(danced[begin:until], 1)
            assert danced[:until].all()  # nothing is left open behind a window
        assert danced.all()
        last = max((window for window in plan if window[1] == first), key=lambda window: window[0])
        assert last[0] + 60 >= min(first + 12, 600)


def test_a_dance_ends_in_the_pose_that_is_given_and_gets_there_without_a_jump(folder):
    pose = stepping().slice(40, 41)
    controls = DanceControls(start_pose=pose, end_pose=stepping().slice(75, 76))
    motion = DiffusionChoreographer(folder).dance(song(4.0), controls)
    given = stepping().positions[75] - stepping().positions[75, 0] * (1, 0, 1)
    assert np.abs(motion.positions[-1] - given).max() < 1e-3
    steps = np.linalg.norm(np.diff(motion.positions, axis=0), axis=-1).max(1)
    assert steps[-10:].max() < 2 * steps[:-10].max()
    old = DiffusionChoreographer(folder).dance(song(4.0), seed=1)
    for conditioning in ({"keep_joints": ("legs",)}, {"keep": ((0.0, 1.0),)}):
        with pytest.raises(InputError, match="--start-pose: what is kept"):
            DiffusionChoreographer(folder).dance(song(4.0), DanceControls(start_pose=pose, edit=old, **conditioning))


def test_a_repeat_that_follows_at_once_is_led_into():
    """The section that returns begins a moment after what it repeats: the way there is danced seeing both its ends."""
    numbers = music.encode_music(song(20.0).mel, song(20.0).beats, 600, FPS)
    dance = DancePlan(SampleRequest(numbers, returns=((300, np.arange(120.0, 270.0)),)))
    plan = list(dance.plan(60, 12))
    leading = [window for window in plan if window[1] == 300]
    assert leading == [(258, 300)]  # all of the source, up to 270, is there; and the repeat is seen from there
    assert any(until == 270 for _, until in plan) and plan[-1][1] == 600


def test_turns_are_whole_where_a_denoiser_says_the_mean_of_two():
    """Numbers of two opposite turns, averaged nearly to nought."""
    numbers = torch.randn(2, 5, f.WIDTH, generator=torch.Generator().manual_seed(0)) * 1e-3
    still = model().normalizer
    turned = still.restore(_turned(still.normalise(numbers), still))
    first, second = turned[..., f.TURNS].unflatten(-1, (-1, 2, 3)).unbind(-2)
    for vector in (first, second):
        assert torch.allclose(vector.norm(dim=-1), torch.ones(()), atol=1e-4)
    assert (first * second).sum(-1).abs().max() < 1e-4
    rest = [i for i in range(f.WIDTH) if not f.TURNS.start <= i < f.TURNS.stop]
    assert torch.allclose(turned[..., rest], numbers[..., rest], atol=1e-5)


def test_moves_come_back_where_a_section_does():
    heard = song(30.0)
    numbers = music.encode_music(heard.mel, heard.beats, 900, FPS)
    again = np.arange(100, 280) + 0.5
    (made,) = sample(model(), [SampleRequest(numbers, seed=1, returns=((600, again),))])
    (plain,) = sample(model(), [SampleRequest(numbers, seed=1)])
    between = (made[100:280] + made[101:281]) / 2
    assert np.abs(made[600:780] - between).max() < 1e-5
    assert np.abs(plain[600:780] - between).max() > 0.01
    assert (made[:280] == plain[:280]).all()


def test_a_dance_begins_from_the_pose_that_is_given(folder):
    pose = stepping().slice(40, 41)
    motion = DiffusionChoreographer(folder).dance(song(4.0), DanceControls(start_pose=pose))
    given = pose.positions[0] - pose.positions[0, 0] * (1, 0, 1)
    assert np.abs(motion.positions[0] - given).max() < 1e-3
    with pytest.raises(InputError, match="another body"):
        other = replace(pose, body=replace(BODY, offsets=BODY.offsets * 1.1))
        DiffusionChoreographer(folder).dance(song(4.0), DanceControls(start_pose=other))


def test_planted_feet_stand_where_they_stood():
    """A dancer who stands still on a floor that slides at 20 cm a second."""
    motion = stepping(3.0)
    still = replace(motion, rotations=np.repeat(motion.rotations[:1], len(motion), 0))
    times = np.arange(len(motion)) / FPS
    root = still.root.copy()
    root[:, 0], root[:, 1] = 0.05 * np.sin(4 * times), root[:, 1] - 0.03
    sliding = replace(still, root=root)
    planted = fix_foot_contacts(sliding, np.ones((len(motion), 4), bool))
    feet = [AT["l_ankle"], AT["r_toe"]]

    def skating(dance):
        return np.linalg.norm(np.diff(dance.positions[:, feet][..., (0, 2)], axis=0), axis=-1).mean() * FPS

    assert skating(planted) < 0.1 * skating(sliding)
    assert np.ptp(_limbs(planted.positions), axis=0).max() < 1e-5
    assert np.abs(planted.positions[:, 0] - sliding.positions[:, 0]).max() < 1e-9
    assert planted.positions[:, AT["l_ankle"], 1].min() > BODY.floor_heights[0] - 0.002


def test_a_model_comes_back_from_its_files_and_damage_is_told(folder, tmp_path):
    back = load_model(folder)
    assert back.config == CONFIG and back.styles == ("stepping",)
    assert np.abs(back.body.offsets - BODY.offsets).max() == 0
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="safetensors"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text().replace('"width": 48', '"width": 24'))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="does not fit"):
        load_model(tmp_path)


def test_controls_that_cannot_be_followed_are_refused(folder):
    with pytest.raises(InputError, match="--genre polka: this model knows stepping"):
        DiffusionChoreographer(folder).dance(song(4.0), DanceControls(genre="polka"))
    for wrong in (
        {"camera": "drone"}, {"energy": 2.0}, {"music_guidance": -1.0}, {"floor": (0.1, 3.0)}, {"keep": ((1, 2),)},
    ):  # fmt: skip
        with pytest.raises(InputError):
            DanceControls(**wrong)
