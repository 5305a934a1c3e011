"""What making a dataset would read and write, worked out from headers and a few files before any of it is made."""

from __future__ import annotations

from dataclasses import dataclass

from dancegen.formatting import byte_size, duration

NAMES = {"motion": ("take", " of motion"), "poses": ("take", " of keypoints"), "video": ("video", "")}
MEL_BYTES = 90 * 80 * 2
"""A second: the log-mel of a clip."""
SOUND_SHARE = 0.6
"""Of 16-bit samples, that FLAC leaves of music."""
BYTES_A_PIXEL = 0.02
"""Of pictures as `video.writer` codes them, measured on filmed dances of 360 to 1280 lines: 0.01 to 0.03."""
MOTION_BYTES, POSE_BYTES = 480, 160
"""A frame: joints with their rotations, and 18 keypoints, as they are packed."""


@dataclass(frozen=True)
class Reading:
    """What would be read of one kind. exact: whether the seconds are stated by the files, or estimated."""

    kind: str
    files: int
    seconds: float
    exact: bool

    def text(self) -> str:
        """For people: "3 videos (1:02 min)"."""
        one, of_what = NAMES[self.kind]
        about = "" if self.exact else "about "
        return f"{self.files} {one}{'s' * (self.files != 1)}{of_what} ({about}{duration(self.seconds)})"


@dataclass(frozen=True)
class Forecast:
    """What would be read, and about how many clips of how many bytes would come of it.

    left_out: files that cannot be used, as far as their headers tell, each with the reason.
    """

    reads: tuple[Reading, ...]
    songs: int
    clips: int
    clip_s: float
    size: float
    left_out: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        songs = [f"{self.songs} {'song' if self.songs == 1 else 'songs'}"] if self.songs else []
        found = [f"would read {', '.join([*(each.text() for each in self.reads), *songs])}"]
        found.append(
            f"would make about {self.clips} clips of up to {self.clip_s:g} s: about {byte_size(self.size)} on disk"
        )
        return found + [f"would leave out {reason}" for reason in self.left_out]


def sound_bytes(rate: float, channels: int) -> float:
    """A second of a clip's sound and log-mel, in bytes."""
    return rate * channels * 2 * SOUND_SHARE + MEL_BYTES
