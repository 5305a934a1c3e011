"""Arrays, tensors and pictures from outside: how much a file holds is read from its headers, before any of it is.

Each kind has one reader here, and nothing else in dancegen reads such a file; text and JSON have theirs in
`dancegen.text`, songs in `dancegen.audio.load`, videos in `dancegen.video.info`. A reader runs no code from a file,
takes no more memory than its limit, and raises an error in words that names the file.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from dancegen.errors import InputError, ModelError, reading
from dancegen.formatting import byte_size

if TYPE_CHECKING:
    import torch

LARGEST_ARRAYS = 512_000_000
"""Bytes that the arrays of one file may take: two hours and a half of poses with hands and face."""
LARGEST_DIRECTORY = 1_000_000
"""Bytes of a zip file's list of its members; that of a hundred arrays has ten thousand."""
LARGEST_TENSOR_LIST = 16_000_000
"""Bytes of the list of tensors at the start of a safetensors file; Stable Diffusion's has a hundred thousand."""
MOST_PIXELS = 64_000_000
"""Of a picture, or of one frame of a video: 8K has half as many."""
PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
"""Formats of pictures, as Pillow calls them."""
Shapes = Mapping[str, tuple[int, ...]]
"""The shapes of a file's tensors, by their names."""
_KINDS = "biufU"
"""Of NumPy's types: truth values, whole numbers, real ones, text. Objects would be pickles."""
_END, _LARGE_END, _LARGE_END_AT = b"PK\5\6", b"PK\6\6", b"PK\6\7"
"""What the records at the end of a zip file begin with: the last one, before it that of a large file, and a pointer."""


def load_arrays(
    path: str | Path,
    what: str,
    kind: type[InputError] = InputError,
    *,
    needed: Iterable[str],
    optional: Iterable[str] = (),
) -> dict[str, np.ndarray]:
    """The arrays of these names in an .npz file; others in it are left alone, of the optional ones some may be absent.

    what: what the file is taken for, for messages. Raises `kind` where there is no such file, where it is something
    else, is damaged or holds objects, and where the arrays would take more than LARGEST_ARRAYS.
    """
    needed = tuple(needed)
    _check_is_file(path, what, kind)
    with reading(path, what, kind), open(path, "rb") as file:
        _check_directory(file, path, what, kind)
        with zipfile.ZipFile(file) as archive:
            members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            missing = [name for name in needed if name not in members]
            if missing:
                raise kind(f"{path} is not a {what}: it has no {', '.join(missing)}")
            wanted = {name: members[name] for name in (*needed, *optional) if name in members}
            _check_bytes(sum(entry.file_size for entry in wanted.values()), path, what, kind)
            return {name: _member(archive, entry, path, kind) for name, entry in wanted.items()}


def arrays_in(path: str | Path) -> frozenset[str]:
    """The names of the arrays in an .npz file; none where it is something else."""
    try:
        with reading(path, "file of arrays"), open(path, "rb") as file:
            _check_directory(file, path, "file of arrays", InputError)
            with zipfile.ZipFile(file) as archive:
                return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except InputError:
        return frozenset()


def array_names(path: str | Path) -> set[str]:
    """The names of the arrays in an .npz file, from its directory; none for any other file. Raises OSError."""
    with suppress(InputError, zipfile.BadZipFile, ValueError), open(path, "rb") as file:
        _check_directory(file, path, "file of arrays", InputError)
        with zipfile.ZipFile(file) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    return set()


def load_array(
    path: str | Path, what: str, kind: type[InputError] = InputError, *, in_place: bool = False
) -> np.ndarray:
    """The array of an .npy file. in_place: mapped, and read as far as it is used. Raises `kind` as `load_arrays`."""
    _check_is_file(path, what, kind)
    with reading(path, what, kind), open(path, "rb") as file:
        held = os.stat(path).st_size
        if not in_place:
            _check_bytes(held, path, what, kind)
        _check_header(file, held, path, kind)
        return np.load(path, mmap_mode="r" if in_place else None, allow_pickle=False)


def load_tensors(path: str | Path, kind: type[InputError] = ModelError) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file. Raises `kind` for anything else."""
    from safetensors.torch import load_file

    what = "safetensors file"
    _check_is_file(path, what, kind)
    with reading(path, what, kind):
        with open(path, "rb") as file:
            _tensor_list(file, path, kind)
        return load_file(path)


def tensor_shapes(path: str | Path, kind: type[InputError] = ModelError) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a safetensors file, or in what torch.save wrote; the tensors are not read.

    Those in dictionaries within a dictionary are named like `image_proj.latents`. Raises `kind`.
    """
    if Path(path).suffix.lower() != ".safetensors":
        return {name: tuple(tensor.shape) for name, tensor in _flat(load_checkpoint(path, kind, "meta"))}
    what = "safetensors file"
    _check_is_file(path, what, kind)
    with reading(path, what, kind), open(path, "rb") as file:
        listed = json.loads(_tensor_list(file, path, kind))
        ends = [each["data_offsets"][1] for name, each in listed.items() if name != "__metadata__"]
        if max(ends, default=0) > os.stat(path).st_size - file.tell():
            raise kind(f"{path} is damaged: it ends before its tensors do. Get it again")
        return {name: tuple(each["shape"]) for name, each in listed.items() if name != "__metadata__"}


def tensors_metadata(path: str | Path, kind: type[InputError] = ModelError) -> dict[str, str]:
    """What a safetensors file that `load_tensors` reads says about itself. Raises `kind`."""
    from safetensors import safe_open

    with reading(path, "safetensors file", kind), safe_open(path, "np") as file:
        return file.metadata() or {}


def load_weights(path: str | Path, kind: type[InputError] = ModelError) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, or of what torch.save wrote, named as by `tensor_shapes`. Raises `kind`."""
    if Path(path).suffix.lower() == ".safetensors":
        return load_tensors(path, kind)
    return dict(_flat(load_checkpoint(path, kind)))


def load_checkpoint(path: str | Path, kind: type[InputError] = ModelError, device: str | torch.device = "cpu") -> Any:
    """What torch.save wrote, as far as it is tensors, numbers and text: no code of it runs. Raises `kind`."""
    import torch

    what = "file of weights"
    _check_is_file(path, what, kind)
    with reading(path, what, kind):
        if zipfile.is_zipfile(path):
            with open(path, "rb") as file:
                _check_directory(file, path, what, kind)
            with zipfile.ZipFile(path) as archive:
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                    raise kind(f"{path} is not a {what}: it is compressed, as PyTorch writes none")
        try:
            return torch.load(path, weights_only=True, map_location=device)
        except pickle.UnpicklingError as error:
            raise kind(
                f"{path} holds more than numbers and text, or is damaged: what else is in it would run as code, and is "
                "not read. Take the same model as .safetensors"
            ) from error


def load_picture(path: str | Path, kind: type[InputError] = InputError) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a PNG, JPEG, WebP, BMP or TIFF file, upright. Raises `kind` for anything else.

    Its size is read from its header: a picture of more than MOST_PIXELS is refused before it is decoded.
    """
    import warnings

    import cv2
    from PIL import Image, UnidentifiedImageError

    what = "picture"
    _check_is_file(path, what, kind)
    with reading(path, what, kind), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of sizes that are refused below
        try:
            with Image.open(path, formats=PICTURES) as header:
                width, height = header.size
        except UnidentifiedImageError:
            raise kind(f"{path} is not a picture that can be read: give a PNG or JPEG") from None
        except Image.DecompressionBombError:
            width = height = math.inf
        if width * height > MOST_PIXELS:
            said = "far more" if math.isinf(width) else f"{width} x {height}"
            raise kind(
                f"{path} has {said} pixels, more than the {MOST_PIXELS // 1_000_000} million that are read: make it "
                "smaller and give that"
            )
        picture = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise kind(f"{path} is not a picture that can be read: it is damaged. Give another copy, as PNG or JPEG")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture)


def _tensor_list(file: IO[bytes], path: str | Path, kind: type[InputError]) -> bytes:
    """The list of tensors at the start of a safetensors file, in JSON. Raises `kind` where it cannot be one."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > os.stat(path).st_size - 8:
        raise kind(f"{path} is damaged or not a safetensors file: it ends before its list of tensors does")
    if length > LARGEST_TENSOR_LIST:
        raise kind(f"{path} is not a safetensors file: its list of tensors would take {byte_size(length)}")
    return file.read(length)


def _flat(found: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The tensors in dictionaries of dictionaries; what is no tensor is left out."""
    for name, each in found.items() if isinstance(found, Mapping) else ():
        if isinstance(each, Mapping):
            yield from _flat(each, "" if name == "state_dict" else f"{prefix}{name}.")
        elif hasattr(each, "shape"):
            yield f"{prefix}{name}", each


def _check_is_file(path: str | Path, what: str, kind: type[InputError]) -> None:
    if not os.path.exists(path):
        raise kind(f"there is no {what} {path}")
    if not os.path.isfile(path):
        raise kind(f"{path} is not a {what}, nor any file")


def _check_bytes(count: int, path: str | Path, what: str, kind: type[InputError]) -> None:
    if count > LARGEST_ARRAYS:
        raise kind(f"{path} would take {byte_size(count)} of memory; of a {what} {byte_size(LARGEST_ARRAYS)} are read")


def _check_directory(file: IO[bytes], path: str | Path, what: str, kind: type[InputError]) -> None:
    """`kind` unless a file ends like a zip file with a directory of a sensible size."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))  # the end of the directory and the longest comment
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + 16 > len(tail):
        raise kind(f"{path} is not a {what}, or it is damaged")
    length = struct.unpack_from("<I", tail, at + 12)[0]
    if tail[max(0, at - 20) : at].startswith(_LARGE_END_AT):
        large = tail[max(0, at - 76) : at - 20]
        length = struct.unpack_from("<Q", large, 40)[0] if large.startswith(_LARGE_END) else math.inf
    if length > LARGEST_DIRECTORY:
        raise kind(f"{path} is not a {what}: it has far more parts than one")


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str | Path, kind: type[InputError]) -> np.ndarray:
    """One array, of the size that the archive's directory states."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise kind(f"{path} is not a file of NumPy's: {entry.filename} is packed in another way")
    with archive.open(entry) as member:
        _check_header(member, entry.file_size, path, kind)
    with archive.open(entry) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _check_header(file: IO[bytes], held: int, path: str | Path, kind: type[InputError]) -> None:
    """`kind` where the shape and type that an array's header states are not of the bytes that there are."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise kind(f"{path} is not a file of NumPy's that is read here: its arrays have the format {version}")
    shape, _, dtype = readers[version](file)
    if dtype.kind not in _KINDS:
        raise kind(f"{path} holds something other than numbers and text, which is not read")
    if math.prod(shape) * dtype.itemsize != held - file.tell() or any(side < 0 for side in shape):
        raise kind(f"{path} is damaged: an array of {shape} does not fit into its {byte_size(held)}")
