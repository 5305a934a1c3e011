"""A song synthesiser of our own: songs of known beats, to train with, to test with, and for the demo.

    python -m dancegen.audio.synth --tempo 120 --metre 4 --pattern house --instruments kick,snare,bass,chords \\
        --seconds 30 --seed 0 -o song.ogg
    python -m dancegen.audio.synth --random 64 --seconds 60 --out DIR

The demo song, `assets/demo.ogg`, is made by

    python -m dancegen.audio.synth --demo -o assets/demo.ogg
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.audio.synth import instruments
from dancegen.audio.synth.arrangement import SECTIONS, Event, Timeline, arrange
from dancegen.audio.synth.instruments import RATE
from dancegen.audio.synth.patterns import CHORDS, GROOVES, INSTRUMENTS, PERCUSSION, beats_a_bar
from dancegen.errors import InputError

_GAINS = {
    "kick": 1.0, "snare": 0.62, "hats": 0.2, "open-hat": 0.2, "ride": 0.17, "clap": 0.5, "rim": 0.35, "toms": 0.6,
    "shaker": 0.16, "tambourine": 0.2, "congas": 0.45, "cowbell": 0.2, "clave": 0.3, "guiro": 0.2, "crash": 0.3,
    "riser": 0.14, "bass": 0.5, "pad": 0.1, "strings": 0.1, "organ": 0.11, "piano": 0.16, "pluck": 0.15, "lead": 0.16,
    "bells": 0.16,
}  # fmt: skip
_CENTRED = ("kick", "snare", "bass", "lead", "riser")


@dataclass(frozen=True)
class SongSpec:
    """What a synthesised song is made of; the same spec always gives the same samples. None: the seed decides.

    `tempo` is in beats a minute (in 6/8 two beats a bar); `tempo_end` bends it evenly over the song. `instruments` are
    names of `patterns.INSTRUMENTS`, "drums" (the style's own kit) or "chords" (one chord instrument). `form` names the
    sections, of equal length. `swing` is the share of a step by which every second one comes late; `gains` are factors
    on the usual mix; `tilt_db` makes the whole brighter or darker; `reverb` and `sidechain` run from 0 to 1. `pickup`
    beats, the last ones of a bar, are played before the first whole bar.
    """

    tempo: float = 120.0
    metre: int = 4
    pattern: str = "house"
    instruments: tuple[str, ...] = ("drums", "bass", "chords")
    seconds: float = 30.0
    seed: int = 0
    tempo_end: float | None = None
    form: tuple[str, ...] | None = None
    key: int | None = None
    mode: str | None = None
    swing: float | None = None
    humanise_ms: float = 3.0
    lead_in_s: float = 0.1
    reverb: float = 0.2
    sidechain: float = 0.3
    tilt_db: float = 0.0
    bright: float = 1.0
    gains: tuple[tuple[str, float], ...] = ()
    pickup: int = 0


@dataclass(frozen=True)
class Song:
    """Samples (N, 2) float32 at 44,100 Hz within -1..1, times of all beats (B,) in seconds, a section for each bar.

    first_downbeat: the beat on which the first whole bar begins. bar_beats: how many a bar has.
    """

    samples: np.ndarray
    beats_s: np.ndarray
    sections: tuple[str, ...]
    first_downbeat: int
    bar_beats: int

    @property
    def downbeats_s(self) -> np.ndarray:
        """Times (D,) in seconds of the beats on which bars begin."""
        return self.beats_s[self.first_downbeat :: self.bar_beats]


DEMO = SongSpec(
    tempo=120, metre=4, pattern="house", seconds=30, seed=8, key=9, mode="minor", sidechain=0.6, reverb=0.25,
    instruments=("kick", "clap", "hats", "open-hat", "shaker", "bass", "pad", "pluck", "lead"),
    gains=(("bass", 0.8), ("hats", 1.5), ("open-hat", 1.4), ("shaker", 1.3), ("crash", 1.8), ("lead", 0.85)),
)  # fmt: skip


def synthesise(spec: SongSpec) -> Song:
    """Play a song. Raises InputError for an unknown pattern, instrument or section, or a tempo nobody can play."""
    rng = np.random.default_rng(spec.seed)
    spec = _resolved(spec, rng)
    timeline = Timeline(spec.tempo, spec.tempo_end or spec.tempo, spec.seconds, spec.lead_in_s)
    events, sections = arrange(spec, timeline, rng)
    beats = np.asarray(timeline.at(np.arange(int(np.ceil(timeline.beats)))))
    samples = _mastered(_mixed(events, spec, rng), spec)
    beats = beats[beats < spec.seconds - 0.05]
    return Song(samples, beats, tuple(sections), spec.pickup, beats_a_bar(spec.metre))


def random_spec(seed: int, seconds: float = 60.0) -> SongSpec:
    """A random song: consecutive seeds spread evenly over 70 to 180 BPM; one in eight has no drums, one only drums."""
    rng = np.random.default_rng([seed, 2018])
    tempo = 70 + 110 * (seed * 0.6180339887 % 1)
    fitting = [name for name, groove in GROOVES.items() if 0.94 * groove.tempo[0] <= tempo <= 1.06 * groove.tempo[1]]
    pattern = fitting[rng.integers(len(fitting))]
    groove = GROOVES[pattern]
    pick = lambda names, least, most: tuple(map(str, rng.permutation(names)[: rng.integers(least, most + 1)]))  # noqa: E731
    guests = pick([name for name in PERCUSSION if name not in groove.kit], 0, 2)
    kit = tuple(name for name in groove.kit if rng.random() < 0.85) or groove.kit
    tonal = (
        "bass",
        *pick(CHORDS, 1, 2),
        *(("lead",) if rng.random() < 0.4 else ()),
        *(("bells",) if rng.random() < 0.2 else ()),
    )
    kind = rng.random()
    band = tonal if kind < 0.125 else kit + guests if kind < 0.25 else kit + guests + tonal
    forms = (None, None, ("verse",), ("drop",), ("intro", "drop"), ("verse", "drop", "break", "drop"))
    return SongSpec(
        tempo=round(tempo, 2), metre=groove.metre, pattern=pattern, instruments=band, seconds=seconds, seed=seed,
        tempo_end=round(tempo * rng.uniform(0.94, 1.06), 2) if rng.random() < 0.1 else None,
        form=forms[rng.integers(len(forms))], swing=groove.swing + rng.uniform(0, 0.12) * (rng.random() < 0.3),
        humanise_ms=rng.uniform(0, 9), lead_in_s=rng.uniform(0.02, 0.6), reverb=rng.uniform(0, 0.5),
        sidechain=rng.uniform(0, 0.8) * (rng.random() < 0.6), tilt_db=rng.uniform(-6, 6),
        bright=rng.uniform(0.75, 1.05),
        gains=tuple((name, float(rng.uniform(0.5, 1.5))) for name in band),
    )  # fmt: skip


def write_song(song: Song, path: str | Path) -> None:
    """Write as ogg, flac or wav, by the file's name."""
    import soundfile

    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        for first in range(
            0, len(song.samples), RATE
        ):  # libsndfile's vorbis encoder overflows its stack on long writes
            file.write(song.samples[first : first + RATE])


def _resolved(spec: SongSpec, rng: np.random.Generator) -> SongSpec:
    """The spec with every choice made, after checking what was asked for."""
    _checked(spec)
    groove = GROOVES[spec.pattern]
    band: list[str] = []
    for name in spec.instruments:
        expanded = (
            groove.kit if name == "drums" else (CHORDS[rng.integers(len(CHORDS))],) if name == "chords" else (name,)
        )
        band += [one for one in expanded if one not in band]
    return replace(
        spec,
        instruments=tuple(band),
        tempo_end=spec.tempo if spec.tempo_end is None else spec.tempo_end,
        key=int(rng.integers(12)) if spec.key is None else spec.key,
        mode=("major", "minor", "dorian")[rng.integers(3)] if spec.mode is None else spec.mode,
        swing=groove.swing if spec.swing is None else spec.swing,
    )


def _checked(spec: SongSpec) -> None:
    if spec.pattern not in GROOVES:
        raise InputError(f"No pattern {spec.pattern!r}: choose from {', '.join(GROOVES)}")
    for name in spec.instruments:
        if name not in INSTRUMENTS and name not in ("drums", "chords"):
            raise InputError(f"No instrument {name!r}: choose from drums, chords, {', '.join(INSTRUMENTS)}")
    if not spec.instruments:
        raise InputError("A song needs at least one instrument")
    for name in spec.form or ():
        if name not in SECTIONS:
            raise InputError(f"No section {name!r}: choose from {', '.join(SECTIONS)}")
    if spec.metre not in (2, 3, 4, 5, 6, 7):
        raise InputError(f"A metre of {spec.metre} cannot be played: choose 2 to 7 beats a bar (6 is 6/8)")
    if not 0 <= spec.pickup < beats_a_bar(spec.metre):
        raise InputError(f"A pickup of {spec.pickup} beats is no part of a bar: choose less than a bar has")
    if spec.mode not in (None, "major", "minor", "dorian"):
        raise InputError(f"No mode {spec.mode!r}: choose major, minor or dorian")
    for tempo in (spec.tempo, spec.tempo_end or spec.tempo):
        if not 30 <= tempo <= 300:
            raise InputError(f"A tempo of {tempo:g} cannot be played: choose 30 to 300 beats a minute")
    if not spec.seconds >= 1:
        raise InputError(f"A song of {spec.seconds:g} s is too short: choose 1 s or more")


def _mixed(events: list[Event], spec: SongSpec, rng: np.random.Generator) -> np.ndarray:
    """All events played into a stereo mix (N, 2), with sidechain and reverb."""
    length = round(spec.seconds * RATE)
    drums, tonal = np.zeros((2, length), np.float32), np.zeros((2, length), np.float32)
    studio = _Studio(spec, rng)
    for event in events:
        sound, (left, right) = studio.sound(event), studio.sides(event)
        first = round(event.time_s * RATE)
        sound = sound[: length - first]
        bus = drums if studio.is_drum(event) else tonal
        bus[0, first : first + len(sound)] += left * sound
        bus[1, first : first + len(sound)] += right * sound
    if spec.sidechain:
        tonal *= _ducking([event.time_s for event in events if event.instrument == "kick"], length, spec.sidechain)
    mix = drums + tonal
    if spec.reverb:
        mix += spec.reverb * _reverberated(0.35 * drums + tonal, spec.reverb, rng)
    return mix.T


class _Studio:
    """Makes each distinct sound once, and knows every instrument's place in the mix."""

    def __init__(self, spec: SongSpec, rng: np.random.Generator):
        self.spec, self.sounds, self.rng = spec, {}, rng
        names = [*_GAINS]
        extra = dict(spec.gains)
        self.gains = {name: _GAINS[name] * extra.get(name, 1.0) for name in names}
        self.pans = {name: 0.0 if name in _CENTRED else float(rng.uniform(-0.55, 0.55)) for name in names}
        self.tones = {name: float(rng.uniform(0.85, 1.18)) for name in names}
        self.voices = {"bass": ("bass", "bass:sub", "bass:square")[rng.integers(3)]}
        self.voices["lead"] = ("lead", "lead:flute")[rng.integers(2)]

    @staticmethod
    def is_drum(event: Event) -> bool:
        return event.instrument.partition(":")[0] in (*PERCUSSION, "crash")

    def sides(self, event: Event) -> tuple[float, float]:
        """Left and right level: equal power panning."""
        name = event.instrument.partition(":")[0]
        angle = (self.pans[name] + 1) * np.pi / 4
        level = self.gains[name] * event.velocity
        return level * np.cos(angle), level * np.sin(angle)

    def sound(self, event: Event) -> np.ndarray:
        name, seconds = event.instrument, round(event.seconds, 2)
        key = (name, event.midi, seconds)
        if key not in self.sounds:
            tone = self.tones[name.partition(":")[0]]
            if name == "crash":
                self.sounds[key] = instruments.crash(tone, self.rng)
            elif name == "riser":
                self.sounds[key] = instruments.riser(seconds, self.rng)
            elif self.is_drum(event):
                self.sounds[key] = instruments.percussion(name, tone, self.rng)
            else:
                voice = self.voices.get(name, name)
                self.sounds[key] = instruments.note(voice, event.midi, max(seconds, 0.05), self.spec.bright)
        return self.sounds[key]


def _ducking(kicks_s: list[float], length: int, depth: float) -> np.ndarray:
    """The gain (N,) that makes room for each kick: down at once, back within a quarter of a second."""
    gain = np.ones(length, np.float32)
    dip = (1 - depth * np.exp(-np.arange(round(0.3 * RATE)) / (0.09 * RATE))).astype(np.float32)
    for time in kicks_s:
        first = round(time * RATE)
        part = gain[first : first + len(dip)]
        np.minimum(part, dip[: len(part)], out=part)
    return gain


def _reverberated(dry: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """A room: (2, N) through noise that fades, darker and longer with `size`, different in both ears."""
    from scipy.signal import butter, oaconvolve, sosfilt

    time = np.arange(round((0.5 + 1.5 * size) * RATE)) / RATE
    room = rng.normal(size=(2, len(time))) * np.exp(-time * 6.9 / time[-1]) * (time > 0.012)
    room = np.asarray(sosfilt(butter(1, [250, 5500], "bandpass", fs=RATE, output="sos"), room))
    room /= np.sqrt((room**2).sum(axis=1, keepdims=True))
    return oaconvolve(dry, room.astype(np.float32), axes=1)[:, : dry.shape[1]]


def _mastered(mix: np.ndarray, spec: SongSpec) -> np.ndarray:
    """Tilted, softly limited, peak at 0.89, the last 30 ms faded: (N, 2) float32."""
    from scipy.signal import lfilter

    pole = np.exp(-2 * np.pi * 900 / RATE)
    dark = np.asarray(lfilter([1 - pole], [1, -pole], mix, axis=0))
    mix = 10 ** (-spec.tilt_db / 40) * dark + 10 ** (spec.tilt_db / 40) * (mix - dark)
    loudness = np.sqrt((mix**2).mean()) or 1.0
    mix = np.tanh(mix * min(0.2 / loudness, 3.0 / np.abs(mix).max()))
    fade = min(len(mix), round(0.03 * RATE))
    mix[-fade:] *= np.linspace(1, 0, fade)[:, None]
    return (0.89 * mix / max(np.abs(mix).max(), 1e-9)).astype(np.float32)


def main(arguments: list[str] | None = None) -> int:
    """The command line: one song by its flags, the demo, or many random ones."""
    parser = ArgumentParser(prog="python -m dancegen.audio.synth", description="Synthesise songs.")
    parser.add_argument("--tempo", type=float, default=120.0, help="beats a minute")
    parser.add_argument("--tempo-end", type=float, help="tempo at the end, if it changes")
    parser.add_argument("--metre", type=int, help="beats a bar; 6 is 6/8 (default: the pattern's own)")
    parser.add_argument("--pickup", type=int, default=0, help="beats before the first whole bar")
    parser.add_argument("--pattern", default="house", help=", ".join(GROOVES))
    parser.add_argument("--instruments", default="drums,bass,chords", help="drums, chords, " + ", ".join(INSTRUMENTS))
    parser.add_argument("--form", help="sections of equal length, e.g. intro,verse,build-up,drop")
    parser.add_argument("--seconds", type=float, help="length (default: 30, random songs 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--demo", action="store_true", help="the demo song")
    parser.add_argument(
        "--random", type=int, metavar="N", help="write N random songs, seeds from --seed on, into --out"
    )
    parser.add_argument("--out", type=Path, help="directory for --random")
    parser.add_argument("-o", "--output", type=Path, help="the song: .ogg, .flac or .wav")
    flags = parser.parse_args(arguments)
    try:
        if flags.random is not None:
            _write_random(parser, flags)
        else:
            if flags.output is None:
                parser.error("say where the song goes: -o song.ogg")
            write_song(synthesise(DEMO if flags.demo else _spec_of(flags)), flags.output)
    except InputError as error:
        parser.error(str(error))
    return 0


def _spec_of(flags: Namespace) -> SongSpec:
    metre = flags.metre if flags.metre or flags.pattern not in GROOVES else GROOVES[flags.pattern].metre
    return SongSpec(
        tempo=flags.tempo, tempo_end=flags.tempo_end, metre=metre or 4, pattern=flags.pattern, seed=flags.seed,
        instruments=tuple(name.strip() for name in flags.instruments.split(",")), seconds=flags.seconds or 30.0,
        form=tuple(name.strip() for name in flags.form.split(",")) if flags.form else None, pickup=flags.pickup,
    )  # fmt: skip


def _write_random(parser: ArgumentParser, flags: Namespace) -> None:
    if flags.out is None:
        parser.error("say where the songs go: --out DIR")
    flags.out.mkdir(parents=True, exist_ok=True)
    for seed in range(flags.seed, flags.seed + flags.random):
        spec = random_spec(seed, flags.seconds or 60.0)
        write_song(synthesise(spec), flags.out / f"synth_{seed:03d}.ogg")
        print(
            f"synth_{seed:03d}.ogg  {spec.tempo:6.2f} BPM  {spec.metre}  {spec.pattern}: {', '.join(spec.instruments)}"
        )
