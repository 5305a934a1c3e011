"""Choreographers that learn nothing: what a model must beat, each failing in the way its name says.

freeze   one real pose, held
random   real clips in random order, whatever the music
shuffle  real motion that was danced to another song
copy     the training clip whose music is nearest, piece after piece of the song

All dance with the training clips of a pose dataset; where clips meet, a quarter of a second blends from one into the
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.format import Clip, clip_views, load_mel, poses_path, read_clips
from dancegen.errors import InputError
from dancegen.pose.geometry import FLOOR_LINE, limb_lengths, place, to_canvas
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import LIMBS
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.controls import DanceControls

BLEND_S = 0.25
_TRUNK_AND_LEGS = [LIMBS.index(limb) for limb in ((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13))]


class Baseline:
    """A choreographer that plays clips of the pose dataset in a directory. Raises InputError where it has none.

    name: the baseline's, as --model has it: `baseline:copy`.
    """

    def __init__(self, name: str, dataset: Path):
        self._name, self._kind, self._root = name, name.partition(":")[2], dataset
        clips = [clip for clip in read_clips(dataset) if clip_views(dataset, clip)]
        self._clips = [clip for clip in clips if clip.split == "train"] or clips
        if not self._clips:
            raise InputError(f"{dataset} holds no poses to dance with; make some with: dancegen extract-poses")

    def choreograph(
        self,
        song: SongFeatures,
        controls: DanceControls | None = None,
        *,
        seed: int = 0,
        fps: float = 30.0,
        size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:
        """Consecutive pieces of one choreography, as long as the song, seen by one of the dataset's cameras."""
        rng = np.random.default_rng(seed % 2**64)
        frames = round(song.seconds * fps)
        done = 0
        with progress.task(f"Dancing {self._name}", song.seconds) as advance:
            for piece in _blended(self._pieces(song, rng, fps, size, progress), max(1, round(BLEND_S * fps))):
                piece = piece[: frames - done]
                yield PoseSequence(piece, fps, size, song.start_s + done / fps)
                done += len(piece)
                advance(len(piece) / fps)
                if done >= frames:
                    return

    def _pieces(self, song: SongFeatures, rng, fps: float, size: tuple[int, int], progress: Progress):
        view, height = rng.choice(self._views()), None
        for clip in self._order(song, rng, progress):
            views = clip_views(self._root, clip)
            poses = PoseSequence.load(poses_path(self._root, clip, view if view in views else views[0])).resample(fps)
            piece = to_canvas(poses.keypoints, poses.size, size)
            height = height or _stature(piece)
            piece = _scaled(piece, height / _stature(piece), size)  # nobody grows from one clip to the next
            yield np.repeat(piece[:1], len(piece), axis=0) if self._kind == "freeze" else piece

    def _order(self, song: SongFeatures, rng, progress: Progress) -> Iterator[Clip]:
        """The clips to play, without end."""
        if self._kind == "freeze":
            chosen = self._clips[rng.integers(len(self._clips))]
            while True:
                yield chosen
        if self._kind == "random":
            while True:
                yield from (self._clips[i] for i in rng.permutation(len(self._clips)))
        sounds = Sounds(self._root, self._clips, progress)
        if self._kind == "shuffle":
            # The song itself may be in the dataset: whichever sounds nearest is not "another".
            yield from self._motion_of_others(sounds.nearest(song.mel).song, rng)
        time_s = 0.0
        while True:
            first = round(time_s * FRAME_RATE)
            clip = sounds.nearest(song.mel[first : first + round(sounds.seconds * FRAME_RATE)])
            yield clip
            time_s += max(clip.seconds - BLEND_S, BLEND_S)

    def _motion_of_others(self, own: str, rng) -> Iterator[Clip]:
        """All that was danced to one song, take by take, then to the next, without end."""
        songs = sorted({clip.song for clip in self._clips} - {own}) or [own]
        while True:
            for number in rng.permutation(len(songs)):
                clips = [clip for clip in self._clips if clip.song == songs[number]]
                takes = sorted({clip.source for clip in clips})
                for i in rng.permutation(len(takes)):
                    yield from sorted((c for c in clips if c.source == takes[i]), key=lambda c: (c.song_start, c.id))

    def _views(self) -> list[str]:
        return clip_views(self._root, self._clips[0])


class Sounds:
    """How the clips' music sounds: mean and standard deviation over time of each band of its log-mel."""

    def __init__(self, root: Path, clips: list[Clip], progress: Progress = SILENT):
        self.seconds = float(np.median([clip.seconds for clip in clips]))
        self._clips = clips
        colours = []
        with progress.task("Listening to the dataset", len(clips)) as advance:
            for clip in clips:
                colours.append(_colour(load_mel(root, clip)))
                advance(1)
        self._colours = np.stack(colours)
        self._scale = self._colours.std(axis=0).clip(1e-3)

    def nearest(self, mel: np.ndarray) -> Clip:
        """The clip whose music sounds most like a (F, 80) log-mel; of an empty one, the first."""
        if not len(mel):
            return self._clips[0]
        apart = (self._colours - _colour(mel)) / self._scale
        return self._clips[int((apart**2).sum(axis=1).argmin())]


def _stature(keypoints: np.ndarray) -> float:
    """How tall a dancer is drawn, in pixels, also one who crouches throughout: the lengths of trunk, thigh and shin."""
    lengths = np.nanpercentile(limb_lengths(keypoints)[:, _TRUNK_AND_LEGS], 95, axis=0)
    return float(np.nanmax(lengths.reshape(2, 3), axis=0).sum())


def _scaled(keypoints: np.ndarray, scale: float, size: tuple[int, int]) -> np.ndarray:
    """Larger or smaller, on the same floor: the middle of the canvas's floor line stays where it is."""
    floor = np.array([size[0] / 2, size[1] * FLOOR_LINE])
    return place(keypoints, scale, tuple(floor * (1 - scale)))


def _colour(mel: np.ndarray) -> np.ndarray:
    mel = mel.astype(np.float32)
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0)])


def _blended(pieces: Iterator[np.ndarray], overlap: int) -> Iterator[np.ndarray]:
    """(T, 18, 3) pieces, each one's last frames blended into the next one's first."""
    tail = None
    for piece in pieces:
        if tail is not None:
            count = min(len(tail), len(piece))
            piece = np.concatenate([_between(tail[:count], piece[:count]), piece[count:]])
        kept = max(1, len(piece) - overlap)
        yield piece[:kept]
        tail = piece[kept:]


def _between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """From one to the other, evenly; a joint that only one of them shows changes over in the middle."""
    share = ((np.arange(len(before)) + 1) / (len(before) + 1))[:, None, None]
    both = (before[..., 2:] > 0) & (after[..., 2:] > 0)
    nearer = np.where(share < 0.5, before, after)
    return np.where(both, before + share * (after - before), nearer).astype(np.float32)
