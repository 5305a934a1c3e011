"""Training clips: keypoints and spectrogram windows cut from a pose dataset and drawn on the fly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, N_MELS, windows
from dancegen.choreographers.augmentation import accented_s, augment_mel
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.model import StartPoses
from dancegen.choreographers.gan.style import WINDOW_S, measure
from dancegen.dataset.format import load_mel, read_clips
from dancegen.errors import InputError
from dancegen.pose.geometry import to_canvas
from dancegen.pose.sequence import PoseSequence


@dataclass(frozen=True)
class ClipViews:
    """One clip: its music, and its poses from every view at the model's frame rate, in image pixels."""

    id: str
    mel: np.ndarray
    """(F, N_MELS + BEAT_BANDS) float32, 90 frames a second: the log-mel, and the beat as `Beats.bands` gives it."""
    views: tuple[PoseSequence, ...]
    beats: Beats

    @property
    def frames(self) -> int:
        return min(len(view) for view in self.views)


def clip_length(config: GanConfig) -> int:
    """Frames of a training clip: the pose it starts from and those that are learnt from."""
    t = config.train
    return 1 + max(t.first_clip_frames, t.clip_frames)


def load_clips(
    dataset: Path, split: str, config: GanConfig, progress, *, accent: float = 0.0, most: int | None = None
) -> list[ClipViews]:
    """The clips of one split of a pose dataset. InputError where it has none that are long enough.

    accent: by what share they are slowed on beats (see `augmentation.accented_s`); 0 leaves them as they are. most: at
    most so many, the longest.
    """
    clips = [clip for clip in read_clips(dataset) if clip.split == split]
    if most is not None:
        clips = sorted(clips, key=lambda clip: -clip.seconds)[:most]
    takes = []
    with progress.task(f"reading {split} clips", len(clips)) as advance:
        for clip in clips:
            takes.append(_load_clip(dataset / "clips" / clip.id, config, accent))
            advance(1)
    takes = [take for take in takes if take.frames >= clip_length(config)]
    if not takes:
        seconds = clip_length(config) / config.image.fps
        raise InputError(
            f"{dataset} has no {split} clip of {seconds:.1f} s or more; prepare more takes, or longer clips"
        )
    return takes


def _load_clip(folder: Path, config: GanConfig, accent: float) -> ClipViews:
    canvas = (config.image.size, config.image.size)
    beats = Beats.load(folder / "beats.json")
    views = []
    for path in sorted(folder.glob("*/poses.npz")):
        sequence = _accented(PoseSequence.load(path), beats, accent).resample(config.image.fps)
        keypoints = to_canvas(sequence.keypoints, sequence.size, canvas)
        views.append(replace(sequence, keypoints=keypoints, size=canvas, joints3d=None))
    return ClipViews(folder.name, with_beat(load_mel(folder.parent.parent, folder.name), beats), tuple(views), beats)


def _accented(sequence: PoseSequence, beats: Beats, accent: float) -> PoseSequence:
    if not accent:
        return sequence
    frames = accented_s(np.arange(len(sequence)) / sequence.fps, beats, accent) * sequence.fps
    return sequence.at(np.clip(frames, 0, len(sequence) - 1), sequence.fps)


def with_beat(mel: np.ndarray, beats: Beats) -> np.ndarray:
    """What conditions the GAN: the log-mel (F, N_MELS) and the beat as further bands, (F, N_MELS + BEAT_BANDS)."""
    return np.concatenate([mel.astype(np.float32), beats.bands(len(mel))], 1)


class ClipDataset(Dataset):
    """Every clip once an epoch: a random view, place, side and music colour of it, all drawn from (seed, epoch, index).

    An item holds `keypoints` (L, 18, 3) and `mel` (L, mel_width, N_MELS + BEAT_BANDS), L = `frames`, and the `style`
    (9,) of the seconds round them.
    """

    def __init__(self, takes: list[ClipViews], config: GanConfig, *, seed: int, augment: bool = True):
        self.takes, self.config, self.seed, self.augment = takes, config, seed, augment
        self.frames = clip_length(config)

    def __len__(self) -> int:
        return len(self.takes)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """The clip as the first epoch shows it."""
        return self.shown(index, epoch=0)

    def draw(self, key: tuple[int, list[int]]) -> dict[str, torch.Tensor]:
        """A batch, items stacked, of an epoch's number and the clips' indices."""
        epoch, indices = key
        return default_collate([self.shown(index, epoch) for index in indices])

    def shown(self, index: int, epoch: int) -> dict[str, torch.Tensor]:
        """The clip as an epoch shows it."""
        rng = np.random.default_rng([self.seed, epoch, index])
        take, frames = self.takes[index], self.frames
        view = take.views[rng.integers(len(take.views))]
        start = self._start(take, rng)
        if self.augment and rng.random() < 0.5:
            view = view.mirror()
        around = max(0, round(WINDOW_S * self.config.image.fps) - frames) // 2
        first = max(0, start - around)
        nearby = view.keypoints[first : start + frames + around]
        mel, times = self._around(take.mel, (start + np.arange(frames)) / self.config.image.fps)
        if self.augment:
            nearby = _moved(nearby, self.config.image.size, rng)
            mel = np.concatenate([augment_mel(mel[:, :N_MELS], rng), mel[:, N_MELS:]], 1)
        keypoints = nearby[start - first :][:frames]
        seen = windows(mel, times, self.config.generator.mel_width)
        return {
            "keypoints": torch.from_numpy(np.ascontiguousarray(keypoints)),
            "mel": torch.from_numpy(np.ascontiguousarray(seen)),
            "style": measure(torch.from_numpy(nearby)[None], self.config.image.size, self.config.image.fps)[0],
        }

    def _around(self, mel: np.ndarray, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of the song that the windows at these times reach into, and the times counted from its start."""
        reach = self.config.generator.mel_width // 2 + 1
        first = max(0, int(times_s[0] * FRAME_RATE) - reach)
        return mel[first : int(times_s[-1] * FRAME_RATE) + reach + 1], times_s - first / FRAME_RATE

    def _start(self, take: ClipViews, rng: np.random.Generator) -> int:
        """Mostly where the spectrogram windows lie inside the clip; sometimes at its edge, as songs begin and end."""
        last = take.frames - self.frames
        margin = int(self.config.generator.mel_width / FRAME_RATE / 2 * self.config.image.fps)
        if last > 2 * margin and rng.random() < 0.9:
            return int(rng.integers(margin, last - margin + 1))
        return int(rng.integers(0, last + 1))


def _moved(keypoints: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The dancer a little larger or smaller, and elsewhere on the canvas, for the whole clip."""
    scale = rng.uniform(0.92, 1.06)
    shift = rng.uniform(-0.06, 0.06, 2) * size
    middle = (size - 1) / 2
    present = keypoints[..., 2:] > 0
    moved = (keypoints[..., :2] - middle) * scale + middle + shift
    return np.concatenate([np.where(present, moved, 0), keypoints[..., 2:]], -1).astype(np.float32)


def choose_starts(takes: list[ClipViews], config: GanConfig, seed: int) -> StartPoses:
    """Real poses that see the camera, spread over the takes, with the liveliness of the music they were danced to."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(takes))
    keypoints, energy = [], []
    for take in (takes[i] for i in np.resize(order, config.generator.start_poses)):
        view = take.views[0]
        facing = np.flatnonzero((view.keypoints[:, (0, *range(1, 14)), 2] > 0).all(1))
        frame = int(rng.choice(facing)) if len(facing) else 0
        keypoints.append(view.keypoints[frame])
        energy.append(liveliness(take.mel, frame / config.image.fps))
    return StartPoses(np.stack(keypoints).astype(np.float32), np.array(energy, np.float32))


def liveliness(mel: np.ndarray, time_s: float) -> float:
    """How much louder the second round `time_s` is than the whole `(F, N_MELS)`: mean log power, base 10."""
    middle, reach = int(time_s * FRAME_RATE), int(FRAME_RATE / 2)
    bands = mel[:, :N_MELS]
    return float(bands[max(0, middle - reach) : middle + reach].mean() - bands.mean())
