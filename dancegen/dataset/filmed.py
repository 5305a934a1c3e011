"""Clips of a filmed dance: its pictures, upright and at an even rate, and its own music on the clock of the pictures.

A video is danced to its own song, so nothing is warped and none of it is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, log_mel
from dancegen.audio.load import load, write_flac
from dancegen.dataset.format import FRAMES_FILE, Clip, clip_dir, link_or_copy
from dancegen.dataset.pairing import clip_beats
from dancegen.dataset.pieces import SHORTEST_S, Piece, pieces
from dancegen.errors import InputError
from dancegen.store.atomic import TEMPORARY, sync_file
from dancegen.video.source import VideoFile
from dancegen.video.survey import Survey
from dancegen.video.writer import VideoWriter

USUAL_FPS = 30.0
_NEAR_USUAL = 1.02
LONGEST_SIDE, SHORTEST_SIDE = 1280, 16
"""Of the pictures of a clip, in pixels: detectors look at fewer, and H.264 needs some."""
_LEAD = 4
"""Frames of the spectrogram before a clip that its first ones are computed with."""
LOST_S = 0.5
"""By how much decoding may end before the last picture: some files announce one that never comes."""


@dataclass(frozen=True)
class FilmedTake:
    """A video and what is seen of it. sound: its music as FLAC, from its first picture on and as long as it is."""

    digest: str
    video: VideoFile
    length: Survey
    sound: Path


def usual_rate(fps: float) -> float:
    """The rate of the clips of a video where nobody asks for another: its own, divided by a whole number.

    So no picture is shown twice and none is passed by out of turn. About 30 a second are enough to follow a dance.
    """
    return fps / max(1, int(np.ceil(fps / (_NEAR_USUAL * USUAL_FPS))))


def picture_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a clip's pictures: no side longer than LONGEST_SIDE, both even, as H.264 needs them.

    Raises InputError for pictures that are far too narrow.
    """
    scale = min(1.0, LONGEST_SIDE / max(size))
    width, height = (2 * int(side * scale / 2 + (scale < 1) / 2) for side in size)
    if min(width, height) < SHORTEST_SIDE:
        raise InputError(f"its pictures have {size[0]} x {size[1]} pixels: no dancer can be seen in them")
    return width, height


def planned_pieces(length: Survey, clip_s: float, fps: float) -> list[Piece]:
    """The clips of a video at a rate; each begins with a frame. Raises InputError where it is too short for one."""
    planned = pieces(0.0, length.frames(fps) / fps, clip_s, fps, grid=fps)
    if not planned:
        raise InputError(f"it lasts {length.seconds:.2f} s: a clip needs {min(clip_s, SHORTEST_S):g} s of dance")
    return planned


def make_film_clips(
    take: FilmedTake, beats: Beats, root: Path, clip_s: float, fps: float, kept: Path | None = None
) -> list[Clip]:
    """Cut a video into clips of so many seconds and write them under `root`, numbered. beats: of its whole sound.

    Pictures are decoded once, from the first to the last, and written meanwhile. What the clips are a part of, their
    take, song, genre and split, is left empty. kept: a folder for the pictures of clips that are done; a process that
    finds some there goes on behind them.
    Raises InputError where the video is damaged or too short.
    """
    frames = take.length.frames(fps)
    planned = planned_pieces(take.length, clip_s, fps)
    ids = {piece.start_s: f"{number:03d}" for number, piece in enumerate(planned)}
    paths = {piece.start_s: clip_dir(root, ids[piece.start_s]) / FRAMES_FILE for piece in planned}
    written = _write_pictures(take, fps, planned, paths, kept)
    if (frames - written) / fps > LOST_S:
        raise InputError(f"its pictures end at {written / fps:.1f} s and not at {frames / fps:.1f}: copy it again")
    clips = []
    for piece in planned:
        count = min(piece.frames, written - round(piece.start_s * fps))
        clip = Clip(
            id=ids[piece.start_s],
            source=take.digest,
            start=round(piece.start_s, 6),
            seconds=round(count / fps, 6),
            fps=fps,
            split="",
            genre=None,
            licence=None,
            take="",
            song="",
            song_start=round(piece.start_s, 6),
            overlap=round(min(piece.overlap_s, (count - 1) / fps), 6),
        )
        _write_music(clip, clip_dir(root, clip), take.sound, beats)
        clips.append(clip)
    return clips


@dataclass(frozen=True)
class _Pictures:
    """The file of a clip's pictures, and which of the video's they are: from `first` up to `end`.

    kept: where they outlive this process once they are whole; None: nowhere.
    """

    path: Path
    first: int
    end: int
    kept: Path | None

    def take_up(self) -> bool:
        """Whether an earlier process has written them; then they are in their place."""
        if self.kept is None or not self.kept.is_file():
            return False
        link_or_copy(self.kept, self.path)
        return True

    def keep(self) -> None:
        """For a later process, whatever happens to this one or to the machine."""
        if self.kept is not None:
            part = self.kept.with_name(f"{TEMPORARY}{self.kept.name}")
            part.unlink(missing_ok=True)
            link_or_copy(self.path, part)
            sync_file(part)
            os.replace(part, self.kept)


def _write_pictures(
    take: FilmedTake, fps: float, planned: list[Piece], paths: Mapping[float, Path], kept: Path | None
) -> int:
    """Write the pictures of each clip as they come, by its start; returns how many there are of the video.

    At the end two clips may be open at once.
    """
    size = picture_size(take.video.size)
    clips = []
    for piece in planned:
        first = round(piece.start_s * fps)
        file = None if kept is None else kept / f"{first:09d}.mp4"
        clips.append(_Pictures(paths[piece.start_s], first, first + piece.frames, file))
    waiting = [clip for clip in clips if not clip.take_up()][::-1]
    count, frames = waiting[-1].first if waiting else clips[-1].end, clips[-1].end
    open_: list[tuple[_Pictures, VideoWriter]] = []
    try:
        for picture in _shown(take.video, fps, count, frames, size) if waiting else ():
            if waiting and waiting[-1].first == count:
                clip = waiting.pop()
                clip.path.parent.mkdir(parents=True)
                open_.append((clip, VideoWriter(clip.path, size, fps)))
            for _, writer in open_:
                writer.write(picture)
            count += 1
            if open_ and count == open_[0][0].end:
                clip, writer = open_.pop(0)
                writer.close()
                clip.keep()
        for _, writer in open_:
            writer.close()
    except BaseException:
        for _, writer in open_:
            writer.__exit__(*sys.exc_info())
        raise
    return count


def _shown(video: VideoFile, fps: float, first: int, end: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Pictures of a video; of a size that is a line or a column less than the video's, that one is cut off."""
    width, height = video.size
    cropped = (width - size[0], height - size[1]) in ((0, 1), (1, 0), (1, 1))
    for picture in video.frames(fps, seconds=end / fps, size=None if cropped else size, first=first):
        yield picture[: size[1], : size[0]]


def _write_music(clip: Clip, directory: Path, sound: Path, beats: Beats) -> None:
    """The log-mel, the beats and the sound of a clip: all three begin exactly with its first picture."""
    before = min(_LEAD, int(clip.start * FRAME_RATE)) / FRAME_RATE
    heard = load(sound, start_s=clip.start - before, seconds=before + clip.seconds + _LEAD / FRAME_RATE)
    first, count = round(before * FRAME_RATE), int(np.ceil(clip.seconds * FRAME_RATE))
    np.save(directory / "mel.npy", log_mel(heard)[first : first + count].astype(np.float16))
    clip_beats(beats, clip.start, clip.seconds).save(directory / "beats.json")
    write_flac(sound, directory / "audio.flac", start_s=clip.start, seconds=clip.seconds)
