"""Pairing: which song a take of dance is danced to, and the clips that come of it.

Silent motion capture is warped in time until its steps fall on a song's beats (see `motion.time_warp`); a take that was
recorded with its own song keeps it, and its timing.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.format import Clip, ClipMotion, clip_dir
from dancegen.dataset.pieces import SHORTEST_S, pieces
from dancegen.files import load_array
from dancegen.motion.motion import Motion
from dancegen.motion.time_warp import (
    LEAD_S,
    MAX_RATE,
    MIN_RATE,
    TAIL_S,
    DanceEvents,
    Grid,
    TimeMap,
    alignment,
    beat_period,
    shifted_alignment,
    target_grid,
    tempo_distance,
    warp_to_beats,
)
from dancegen.pose.skeleton import BODY

COMPATIBLE = float(np.log(1.12))
"""A song within 12% of a dance's tempo suits it."""
LONGEST_SPAN_S = 60.0
"""A longer take is paired with several songs, one after the other: it bounds the memory of the time warp."""
SLACK = 1.12
"""Song seconds to reserve for a second of dance, for a warp that slows it down."""
RESERVE_S = (LEAD_S + TAIL_S) / MIN_RATE
"""Song seconds that a warp may need besides: before the first step, and for the last."""
LEAST_PART_S = MAX_RATE * SHORTEST_S
"""A dance is parted between songs into no shorter ones: each gives a clip, however fast it becomes."""
FEWEST_BEATS = 8
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Song:
    """One song, analysed: `mel` is its (F, 80) log-mel as .npy."""

    name: str
    path: Path
    digest: str
    seconds: float
    beats: Beats
    mel: Path


@dataclass(frozen=True)
class OwnSong:
    """The song that a take was recorded with, by its digest, and where in it the take begins, in seconds."""

    digest: str
    start_s: float


@dataclass(frozen=True)
class MeasuredTake:
    """One recording, read and measured: `motion` is its `Motion` as a file, `events` its kinematic beats.

    spans: (start, end) seconds of what is danced in it: people wait before and after, and a source may have gaps.
    seconds: its whole length. performance: takes that show the same dance share it. song: None for silent motion
    capture. performer: who dances, where the source says.
    """

    name: str
    performance: str
    digest: str
    motion: Path
    seconds: float
    spans: tuple[tuple[float, float], ...]
    events: DanceEvents
    song: OwnSong | None = None
    performer: str | None = None


@dataclass(frozen=True)
class Pairing:
    """A span of a take, in seconds, that is danced to a song from `song_start` on. `id` begins the ids of its clips."""

    id: str
    take: MeasuredTake
    span: tuple[float, float]
    song: Song
    song_start: float


@dataclass(frozen=True)
class PairedClips:
    """The clips of a pairing, which seconds of its take they hold, and how well their steps meet the beats.

    `aligned` and `shifted` are sums over `footfalls` footfalls (see `time_warp.alignment`); `acceleration` is the mean
    joint acceleration of the warped dance over that of the take; None where nothing was warped.
    """

    clips: tuple[Clip, ...]
    taken: tuple[tuple[float, float], ...] = ()
    footfalls: int = 0
    aligned: float = 0.0
    shifted: float = 0.0
    acceleration: float | None = None


def choose_pairings(
    takes: Sequence[MeasuredTake],
    songs: Sequence[Song],
    pairs: int,
    seed: int,
    own_songs: Sequence[Song] = (),
) -> list[Pairing]:
    """`pairs` songs for every span of every silent take, and where in the song to begin.

    Songs whose tempo suits the steps come first, among them those used least so far, then chance decides; after them
    the others, nearest tempo first. With fewer songs than pairs, or a song too short for the span, it is danced to
    again, from elsewhere. A take with a song of its own has that song alone, from among `own_songs`.
    """
    uses = dict.fromkeys((song.digest for song in songs), 0)
    pairings = []
    for take in takes:
        if take.song is not None:
            own = [song for song in own_songs if song.digest == take.song.digest]
            pairings += [each for song in own for each in _own_pairings(take, take.song, song)]
            continue
        rng = np.random.default_rng([seed, zlib.crc32(take.name.encode())])
        part = [0] * pairs
        for span in (each for whole in take.spans for each in _parted(whole, LONGEST_SPAN_S)):
            ranked = _rank(songs, take.events.step_s, uses, rng)
            for pair in range(pairs):
                song = ranked[pair % len(ranked)]
                for piece in _parted(span, _longest_dance(song)):
                    uses[song.digest] += 1
                    room = song.seconds - SLACK * (piece[1] - piece[0]) - RESERVE_S
                    start = np.floor(rng.uniform(0, max(0.0, room)) * FRAME_RATE) / FRAME_RATE
                    name = f"{take.name}-{pair:02d}{_part_name(part[pair])}"
                    pairings.append(Pairing(name, take, piece, song, float(start)))
                    part[pair] += 1
    return pairings


def _own_pairings(take: MeasuredTake, own: OwnSong, song: Song) -> list[Pairing]:
    """The spans of a take with its own song, from the first frame of the song's spectrogram on."""
    pairings = []
    for part, (first, last) in enumerate(take.spans):
        start = float(np.ceil((own.start_s + first) * FRAME_RATE) / FRAME_RATE)
        span = (start - own.start_s, last)
        pairings.append(Pairing(f"{take.name}-00{_part_name(part)}", take, span, song, start))
    return pairings


def _longest_dance(song: Song) -> float:
    """The seconds of dance that a song surely has room for."""
    return max(LEAST_PART_S, (song.seconds - RESERVE_S) / SLACK)


def _part_name(part: int) -> str:
    """a to z, then ba, bb and so on: a number in letters."""
    name = _LETTERS[part % len(_LETTERS)]
    return name if part < len(_LETTERS) else _part_name(part // len(_LETTERS)) + name


def _parted(span: tuple[float, float], longest_s: float) -> list[tuple[float, float]]:
    """A span in equal parts, none of which is longer."""
    seconds = span[1] - span[0]
    count = max(1, min(int(np.ceil(seconds / longest_s)), int(seconds / LEAST_PART_S)))
    edges = np.linspace(*span, count + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _rank(songs: Sequence[Song], step_s: float, uses: dict[str, int], rng: np.random.Generator) -> list[Song]:
    def order(item: tuple[float, Song]) -> tuple:
        tie_break, song = item
        distance = tempo_distance(step_s, beat_period(song.beats.times_s))
        return (0.0, uses[song.digest], tie_break) if distance <= COMPATIBLE else (distance, 0, tie_break)

    return [song for _, song in sorted(zip(rng.random(len(songs)).tolist(), songs, strict=True), key=order)]


def make_clips(
    pairing: Pairing, root: Path, clip_s: float, fps: float, split: str, genre: str | None, licence: str | None
) -> PairedClips:
    """Warp a take onto its song's beats, cut it, and write the clips under `root`."""
    take, song = pairing.take, pairing.song
    grid = target_grid(song.beats.times_s, take.events.step_s)
    warp = _warp(pairing, grid)
    motion = Motion.load(take.motion)
    clips, taken = [], []
    end = min(float(warp.song_s[-1]), song.seconds)
    for number, piece in enumerate(pieces(float(warp.song_s[0]), end, clip_s, fps)):
        start, frames = piece.start_s, piece.frames
        clip = Clip(
            id=f"{pairing.id}{number:02d}",
            source=take.digest,
            start=round(float(warp.take_time(start)), 6),
            seconds=round(frames / fps, 6),
            fps=fps,
            split=split,
            genre=genre,
            licence=licence,
            take=take.performance,
            song=song.name,
            song_start=round(start, 6),
            performer=take.performer,
            overlap=round(piece.overlap_s, 6),
        )
        write_clip(root, clip, _clip_motion(take, warp, motion, start, frames, fps), song)
        clips.append(clip)
        first, last = warp.take_time(np.array([start, start + frames / fps])).tolist()
        taken.append((first, last))
    return _measure(pairing, warp, replace(motion, rotations=None), grid, (tuple(clips), tuple(taken)), fps)


def remove_clips(pairing: str, root: Path) -> None:
    """Take away what was written of a pairing, by its id, before it failed."""
    for directory in clip_dir(root, pairing).parent.glob(f"{pairing}[0-9][0-9]*"):
        shutil.rmtree(directory)


def _warp(pairing: Pairing, grid: Grid) -> TimeMap:
    song_span = (pairing.song_start, pairing.song.seconds)
    if pairing.take.song is None:
        return warp_to_beats(pairing.take.events, pairing.span, grid, song_span)
    seconds = max(min(pairing.span[1] - pairing.span[0], song_span[1] - song_span[0]), 0.0)
    ends = np.array([0.0, seconds])
    return TimeMap(pairing.song_start + ends, pairing.span[0] + ends, np.ones(2))


def _clip_motion(
    take: MeasuredTake, warp: TimeMap, motion: Motion, start: float, frames: int, fps: float
) -> ClipMotion:
    length = frames / fps
    inside = (warp.song_s > start) & (warp.song_s < start + length)
    knots = np.concatenate([[start], warp.song_s[inside], [start + length]])
    steps = warp.song_time(take.events.footfalls) - start
    return ClipMotion(
        motion=motion.at(warp.take_time(start + np.arange(frames) / fps), fps),
        song_s=knots - start,
        take_s=warp.take_time(knots),
        rate=warp.rate_at(knots),
        footfalls_s=steps[(steps >= 0) & (steps < length)],
    )


def write_clip(root: Path, clip: Clip, motion: ClipMotion, song: Song) -> None:
    """Write the four files of one clip."""
    directory = clip_dir(root, clip)
    directory.mkdir(parents=True)
    motion.save(directory / "motion.npz")
    write_music(root, clip, song)


def write_music(root: Path, clip: Clip, song: Song) -> None:
    """Write what a clip hears of a song into its directory: log-mel, beats and sound."""
    from dancegen.audio.load import write_flac

    directory = clip_dir(root, clip)
    first = round(clip.song_start * FRAME_RATE)
    mel = load_array(song.mel, "log-mel of a song", in_place=True)
    np.save(directory / "mel.npy", mel[first : first + int(np.ceil(clip.seconds * FRAME_RATE))].astype(np.float16))
    clip_beats(song.beats, clip.song_start, clip.seconds).save(directory / "beats.json")
    write_flac(song.path, directory / "audio.flac", start_s=clip.song_start, seconds=clip.seconds)


def clip_beats(beats: Beats, start_s: float, seconds: float) -> Beats:
    """The beats of a span, in seconds from its start."""
    inside = (beats.times_s >= start_s) & (beats.times_s < start_s + seconds)
    return replace(beats.only(inside, start_s, beats.tempo_bpm), start_s=0.0)


def _measure(
    pairing: Pairing, warp: TimeMap, motion: Motion, grid: Grid, cut: tuple[tuple, tuple], fps: float
) -> PairedClips:
    steps = warp.song_time(pairing.take.events.footfalls)
    steps = steps[np.isfinite(steps)]
    beat_s = beat_period(pairing.song.beats.times_s)
    if len(steps) == 0:
        aligned = shifted = 0.0
    else:
        aligned = alignment(steps, grid) * len(steps)
        shifted = shifted_alignment(steps, grid, beat_s) * len(steps)
    song_times = np.arange(warp.song_s[0], warp.song_s[-1], 1 / fps)
    take_times = np.arange(warp.take_s[0], warp.take_s[-1], 1 / fps)
    ratio = mean_acceleration(motion.at(warp.take_time(song_times), fps))
    ratio /= max(mean_acceleration(motion.at(take_times, fps)), 1e-9)
    return PairedClips(*cut, len(steps), float(aligned), float(shifted), float(ratio))


def mean_acceleration(motion: Motion) -> float:
    """Mean acceleration of joints 1 to 13, body heights a second squared, by second differences."""
    if len(motion) < 3:
        return 0.0
    second = np.diff(motion.joints3d[:, BODY].astype(np.float64), n=2, axis=0) * motion.fps**2
    return float(np.linalg.norm(second, axis=-1).mean() / motion.height_m)
