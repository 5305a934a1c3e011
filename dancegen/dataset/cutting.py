"""A part of a clip as a clip of its own, with its part of the music."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.format import MUSIC_FILES, Clip, clip_dir, link_or_copy, load_mel
from dancegen.dataset.pairing import clip_beats

_MOST_SKIPPED_S = 0.1
"""At the beginning of a part, so that it begins with a frame of the log-mel."""


@dataclass(frozen=True)
class Part:
    """Frames `first` to `first + frames` of a clip, as the clip that they become. mel: its first frame of log-mel.
    repeats: whether the clip before shows all of them, too.
    """

    clip: Clip
    first: int
    frames: int
    mel: int = 0
    repeats: bool = False

    @property
    def start_s(self) -> float:
        """Where in the clip its music begins."""
        return self.mel / FRAME_RATE


def part_of(clip: Clip, first: int, frames: int) -> Part:
    """The clip that so many frames of another one become; of all of them, the clip itself.

    Its music begins with a frame of the log-mel. Up to a tenth of a second of dance is left out where only then that
    is also the moment of the first frame, or nearer to it; the two differ by less than 6 ms.
    """
    whole = round(clip.seconds * clip.fps)
    if first == 0 and frames >= whole:
        return Part(clip, 0, whole)
    stop = min(first + frames, whole)
    start = first if first == 0 else _on_the_grid(first, min(stop - 1, first + int(_MOST_SKIPPED_S * clip.fps)), clip)
    mel = round(start / clip.fps * FRAME_RATE)
    moved = mel / FRAME_RATE
    seconds, overlap = round((stop - start) / clip.fps, 6), round(max(clip.overlap - moved, 0.0), 6)
    repeats = overlap >= seconds
    part = replace(
        clip,
        id=f"{clip.id}-{start:05d}-{stop:05d}",
        start=round(clip.start + moved, 6),
        song_start=round(clip.song_start + moved, 6),
        seconds=seconds,
        overlap=0.0 if repeats else overlap,
    )
    return Part(part, start, stop - start, mel, repeats)


def _on_the_grid(first: int, last: int, clip: Clip) -> int:
    """The earliest of these frames that is as near to a frame of the log-mel as any of them is."""
    frames = np.arange(first, last + 1)
    moments = frames / clip.fps * FRAME_RATE
    return int(frames[np.argmin(np.round(np.abs(moments - np.round(moments)), 3))])


def copy_music(source: Path, clip: Clip, target: Path, part: Part) -> None:
    """Write the music files of a part of a clip that lies under `source`; its sound is cut sample by sample."""
    from dancegen.audio.load import write_flac

    origin, place = clip_dir(source, clip), clip_dir(target, part.clip)
    if part.clip.id == clip.id:
        for name in MUSIC_FILES:
            link_or_copy(origin / name, place / name)
        return
    place.mkdir(parents=True, exist_ok=True)
    seconds = part.clip.seconds
    mel = load_mel(source, clip)[part.mel :][: int(np.ceil(seconds * FRAME_RATE - 1e-6))]
    np.save(place / "mel.npy", mel)
    clip_beats(Beats.load(origin / "beats.json"), part.start_s, seconds).save(place / "beats.json")
    write_flac(origin / "audio.flac", place / "audio.flac", start_s=part.start_s, seconds=seconds)
