"""The instruments of the song synthesiser: short sounds as mono float32 arrays at 44,100 Hz, peak near 1."""

from __future__ import annotations

import numpy as np

RATE = 44_100


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def _filtered(noise: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """Second-order Butterworth band between two frequencies in Hz (None: open)."""
    from scipy.signal import butter, sosfilt

    if low and high:
        sos = butter(2, [low, high], "bandpass", fs=RATE, output="sos")
    else:
        sos = butter(2, low or high, "highpass" if low else "lowpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(sos, noise))


def _peak_one(sound: np.ndarray) -> np.ndarray:
    fade = min(len(sound), 200)
    sound = sound.copy()
    sound[-fade:] *= np.linspace(1, 0, fade)
    return (sound / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


def _struck(partials: tuple[tuple[float, float, float], ...], seconds: float) -> np.ndarray:
    """Partials (Hz, level, decay in seconds) that all start at once."""
    time = _time(seconds)
    waves = (level * np.exp(-time / decay) * np.sin(2 * np.pi * hertz * time) for hertz, level, decay in partials)
    return sum(waves, np.zeros(len(time)))


def percussion(name: str, tone: float, rng: np.random.Generator) -> np.ndarray:
    """One hit. `tone` (0.7 to 1.4, say) tunes the instrument; congas and toms come as `congas:low` and so on."""
    name, _, kind = name.partition(":")
    return _peak_one(_HITS[name](tone, kind, rng))


def _kick(tone, kind, rng):
    time = _time(0.32)
    sweep = 48 * tone + 130 * tone * np.exp(-time / 0.022)
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-time / (0.11 / tone))
    click = _filtered(rng.normal(size=len(time)), 2000, 7000) * np.exp(-time / 0.003)
    return np.tanh(1.6 * body) + 0.25 * click / 2


def _snare(tone, kind, rng):
    time = _time(0.24)
    wires = _filtered(rng.normal(size=len(time)), 1400 * tone, 9000) * np.exp(-time / 0.07)
    return 0.6 * _struck(((185 * tone, 1, 0.05), (330 * tone, 0.6, 0.035)), 0.24) + 0.9 * wires


def _metal(seconds, decay, tone, rng):
    """Cymbals: detuned squares through a high-pass, with noise."""
    time = _time(seconds)
    squares = sum(np.sign(np.sin(2 * np.pi * hertz * tone * time)) for hertz in (317, 465, 540, 811, 1013, 1239))
    return _filtered(squares / 3 + rng.normal(size=len(time)), 7000, None) * np.exp(-time / decay)


def _hats(tone, kind, rng):
    return _metal(0.09, 0.018, tone, rng)


def _open_hat(tone, kind, rng):
    return _metal(0.35, 0.12, tone, rng)


def _ride(tone, kind, rng):
    ping = 0.2 * _struck(((3100 * tone, 1, 0.2), (4720 * tone, 0.7, 0.15)), 0.5)
    return 0.7 * _metal(0.5, 0.16, 0.8 * tone, rng) + ping


def crash(tone: float, rng: np.random.Generator) -> np.ndarray:
    """A cymbal that announces a section: 2 s."""
    time = _time(2.0)
    return _peak_one(_filtered(rng.normal(size=len(time)), 3500 * tone, None) * np.exp(-time / 0.55))


def _clap(tone, kind, rng):
    time = _time(0.2)
    hands = sum(np.exp(-np.maximum(time - late, 0) / 0.006) * (time >= late) for late in (0.0, 0.009, 0.019))
    tail = np.exp(-np.maximum(time - 0.026, 0) / 0.05) * (time >= 0.026)
    return _filtered(rng.normal(size=len(time)), 900 * tone, 4000 * tone) * (hands + tail)


def _rim(tone, kind, rng):
    return _struck(((1750 * tone, 1, 0.007), (820 * tone, 0.8, 0.012)), 0.06)


def _toms(tone, kind, rng):
    time = _time(0.35)
    sweep = tone * {"low": 85, "high": 150}.get(kind, 115) * (1 + 0.6 * np.exp(-time / 0.03))
    return np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-time / 0.12)


def _shaker(tone, kind, rng):
    time = _time(0.09)
    return (
        _filtered(rng.normal(size=len(time)), 5000 * tone, 12_000) * np.minimum(time / 0.012, 1) * np.exp(-time / 0.025)
    )


def _tambourine(tone, kind, rng):
    time = _time(0.2)
    jingles = _struck(tuple((hertz * tone, 0.5, 0.05) for hertz in (5230, 6810, 8170, 9430)), 0.2)
    return jingles + _filtered(rng.normal(size=len(time)), 6000, None) * np.exp(-time / 0.04)


def _congas(tone, kind, rng):
    time = _time(0.28)
    pitch, decay = {"low": (172, 0.11), "slap": (285, 0.03)}.get(kind, (225, 0.08))
    skin = np.sin(2 * np.pi * np.cumsum(pitch * tone * (1 + 0.12 * np.exp(-time / 0.01))) / RATE) * np.exp(
        -time / decay
    )
    slap = _filtered(rng.normal(size=len(time)), 1200, 5000) * np.exp(-time / 0.006)
    return skin + (0.8 if kind == "slap" else 0.25) * slap


def _cowbell(tone, kind, rng):
    time = _time(0.3)
    pair = np.sign(np.sin(2 * np.pi * 545 * tone * time)) + np.sign(np.sin(2 * np.pi * 815 * tone * time))
    return _filtered(pair, 500, 6000) * (0.6 * np.exp(-time / 0.02) + 0.4 * np.exp(-time / 0.09))


def _clave(tone, kind, rng):
    return _struck(((2480 * tone, 1, 0.025), (5100 * tone, 0.15, 0.008)), 0.1)


def _guiro(tone, kind, rng):
    time = _time(0.14)
    scrape = (np.sin(2 * np.pi * 95 * time) > 0.6) * np.minimum(time / 0.01, 1) * np.exp(-time / 0.07)
    return _filtered(rng.normal(size=len(time)) * scrape, 2200 * tone, 7000)


_HITS = {
    "kick": _kick, "snare": _snare, "hats": _hats, "open-hat": _open_hat, "ride": _ride, "clap": _clap, "rim": _rim,
    "toms": _toms, "shaker": _shaker, "tambourine": _tambourine, "congas": _congas, "cowbell": _cowbell,
    "clave": _clave, "guiro": _guiro,
}  # fmt: skip


def note(voice: str, midi: float, seconds: float, bright: float = 1.0) -> np.ndarray:
    """One note of a pitched voice, held for `seconds` and released; `bright` scales its overtones (0.5 to 1.5)."""
    hertz = 440 * 2 ** ((midi - 69) / 12)
    shape = _VOICES[voice]
    time = _time(seconds + shape.release)
    sound = np.zeros(len(time))
    highest = int(min(shape.overtones, 15_000 / hertz))
    for cents in shape.detune:
        phase = 2 * np.pi * hertz * 2 ** (cents / 1200) * time + cents
        for overtone in range(1, highest + 1):
            level = shape.level(overtone) * bright ** (overtone - 1)
            if abs(level) < 1e-3:
                continue
            fading = np.exp(-time * overtone**0.8 / shape.decay) if shape.decay else 1.0
            sound += level * np.sin(overtone * phase) * fading
    envelope = np.minimum(time / shape.attack, 1) * np.clip(1 - (time - seconds) / shape.release, 0, 1) ** 2
    return (sound * envelope / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


class _Voice:
    """An additive voice: overtone levels, detuned copies in cents, attack, decay (0: held) and release in seconds."""

    def __init__(self, levels, overtones, detune, attack, decay, release):
        self.level, self.overtones, self.detune = levels, overtones, detune
        self.attack, self.decay, self.release = attack, decay, release


_VOICES = {
    "bass": _Voice(lambda n: 1 / n**1.5, 10, (0,), 0.004, 0.9, 0.04),
    "bass:sub": _Voice(lambda n: 1 / n**3, 3, (0,), 0.008, 0, 0.06),
    "bass:square": _Voice(lambda n: (n % 2) / n, 15, (0,), 0.003, 0.5, 0.03),
    "pad": _Voice(lambda n: 1 / n**1.6, 8, (-7, 6), 0.12, 0, 0.4),
    "strings": _Voice(lambda n: 1 / n**1.2, 10, (-9, 8), 0.18, 0, 0.35),
    "organ": _Voice(lambda n: {1: 1, 2: 0.7, 3: 0.5, 4: 0.35, 6: 0.2, 8: 0.15}.get(n, 0), 8, (0,), 0.006, 0, 0.03),
    "piano": _Voice(lambda n: 1 / n**1.3, 9, (-1.5, 1.5), 0.003, 0.9, 0.12),
    "pluck": _Voice(lambda n: 1 / n, 12, (0,), 0.002, 0.28, 0.05),
    "lead": _Voice(lambda n: (0.4 + n % 2) / n, 9, (-5, 5), 0.01, 0, 0.06),
    "lead:flute": _Voice(lambda n: 1 / n**2.6, 4, (0,), 0.05, 0, 0.08),
    "bells": _Voice(lambda n: {1: 1, 3: 0.5, 5: 0.35, 8: 0.2}.get(n, 0), 8, (0,), 0.002, 0.8, 0.2),
}


def riser(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise that grows and brightens through a build-up."""
    time = _time(max(seconds, 0.2))
    noise = rng.normal(size=len(time))
    share = (time / time[-1]) ** 2
    return _peak_one(share * ((1 - share) * _filtered(noise, 300, 1500) + share * _filtered(noise, 1500, 9000)))
