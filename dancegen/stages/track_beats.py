"""track-beats: the beats of a whole song, heard once and kept, whatever parts of it are danced to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import InputError, NotFoundError
from dancegen.options.dance import GeneratePosesOptions
from dancegen.stages.dance_files import BEATS
from dancegen.stages.songs import SongFile
from dancegen.store import Input, Recipe, Store

if TYPE_CHECKING:
    from dancegen.audio.beats import Beats
    from dancegen.audio.song import FindBeats, Heard
    from dancegen.audio.trackers import BeatTracker
    from dancegen.options.shared import Listening

STAGE = "track-beats"
VERSION = 3
NO_BEAT = "no steady beat was heard in it"
ADVICE = "if there is one, give its tempo with --tempo BPM, or the beats with --beats FILE"


def tracker_of(options: Listening) -> BeatTracker:
    """Who hears the beats, by the options of a verb. Raises InputError or ModelError where it cannot be had."""
    from dancegen.audio.trackers import choose_tracker

    return choose_tracker(options.beat_tracker, offline=options.offline)


def beats_of_song(
    song: SongFile,
    context: Context,
    tracker: BeatTracker,
    *,
    tempo_bpm: float | None = None,
    heard: Heard | None = None,
) -> Beats:
    """The beats and bars of a whole song, from the store or tracked now.

    tempo_bpm: what a person says it is. heard: what was heard of the whole song, so that it need not be decoded again.
    Raises AudioError and ModelError as `find_beats` does.
    """
    from dancegen.audio.beats import Beats
    from dancegen.audio.song import find_beats

    params = {"tempo": tempo_bpm, "tracker": tracker.name}
    recipe = Recipe(STAGE, VERSION, params, (replace(song.input, role="song"), *tracker.inputs))

    def build(directory: Path) -> dict:
        beats = find_beats(song.info, heard, tempo_bpm=tempo_bpm, tracker=tracker, progress=context.progress)
        beats.save(directory / BEATS)
        return {
            "seconds": round(song.info.seconds, 3),
            "tempo_bpm": round(beats.tempo_bpm, 1),
            "beats": len(beats.times_s),
            **bars_in_words(beats),
        }

    return Beats.load(context.step(force=False).obtain(recipe, build).file(BEATS))


def finder(song: SongFile, context: Context, tracker: BeatTracker, tempo_bpm: float | None = None) -> FindBeats:
    """`beats_of_song` as `analyse` and `analyse_and_copy` ask for it."""
    return lambda heard: beats_of_song(song, context, tracker, tempo_bpm=tempo_bpm, heard=heard)


def bars_in_words(beats: Beats) -> dict[str, object]:
    """The metre and the number of bars for a summary; nothing where there is no beat."""
    return {"metre": beats.metre, "bars": len(beats.downbeats_s)} if beats.metre else {}


@dataclass(frozen=True)
class AskedBeats:
    """What a person says about the beats of a song. given: their own, which lie in the file behind `inputs`."""

    tracker: BeatTracker
    tempo_bpm: float | None = None
    given: Beats | None = None
    inputs: tuple[Input, ...] = ()

    def finder(self, song: SongFile, context: Context) -> FindBeats:
        """As `analyse` and `analyse_and_copy` ask for it."""
        given = self.given
        return finder(song, context, self.tracker, self.tempo_bpm) if given is None else lambda heard: given


def asked_beats(options: GeneratePosesOptions, store: Store, span: tuple[float, float]) -> AskedBeats:
    """What --tempo and --beats say. span: from and to in seconds of the song, in which a beat must lie.

    Raises InputError for a file that is no list of beats, NotFoundError for one that is not there.
    """
    tracker = tracker_of(options)
    if options.beats is None:
        if options.tempo is not None and tracker.inputs:
            raise InputError("--tempo is a hint to the built-in beat tracker, and --beat-tracker asks another one")
        return AskedBeats(tracker, options.tempo)
    for flag, asked in (("--tempo", options.tempo is not None), ("--beat-tracker", bool(tracker.inputs))):
        if asked:
            raise InputError(f"{flag} is for beats that are heard, and --beats gives them: choose one of the two")
    from dancegen.audio.beats_file import read_beats

    path = _beats_path(options.beats, store)
    given = read_beats(path)
    if not len(given.between(*span).times_s):
        first, last = given.times_s[[0, -1]]
        raise InputError(
            f"--beats {options.beats}: its beats lie from {first:.1f} to {last:.1f} s, and none from {span[0]:.1f} to "
            f"{span[1]:.1f} s, which is danced to; times are seconds of the whole song"
        )
    return AskedBeats(tracker, None, given, (Input.file("beats", path),))


def _beats_path(reference: str | Path, store: Store) -> Path:
    """A file, or the beats.json in a directory or in an artifact."""
    path = Path(reference)
    if path.is_file():
        return path
    try:
        folder = path if path.is_dir() else store.find(reference).path
    except NotFoundError as error:
        raise NotFoundError(f"--beats {reference}: there is no such file, and {error}") from error
    if not (folder / BEATS).is_file():
        raise InputError(f"--beats {reference} holds no {BEATS}")
    return folder / BEATS
