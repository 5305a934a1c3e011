"""The neon dancer: seen at every size, alive with the music, calm where joints are missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers import STYLES, get_renderer
from dancegen.renderers.skeleton.audio_envelope import N_BANDS, AudioEnvelope
from dancegen.renderers.skeleton.neon.body import frame_body, on_one_stage

FPS = 10
SIZES = [(320, 180), (180, 320), (180, 180)]
STANDING = np.array(
    [
        [256, 118], [256, 150], [230, 152], [215, 200], [205, 245], [282, 152], [297, 200], [307, 245], [241, 245],
        [238, 320], [236, 395], [271, 245], [274, 320], [276, 395], [250, 112], [262, 112], [242, 115], [270, 115],
    ]
)  # fmt: skip


def still(frames=10, fps=FPS) -> PoseSequence:
    keypoints = np.ones((frames, 18, 3), np.float32)
    keypoints[..., :2] = STANDING
    return PoseSequence(keypoints, fps)


def swaying(frames=10, fps=FPS) -> PoseSequence:
    sequence = still(frames, fps)
    keypoints = sequence.keypoints.copy()
    keypoints[..., 0] += 40 * np.sin(np.arange(frames) / fps * 3)[:, None]
    keypoints[:, [4, 7], 1] -= 60 * np.abs(np.sin(np.arange(frames) / fps * 6))[:, None]
    return PoseSequence(keypoints, fps)


def steady(beats=(), seconds=10.0) -> AudioEnvelope:
    """A song whose envelopes stand still: whatever changes in a picture comes from the beats or the dancer."""
    count = round(seconds * 90)
    beats = np.array(beats, np.float64)
    flat = np.full(count, 0.3, np.float32)
    return AudioEnvelope(
        beats, np.ones(len(beats)), 120.0, 90.0, flat, flat, np.full((count, N_BANDS), 0.4, np.float32)
    )


def render(sequence, envelope, size=(320, 180), fps=FPS, style="neon"):
    return list(get_renderer(style).frames(sequence, envelope, size=size, fps=fps))


@pytest.mark.parametrize("size", [*SIZES, (322, 178), (66, 90)])
def test_every_size_gets_its_frames(size):
    frames = render(swaying(4), steady([0.2]), size)
    assert len(frames) == 4
    assert all(frame.shape == (size[1], size[0], 3) and frame.dtype == np.uint8 for frame in frames)
    assert frames[2].mean() > 10
    assert frames[2].std() > 10


@pytest.mark.parametrize("size", SIZES)
def test_the_dancer_outshines_the_stage(size):
    sequence = swaying(3)
    body = frame_body(sequence, size)
    frame = render(sequence, steady(), size)[2].astype(float).max(axis=2)
    columns, rows = np.round(body.joints[2, 1:14]).astype(int).T
    assert frame[rows, columns].mean() > 1.5 * np.median(frame)


@pytest.mark.parametrize("size", SIZES)
def test_head_to_toe_are_inside_and_feet_share_one_floor(size):
    body = frame_body(swaying(40), size)
    assert body.joints[..., 0].min() > 0 and body.joints[..., 0].max() < size[0]
    assert body.head[:, 1].min() > 0.07 * body.stature
    soles = body.joints[:, [10, 13], 1].max(axis=1) + 0.045 * body.stature
    assert soles == pytest.approx(body.floor_y, abs=0.03 * body.stature)
    assert body.floor_y < size[1]


def test_the_dancer_keeps_one_size_while_travelling():
    sequence = still(60)
    keypoints = sequence.keypoints.copy()
    keypoints[..., 0] += np.linspace(-200, 200, 60)[:, None]
    body = frame_body(PoseSequence(keypoints, FPS), (180, 320))
    torso = np.linalg.norm(body.joints[:, 1] - body.joints[:, 8], axis=1)
    assert torso == pytest.approx(torso[0], rel=1e-4)
    assert body.joints[..., 0].min() > 0 and body.joints[..., 0].max() < 180


def test_the_stage_flashes_on_the_beat():
    frames = render(still(10), steady([0.2, 0.7]))
    brightness = [float(frame[:60].mean()) for frame in frames]  # above the dancer: the stage alone
    assert brightness[2] > 1.15 * brightness[6]
    assert brightness[7] > 1.15 * brightness[6]
    assert brightness[2] > brightness[3] > brightness[4] > brightness[6]


def test_without_beats_the_onsets_make_the_light():
    envelope = steady()
    onset = np.zeros_like(envelope.onset)
    onset[35:55] = 1.0
    frames = render(still(9), replace(envelope, onset=onset))
    assert frames[5][:60].mean() > 1.15 * frames[2][:60].mean()


def test_silence_still_shows_the_dancer():
    frames = render(swaying(3), AudioEnvelope.silent())
    assert frames[2].max() > 150


def test_the_same_dance_gives_the_same_frames():
    first, second = (render(swaying(6), steady([0.2])) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_hidden_face_points_do_not_make_the_head_jump():
    sequence = still(12)
    keypoints = sequence.keypoints.copy()
    keypoints[4:8, [0, 14, 15, 16, 17]] = 0  # the dancer turns away
    seen, hidden = (frame_body(s, (320, 180)) for s in (sequence, PoseSequence(keypoints, FPS)))
    step = np.abs(np.diff(hidden.head, axis=0)).max()
    assert step < 0.02 * hidden.stature
    assert hidden.stature == pytest.approx(seen.stature)


def test_missing_joints_leave_a_picture_without_flicker():
    sequence = swaying(30, fps=30)
    keypoints = sequence.keypoints.copy()
    keypoints[10:13, [3, 4]] = 0  # an arm for a tenth of a second
    whole = render(sequence, steady(), fps=30)
    broken = render(PoseSequence(keypoints, 30.0), steady(), fps=30)
    steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(broken[1:], broken[:-1], strict=True)]
    usual = [np.abs(a.astype(int) - b).mean() for a, b in zip(whole[1:], whole[:-1], strict=True)]
    assert max(steps) < 1.5 * max(usual)


@pytest.mark.parametrize("missing", [range(18), range(8, 14), [1], [0, 14, 15, 16, 17]])
def test_whole_parts_may_be_missing_for_the_whole_clip(missing):
    keypoints = still(3).keypoints.copy()
    keypoints[:, list(missing)] = 0
    frames = render(PoseSequence(keypoints, FPS), steady([0.1]))
    assert len(frames) == 3 and frames[1].max() > 60


def test_other_rates_are_resampled():
    assert len(render(swaying(10, fps=10), steady(), (96, 96), fps=30)) == 30


def test_an_unfinished_render_leaves_no_thread_waiting():
    import threading

    frames = get_renderer("neon").frames(swaying(20), steady(), size=(96, 96), fps=FPS)
    next(frames)
    frames.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dancer")]


@pytest.mark.parametrize("size", [(512, 512), (320, 180), (180, 320)])
def test_openpose_frames_are_what_controlnet_was_trained_on(size):
    from dancegen.pose.drawing import draw_openpose

    sequence = swaying(4)
    expected = sequence.fitted(size).keypoints
    frames = render(sequence, AudioEnvelope.silent(), size, style="openpose")
    assert len(frames) == 4
    assert all(np.array_equal(f, draw_openpose(k, size)) for f, k in zip(frames, expected, strict=True))


def test_styles_are_found_by_name_and_unknown_ones_refused():
    for style in STYLES:
        assert hasattr(get_renderer(style), "frames")
    with pytest.raises(InputError, match="neon, openpose"):
        get_renderer("oil")
    with pytest.raises(InputError, match="too small"):
        render(still(2), steady(), (48, 48))


def test_the_real_thing_is_drawn(shared_data):
    from dancegen.motion.cameras import project
    from dancegen.motion.readers.registry import load_motion

    dance = project(load_motion(shared_data / "cmu-salsa" / "60_01_scaled.bvh"), 0.0)
    frames = render(dance.slice(300, 312), steady([0.05]), fps=30)
    assert len(frames) == 6
    assert frames[3].max() > 200


def test_a_tall_dancer_is_enlarged_onto_the_very_same_place():
    """Bodies over 560 pixels are drawn smaller and enlarged: light and joints must not drift apart."""
    from dancegen.renderers.skeleton.neon.figure import draw_figure
    from dancegen.renderers.skeleton.neon.palette import palette_at
    from dancegen.renderers.skeleton.neon.tone_mapper import expose

    size = (600, 900)
    body = frame_body(swaying(2), size)
    cover = []
    for detail in (1.0, 0.7):
        paper = (round(size[0] * detail), round(size[1] * detail))
        dancer = expose(draw_figure(body.scaled(detail), 1, palette_at(0.0), 0.5, paper), detail, size)
        whole = np.zeros((size[1], size[0]))
        whole[dancer.window] = 65_535 - dancer.through[..., 0]
        cover.append(whole)
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for along in (columns, rows):
        assert np.average(along, weights=cover[0]) == pytest.approx(np.average(along, weights=cover[1]), abs=0.25)
    assert np.abs(cover[0] - cover[1]).mean() < 0.02 * cover[0].max()


def test_a_figure_worked_out_at_every_second_pixel_is_the_one_of_every_pixel(monkeypatch):
    from dancegen.renderers.skeleton.neon import figure as drawing
    from dancegen.renderers.skeleton.neon.palette import palette_at

    size = (640, 540)
    body = frame_body(swaying(4), size)
    assert body.stature > drawing.SPACED_FROM

    def drawn() -> drawing.Figure:
        return drawing.draw_figure(body, 2, palette_at(0.0), 0.5, size)

    spaced = drawn()
    monkeypatch.setattr(drawing, "SPACED_FROM", float("inf"))
    every = drawn()
    assert spaced.patch.window == every.patch.window
    inside = every.cover > 0
    for one, other in ((spaced.cover, every.cover), *zip(spaced.colour, every.colour, strict=True)):
        apart = np.abs(one - other)[inside] / other.max()
        assert apart.mean() < 0.01 and np.percentile(apart, 99) < 0.1
    assert np.abs(spaced.cover - every.cover).max() > 0  # they were worked out in two ways


@pytest.mark.parametrize(("size", "count"), [((320, 180), 40), ((180, 322), 8), ((600, 900), 8)])
def test_light_of_the_dancer_is_added_where_it_is_and_the_picture_is_that_of_whole_layers(size, count, monkeypatch):
    """Glow, mirror image, trail and echo of the last beat, all worked out round the dancer alone."""
    from dancegen.renderers.skeleton.neon import renderer

    sequence, envelope = swaying(count), steady([0.05, 0.35])
    near = render(sequence, envelope, size)
    whole = (slice(0, size[1] // 2), slice(0, size[0] // 2))
    boxes = []

    def everywhere(figure, *more):
        dancer = expose(figure, *more)
        boxes.append(dancer.box)
        layer = np.zeros((size[1] // 2, size[0] // 2, 3), np.float32)
        layer[dancer.box] = dancer.halved
        return replace(dancer, halved=layer, box=whole)

    expose = renderer.expose
    monkeypatch.setattr(renderer, "expose", everywhere)
    for one, other in zip(near, render(sequence, envelope, size), strict=True):
        apart = np.abs(one.astype(int) - other)
        assert apart.max() <= 1 and apart.mean() < 0.001  # of 255
    rows, columns = boxes[3]
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 0.75 * (size[0] // 2) * (size[1] // 2)


@pytest.mark.parametrize("size", [(320, 180), (180, 322), (600, 900)])
def test_planes_are_what_video_makes_of_the_frames(size):
    from av import VideoFrame

    from dancegen.video.frames import planes_to_rgb

    (width, height), sequence, envelope = size, swaying(6), steady([0.05, 0.35])
    frames = render(sequence, envelope, size)
    planes = list(get_renderer("neon").planes(sequence, envelope, size=size, fps=FPS))
    assert len(planes) == len(frames)
    for frame, drawn in zip(frames, planes, strict=True):
        shown = VideoFrame.from_ndarray(frame, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
        )  # fmt: skip
        apart = drawn.astype(int) - shown.to_ndarray()
        assert drawn.shape == (height * 3 // 2, width) and drawn.dtype == np.uint8
        assert np.abs(apart[:height]).max() <= 2 and abs(apart[:height].mean()) < 0.1
        assert np.abs(apart[height:]).mean() < 0.5 and abs(apart[height:].mean()) < 0.25
        assert np.abs(planes_to_rgb(drawn).astype(int) - frame).mean() < 2.5  # FFmpeg rounds down


@pytest.mark.parametrize("camera", ["front", "follow", "cuts"])
def test_the_dancer_is_large_on_the_stage_wherever_they_go_on_it(camera):
    """Two thirds of the height, also where they cross three metres of floor."""
    from dancegen.motion.cameras import film
    from dancegen.pose.figure import seen_height
    from helpers.tiny_diffusion import stepping

    dance = stepping(12.0)
    root = dance.root.copy()
    root[:, 0] += 1.3 * np.sin(np.linspace(0, 4 * np.pi, len(root)))
    seen = film(replace(dance, root=root).motion(), camera, bars_s=np.arange(0.8, 12, 2.0), lasting=True)
    joints = frame_body(on_one_stage(seen), (1280, 720)).joints
    keypoints = np.concatenate([joints, np.ones((*joints.shape[:2], 1))], -1).astype(np.float32)
    assert 0.58 < np.median(seen_height(keypoints, 30.0)) / 720 < 0.75
    assert keypoints[..., 0].min() > 0 and keypoints[..., 0].max() < 1280


def test_shots_of_footage_have_one_stage_whatever_their_cameras_saw():
    """Half of the shot from far away and high up: the dancer is as large in both, and stands on the floor."""
    near = swaying(40)
    keypoints = near.keypoints.copy()
    keypoints[20:, :, :2] = 0.4 * near.keypoints[20:, :, :2] + 30
    for sequence in (PoseSequence(keypoints, FPS, cuts=np.array([20])), PoseSequence(keypoints, FPS)):
        body = frame_body(on_one_stage(sequence), (320, 180))
        tall = np.ptp(body.joints[..., 1], axis=1)
        soles = body.joints[:, [10, 13], 1].max(axis=1)
        one_stage = tall[25] == pytest.approx(tall[5], rel=0.03) and abs(soles[25] - soles[5]) < 4
        assert one_stage == (sequence.cuts is not None)
    assert on_one_stage(near) is near
