"""How a synthesised song goes: its timeline, its sections, and who plays what when, as lists of timed events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.audio.synth.patterns import CHORDS, GROOVES, MELODY, PERCUSSION, Groove, beats_a_bar, row_of

SECTIONS = ("intro", "verse", "build-up", "break", "drop", "outro")
_FORMS = (  # by the least number of bars: (section, share of the song)
    (24, (("intro", 2), ("verse", 4), ("build-up", 2), ("drop", 4), ("break", 2), ("verse", 3), ("build-up", 2),
          ("drop", 4), ("outro", 1))),
    (10, (("intro", 2), ("verse", 4), ("break", 2), ("build-up", 2), ("drop", 4), ("outro", 1))),
    (1, (("verse", 2), ("build-up", 1), ("drop", 2))),
)  # fmt: skip
_LIGHT = ("hats", "shaker", "tambourine", "clave", "guiro", "rim", "ride", "congas")  # may play without the others
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "dorian": (0, 2, 3, 5, 7, 9, 10)}
_PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (1, 4, 0, 0), (0, 3, 0, 4), (3, 4, 2, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 5, 3, 4), (0, 0, 3, 6)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 2, 3, 0)),
}
_SEVENTHS = ("bossa", "swing", "funk", "shuffle", "blues-six", "hip-hop", "salsa")


@dataclass(frozen=True)
class Event:
    """One sound: what (`snare`, `congas:low`, `bass`, `pad`), when and how long in seconds, pitch, loudness 0 to 1."""

    instrument: str
    time_s: float
    velocity: float
    midi: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Timeline:
    """Maps beats to seconds: a steady tempo, or one that moves evenly from `tempo` to `tempo_end`."""

    tempo: float
    tempo_end: float
    seconds: float
    lead_in_s: float

    @property
    def beats(self) -> float:
        """Beats that fit in the song."""
        change = self.tempo_end - self.tempo
        rate = self.tempo if abs(change) < 1e-6 else change / np.log(self.tempo_end / self.tempo)
        return (self.seconds - self.lead_in_s) * rate / 60

    def at(self, beat: np.ndarray | float) -> np.ndarray | float:
        """Seconds of a position in beats."""
        slope = (self.tempo_end - self.tempo) / self.beats
        if abs(slope) < 1e-9:
            return self.lead_in_s + 60 * beat / self.tempo
        return self.lead_in_s + 60 / slope * np.log(np.maximum(1 + slope * beat / self.tempo, 1e-3))


def sections_of(bars: int, form: tuple[str, ...] | None, rng: np.random.Generator) -> list[str]:
    """The section of every bar. `form` names sections of equal length; None takes a usual one for the length."""
    shares = [(name, 1) for name in form] if form else next(parts for least, parts in _FORMS if bars >= least)
    unit = 4 if bars >= 48 else 2 if bars >= 10 else 1
    ends = np.cumsum([share for _, share in shares]) / sum(share for _, share in shares) * bars
    ends = np.clip(np.round(ends / unit) * unit, 0, bars)
    ends[-1] = bars
    return [shares[int(np.searchsorted(ends, bar, side="right"))][0] for bar in range(bars)]


def arrange(spec, timeline: Timeline, rng: np.random.Generator) -> tuple[list[Event], list[str]]:
    """Every event of the song, and the section of each bar. `spec` is a resolved SongSpec (no None in it)."""
    bar_beats = beats_a_bar(spec.metre)
    skipped = bar_beats - spec.pickup if spec.pickup else 0
    bars = int(np.ceil((timeline.beats + skipped) / bar_beats))
    sections = sections_of(bars, spec.form, rng)
    player = _Player(spec, GROOVES[spec.pattern], timeline, bar_beats, skipped, sections, rng)
    events: list[Event] = []
    for instrument in spec.instruments:
        if instrument in PERCUSSION:
            events += player.percussion(instrument)
        elif instrument == "bass":
            events += player.bass()
        elif instrument in CHORDS:
            events += player.chords(instrument)
        elif instrument in MELODY:
            events += player.melody(instrument)
    events += player.transitions()
    return [event for event in events if 0 <= event.time_s < spec.seconds - 0.02], sections


class _Player:
    """Plays one song's instruments: what they share is the groove, the harmony and the sense of time."""

    def __init__(
        self, spec, groove: Groove, timeline: Timeline, bar_beats: int, skipped: int, sections: list[str], rng
    ):
        """skipped: beats of the first bar that are not heard, as the song begins with its last ones."""
        self.spec, self.groove, self.timeline, self.bar_beats, self.skipped = spec, groove, timeline, bar_beats, skipped
        self.sections, self.rng = sections, rng
        self.scale = _SCALES[spec.mode]
        progressions = _PROGRESSIONS[spec.mode]
        self.progression = progressions[rng.integers(len(progressions))]
        self.chord_bars = 2 if spec.tempo / bar_beats > 45 else 1  # a chord lasts at least some 1.3 s
        self.drums = tuple(name for name in spec.instruments if name in PERCUSSION)

    def percussion(self, instrument: str) -> list[Event]:
        row, steps = row_of(self.groove, instrument, self.spec.metre)
        events = []
        for bar, section in enumerate(self.sections):
            level = self._drum_level(instrument, section, bar)
            if not level:
                continue
            for step, beat in self._steps(row, steps, bar):
                loud = {"X": 1.0, "x": 0.75, "o": 0.4}.get(row[step], 0)
                if loud:
                    kind = self._kind(instrument, row[step], step)
                    events.append(self._event(instrument + kind, beat, level * loud))
        return events

    def _kind(self, instrument: str, mark: str, step: int) -> str:
        if instrument == "congas":
            return {"X": ":low", "x": ":open", "o": ":slap"}[mark]
        return (":high", ":mid", ":low")[step % 3] if instrument == "toms" else ""

    def _drum_level(self, instrument: str, section: str, bar: int) -> float:
        """How loud a drum plays in a section; 0 where it rests. Songs of drums alone keep at least one playing."""
        light = instrument in _LIGHT
        alone = len(self.drums) == len(self.spec.instruments) and not any(name in _LIGHT for name in self.drums)
        if section == "intro":
            return 0.8 if light or alone else 0.0
        if section == "break":
            return 0.6 if light or alone else 0.0
        if section == "build-up":
            last = bar + 1 == len(self.sections) or self.sections[bar + 1] != section
            return 0.0 if instrument in ("kick", "toms", "open-hat") and last else 0.8
        if section in ("verse", "outro"):
            return 0.0 if instrument in ("open-hat", "ride") and len(self.drums) > 3 else 0.9
        return 1.0

    def bass(self) -> list[Event]:
        row, steps = row_of(self.groove, "bass", self.spec.metre)
        events = []
        for bar, section in enumerate(self.sections):
            if section in ("intro", "break"):
                continue
            marks = [(step, beat) for step, beat in self._steps(row, steps, bar) if row[step] != "."]
            for (step, beat), after in zip(marks, [*marks[1:], (0, (bar + 1) * self.bar_beats)], strict=True):
                octave, degree = (12, 0) if row[step] == "8" else (0, int(row[step]) - 1)
                midi = 28 + (self._pitch(self._chord(bar) + degree) - 28) % 12 + octave
                events.append(self._event("bass", beat, 0.9, midi, 0.9 * min(after[1] - beat, self.bar_beats)))
        return events

    def chords(self, instrument: str) -> list[Event]:
        row, steps = row_of(self.groove, instrument, self.spec.metre)
        if instrument in ("pad", "strings"):
            row = "=" + "." * (self.bar_beats * steps - 1)
        events = []
        for bar, section in enumerate(self.sections):
            level = {"intro": 0.7, "break": 0.9, "verse": 0.75}.get(section, 0.85)
            marks = [(step, beat) for step, beat in self._steps(row, steps, bar) if row[step] != "."]
            for (step, beat), after in zip(marks, [*marks[1:], (0, (bar + 1) * self.bar_beats)], strict=True):
                length = after[1] - beat if row[step] == "=" else min(0.8 / steps, after[1] - beat)
                strum = self.rng.uniform(0, 0.006) if instrument in ("piano", "pluck") else 0
                for voice, midi in enumerate(self._voicing(self._chord(bar))):
                    late = self.timeline.at(beat) + voice * strum
                    seconds = float(self.timeline.at(beat + length) - self.timeline.at(beat))
                    events.append(Event(instrument, float(late), level * self.rng.uniform(0.9, 1), midi, seconds))
        return events

    def melody(self, instrument: str) -> list[Event]:
        """Two-bar phrases of a motif, in the form A A B A; rests in intros and every other verse phrase."""
        steps, bars = self.groove.steps, 2
        motifs = [self._motif(bars * self.bar_beats, steps) for _ in range(2)]
        events = []
        for bar in range(0, len(self.sections) - bars + 1, bars):
            section, phrase = self.sections[bar], bar // bars
            if section in ("intro", "build-up") or (section == "verse" and phrase % 2):
                continue
            for beat, length, degree in motifs[(0, 0, 1, 0)[phrase % 4]]:
                on_beat = beat == int(beat)
                chord = self._chord(bar + int(beat // self.bar_beats))
                midi = self._pitch(chord + 2 * round(degree / 2) if on_beat else degree) + 72
                midi -= 12 * ((midi - 66) // 12 - (degree > 4))
                events.append(self._event(instrument, bar * self.bar_beats + beat, 0.8, midi, length))
        return events

    def _motif(self, beats: int, steps: int) -> list[tuple[float, float, int]]:
        """(beat, length in beats, degree of the scale) of notes that wander by small intervals."""
        chance = np.where(np.arange(beats * steps) % steps == 0, 0.7, 0.25 if steps < 4 else 0.18)
        starts = np.flatnonzero(self.rng.random(beats * steps) < chance) / steps
        degrees = np.clip(np.cumsum(self.rng.choice([-2, -1, -1, 0, 1, 1, 2], len(starts))), -4, 8)
        lengths = np.minimum(np.diff(np.append(starts, beats)), 1.5) * 0.85
        return [
            (float(start), float(length), int(degree))
            for start, length, degree in zip(starts, lengths, degrees, strict=True)
        ]

    def transitions(self) -> list[Event]:
        """Cymbals that open sections, drum fills that close them, rolls and risers in build-ups."""
        events, drum = (
            [],
            next((name for name in ("snare", "clap", "toms", "congas", "rim") if name in self.drums), None),
        )
        bar = 0
        while bar < len(self.sections):
            end = bar
            while end < len(self.sections) and self.sections[end] == self.sections[bar]:
                end += 1
            first, last = bar * self.bar_beats, end * self.bar_beats
            if self.sections[bar] == "drop" and self.drums:
                events.append(self._event("crash", first, 0.8))
            if self.sections[bar] == "build-up":
                seconds = float(self.timeline.at(last) - self.timeline.at(first))
                if len(self.drums) < len(self.spec.instruments):
                    events.append(Event("riser", float(self.timeline.at(first)), 0.5, 0, seconds))
                if drum:
                    events += self._roll(drum, first, last)
            elif drum and end < len(self.sections) and self.sections[bar] in ("verse", "drop"):
                fill = np.arange(last - 1, last, 1 / self.groove.steps)
                events += [self._event(drum, beat, 0.5 + 0.4 * (beat - last + 1)) for beat in fill]
            bar = end
        return events

    def _roll(self, drum: str, first: int, last: int) -> list[Event]:
        """A roll that doubles its speed half way and again in its last quarter."""
        half, quarter = first + (last - first) / 2, first + 3 * (last - first) / 4
        fine = 3 if self.groove.steps == 3 else 4
        beats = [np.arange(first, half, 1.0), np.arange(half, quarter, 0.5), np.arange(quarter, last, 1 / fine)]
        return [self._event(drum, beat, 0.25 + 0.6 * (beat - first) / (last - first)) for beat in np.concatenate(beats)]

    def _steps(self, row: str, steps: int, bar: int) -> list[tuple[int, float]]:
        """The steps of a row that fall in a bar, each with its position in beats, swing included."""
        here = self.bar_beats * steps
        first = bar * here % len(row)
        swing = self.spec.swing if steps != 3 else 0.0
        return [
            ((first + step) % len(row), bar * self.bar_beats + (step + (swing if step % 2 else 0)) / steps)
            for step in range(here)
        ]

    def _event(self, instrument: str, beat: float, velocity: float, midi: int = 0, length: float = 0.0) -> Event:
        """An event as a person plays it: a little early or late, a little louder or softer."""
        beat -= self.skipped
        time = float(self.timeline.at(beat)) + self.rng.normal() * self.spec.humanise_ms / 1000
        time = time if beat < 0 else max(time, 0.0)  # what comes before the song is left out
        seconds = float(self.timeline.at(beat + length) - self.timeline.at(beat)) if length else 0.0
        return Event(instrument, time, velocity * self.rng.uniform(0.88, 1), midi, seconds)

    def _chord(self, bar: int) -> int:
        return self.progression[bar // self.chord_bars % len(self.progression)]

    def _pitch(self, degree: int) -> int:
        """Semitones above C of a degree of the song's scale."""
        return self.spec.key + self.scale[degree % 7] + 12 * (degree // 7)

    def _voicing(self, chord: int) -> list[int]:
        """The chord's notes, each in the octave round middle C: neighbouring chords move by small steps."""
        tones = (0, 2, 4, 6) if self.spec.pattern in _SEVENTHS else (0, 2, 4)
        return sorted(55 + (self._pitch(chord + tone) - 55) % 12 for tone in tones)
