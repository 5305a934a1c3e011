"""Dances that cameras saw, each with a song of its own: cut into clips, in time with that song and never warped.

A clip of a dance that is keypoints from the start has `<view>/poses.npz` for every camera that sees somebody in it, as
they were found: at the clip's rate, in the pixels of the pictures, with gaps, jumps and exchanged sides. They are
cleaned and placed on a canvas by extract-poses, as is what a detector saw in a video.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.format import Clip, clip_dir, poses_path
from dancegen.dataset.pairing import OwnSong, PairedClips, Song, write_music
from dancegen.dataset.pieces import pieces
from dancegen.pose.flat_dance import FlatDance


@dataclass(frozen=True)
class SeenTake:
    """One recording by one camera or several, read: `files` is where what was seen is kept. performance: takes that
    show the same dance share it. performer: who dances, where the source says.
    """

    name: str
    performance: str
    digest: str
    files: Path
    seconds: float
    song: OwnSong
    performer: str | None = None

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """(start, end) seconds of what is danced in it: all of it, since who waits with music waits for it."""
        return ((0.0, self.seconds),)


@dataclass(frozen=True)
class SeenPairing:
    """A take from `start_s` on with its song from `song_start` on. `id` begins the ids of its clips."""

    id: str
    take: SeenTake
    start_s: float
    song: Song
    song_start: float


@dataclass(frozen=True)
class SeenPiece:
    """A clip, and the second of its take with which it begins."""

    clip: Clip
    start_s: float
    frames: int


def own_pairings(takes: Sequence[SeenTake], songs: Sequence[Song]) -> list[SeenPairing]:
    """Every take with its own song, from among `songs`, from the first moment on that both have.

    That is where a frame of the song's spectrogram is.
    """
    by_digest = {song.digest: song for song in songs}
    found = []
    for take in takes:
        song = by_digest.get(take.song.digest)
        if song is not None:
            start = float(np.ceil(max(take.song.start_s, 0.0) * FRAME_RATE - 1e-6) / FRAME_RATE)
            found.append(SeenPairing(f"{take.name}-00a", take, start - take.song.start_s, song, start))
    return found


def cut(
    pairing: SeenPairing, clip_s: float, fps: float, split: str, genre: str | None, licence: str | None
) -> Iterator[SeenPiece]:
    """The clips of a take, up to where it or its song ends (see `dataset.pieces`)."""
    take, song = pairing.take, pairing.song
    end = min(song.seconds, pairing.song_start + take.seconds - pairing.start_s)
    for number, piece in enumerate(pieces(pairing.song_start, end, clip_s, fps)):
        begins = pairing.start_s + piece.start_s - pairing.song_start
        clip = Clip(
            id=f"{pairing.id}{number:02d}",
            source=take.digest,
            start=round(begins, 6),
            seconds=round(piece.frames / fps, 6),
            fps=fps,
            split=split,
            genre=genre,
            licence=licence,
            take=take.performance,
            song=song.name,
            song_start=round(piece.start_s, 6),
            performer=take.performer,
            overlap=round(piece.overlap_s, 6),
        )
        yield SeenPiece(clip, begins, piece.frames)


def make_pose_clips(
    pairing: SeenPairing, root: Path, clip_s: float, fps: float, split: str, genre: str | None, licence: str | None
) -> PairedClips:
    """Write the clips of a dance that is keypoints from the start under `root`; none where nobody is seen."""
    dance = FlatDance.load(pairing.take.files)
    clips = []
    for piece in cut(pairing, clip_s, fps, split, genre, licence):
        views = dance.span(piece.start_s, piece.frames, fps)
        if not views:
            continue
        clip_dir(root, piece.clip).mkdir(parents=True)
        for name, poses in views.items():
            path = poses_path(root, piece.clip, name)
            path.parent.mkdir()
            poses.save(path)
        write_music(root, piece.clip, pairing.song)
        clips.append(piece.clip)
    return PairedClips(tuple(clips), tuple((clip.start, clip.start + clip.seconds) for clip in clips))
