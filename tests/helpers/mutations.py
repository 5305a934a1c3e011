"""Files damaged at random, in the same way for the same seed: what disks, editors and attackers do to them."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from random import Random

EXTREME = (
    "0", "-0.0", "-1", "1e300", "-1e300", "1e-300", "nan", "inf", "-inf", "1e999", "2147483648", "-9223372036854775809",
    "18446744073709551616", "0x7f", "1_000", "²", "٣", "5" * 5000, "", "1.5.2", "q", "true", "null", '"', "[]", "{}",
)  # fmt: skip
FIELDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80")
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e-300, 0.0, -1.0, 2.0**63)
LARGEST = 1_000_000
"""Bytes that one change may add at most: a file of a gigabyte would only cost time."""
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TOKEN = re.compile(r"[^\s,:\[\]{}\"]+")


def damaged_bytes(data: bytes, random: Random) -> bytes:
    """Bits turned over, pieces cut off, taken out, doubled and put elsewhere, fields of four bytes made extreme."""
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        data = random.choice((_flip, _flip, _overwrite, _cut, _remove, _double, _move, _field, _field, _append))(
            data or b"\0", random
        )
    return data


def damaged_text(data: bytes, random: Random) -> bytes:
    """Numbers made extreme, words and lines swapped, doubled and taken out, other encodings; now and then the bytes."""
    if random.random() < 0.15:
        return damaged_bytes(data, random)
    text = data.decode("utf-8")
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        text = random.choice((_number, _number, _swap, _line, _line, _other_word, _brackets, _shorten))(text, random)
    if random.random() < 0.1:
        return text.encode(random.choice(ENCODINGS), errors="replace")
    return text.encode("utf-8")


def damaged_npz(data: bytes, random: Random) -> bytes:
    """An archive of NumPy arrays of which one is damaged under a checksum that fits; or the file itself."""
    if random.random() < 0.3:
        return damaged_bytes(data, random)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(members))
    how = random.randrange(5)
    if how == 0:
        members[random.choice(list(members))] = members[name]
    elif how == 1:
        del members[name]
    elif how == 2:
        members[name] = _array_header(members[name], random)
    elif how == 3:
        members[name] = _values(members[name], random)
    else:
        members[name] = damaged_bytes(members[name], random)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members.items():
            # A bare name would be stamped with the time of day.
            archive.writestr(zipfile.ZipInfo(each), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def damaged_glb(data: bytes, random: Random) -> bytes:
    """A glTF of which the JSON is damaged, its lengths right; or the file itself."""
    if random.random() < 0.3:
        return damaged_bytes(data, random)
    size = struct.unpack_from("<I", data, 12)[0]
    text = damaged_text(data[20 : 20 + size], random)
    parts = data[8:12], struct.pack("<I", len(text)), data[16:20], text, data[20 + size :]
    whole = b"".join(parts[1:])
    return data[:8] + struct.pack("<I", 12 + len(whole)) + whole


def damaged_png(data: bytes, random: Random) -> bytes:
    """A PNG of which one part is damaged under a checksum that fits; or the file itself."""
    if random.random() < 0.3:
        return damaged_bytes(data, random)
    parts, at = [], 8
    while at + 12 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        parts.append(data[at + 4 : at + 8 + size])
        at += 12 + size
    number = random.randrange(len(parts))
    parts[number] = parts[number][:4] + damaged_bytes(parts[number][4:], random)
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return data[:8] + b"".join(chunks)


def damaged_safetensors(data: bytes, random: Random) -> bytes:
    """Tensors of which the list is damaged, its length right; or the file itself."""
    if random.random() < 0.4:
        return damaged_bytes(data, random)
    size = struct.unpack_from("<Q", data)[0]
    header, rest = data[8 : 8 + size], data[8 + size :]
    if random.random() < 0.4:
        listed = json.loads(header)
        name = random.choice([each for each in listed if each != "__metadata__"])
        change = random.choice(("dtype", "shape", "data_offsets", "gone"))
        if change == "gone":
            del listed[name]
        elif change == "dtype":
            listed[name]["dtype"] = random.choice(("F64", "F16", "BF16", "I8", "BOOL", "F8_E4M3", "U64", "none"))
        else:
            values = listed[name][change] or [1]
            values[random.randrange(len(values))] = random.choice((0, -1, 1, 2**31, 2**63, 2**64, 7))
            listed[name][change] = values
        header = json.dumps(listed).encode()
    elif random.random() < 0.5:
        header = damaged_text(header, random)
    else:
        rest = damaged_bytes(rest, random)
    return struct.pack("<Q", len(header)) + header + rest


def _flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 20))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    new = random.randbytes(random.randrange(1, 40))
    return data[:at] + new + data[at + len(new) :]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def _span(data: bytes, random: Random) -> tuple[int, int]:
    first = random.randrange(len(data))
    return first, min(len(data), first + random.choice((1, 4, 30, 500, 5000)))


def _remove(data: bytes, random: Random) -> bytes:
    first, last = _span(data, random)
    return data[:first] + data[last:]


def _double(data: bytes, random: Random) -> bytes:
    first, last = _span(data, random)
    return data[:last] + data[first:last] * random.choice((1, 1, 10)) + data[last:]


def _move(data: bytes, random: Random) -> bytes:
    first, last = _span(data, random)
    rest = data[:first] + data[last:]
    at = random.randrange(len(rest) + 1)
    return rest[:at] + data[first:last] + rest[at:]


def _field(data: bytes, random: Random) -> bytes:
    # Near the start more often than not: that is where headers are.
    at = random.randrange(min(len(data), random.choice((64, 600, len(data)))) or 1)
    return data[:at] + random.choice(FIELDS)[: random.choice((1, 2, 4))] + data[at + 4 :]


def _append(data: bytes, random: Random) -> bytes:
    return data + random.choice((bytes(1000), b"\xff" * 1000, random.randbytes(300), data))


def _number(text: str, random: Random) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text
    # Among the first ones more often than not: that is where counts and rates are.
    one = found[random.randrange(min(len(found), random.choice((20, 200, len(found)))))]
    return text[: one.start()] + random.choice(EXTREME) + text[one.end() :]


def _words(text: str, random: Random) -> list[re.Match[str]]:
    found = list(_TOKEN.finditer(text))
    return sorted((random.choice(found) for _ in range(2)), key=lambda match: match.start()) if found else []


def _swap(text: str, random: Random) -> str:
    words = _words(text, random)
    if not words or words[0].end() > words[1].start():
        return text
    first, second = words
    between = text[first.end() : second.start()]
    return text[: first.start()] + second[0] + between + first[0] + text[second.end() :]


def _other_word(text: str, random: Random) -> str:
    words = _words(text, random)
    return text[: words[0].start()] + words[1][0][:1000] + text[words[0].end() :] if words else text


def _line(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True) or [text]
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    how = random.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines[at:at] = [lines[other]] * random.choice((1, 2, min(2000, LARGEST // (len(lines[other]) + 1))))
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[min(at, other) : max(at, other)]
    return "".join(lines)


def _brackets(text: str, random: Random) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice("[{(}\"'\0\x1a#") * random.choice((1, 1, 20_000)) + text[at:]


def _shorten(text: str, random: Random) -> str:
    return text[: random.randrange(len(text) + 1)]


def _array_header(member: bytes, random: Random) -> bytes:
    """An .npy file whose header, in Python's notation, states something else."""
    size = struct.unpack_from("<H", member, 8)[0]
    said, rest = member[10 : 10 + size].decode("latin-1"), member[10 + size :]
    if random.random() < 0.4:
        kinds = ("'<f8'", "'<f4'", "'>f4'", "'|O'", "'<i2'", "'<U9'", "'<c16'", "'|b1'", "'<M8[s]'", "[('a','<f4')]")
        said = re.sub(r"'descr': ('[^']*')", f"'descr': {random.choice(kinds)}", said)
    else:
        said = damaged_text(said.encode(), random).decode("latin-1")
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(said) % 65_536) + said.encode("latin-1", "replace") + rest


def _values(member: bytes, random: Random) -> bytes:
    """An .npy file of which some numbers are extreme, as 4 or 8 bytes of floating point."""
    size = struct.unpack_from("<H", member, 8)[0]
    head, rest = member[: 10 + size], bytearray(member[10 + size :])
    form = "<d" if "f8" in head.decode("latin-1") else "<f"
    width = struct.calcsize(form)
    for _ in range(random.choice((1, 3, 50))):
        if len(rest) >= width:
            value = random.choice(FLOATS)
            if form == "<f" and abs(value) > 3e38 and value not in (float("inf"), -float("inf")):
                value = 3e38
            struct.pack_into(form, rest, random.randrange(len(rest) // width) * width, value)
    return head + bytes(rest)
