"""Silent dances meet songs: which song a take is danced to, and the clips that come of it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.format import Clip, ClipMotion, clip_dir
from dancegen.motion.motion import Motion
from dancegen.motion.time_warp import (
    DanceEvents,
    Grid,
    TimeMap,
    alignment,
    beat_period,
    lock_to_beats,
    shifted_alignment,
    target_grid,
    tempo_distance,
)

COMPATIBLE = float(np.log(1.12))
"""A song within 12% of a dance's tempo suits it."""
LONGEST_SPAN_S = 60.0
"""A longer take is danced to several songs, one after the other: it bounds the memory of beat-locking."""
SLACK = 1.12
"""Song seconds to reserve a second of dance, for a warp that slows it down."""
FEWEST_BEATS = 8
LAST_CLIP, ONLY_CLIP = 0.5, 0.25
"""Shares of a clip's length that the last clip of a dance, and the only one of a short dance, must fill."""
BODY = slice(1, 14)

# CMU subjects recorded together: both files of such a take show one performance.
_PARTNERS = {"18": "18+19", "19": "18+19", "20": "20+21", "21": "20+21", "22": "22+23", "23": "22+23"}
_PARTNERS |= {"33": "33+34", "34": "33+34", "60": "60+61", "61": "60+61"}
_CMU_NAME = re.compile(r"^(\d{2,3})_(\d{2})(?=$|[_.-])")
_COPY = re.compile(r"[_-](scaled|mirror|mirrored|retimed)$")


@dataclass(frozen=True)
class Take:
    """One motion file, read: `motion` is its `Motion` as a file; `group` names the performance.

    `active` (start, end) seconds: what comes before and after is a person who waits.
    """

    name: str
    group: str
    digest: str
    motion: Path
    active: tuple[float, float]
    events: DanceEvents


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
class Dance:
    """An order: this span of a take to this song from `song_start` on. `id` begins the ids of its clips."""

    id: str
    take: Take
    span: tuple[float, float]
    song: Song
    song_start: float


@dataclass(frozen=True)
class Danced:
    """What came of a dance: its clips, and how well the steps met the beats.

    `aligned` and `shifted` are sums over `footfalls` footfalls (see `time_warp.alignment`); `acceleration` is the mean
    joint acceleration of the warped dance over that of the take.
    """

    clips: tuple[Clip, ...]
    footfalls: int
    aligned: float
    shifted: float
    acceleration: float


def performance(stem: str) -> str:
    """The performance a motion file shows, by its name: partners, mirrors and rescaled copies share it.

    "60_05_scaled" and "61_05_scaled" (CMU's salsa couple) both give "60+61_05".
    """
    plain = stem
    while _COPY.search(plain):
        plain = _COPY.sub("", plain)
    match = _CMU_NAME.match(plain)
    if match:
        return f"{_PARTNERS.get(match[1], match[1])}_{match[2]}{plain[match.end() :]}"
    return plain


def split_performances(sources: dict[str, str], val_fraction: float, seed: int) -> dict[str, str]:
    """The split of every performance. `sources` maps it to where it comes from (its first source folder).

    Each source gives its share to "val", so that a small one is not left out; which performances is up to the seed.
    At least one goes to "val" where there are two or more and the fraction is not 0, and at least one stays.
    """
    order = sorted(sources, key=lambda group: (zlib.crc32(f"{seed}/{group}".encode()), group))
    val: list[str] = []
    for source in sorted(set(sources.values())):
        groups = [group for group in order if sources[group] == source]
        val += groups[: round(val_fraction * len(groups))]
    if not val and val_fraction > 0:
        val = order[:1]
    if len(val) >= len(order):
        val = val[: len(order) - 1]
    return {group: "val" if group in val else "train" for group in order}


def choose_dances(takes: list[Take], songs: list[Song], pairs: int, shortest_s: float, seed: int) -> list[Dance]:
    """`pairs` songs for every span of every take, and where in the song to begin.

    Songs whose tempo suits the steps come first, among them those used least so far, then chance decides; after them
    the others, nearest tempo first. With fewer songs than pairs a song is danced to again, from elsewhere.
    """
    uses = dict.fromkeys((song.digest for song in songs), 0)
    dances = []
    for take in takes:
        rng = np.random.default_rng([seed, zlib.crc32(take.name.encode())])
        for part, span in enumerate(_spans(*take.active)):
            ranked = _rank(songs, take.events.step_s, uses, rng)
            for pair in range(pairs):
                song = ranked[pair % len(ranked)]
                uses[song.digest] += 1
                room = song.seconds - max(shortest_s, SLACK * (span[1] - span[0]))
                start = np.floor(rng.uniform(0, max(0.0, room)) * FRAME_RATE) / FRAME_RATE
                dances.append(Dance(f"{take.name}-{pair:02d}{chr(97 + part % 26)}", take, span, song, float(start)))
    return dances


def _spans(start: float, end: float) -> list[tuple[float, float]]:
    count = max(1, int(np.ceil((end - start) / LONGEST_SPAN_S)))
    edges = np.linspace(start, end, count + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _rank(songs: list[Song], step_s: float, uses: dict[str, int], rng: np.random.Generator) -> list[Song]:
    def order(item: tuple[float, Song]) -> tuple:
        chance, song = item
        distance = tempo_distance(step_s, beat_period(song.beats.times_s))
        return (0.0, uses[song.digest], chance) if distance <= COMPATIBLE else (distance, 0, chance)

    return [song for _, song in sorted(zip(rng.random(len(songs)).tolist(), songs, strict=True), key=order)]


def dance(order: Dance, root: Path, clip_s: float, fps: float, split: str, genre: str | None, licence: str | None):
    """Carry out one order: lock the take to the song's beats, cut it, write the clips under `root`. Returns Danced."""
    grid = target_grid(order.song.beats.times_s, order.take.events.step_s)
    warp = lock_to_beats(order.take.events, order.span, grid, (order.song_start, order.song.seconds))
    body = Motion.load(order.take.motion)
    clips = []
    for number, (start, frames) in enumerate(_pieces(warp, order.song.seconds, clip_s, fps)):
        clip = Clip(
            id=f"{order.id}{number:02d}",
            source=order.take.digest,
            start=round(float(warp.take_time(start)), 6),
            seconds=round(frames / fps, 6),
            fps=fps,
            split=split,
            genre=genre,
            licence=licence,
            take=order.take.group,
            song=order.song.name,
            song_start=round(start, 6),
        )
        motion = _clip_motion(order, warp, body, start, frames, fps)
        write_clip(root, clip, motion, order.song)
        clips.append(clip)
    return _judge(order, warp, body, grid, tuple(clips), fps)


def _pieces(warp: TimeMap, song_s: float, clip_s: float, fps: float) -> list[tuple[float, int]]:
    """(start in the song, frames) of each clip; starts lie on mel frames.

    The last clip of a dance may be half as long, the only one of a short dance a quarter.
    """
    end = min(float(warp.song_s[-1]), song_s)
    whole = round(clip_s * fps)
    pieces, start = [], float(warp.song_s[0])
    while (frames := min(whole, int((end - start) * fps + 1e-6))) >= max(
        2, whole * (LAST_CLIP if pieces else ONLY_CLIP)
    ):
        pieces.append((start, frames))
        start = float(np.ceil((start + frames / fps) * FRAME_RATE - 1e-6) / FRAME_RATE)
    return pieces


def _clip_motion(order: Dance, warp: TimeMap, body: Motion, start: float, frames: int, fps: float) -> ClipMotion:
    length = frames / fps
    inside = (warp.song_s > start) & (warp.song_s < start + length)
    knots = np.concatenate([[start], warp.song_s[inside], [start + length]])
    steps = warp.song_time(order.take.events.footfalls) - start
    return ClipMotion(
        motion=body.at(warp.take_time(start + np.arange(frames) / fps), fps),
        song_s=knots - start,
        take_s=warp.take_time(knots),
        rate=warp.rate_at(knots),
        footfalls_s=steps[(steps >= 0) & (steps < length)],
    )


def write_clip(root: Path, clip: Clip, motion: ClipMotion, song: Song) -> None:
    """Write the four files of one clip."""
    from dancegen.audio.load import write_flac

    directory = clip_dir(root, clip)
    directory.mkdir(parents=True)
    motion.save(directory / "motion.npz")
    first = round(clip.song_start * FRAME_RATE)
    mel = np.load(song.mel, mmap_mode="r")
    np.save(directory / "mel.npy", mel[first : first + int(np.ceil(clip.seconds * FRAME_RATE))].astype(np.float16))
    clip_beats(song.beats, clip.song_start, clip.seconds).save(directory / "beats.json")
    write_flac(song.path, directory / "audio.flac", start_s=clip.song_start, seconds=clip.seconds)


def clip_beats(beats: Beats, start_s: float, seconds: float) -> Beats:
    """The beats of a span, in seconds from its start."""
    inside = (beats.times_s >= start_s) & (beats.times_s < start_s + seconds)
    return Beats(beats.times_s[inside] - start_s, beats.tempo_bpm, beats.strength[inside])


def _judge(order: Dance, warp: TimeMap, body: Motion, grid: Grid, clips: tuple[Clip, ...], fps: float) -> Danced:
    steps = warp.song_time(order.take.events.footfalls)
    steps = steps[np.isfinite(steps)]
    beat_s = beat_period(order.song.beats.times_s)
    if len(steps) == 0:
        aligned = shifted = 0.0
    else:
        aligned = alignment(steps, grid) * len(steps)
        shifted = shifted_alignment(steps, grid, beat_s) * len(steps)
    song_times = np.arange(warp.song_s[0], warp.song_s[-1], 1 / fps)
    take_times = np.arange(warp.take_s[0], warp.take_s[-1], 1 / fps)
    ratio = mean_acceleration(body.at(warp.take_time(song_times), fps))
    ratio /= max(mean_acceleration(body.at(take_times, fps)), 1e-9)
    return Danced(clips, len(steps), float(aligned), float(shifted), float(ratio))


def mean_acceleration(motion: Motion) -> float:
    """Mean acceleration of joints 1 to 13, body heights a second squared, by second differences."""
    if len(motion) < 3:
        return 0.0
    second = np.diff(motion.joints3d[:, BODY].astype(np.float64), n=2, axis=0) * motion.fps**2
    return float(np.linalg.norm(second, axis=-1).mean() / motion.height_m)
