"""Pickles of research code, read without running anything in them.

A pickle is a program: loading one from a stranger can do whatever its author likes. Databases such as AIST++ publish
dictionaries of arrays in this format, and of that there is little to say: containers, numbers, text, and NumPy's own
arrays, under the names that old and new versions of NumPy give them. Everything else is refused by its name.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import MocapError, reading

PICKLES = (".pkl", ".pickle")
"""What the names of pickles end in."""
LARGEST_BYTES = 2 << 30
"""Of a pickle that is read: an hour of SMPL poses takes 50 MB."""
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


def load_pickle(path: str | Path) -> Any:
    """What a pickle holds: containers, text, numbers and arrays.

    Raises MocapError for anything else in it, before anything of it is run, and for damaged files.
    """
    path = Path(path)
    with reading(path, "pickle of arrays", MocapError):
        if (size := path.stat().st_size) > LARGEST_BYTES:
            raise MocapError(f"{path} is larger than a pickle of poses can be ({size / 1e9:.1f} GB); it is not read")
        with open(path, "rb") as file:
            try:
                # latin1: how the bytes of arrays come out of Python 2's pickles.
                return _ArraysOnly(file, encoding="latin1").load()
            except _Refused as refused:
                raise MocapError(f"{path} is not read: {refused}") from refused


class _Refused(pickle.UnpicklingError):
    pass


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The few callables that arrays are made of."""
        found = _ALLOWED.get((module, name))
        if found is None:
            raise _Refused(f"this pickle asks for {module}.{name}, and arrays need no such thing; it may run code")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("this pickle refers to objects outside itself")


def _reconstruct(kind: Any, shape: Any, typecode: Any) -> np.ndarray:
    # NumPy's own writes an empty array here and fills it later; any other shape would only take up memory.
    if kind is not np.ndarray or tuple(shape) != (0,):
        raise _Refused("this pickle makes arrays in a way that NumPy does not")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _scalar(dtype: Any, data: Any = b"") -> Any:
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise _Refused("this pickle holds a number that is none")
    return np.frombuffer(data.encode("latin1") if isinstance(data, str) else bytes(data), dtype, 1)[0]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _dtype(name: Any, align: Any = False, copy: Any = False) -> np.dtype:
    if not isinstance(name, str):
        raise _Refused("this pickle names a type of number that is none")
    return np.dtype(name)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # How Python 3 writes bytes for Python 2.
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"this pickle encodes text as {encoding}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    **{(module, "_reconstruct"): _reconstruct for module in _MULTIARRAY},
    **{(module, "scalar"): _scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _frombuffer for module in _NUMERIC},
}
