"""A window that no dancer could dance is drawn again."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion import music, sampling
from dancegen.choreographers.diffusion.planning import SampleRequest
from dancegen.motion import strain as limits
from dancegen.motion.strain import strain
from helpers.tiny_diffusion import BODY, CONFIG, FPS, model, song, stepping

WINDOW = CONFIG.window.frames


def _request(seconds: float, seed: int = 0) -> SampleRequest:
    heard = song(seconds)
    return SampleRequest(music.encode_music(heard.mel, heard.beats, round(seconds * FPS), FPS), seed=seed)


def _danced(seconds: float, seed: int = 0) -> np.ndarray:
    return sampling.sample(model(), [_request(seconds, seed)])[0]


def _worst(dance: np.ndarray) -> float:
    return float(strain(f.decode(dance, BODY, FPS)).max())


@pytest.fixture
def wild(monkeypatch):
    """An untrained dancer trembles beyond all limits, and every window differs: so limits are set among them."""
    monkeypatch.setattr(sampling, "DRAWS", 1)
    worst = [_worst(_danced(WINDOW / FPS, seed)) for seed in range(6)]
    monkeypatch.undo()
    level = float(np.median(worst))
    for name in ("FASTEST_TURN", "HARDEST_ACCELERATION"):
        monkeypatch.setattr(limits, name, getattr(limits, name) * level)
    return [one / level for one in worst]


def test_only_windows_beyond_the_limit_are_drawn_again_and_none_gets_worse(wild):
    found = [_worst(_danced(WINDOW / FPS, seed)) for seed in range(6)]
    for before, after in zip(wild, found, strict=True):
        assert after == pytest.approx(before, abs=1e-3) if before <= 1 else after <= before + 1e-3
    assert any(after < before - 0.01 for before, after in zip(wild, found, strict=True))


def test_a_longer_dance_begins_as_a_shorter_one_and_is_the_same_each_time(wild):
    seed, whole = int(np.argmax(wild)), _request(12.0)
    short, again, long = (
        sampling.sample(model(), [SampleRequest(whole.song[:frames], seed=seed)])[0] for frames in (240, 240, 360)
    )
    assert np.array_equal(short, again)
    whole_windows = 4 * WINDOW - 3 * CONFIG.window.prefix
    assert np.array_equal(short[:whole_windows], long[:whole_windows])


def test_what_is_kept_of_another_dance_never_makes_a_window_drawn_again(monkeypatch):
    """However wild it is: only frames that the window dances itself count."""
    given, known = np.repeat(f.encode(stepping())[:1], WINDOW, axis=0), np.ones((WINDOW, len(f.PARTS)))
    given[29:33] = np.random.default_rng(0).normal(size=(4, f.WIDTH))  # within the prefix of the window that follows
    known[40:] = 0
    song_alone = _request(WINDOW / FPS).song
    kept = SampleRequest(song_alone, given=given.astype(np.float32), known=known.astype(np.float32))
    monkeypatch.setattr(limits, "HARDEST_ACCELERATION", 10 * limits.HARDEST_ACCELERATION)
    monkeypatch.setattr(limits, "FASTEST_TURN", 10 * limits.FASTEST_TURN)
    draws = []
    denoise = sampling._denoise
    monkeypatch.setattr(sampling, "_denoise", lambda *given: draws.append(given[4:]) or denoise(*given))
    (made,) = sampling.sample(model(), [kept])
    assert _worst(made) > 1 and len(draws) == 1
