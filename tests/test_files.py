"""Files from outside are looked at before they are read: what they claim to hold is not believed, and not unpacked."""

from __future__ import annotations

import io
import json
import pickle
import resource
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from dancegen.errors import InputError, ModelError
from dancegen.files import (
    LARGEST_ARRAYS,
    MOST_PIXELS,
    load_array,
    load_arrays,
    load_checkpoint,
    load_picture,
    load_tensors,
)

MEGABYTE = 2**20


def peak() -> int:
    """The most memory that this process has ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def npy(shape: tuple[int, ...], dtype: str, data: bytes = b"") -> bytes:
    """An .npy file whose header says so, whatever its data are."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def unpacks_to(path: Path, size: int) -> Path:
    """An .npz of a few megabytes, of one array of zeros that takes `size` bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("keypoints.npy", "w") as member:
        header = npy((size // 4,), "<f4")
        member.write(header)
        for _ in range(size // MEGABYTE):
            member.write(bytes(MEGABYTE))
    return path


def png(path: Path, width: int, height: int) -> Path:
    """A PNG with a whole header, and hardly anything behind it."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(10))]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_arrays_come_back_and_those_not_asked_for_are_left_alone(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(6).reshape(2, 3), name="salsa", rest=np.zeros(3))
    read = load_arrays(tmp_path / "a.npz", "file", needed=("x",), optional=("name", "absent"))
    assert set(read) == {"x", "name"}
    assert read["x"].tolist() == [[0, 1, 2], [3, 4, 5]] and str(read["name"]) == "salsa"


def test_what_unpacks_to_more_than_is_read_is_not_unpacked(tmp_path):
    path = unpacks_to(tmp_path / "bomb.npz", 600 * MEGABYTE)
    assert path.stat().st_size < MEGABYTE < LARGEST_ARRAYS < 600 * MEGABYTE
    before = peak()
    with pytest.raises(InputError, match=r"bomb\.npz would take 629 MB"):
        load_arrays(path, "pose file", needed=("keypoints",))
    assert peak() - before < 20 * MEGABYTE


def test_an_array_that_is_not_asked_for_may_be_as_large_as_it_likes(tmp_path):
    path = unpacks_to(tmp_path / "large.npz", 600 * MEGABYTE)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("fps.npy", npy((), "<f8", struct.pack("<d", 30)))
    assert load_arrays(path, "pose file", needed=("fps",))["fps"] == 30


@pytest.mark.parametrize(
    "data, words",
    [
        (npy((10**12,), "<f4", bytes(400)), "does not fit"),
        (npy((-1, -100), "<f4", bytes(400)), "does not fit"),
        (npy((50,), "<f4", bytes(400)), "does not fit"),
        (npy((1,), "|O", pickle.dumps([1])), "numbers and text"),
        (npy((1,), "[('a', '<f4')]", bytes(4)), "cannot be read|numbers and text"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "cannot be read|format"),
        (b"\x93NUMPY\x01\x00\xff\xff{'descr': " + b"(" * 65_000, "cannot be read"),
        (b"", "cannot be read"),
        (b"no array", "cannot be read"),
    ],
)
def test_a_header_that_lies_is_named_and_nothing_is_made_of_it(tmp_path, data, words):
    (tmp_path / "odd.npy").write_bytes(data)
    before = peak()
    with pytest.raises(InputError, match=rf"odd\.npz.*({words})"):
        load_arrays(zipped(tmp_path / "odd.npz", x=data), "file", needed=("x",))
    for in_place in (False, True):
        with pytest.raises(InputError, match=rf"odd\.npy.*({words})"):
            load_array(tmp_path / "odd.npy", "file", in_place=in_place)
    assert peak() - before < 50 * MEGABYTE


def test_a_million_members_are_not_listed(tmp_path):
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for number in range(12_000):
            archive.writestr(f"a long name that takes up room in the list of the members {number}.npy", b"")
    with pytest.raises(InputError, match=r"many\.npz .* far more parts"):
        load_arrays(tmp_path / "many.npz", "file", needed=("x",))


def test_other_ways_of_packing_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "lzma.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy((1,), "<f4", bytes(4)))
    with pytest.raises(InputError, match=r"lzma\.npz"):
        load_arrays(tmp_path / "lzma.npz", "file", needed=("x",))


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18), b"text", npy((1,), "<f4", bytes(4))])
def test_what_is_no_npz_is_said_to_be_none(tmp_path, content):
    (tmp_path / "odd.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.npz .*not a pose file"):
        load_arrays(tmp_path / "odd.npz", "pose file", needed=("x",))
    with pytest.raises(InputError, match="there is no pose file"):
        load_arrays(tmp_path / "none.npz", "pose file", needed=("x",))
    with pytest.raises(InputError, match="not a pose file"):
        load_arrays(tmp_path, "pose file", needed=("x",))


def tensors_of(path: Path, header: bytes, length: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)
    return path


@pytest.mark.parametrize(
    "header, length, words",
    [
        (b"{}", 2**62, "ends before"),
        (b"{}", 100, "ends before"),
        (b" " * 17_000_000, None, "list of tensors would take"),
        (json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode(), None, "cannot be"),
        (json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 0]}}).encode(), None, "cannot be"),
        (b"[" * 100_000, None, "cannot be"),
    ],
)
def test_a_safetensors_file_that_lies_about_its_size_is_refused(tmp_path, header, length, words):
    path = tensors_of(tmp_path / "odd.safetensors", header, length)
    with pytest.raises(ModelError, match=rf"odd\.safetensors.*{words}"):
        load_tensors(path)


class Attack:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def test_a_checkpoint_runs_no_code_and_is_not_unpacked(tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    torch.save({"x": torch.zeros(3), "step": 4}, tmp_path / "good.pt")
    assert load_checkpoint(tmp_path / "good.pt")["step"] == 4
    torch.save(Attack(), tmp_path / "attack.pt")
    with pytest.raises(ModelError, match=r"attack\.pt"):
        load_checkpoint(tmp_path / "attack.pt")
    assert not (tmp_path / "touched").exists()
    with (
        zipfile.ZipFile(tmp_path / "good.pt") as good,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in good.namelist():
            packed.writestr(name, good.read(name))
    with pytest.raises(ModelError, match=r"packed\.pt .* compressed"):
        load_checkpoint(tmp_path / "packed.pt")


def test_a_picture_is_read_as_it_is_shown(tmp_path):
    from PIL import Image

    shown = np.zeros((6, 4, 3), np.uint8)
    shown[0, 0] = 250, 10, 20
    Image.fromarray(shown).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_picture(tmp_path / "a.png"), shown)
    upright = Image.Exif()
    upright[0x0112] = 6  # lies on its side
    Image.fromarray(np.full((64, 32, 3), 90, np.uint8)).save(tmp_path / "phone.jpg", exif=upright)
    assert load_picture(tmp_path / "phone.jpg").shape == (32, 64, 3)


@pytest.mark.parametrize("side", [8001, 12_000, 32_000, 50_000, 2**31 - 1])
def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path, side):
    assert side**2 > MOST_PIXELS
    before = peak()
    with pytest.raises(InputError, match=r"huge\.png has .* pixels, more than the 64 million"):
        load_picture(png(tmp_path / "huge.png", side, side))
    assert peak() - before < 20 * MEGABYTE


@pytest.mark.parametrize("content", [b"", b"text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe\n"])
def test_what_is_no_picture_is_said_to_be_none(tmp_path, content):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.png is not a picture that can be read: give a PNG or JPEG"):
        load_picture(tmp_path / "odd.png")
