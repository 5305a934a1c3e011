"""Colours of a chain: a known drift is taken out, and what belongs to the film is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.renderers.wan_vace.colour import MOST_LEVELS, Tone, matched, step_between

FRAMES, LEAD, SEGMENTS = 33, 10, 8
NEW = FRAMES - LEAD
DRIFTS = {"brighter": (1.0, 3.0, 0.0), "red": (1.0, 0.0, 4.0), "contrast": (1.05, 0.0, 0.0), "all": (1.04, -2.0, 3.0)}
"""What one segment adds: a factor of the contrast, levels of all channels, levels of red."""


def content(first: int, count: int, light=lambda frame: 1.0) -> np.ndarray:
    """(F, 48, 64, 3) float: a stage with a dancer who moves, in a light that may change."""
    y, x = np.mgrid[:48, :64]
    stage = np.stack([60 + x, 50 + y, 90 + 0.5 * x], -1).astype(np.float32)
    found = np.repeat(stage[None], count, 0)
    for place, frame in enumerate(range(first, first + count)):
        left = round(20 + 15 * np.sin(frame / 9))
        found[place, 12:40, left : left + 10] = (200, 60, 50)
        found[place] *= light(frame)
    return found


def drifted(frames: np.ndarray, drift, amount) -> np.ndarray:
    """With so much of a drift, (F,) or one number."""
    contrast, levels, red = drift
    amount = np.broadcast_to(np.asarray(amount, np.float32), (len(frames),))[:, None, None, None]
    shift = np.array([levels + red, levels, levels], np.float32)
    return ((frames - 110) * contrast**amount + 110 + amount * shift).clip(0, 255)


def chain(drift, *, match: bool, creeping: bool, light=lambda frame: 1.0) -> list[np.ndarray]:
    """New frames of each segment as a model with a drift paints them: from the colours of the frames before.

    creeping: the drift grows over each segment; else all of it is there at once, in the given frames too.
    """
    whole = content(0, FRAMES, light).round()
    segments, tone, state = [whole], Tone.of(whole), np.zeros(3, np.float32)
    for number in range(1, SEGMENTS):
        first = FRAMES + (number - 1) * NEW - LEAD
        before = segments[-1][-LEAD:]
        true = content(first, FRAMES, light)
        state = (before - true[:LEAD]).mean(axis=(0, 1, 2))  # what it goes on from
        gain = before.std() / true[:LEAD].std()
        seen = (true - true[:LEAD].mean()) * gain + true[:LEAD].mean() + state
        seen[:LEAD] = before
        amount = np.linspace(0, 1, FRAMES) if creeping else 1.0
        painted = drifted(seen, drift, amount)
        if match:
            new, tone = matched(painted, before, tone)
        else:
            new = painted[LEAD:]
        segments.append(new.clip(0, 255).round())
    return segments


def off(segments: list[np.ndarray], light=lambda frame: 1.0) -> float:
    """Levels by which the last segment's last frames differ from what they should be, in the worst channel."""
    first = FRAMES + (SEGMENTS - 2) * NEW
    true = content(first, NEW, light)
    difference = (segments[-1] - true)[-8:].mean(axis=(0, 1, 2))
    contrast = abs(segments[-1][-8:].std() / true[-8:].std() - 1) * 50
    return float(max(np.abs(difference).max(), contrast))


@pytest.mark.parametrize("creeping", [False, True], ids=["at once", "creeping"])
@pytest.mark.parametrize("drift", DRIFTS)
def test_a_known_drift_of_eight_segments_is_taken_out(drift, creeping):
    plain = off(chain(DRIFTS[drift], match=False, creeping=creeping))
    put_right = off(chain(DRIFTS[drift], match=True, creeping=creeping))
    assert plain > 9 and put_right < 2.5 and put_right < plain / 5


@pytest.mark.parametrize("creeping", [False, True], ids=["at once", "creeping"])
def test_no_drift_stays_as_it_is(creeping):
    assert off(chain((1.0, 0.0, 0.0), match=True, creeping=creeping)) < 1.5


@pytest.mark.parametrize("length", [1, 12], ids=["sudden", "in a second"])
@pytest.mark.parametrize("at", [FRAMES + 5, FRAMES + 2 * NEW])
def test_a_change_of_light_is_left_alone_and_then_kept(at, length):
    def light(frame: int) -> float:
        return 1 - 0.5 * np.clip((frame - at) / length, 0, 1)

    plain = chain((1.0, 0.0, 0.0), match=False, creeping=False, light=light)
    put_right = chain((1.0, 0.0, 0.0), match=True, creeping=False, light=light)
    for one, other in zip(plain, put_right, strict=True):
        assert np.abs(one.mean(axis=(0, 1, 2)) - other.mean(axis=(0, 1, 2))).max() < 1.5
    drifting = chain(DRIFTS["brighter"], match=True, creeping=True, light=light)
    first = content(FRAMES + (SEGMENTS - 2) * NEW, NEW, light)
    assert np.abs((drifting[-1] - first).mean(axis=(0, 1, 2))).max() < MOST_LEVELS / 2


def test_given_frames_that_came_back_as_something_else_say_nothing():
    rng = np.random.default_rng(0)
    one, other = rng.uniform(0, 255, (2, 6, 16, 16, 3))
    gain, offset = step_between(one, other)
    assert gain.tolist() == [1, 1, 1] and offset.tolist() == [0, 0, 0]
    gain, offset = step_between(one * 0.95 + 4, one)
    assert np.allclose(gain, 1 / 0.95, atol=1e-3) and np.allclose(offset, -4 / 0.95, atol=0.05)
    flat = np.full((6, 16, 16, 3), 100.0)
    assert np.allclose(step_between(flat, flat - 5)[1], -5)


def test_a_segment_that_sets_its_own_tone_is_only_joined():
    frames = content(0, FRAMES)
    new, tone = matched(frames + 5, frames[:LEAD], None)
    assert np.abs(new - frames[LEAD:]).max() < 0.5
    assert np.allclose(Tone.told(tone.to_dict()).mean, tone.mean, atol=0.01)
