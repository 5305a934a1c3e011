"""How well beats and bars are heard, beside librosa's tracker, in songs whose beats are known.

    python benchmarks/beats.py [--tempi 70 80 ... 180] [--drums DIR] [--beat-tracker TRACKER] [--json]

Songs of every style of the synthesiser are made in tempi that the style is played in; with `--drums`, every NAME.ogg
in a folder that has a NAME.beats.json with its `beats` and `downbeats` is heard too. Both trackers hear the same
samples in the same process. F is the F-measure of beats within 70 ms, as in MIREX (Dixon 2007; beats of the first five
seconds count as well); a tempo is right within 4 %, and an octave error where it is so at two or three times it, or at
a half or third. Songs whose tempo sways by 15 %, or goes from 100 to 130, are measured by F alone; others begin with a
pickup of a beat.

librosa hears no bars. So every fourth of its beats is held against the downbeats: from its first beat on, and, as
nobody could who does not know the song, from the best of its first four. The same is done with our beats, to compare.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from harness import command, show, table, use_cores

if TYPE_CHECKING:
    from dancegen.audio.beats import Beats
    from dancegen.audio.synth.song_maker import SongSpec
    from dancegen.audio.trackers import BeatTracker

TOLERANCE_S, TEMPO_TOLERANCE = 0.07, 0.04
OCTAVES = (2, 3, 1 / 2, 1 / 3)
SECONDS, RATE = 30.0, 22_050
SWAY, SWAY_S = 0.15, 9.0
FROM_BPM, TO_BPM = 100.0, 130.0
FOUR = 4
OURS, PEER = "dancegen", "librosa"
METRES = {3: "3/4", 4: "4/4", 6: "6/8"}


@dataclass(frozen=True)
class Known:
    """A song as (N,) samples at 22,050 Hz, its beats (B,) and downbeats (D,) in seconds, its metre, and its tempo; None
    where that changes."""

    kind: str
    name: str
    samples: np.ndarray
    beats_s: np.ndarray
    downbeats_s: np.ndarray
    metre: str
    tempo_bpm: float | None


@dataclass(frozen=True)
class Score:
    """One tracker on one song. tempo: right, octave, wrong, or none where it is not asked for.

    f: of beats. bars: of downbeats. fourth: of every fourth beat from the best of the first four. heard: the metre that
    was heard, of the known one.
    """

    kind: str
    name: str
    tracker: str
    f: float
    tempo: str
    bars: float
    fourth: float
    heard: str
    metre: str


def f_measure(found_s: np.ndarray, known_s: np.ndarray) -> float:
    """Of beats within 70 ms, each counted once: the harmonic mean of precision and recall."""
    hits, first = 0, 0
    for beat in known_s:
        while first < len(found_s) and found_s[first] < beat - TOLERANCE_S:
            first += 1
        if first < len(found_s) and found_s[first] <= beat + TOLERANCE_S:
            hits, first = hits + 1, first + 1
    return 2 * hits / max(len(found_s) + len(known_s), 1)


def judged(found_bpm: float, known_bpm: float | None) -> str:
    """Whether a tempo is the known one."""
    if known_bpm is None:
        return "none"
    if abs(found_bpm / known_bpm - 1) <= TEMPO_TOLERANCE:
        return "right"
    return "octave" if any(abs(found_bpm / known_bpm / by - 1) <= TEMPO_TOLERANCE for by in OCTAVES) else "wrong"


def every_fourth(beats_s: np.ndarray, known_s: np.ndarray) -> list[float]:
    """The F-measure of every fourth beat as downbeats, from each of the first four on."""
    return [f_measure(beats_s[first::FOUR], known_s) for first in range(FOUR)]


def synthesised(tempi: list[float]) -> list[Known]:
    """A song for each style and each tempo in its usual range; for each style one that sways, one with a pickup, and
    one that becomes faster."""
    from dancegen.audio.synth.patterns import GROOVES
    from dancegen.audio.synth.song_maker import SongSpec

    found = []
    for style, groove in GROOVES.items():
        usual = [tempo for tempo in tempi if groove.tempo[0] <= tempo <= groove.tempo[1]] or [sum(groove.tempo) / 2]
        for tempo in usual:
            spec = SongSpec(tempo=tempo, metre=groove.metre, pattern=style, seconds=SECONDS, seed=round(tempo))
            found.append(_played("synthesised", f"{style} {tempo:g}", spec))
        found.append(swaying(found[-1]))
        found.append(_played("with a pickup", f"{style} {tempo:g}", replace(spec, pickup=1)))
        faster = replace(spec, tempo=FROM_BPM, tempo_end=TO_BPM)
        found.append(replace(_played("becoming faster", style, faster), tempo_bpm=None))
    return found


def _played(kind: str, name: str, spec: SongSpec) -> Known:
    import soxr

    from dancegen.audio.synth.song_maker import synthesise

    made = synthesise(spec)
    samples = soxr.resample(made.samples.mean(axis=1), 44_100, RATE)
    tempo = 60 / float(np.median(np.diff(made.beats_s)))
    return Known(kind, name, samples, made.beats_s, made.downbeats_s, METRES[spec.metre], tempo)


def swaying(song: Known) -> Known:
    """The song played faster and slower by 15 %, over and over."""
    now = np.arange(len(song.samples)) / RATE
    played = np.cumsum(1 + SWAY * np.sin(2 * np.pi * now / SWAY_S)) / RATE
    beats, downbeats = (np.interp(times[times < played[-1]], played, now) for times in (song.beats_s, song.downbeats_s))
    samples = np.interp(played, now, song.samples)
    return replace(song, kind="swaying", samples=samples, beats_s=beats, downbeats_s=downbeats, tempo_bpm=None)


def recorded(folder: Path) -> list[Known]:
    """The songs of a folder that have their beats beside them."""
    from dancegen.audio.load import load

    found = []
    for path in sorted(folder.glob("*.beats.json")):
        record = json.loads(path.read_text())
        song = path.with_name(path.name.replace(".beats.json", ".ogg"))
        times = np.array(record["beats"]), np.array(record["downbeats"])
        found.append(Known("recorded", song.stem, load(song), *times, METRES[FOUR], float(record["bpm"])))
    return found


def measure(song: Known, tracker: BeatTracker) -> list[Score]:
    """Both trackers on one song."""
    import librosa

    ours = heard_by(tracker, song.samples.astype(np.float32))
    tempo, times = librosa.beat.beat_track(y=song.samples.astype(np.float32), sr=RATE, units="time")
    fourths = every_fourth(times, song.downbeats_s)
    heard = {
        OURS: (ours.times_s, ours.tempo_bpm, f_measure(ours.downbeats_s, song.downbeats_s), ours.metre),
        PEER: (times, float(np.atleast_1d(tempo)[0]), fourths[0], ""),
    }
    return [
        Score(
            song.kind, song.name, name, f_measure(beats, song.beats_s), judged(bpm, song.tempo_bpm), bars,
            max(every_fourth(beats, song.downbeats_s)), metre, song.metre,
        )
        for name, (beats, bpm, bars, metre) in heard.items()
    ]  # fmt: skip


def heard_by(tracker: BeatTracker, samples: np.ndarray) -> Beats:
    """Beats and bars of (N,) float32 samples at 22,050 Hz."""
    from dancegen.audio.bars import with_bars
    from dancegen.audio.features import log_mel, onset_envelope
    from dancegen.audio.tracker import track_beats

    mel = log_mel(samples)
    if tracker.weights is None:
        return with_bars(track_beats(onset_envelope(mel), mel), mel)
    from dancegen.audio.beat_this import BeatThis

    return BeatThis(tracker.weights).track([samples], mel, onset_envelope(mel))


def summary(scores: list[Score]) -> list[tuple]:
    """A row for each kind of song and tracker, and for each metre."""
    rows = []
    by_metre = [replace(score, kind=f"all in {score.metre}", tempo="none") for score in scores]
    for kind in dict.fromkeys(score.kind for score in (*scores, *by_metre)):
        for tracker in (OURS, PEER):
            own = [score for score in (*scores, *by_metre) if (score.kind, score.tracker) == (kind, tracker)]
            share = [100 * sum(score.tempo == word for score in own) // len(own) for word in ("right", "octave")]
            told = share if own[0].tempo != "none" else ["", ""]
            f, bars, fourth = (
                round(float(np.mean([getattr(score, name) for score in own])), 3) for name in ("f", "bars", "fourth")
            )
            metre = 100 * sum(score.heard == score.metre for score in own) // len(own) if tracker == OURS else ""
            rows.append((kind, tracker, len(own), f, *told, bars, fourth, metre))
    return rows


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--tempi", type=float, nargs="+", default=list(range(70, 181, 10)), metavar="BPM")
    parser.add_argument("--beat-tracker", default="built-in", help="built-in, beat-this or its weights")
    parser.add_argument("--drums", type=Path, help="songs with their beats beside them", metavar="DIR")
    given = parser.parse_args()
    use_cores(given.cores)
    songs = synthesised(given.tempi) + ([] if given.drums is None else recorded(given.drums))
    from dancegen.audio.trackers import choose_tracker

    tracker = choose_tracker(given.beat_tracker).fetched()
    scores = [score for song in songs for score in measure(song, tracker)]
    rows = summary(scores)
    heads = ("songs", "tracker", "number", "F", "tempo right, %", "octave error, %", "downbeats, F",
             "every fourth beat at best, F", "metre right, %")  # fmt: skip
    worst = sorted((score for score in scores if score.tracker == OURS), key=lambda score: score.f)[:12]
    text = (
        table(heads, rows)
        + "\n\nWorst of ours: "
        + ", ".join(f"{score.name} ({score.kind}) {score.f:.2f} {score.tempo}" for score in worst)
    )
    show({"rows": [dict(zip(heads, row, strict=True)) for row in rows], "songs": [asdict(score) for score in scores]},
         text, as_json=given.json)  # fmt: skip


if __name__ == "__main__":
    main()
