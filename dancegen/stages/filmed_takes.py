"""The filmed half of prepare: each video with its own music becomes clips, in a process of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dancegen.dataset.format import Clip
from dancegen.options.data import PrepareOptions
from dancegen.progress import Progress
from dancegen.stages.cut_video import Cut, cut_video, put_into, said_of
from dancegen.stages.one_by_one import Fault
from dancegen.stages.takes import TakeFile

Each = Callable[[str, Callable, Sequence[tuple]], Iterator[tuple[Any, Any]]]
"""What runs a function on many inputs: `one_by_one` with the workers that were asked for."""


@dataclass(frozen=True)
class FilmedClips:
    """What came of one video. beats: whether its music has a steady beat. said: what there was to say of it."""

    name: str
    clips: tuple[Clip, ...]
    seconds: float
    beats: bool
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filmed:
    """What came of all videos, and why nothing came of others."""

    videos: tuple[FilmedClips, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def clips(self) -> list[Clip]:
        """Of all videos."""
        return [clip for video in self.videos for clip in video.clips]

    @property
    def names(self) -> set[str]:
        """The takes that clips came of."""
        return {video.name for video in self.videos}

    @property
    def said(self) -> list[tuple[str, str]]:
        """Of all videos."""
        return [each for video in self.videos for each in video.said]

    def with_splits(self, splits: dict[str, str]) -> list[Clip]:
        """The clips, each on the side of its performance."""
        return [replace(clip, split=splits[clip.take]) for clip in self.clips]

    def summary(self) -> dict[str, Any]:
        """Figures for the summary of a dataset; none where there are no videos."""
        if not self.videos:
            return {}
        rates = Counter(f"{video.clips[0].fps:.5g}" for video in self.videos)
        return {
            "videos": len(self.videos),
            "video_seconds": round(sum(video.seconds for video in self.videos), 1),
            "video_rates": dict(sorted(rates.items(), key=lambda item: float(item[0]))),
            "videos_without_beat": sum(not video.beats for video in self.videos),
        }


def cut_films(
    takes: Sequence[TakeFile],
    genres: dict[str, str],
    options: PrepareOptions,
    root: Path,
    cut: Cut,
    each: Each,
    progress: Progress,
) -> Filmed:
    """The clips of all videos, put under `root`; whatever is wrong with one of them is that one's fault alone.

    A video that was cut before is not decoded again.
    """
    for line in already_cut(takes, cut):
        progress.say(line)
    videos, failures = [], []
    for item, result in each("Cutting the videos", cut_video, [(item, cut) for item in takes]) if takes else ():
        if isinstance(result, Fault):
            failures.append(item.worded(result.reason))
            continue
        clips, summary = put_into(root, result, item, genres[item.name], options.licence), result.summary
        said = tuple(said_of(result, item))
        videos.append(FilmedClips(item.name, tuple(clips), summary["seconds"], summary["beats"] > 0, said))
    return Filmed(tuple(videos), tuple(failures))


def already_cut(takes: Sequence[TakeFile], cut: Cut) -> list[str]:
    """How many of the videos need not be decoded, in words; nothing where all have to be."""
    done = sum(cut.is_done(item) for item in takes)
    return [f"{done} of {len(takes)} videos have been cut already"] if done else []
