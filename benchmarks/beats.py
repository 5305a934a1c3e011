"""How well beats are heard, beside librosa's tracker, in songs whose beats are known.

    python benchmarks/beats.py [--tempi 70 80 ... 180] [--drums DIR] [--json]

Songs of every style of the synthesiser are made in tempi that the style is played in; with `--drums`, every NAME.ogg in
a folder that has a NAME.beats.json with its `beats` is heard too. Both trackers hear the same samples in the same
process. F is the F-measure of beats within 70 ms, as in MIREX (Dixon 2007; beats of the first five seconds count as
well); a tempo is right within 4 %, and an octave error where it is so at two or three times it, or at a half or third.
Songs whose tempo sways by 15 % are measured by F alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from harness import command, show, table, use_cores

TOLERANCE_S, TEMPO_TOLERANCE = 0.07, 0.04
OCTAVES = (2, 3, 1 / 2, 1 / 3)
SECONDS, RATE = 30.0, 22_050
SWAY, SWAY_S = 0.15, 9.0
OURS, PEER = "dancegen", "librosa"


@dataclass(frozen=True)
class Known:
    """A song as (N,) samples at 22,050 Hz, its beats (B,) in seconds, and its tempo; None where it sways."""

    kind: str
    name: str
    samples: np.ndarray
    beats_s: np.ndarray
    tempo_bpm: float | None


@dataclass(frozen=True)
class Score:
    """One tracker on one song. tempo: right, octave, wrong, or none where it is not asked for."""

    kind: str
    name: str
    tracker: str
    f: float
    tempo: str


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


def synthesised(tempi: list[float]) -> list[Known]:
    """A song for each style and each tempo in its usual range, and for each style one that sways."""
    import soxr

    from dancegen.audio.synth.patterns import GROOVES
    from dancegen.audio.synth.song_maker import SongSpec, synthesise

    found = []
    for style, groove in GROOVES.items():
        usual = [tempo for tempo in tempi if groove.tempo[0] <= tempo <= groove.tempo[1]] or [sum(groove.tempo) / 2]
        for tempo in usual:
            spec = SongSpec(tempo=tempo, metre=groove.metre, pattern=style, seconds=SECONDS, seed=round(tempo))
            made = synthesise(spec)
            samples = soxr.resample(made.samples.mean(axis=1), 44_100, RATE)
            name = f"{style} {tempo:g}"
            true = 60 / float(np.median(np.diff(made.beats_s)))
            found.append(Known("synthesised", name, samples, made.beats_s, true))
        found.append(swaying(found[-1]))
    return found


def swaying(song: Known) -> Known:
    """The song played faster and slower by 15 %, over and over."""
    now = np.arange(len(song.samples)) / RATE
    played = np.cumsum(1 + SWAY * np.sin(2 * np.pi * now / SWAY_S)) / RATE
    beats = np.interp(song.beats_s[song.beats_s < played[-1]], played, now)
    return Known("swaying", song.name, np.interp(played, now, song.samples), beats, None)


def recorded(folder: Path) -> list[Known]:
    """The songs of a folder that have their beats beside them."""
    from dancegen.audio.load import load

    found = []
    for path in sorted(folder.glob("*.beats.json")):
        record = json.loads(path.read_text())
        song = path.with_name(path.name.replace(".beats.json", ".ogg"))
        found.append(Known("recorded", song.stem, load(song), np.array(record["beats"]), float(record["bpm"])))
    return found


def measure(song: Known) -> list[Score]:
    """Both trackers on one song."""
    import librosa

    from dancegen.audio.features import log_mel, onset_envelope
    from dancegen.audio.tracker import track_beats

    mel = log_mel(song.samples.astype(np.float32))
    ours = track_beats(onset_envelope(mel), mel)
    tempo, times = librosa.beat.beat_track(y=song.samples.astype(np.float32), sr=RATE, units="time")
    heard = {OURS: (ours.times_s, ours.tempo_bpm), PEER: (times, float(np.atleast_1d(tempo)[0]))}
    return [
        Score(song.kind, song.name, name, f_measure(beats, song.beats_s), judged(bpm, song.tempo_bpm))
        for name, (beats, bpm) in heard.items()
    ]


def summary(scores: list[Score]) -> list[tuple]:
    """A row for each kind of song and tracker."""
    rows = []
    for kind in dict.fromkeys(score.kind for score in scores):
        for tracker in (OURS, PEER):
            own = [score for score in scores if (score.kind, score.tracker) == (kind, tracker)]
            share = [100 * sum(score.tempo == word for score in own) // len(own) for word in ("right", "octave")]
            told = share if own[0].tempo != "none" else ["", ""]
            rows.append((kind, tracker, len(own), round(float(np.mean([score.f for score in own])), 3), *told))
    return rows


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--tempi", type=float, nargs="+", default=list(range(70, 181, 10)), metavar="BPM")
    parser.add_argument("--drums", type=Path, help="songs with their beats beside them", metavar="DIR")
    given = parser.parse_args()
    use_cores(given.cores)
    songs = synthesised(given.tempi) + ([] if given.drums is None else recorded(given.drums))
    scores = [score for song in songs for score in measure(song)]
    rows = summary(scores)
    heads = ("songs", "tracker", "number", "F", "tempo right, %", "octave error, %")
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
