"""Training windows: dances as features with their music, held in memory, cut and turned on the fly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dancegen.arrays import catmull_rom
from dancegen.audio.beats import Beats
from dancegen.choreographers.augmentation import equaliser
from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.denoiser import Conditioning
from dancegen.choreographers.diffusion.features import Normalizer
from dancegen.choreographers.diffusion.timing import snap_to_beats
from dancegen.choreographers.genres import Genre
from dancegen.choreographers.training.given import Given, reasons
from dancegen.dataset.format import MOTION_FILE, Clip, ClipKind, ClipMotion, clip_dir, clip_kind, load_mel, read_clips
from dancegen.dataset.pairing import clip_beats
from dancegen.errors import InputError
from dancegen.formatting import duration
from dancegen.motion.body import Body
from dancegen.motion.floor_moves import FloorMoves
from dancegen.motion.motion import Motion
from dancegen.motion.retarget import measure_body, retarget_limbs
from dancegen.progress import Progress

UNNAMED = "dance"
"""The style of clips whose genre nobody said."""
SPREAD_FLOOR = 0.05
"""Least spread of anything."""
EVENNESS = 0.5
"""Least spread of a number, as a share of that of its kind (places, turns, contacts): what hardly moves is to count
little, for it is no part of the dance."""
SAMPLED_WINDOWS = 512


@dataclass(frozen=True, eq=False)
class TrainClip:
    """One clip and its mirror image: features (2, T, 127), music (T, music.WIDTH), liveliness (T,), beats, style.

    seconds: what it adds to the dance there is, which other songs share that the same moments are danced to.
    """

    id: str
    features: np.ndarray
    song: np.ndarray
    speed: np.ndarray
    beats: Beats
    style: str
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.song)

    def part(self, first: int, last: int, fps: float) -> TrainClip:
        """Frames `first` to `last` as a clip of its own."""
        if (first, last) == (0, len(self)):
            return self
        frames = slice(first, last)
        return TrainClip(
            f"{self.id}-{first:05d}-{last:05d}", self.features[:, frames], self.song[frames], self.speed[frames],
            clip_beats(self.beats, first / fps, (last - first) / fps), self.style,
            self.seconds * (last - first) / len(self),
        )  # fmt: skip


def load_motions(dataset: Path, split: str, progress: Progress, most: int | None = None) -> list[tuple[Clip, Motion]]:
    """The clips of one split that hold motion in space; says what they are, and how many do not.

    most: at most so many, the longest, of which nothing is said. Raises InputError where there are none.
    """
    clips = [clip for clip in read_clips(dataset) if clip.split == split]
    if not clips:
        raise InputError(f"{dataset} has no {split} clips; prepare more takes, or another --val-fraction")
    kinds: dict[str, ClipKind] = {clip.id: clip_kind(dataset, clip) for clip in clips}
    left_out = Counter(_WITHOUT_MOTION[kind] for kind in kinds.values() if kind != "motion")
    clips = [clip for clip in clips if kinds[clip.id] == "motion"]
    if not clips:
        raise InputError(
            f"{dataset} has no {split} clip with motion in space, which is what diffusion learns from (there are "
            f"{reasons(left_out)}): prepare motion capture, or train the GAN: dancegen extract-poses, then dancegen "
            "train --family gan"
        )
    if most is not None:
        clips = sorted(clips, key=lambda clip: -clip.seconds)[:most]
    loaded = []
    with progress.task(f"reading {split} clips", len(clips)) as advance:
        for clip in clips:
            loaded.append((clip, ClipMotion.load(clip_dir(dataset, clip) / MOTION_FILE).motion))
            advance(1)
    if most is None:
        _given(loaded, split, left_out).say(progress)
    return loaded


_WITHOUT_MOTION: dict[ClipKind, str] = {
    "video": "that are filmed, without motion in space",
    "poses": "of keypoints in pictures, without motion in space",
}


def _given(motions: list[tuple[Clip, Motion]], split: str, left_out: Counter) -> Given:
    turned = sum(motion.rotations is not None for _, motion in motions)
    notes = [f"{turned} with the rotations of their own bones, the others with joints alone"]
    if turned == len(motions):
        notes = ["all with the rotations of their own bones"]
    elif not turned:
        notes = ["joints alone, without rotations"]
    kinds: list[ClipKind] = ["motion" for _ in motions]
    return Given(split, kinds, sum(clip.own_seconds for clip, _ in motions), notes, left_out)


def body_of(motions: list[tuple[Clip, Motion]]) -> Body:
    """The body to dance with: the mean of those in the clips."""
    return measure_body([motion for _, motion in motions])


def train_clips(
    dataset: Path,
    motions: list[tuple[Clip, Motion]],
    body: Body,
    config: DiffusionConfig,
    progress: Progress,
    *,
    accent: float = 0.0,
    floor_moves: bool = False,
) -> list[TrainClip]:
    """Every clip long enough for a window, retargeted to `body`, without its floor moves; InputError for none.

    Features say of no hand whether it stands, so handstands would slide: it warns of how many seconds are left out.
    accent: by what share a clip is slowed on beats, with its steps put in time (see `timing.py`); 0 leaves it as it is.
    floor_moves: keep them.
    """
    clips, fps, frames_left_out = [], config.window.fps, 0
    songs = Counter(source for source, _ in {(clip.source, clip.song) for clip, _ in motions})
    with progress.task("retargeting", len(motions)) as advance:
        for clip, motion in motions:
            if motion.seconds * fps >= config.window.frames:
                danced = motion.resample(fps)
                whole = _train_clip(dataset, clip, danced, body, accent)
                whole = replace(whole, seconds=clip.own_seconds / songs[clip.source])
                if floor_moves:
                    clips.append(whole)
                else:
                    moves = FloorMoves.of(danced)
                    clips += [whole.part(*span, fps) for span in moves.between(config.window.frames)]
                    frames_left_out += int(moves.frames[round(clip.overlap * fps) :].sum())
            advance(1)
    if frames_left_out:
        progress.warn(
            f"{motions[0][0].split}: left out are {duration(frames_left_out / fps)} of floor moves, on hands, back or "
            "seat: this family knows the contacts of feet alone"
        )
    if not clips:
        lacks = f"{dataset} has no {motions[0][0].split} clip of {config.window.frames / fps:g} s or more"
        if frames_left_out:
            raise InputError(f"{lacks} between its floor moves: prepare more takes, or with another --val-fraction")
        raise InputError(f"{lacks}; prepare longer clips (--clip-seconds 20)")
    return clips


def _train_clip(dataset: Path, clip: Clip, motion: Motion, body: Body, accent: float) -> TrainClip:
    folder = clip_dir(dataset, clip)
    danced = retarget_limbs(motion, body)
    beats = Beats.load(folder / "beats.json")
    if accent:
        danced = f.decode(snap_to_beats(f.encode(danced), danced, beats, accent), body, danced.fps)
    song = music.encode_music(load_mel(dataset, clip), beats, len(danced), motion.fps)
    both = np.stack([f.encode(danced), f.encode(danced.mirror())])
    joints = danced.positions
    speed = np.linalg.norm(np.gradient(joints, axis=0), axis=-1).mean(1) * motion.fps / body.height_m
    return TrainClip(clip.id, both, song, speed.astype(np.float32), beats, clip.genre or UNNAMED)


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows as the trainer needs them: features (B, T, 127) in metres, in their own axes; known (B, T, 4); song
    (B, T + 2 context, music.WIDTH); all of the conditioning."""

    features: Tensor
    known: Tensor
    song: Tensor
    conditioning: Conditioning

    def pin_memory(self) -> Batch:
        """The batch in memory that a GPU copies from beside its work; torch's data loader asks for it."""
        features, known, song = (x.pin_memory() for x in (self.features, self.known, self.song))
        return Batch(features, known, song, self.conditioning.map(lambda x: x.pin_memory()))


class Windows:
    """Draws batches of windows. Rare styles are drawn more often than their share: by its square root."""

    def __init__(self, clips: list[TrainClip], styles: list[str], config: DiffusionConfig):
        self.clips, self.styles, self.config = clips, styles, config
        frames = config.window.frames
        starts = np.array([len(r) - frames + 1 for r in clips], float)
        kinds = np.array([styles.index(r.style) for r in clips])
        totals = np.array([starts[kinds == k].sum() for k in range(len(styles))])
        self.weights = starts / np.sqrt(np.maximum(totals, 1))[kinds]
        self.weights /= self.weights.sum()
        self.count = int(starts.sum() // frames) + 1
        """Windows that show every frame once: what counts as an epoch."""

    def draw(self, count: int, rng: np.random.Generator, normalizer: Normalizer | None = None) -> Batch:
        """`count` windows with masks; without a `normalizer`, liveliness stays a logarithm."""
        w = self.config.window
        picked = rng.choice(len(self.clips), count, p=self.weights)
        mirrored = rng.integers(0, 2, count)
        rates = np.exp(np.log1p(self.config.train.tempo) * rng.uniform(-1, 1, count))
        known = _masks(count, w.frames, w.prefix, rng)
        windows, songs, lively = [], [], []
        for index, side, rate in zip(picked, mirrored, rates, strict=True):
            clip = self.clips[index]
            rate = min(rate, (len(clip) - 1) / (w.frames - 1))
            start = rng.uniform(0, len(clip) - 1 - rate * (w.frames - 1))
            at = start + rate * np.arange(-w.context, w.frames + w.context)
            own = at[w.context : -w.context] if w.context else at
            windows.append(between(clip.features[side], own))
            songs.append(between_rows(clip.song, at))
            lively.append(np.log(max(rate * between_rows(clip.speed[:, None], own[w.prefix :]).mean(), 1e-3)))
        own, _, _ = f.own_axes(torch.from_numpy(np.stack(windows)), f.origin(known, 2 * w.prefix))
        style = torch.tensor([self.styles.index(self.clips[i].style) for i in picked])
        energy = torch.tensor(np.array(lively, np.float32))
        if normalizer is not None:
            energy = (energy - normalizer.liveliness[style, 0]) / normalizer.liveliness[style, 1]
        given = torch.ones(count, 1)
        travel = own[:, -w.prefix :, (0, 2)].mean(1)
        conditioning = Conditioning(style + 1, torch.cat([given, energy[:, None]], 1), torch.cat([given, travel], 1))
        return Batch(own, known, torch.from_numpy(_augment_music(np.stack(songs), self.config, rng)), conditioning)

    def normalizer(self, seed: int) -> Normalizer:
        """Means and spreads over a sample of windows."""
        batch = self.draw(SAMPLED_WINDOWS, np.random.default_rng(seed))
        numbers = batch.features.flatten(0, 1)
        lively = torch.zeros(len(self.styles), 2)
        for index in range(len(self.styles)):
            own = batch.conditioning.energy[batch.conditioning.style == index + 1, 1]
            own = own if len(own) > 1 else batch.conditioning.energy[:, 1]
            lively[index] = torch.stack([own.mean(), own.std().clamp(min=SPREAD_FLOOR)])
        spread = numbers.std(0)
        for kind in (f.ROOT, f.TURNS, f.CONTACTS):
            of_all = float(spread[kind].square().mean().sqrt())
            spread[kind] = spread[kind].clamp(min=max(SPREAD_FLOOR, EVENNESS * of_all))
        return Normalizer(numbers.mean(0), spread, lively)


def between(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(K, 127) of a dance (T, 127) between its frames; contacts are what they are at the nearest frame."""
    found = catmull_rom(rows, at)
    found[:, f.CONTACTS] = rows[np.clip(np.rint(at).astype(int), 0, len(rows) - 1)][:, f.CONTACTS]
    return found


def between_rows(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(K, C) of music (T, C) at times (K,) counted in frames, on straight lines; silence where there is none."""
    low = np.floor(at).astype(int)
    share = (at - low).astype(np.float32)[:, None]
    padded = np.concatenate([rows, np.zeros((1, rows.shape[1]), rows.dtype)])
    one, other = (padded[np.where((i >= 0) & (i < len(rows)), i, len(rows))] for i in (low, low + 1))
    return (1 - share) * one + share * other


def cut(song: np.ndarray, start: int, frames: int) -> np.ndarray:
    """(frames, C) of a song (T, C) from `start` on; silence where there is no song."""
    piece = np.zeros((frames, song.shape[1]), np.float32)
    first, last = max(start, 0), min(start + frames, len(song))
    if last > first:
        piece[first - start : last - start] = song[first:last]
    return piece


def _masks(count: int, frames: int, prefix: int, rng: np.random.Generator) -> Tensor:
    """What of each window is known, (count, frames, 4).

    Mostly a dance goes on from its last second; some windows begin from nothing or from some frames, some of each lead
    to a pose that is given, and in some a part of the body is given all along.
    """
    known = torch.zeros(count, frames, len(f.PARTS))
    kinds = rng.choice(6, count, p=(0.60, 0.09, 0.07, 0.10, 0.09, 0.05))
    for row, kind in enumerate(kinds):
        length = prefix if kind in (0, 3) else 0 if kind in (1, 5) else int(rng.integers(0, 2 * prefix))
        known[row, :length] = 1
        if kind in (2, 3, 5):
            first = int(rng.integers(length + 1, frames))
            known[row, first : first + int(rng.integers(1, 2 * prefix))] = 1
        if kind == 4:
            parts = rng.random(len(f.PARTS)) < 0.5
            parts[0] |= parts[1:].any()  # a limb is where it is only together with the root
            known[row, :, torch.from_numpy(parts)] = 1
    return known


def _augment_music(songs: np.ndarray, config: DiffusionConfig, rng: np.random.Generator) -> np.ndarray:
    """The same music from other rooms: gain and equaliser; and in some windows no spectrogram at all."""
    count, _, _ = songs.shape
    points = rng.normal(0, 0.25, (count, 5)) + rng.uniform(-0.3, 0.3, (count, 1))
    curve = np.stack([equaliser(row, music.BANDS) for row in points]).astype(np.float32)
    kept = (rng.random(count) >= config.train.mel_dropout).astype(np.float32)
    songs[..., : music.BANDS] = (songs[..., : music.BANDS] + curve[:, None]) * kept[:, None, None]
    return songs


def learnt_from(clips: Sequence[TrainClip], before: Mapping[str, Genre]) -> dict[str, Genre]:
    """What each style is learnt from, by name.

    before: what the model that is trained on had learnt. Of a style that both know the longer one counts: mostly it is
    the same dance.
    """
    found = dict(before)
    for style in sorted({clip.style for clip in clips}):
        genre = _learnt(style, [clip for clip in clips if clip.style == style])
        known = found.get(style)
        if known is None or (known.seconds or 0.0) < (genre.seconds or 0.0):
            found[style] = genre
    return found


def _learnt(style: str, clips: Sequence[TrainClip]) -> Genre:
    seconds = sum(clip.seconds for clip in clips)
    in_time = [clip for clip in clips if clip.beats.tempo_bpm]
    tempo = sum(clip.beats.tempo_bpm * len(clip) for clip in in_time) / max(1, sum(map(len, in_time)))
    return Genre(style, seconds, tempo, float(np.concatenate([clip.speed for clip in clips]).mean()))
