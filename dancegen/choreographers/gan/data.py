"""Training clips: keypoints and spectrogram windows cut from a pose dataset and drawn on the fly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, N_MELS, windows
from dancegen.choreographers.augmentation import accented_s, augment_mel
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.missing import facing, fullest
from dancegen.choreographers.gan.model import StartPoses
from dancegen.choreographers.gan.style import WINDOW_S, measure
from dancegen.choreographers.training.given import Given, reasons
from dancegen.dataset.format import VIDEO_VIEW, ClipKind, clip_views, load_mel, poses_path, read_clips
from dancegen.errors import InputError, PoseError
from dancegen.pose.cleaning import FILLED_CONFIDENCE
from dancegen.pose.geometry import body_height, to_canvas
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from dancegen.progress import Progress


@dataclass(frozen=True)
class ClipViews:
    """One clip: its music, and its poses from every view at the model's frame rate, in image pixels.

    kind: what the poses were made of.
    """

    id: str
    mel: np.ndarray
    """(F, N_MELS + BEAT_BANDS) float32, 90 frames a second: the log-mel, and the beat as `Beats.bands` gives it."""
    views: tuple[PoseSequence, ...]
    beats: Beats
    kind: ClipKind = "motion"

    @property
    def frames(self) -> int:
        """How many there are of poses from every view, and music to each."""
        heard = int((len(self.mel) - 1) / FRAME_RATE * self.views[0].fps) + 1
        return min(heard, *(len(view) for view in self.views))


def clip_length(config: GanConfig) -> int:
    """Frames of a training clip: the pose it starts from and those that are learnt from."""
    t = config.train
    return 1 + max(t.first_clip_frames, t.clip_frames)


def load_clips(
    dataset: Path, split: str, config: GanConfig, progress: Progress, *, accent: float = 0.0, most: int | None = None
) -> list[ClipViews]:
    """The clips of one split of a pose dataset that can be learnt from; says what they are, and what is left out.

    accent: by what share they are slowed on beats (see `augmentation.accented_s`); 0 leaves them as they are. most: at
    most so many, the longest. Raises InputError where there are none.
    """
    clips = [clip for clip in read_clips(dataset) if clip.split == split]
    if most is not None:
        clips = sorted(clips, key=lambda clip: -clip.seconds)
    takes, left_out, seconds = [], Counter(), 0.0
    with progress.task(f"reading {split} clips", len(clips)) as advance:
        for clip in clips:
            take = _load_clip(dataset, clip.id, config, accent)
            if fault := _fault(take, config):
                left_out[fault] += 1
            else:
                takes.append(take)
                seconds += clip.own_seconds
            advance(1)
            if len(takes) == most:
                break
    if not takes:
        raise InputError(_no_clips(dataset, split, config, left_out))
    if most is None:
        _given(takes, split, seconds, left_out).say(progress)
    return takes


def _load_clip(dataset: Path, clip: str, config: GanConfig, accent: float) -> ClipViews:
    canvas = (config.image.size, config.image.size)
    folder = dataset / "clips" / clip
    beats = Beats.load(folder / "beats.json")
    views, kind = [], "motion"
    for name in clip_views(dataset, clip):
        loaded = PoseSequence.load(poses_path(dataset, clip, name))
        if not _shows_dancer(loaded):
            continue
        if loaded.joints3d is None:
            kind = "video" if name == VIDEO_VIEW else "poses"
        sequence = _accented(replace(loaded, hands=None, face=None), beats, accent).resample(config.image.fps)
        keypoints = to_canvas(sequence.keypoints, sequence.size, canvas)
        views.append(replace(sequence, keypoints=keypoints, size=canvas, joints3d=None))
    return ClipViews(clip, with_beat(load_mel(dataset, clip), beats), tuple(views), beats, kind)


def _shows_dancer(sequence: PoseSequence) -> bool:
    """Whether some frame shows how tall the dancer is: without it nothing can be compared."""
    try:
        return body_height(sequence.keypoints) > 0
    except PoseError:
        return False


def _fault(take: ClipViews, config: GanConfig) -> str:
    """Why a clip cannot be learnt from, in words that come after "clips"; empty where it can."""
    if not take.views:
        return "without poses of a dancer"
    shortest = clip_length(config)
    return f"of less than {shortest / config.image.fps:.1f} s" if take.frames < shortest else ""


def _no_clips(dataset: Path, split: str, config: GanConfig, left_out: Counter) -> str:
    seconds = clip_length(config) / config.image.fps
    why = f" (there are {reasons(left_out)})" if left_out else ""
    return f"{dataset} has no {split} clip of {seconds:.1f} s or more{why}; prepare more takes, or longer clips"


def _given(takes: Sequence[ClipViews], split: str, seconds: float, left_out: Counter) -> Given:
    """What the clips are, with the share of joints that no camera saw."""
    views = [len(take.views) for take in takes]
    seen = np.concatenate([view.keypoints[:, BODY, 2].ravel() for take in takes for view in take.views])
    missing, filled = (seen == 0).mean(), ((seen > 0) & (seen < FILLED_CONFIDENCE)).mean()
    most, least = max(views), min(views)
    notes = [f"{most} views of each" if most == least > 1 else f"{least} to {most} views of each"] if most > 1 else []
    if missing or filled:
        notes.append(f"{missing:.1%} of the body's joints are missing, {filled:.1%} were filled in by cleaning")
    return Given(split, [take.kind for take in takes], seconds, notes, left_out)


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
    """Real poses that see the camera, spread over the takes, with the liveliness of the music they were danced to.

    They are whole; where no take shows a whole body, those that show the most of one.
    """
    rng = np.random.default_rng(seed)
    shown = [_most_joints(take) for take in takes]
    takes = [take for take, joints in zip(takes, shown, strict=True) if joints == max(shown)]
    order = rng.permutation(len(takes))
    keypoints, energy = [], []
    for take in (takes[i] for i in np.resize(order, config.generator.start_poses)):
        poses = take.views[0].keypoints
        frames = facing(poses)
        frame = int(rng.choice(frames)) if len(frames) else int(fullest(poses)[0])
        keypoints.append(poses[frame])
        energy.append(liveliness(take.mel, frame / config.image.fps))
    return StartPoses(np.stack(keypoints).astype(np.float32), np.array(energy, np.float32))


def _most_joints(take: ClipViews) -> int:
    """How many joints of the body the fullest frame of the first view shows."""
    return int((take.views[0].keypoints[:, BODY, 2] > 0).sum(1).max())


def liveliness(mel: np.ndarray, time_s: float) -> float:
    """How much louder the second round `time_s` is than the whole `(F, N_MELS)`: mean log power, base 10."""
    middle, reach = int(time_s * FRAME_RATE), int(FRAME_RATE / 2)
    bands = mel[:, :N_MELS]
    return float(bands[max(0, middle - reach) : middle + reach].mean() - bands.mean())
