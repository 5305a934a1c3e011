"""The codecs a video can be written in: one to watch, and three for editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dancegen.errors import InputError

BT709 = 1
"""The code of BT.709 in the colour primaries, transfer and matrix tables alike."""
LIMITED_RANGE, FULL_RANGE = 1, 2

_X264 = {"preset": "veryfast"}


@dataclass(frozen=True)
class Codec:
    """How pictures and sound are stored.

    suffix, container: of the file, and FFmpeg's name of the format. even: whether both sides must be. rgb: whether
    pixels stay red, green and blue. sound: FFmpeg's name of the sound's encoder; lossless but for AAC.
    """

    name: str
    suffix: str
    container: str
    encoder: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    sound: str = "aac"
    sound_format: str = "fltp"
    even: bool = True
    rgb: bool = False

    @property
    def file(self) -> str:
        """What a video of this codec is called in an artifact."""
        return f"video{self.suffix}"


CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", ".mp4", "mp4", "libx264", "yuv420p", _X264 | {"crf": "18"}),
        Codec("h264-10", ".mp4", "mp4", "libx264", "yuv420p10le", _X264 | {"crf": "14", "profile": "high10"}),
        Codec(
            "prores", ".mov", "mov", "prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}, "pcm_s24le", "s32"
        ),
        Codec(
            "ffv1", ".mkv", "matroska", "ffv1", "bgr0", {"level": "3", "slices": "4", "slicecrc": "1"}, "flac", "s32",
            even=False, rgb=True,
        ),
    )
}  # fmt: skip
"""By name: h264 plays everywhere; h264-10 has no bands in dark gradients; prores (422 HQ, ten bits) is what editors
cut; ffv1 keeps every pixel as it was drawn."""
USUAL = "h264"
VIDEO_FILES = tuple(dict.fromkeys(codec.file for codec in CODECS.values()))
"""What videos are called in artifacts."""


def codec_for(path: str | Path, name: str | None = None) -> Codec:
    """The codec of a name; without one, the first that writes files with the path's suffix.

    Raises InputError where there is none, or where it writes others.
    """
    suffix = Path(path).suffix.lower()
    found = CODECS[name] if name else next((each for each in CODECS.values() if each.suffix == suffix), None)
    if found is None or found.suffix != suffix:
        kinds = ", ".join(f"{each.suffix} ({each.name})" for each in CODECS.values())
        what = f"{name} is written as {found.suffix}" if found is not None else f"videos are written as {kinds}"
        raise InputError(f"{what}: name the file {Path(path).with_suffix((found or CODECS[USUAL]).suffix).name}.")
    return found
