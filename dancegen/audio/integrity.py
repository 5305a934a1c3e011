"""Find damage that decoders hide: they skip broken pages and frames, or trust a header that states too much.

Only the container is read (sizes, headers, checksums) and nothing is decoded, so this is cheap.
FLAC and everything that PyAV reads check themselves while they are decoded.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_STREAMED_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000)  # what encoders write that could not seek back
_MP3_KBPS = {
    (3, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def damaged_at(path: Path) -> float | None:
    """Seconds up to which a wav, ogg or mp3 file is whole, or None where nothing is wrong or nothing can be told."""
    if path.stat().st_size < 16:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return _wav_damage(data)
        if data[:4] == b"OggS":
            return _ogg_damage(data)
        if data[:3] == b"ID3" or (data[0] == 0xFF and data[1] & 0xE0 == 0xE0):
            return _mp3_damage(data)
    return None


def begins_like_mp3(path: Path) -> bool:
    """Whether a file begins with an ID3 tag or an MPEG audio frame."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[:3] == b"ID3" or _mp3_frame(head, 0) is not None


def is_mp4(path: Path) -> bool:
    """Whether a file begins as MP4 and M4A files do."""
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _wav_damage(data: mmap.mmap) -> float | None:
    """A WAV file is damaged where its data chunk promises more bytes than the file has."""
    position, byte_rate = 12, 0
    while position + 8 <= len(data):
        name, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        if name == b"fmt " and position + 20 <= len(data):
            byte_rate = struct.unpack_from("<I", data, position + 16)[0]
        if name == b"data":
            left = len(data) - position - 8
            short = size > left and size not in _STREAMED_SIZES
            return left / byte_rate if short and byte_rate else None
        position += 8 + size + size % 2
    return None


@dataclass(frozen=True)
class OggLink:
    """One of the songs that follow one another in an Ogg file. head: what tells its format, rate and channels."""

    head: bytes
    seconds: float


def ogg_links(path: Path) -> list[OggLink]:
    """The songs of an Ogg file, of which there is one in most; [] for other files."""
    if path.stat().st_size < 16:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found: list[OggLink] = []
        rate = 1
        ended = True
        for page in _ogg_pages(data):
            if page.begins and ended:
                found.append(OggLink(data[page.body : page.body + 16], 0.0))
                rate, ended = _ogg_rate(data, page.body), False
            if not found:
                return []
            if page.granule > 0:
                found[-1] = OggLink(found[-1].head, max(found[-1].seconds, page.granule / rate))
            ended |= page.ends
        return found


def _ogg_damage(data: mmap.mmap) -> float | None:
    """An Ogg file is damaged at the first page that is incomplete or fails its checksum (RFC 3533)."""
    position, before, seconds, ended, rate = 0, 0.0, 0.0, False, 1
    for page in _ogg_pages(data):
        if page.begins and (ended or not position):
            before, rate, ended = seconds, _ogg_rate(data, page.body), False
        if not _ogg_page_is_whole(data[position : page.end]):
            return seconds
        if page.granule >= 0:
            seconds = before + page.granule / rate
        ended, position = page.ends, page.end
    if position == len(data) or (ended and data[position : position + 4] != b"OggS"):
        return None  # tags may follow the last page of a stream
    return seconds


@dataclass(frozen=True)
class _OggPage:
    """body, end: where what is in it begins, and where the next one does. granule: how far the sound is, or -1."""

    body: int
    end: int
    granule: int
    begins: bool
    ends: bool


def _ogg_pages(data: mmap.mmap) -> Iterator[_OggPage]:
    """The pages of an Ogg file, one behind the other, up to the first that is cut short or none."""
    position = 0
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        body = position + 27 + data[position + 26]
        end = body + sum(data[position + 27 : body])
        if end > len(data):
            return
        granule, flags = struct.unpack_from("<q", data, position + 6)[0], data[position + 5]
        yield _OggPage(body, end, granule, bool(flags & 2), bool(flags & 4))
        position = end


def _ogg_rate(data: mmap.mmap, start: int) -> int:
    """Granules a second of a stream whose first packet is at `start`: its sample rate, or 48,000 for Opus."""
    if data[start + 1 : start + 7] == b"vorbis":
        return max(1, struct.unpack_from("<I", data, start + 12)[0])
    if data[start : start + 5] == b"\x7fFLAC":
        return max(1, int.from_bytes(data[start + 27 : start + 30], "big") >> 4)
    return 48_000


def _ogg_page_is_whole(page: bytes) -> bool:
    """Ogg's CRC-32 runs most significant bit first from zero: zlib's on bytes and result with their bits reversed."""
    stored = int.from_bytes(page[22:26], "little")
    unsigned = (page[:22] + b"\0\0\0\0" + page[26:]).translate(_REVERSED)
    crc = zlib.crc32(unsigned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2) == stored


def _mp3_damage(data: mmap.mmap) -> float | None:
    """An MP3 file is damaged where a frame is not followed by another, or frames end before the Info tag says."""
    position = _skip_id3(data, 0)
    promised, frames, seconds = None, 0, 0.0
    if _mp3_frame(data, position) is None:
        return None  # junk before the first frame, or no fixed frame size: nothing can be told
    while position < len(data):
        frame = _mp3_frame(data, position)
        if frame is None:
            after = _skip_id3(data, position)
            if after > position:
                position = after
                continue
            break
        length, duration = frame
        if frames == 0:
            promised = _mp3_promised_frames(data[position : position + length])
        if position + length > len(data):
            break
        position, frames, seconds = position + length, frames + 1, seconds + duration
    if promised and frames < promised:  # the Info frame itself is not counted
        return seconds
    rest = data[position:]
    harmless = not rest.strip(b"\0") or rest[:3] == b"TAG" or rest[:8] in (b"APETAGEX", b"LYRICSBE")
    # a last frame cut short is common and harmless; sound that goes on behind a broken frame is not
    return None if harmless or promised or len(rest) < 1500 else seconds


def _skip_id3(data: mmap.mmap, position: int) -> int:
    while data[position : position + 3] == b"ID3" and position + 10 <= len(data):
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        position += 10 + size
    return position


def _mp3_frame(data: mmap.mmap | bytes, position: int) -> tuple[int, float] | None:
    """Length in bytes and seconds of the frame whose header stands at `position`, or None if there is none."""
    if position + 4 > len(data):
        return None
    first, second, third = data[position : position + 3]
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bitrate, rate = third >> 4, third >> 2 & 3
    if first != 0xFF or second & 0xE0 != 0xE0 or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    kbps, hertz, padding = _MP3_KBPS[max(version, 2), layer][bitrate - 1], _MP3_RATES[version][rate], third >> 1 & 1
    if layer == 1:
        return (12_000 * kbps // hertz + padding) * 4, 384 / hertz
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * 1000 * kbps // hertz + padding, samples / hertz


def _mp3_promised_frames(frame: bytes) -> int | None:
    """The number of frames that an encoder's Xing or Info tag in the first frame announces."""
    for tag in (b"Xing", b"Info"):
        at = frame.find(tag, 0, 64)
        if at >= 0 and at + 12 <= len(frame) and frame[at + 7] & 1:
            return struct.unpack_from(">I", frame, at + 8)[0]
    return None
