"""Pickles of arrays: those of old and new NumPy and Python are read, and nothing in them is ever run."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers.pickles import load_pickle

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.float64(95), "c": [1, "two", None, np.arange(3, dtype=np.int32)]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_come_back(protocol, tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(ARRAYS, protocol))
    found = load_pickle(path)
    assert np.array_equal(found["a"], ARRAYS["a"]) and found["b"] == 95 and found["c"][:3] == [1, "two", None]
    assert np.array_equal(found["c"][3], ARRAYS["c"][3])


@pytest.mark.parametrize(("ours", "theirs"), [(b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")])
def test_arrays_of_older_and_newer_numpy_come_back(ours, theirs, tmp_path):
    path = tmp_path / "a.pkl"
    # Protocol 2 writes names as lines, so that another name may be longer.
    path.write_bytes(pickle.dumps({"x": np.ones((4, 3))}, 2).replace(ours, theirs))
    assert np.array_equal(load_pickle(path)["x"], np.ones((4, 3)))


class Runs:
    """What is unpickled as a call of whatever it is told."""

    def __init__(self, call, *arguments) -> None:
        self.call = call, arguments

    def __reduce__(self):
        return self.call


def named(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls module.name(argument), whether that exists here or not."""
    return f"c{module}\n{name}\n(S{argument!r}\ntR.".encode()


@pytest.mark.parametrize("place", ["alone", "in a dictionary", "in an array"])
def test_a_pickle_that_would_run_code_runs_none(place, tmp_path):
    trace = tmp_path / "ran"
    evil = Runs(os.system, f"touch {trace}")
    held = {"alone": evil, "in a dictionary": {"smpl_poses": np.ones(3), "x": evil}, "in an array": np.array([evil])}
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(held[place]))
    with pytest.raises(MocapError, match=r"evil\.pkl is not read: this pickle asks for (posix|nt)\.system"):
        load_pickle(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())  # the trap is real
    assert trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "getattr"), ("subprocess", "Popen"),
        ("numpy", "load"), ("numpy", "fromfile"), ("numpy.core.multiarray", "fromfile"), ("functools", "partial"),
        ("numpy.testing._private.utils", "runstring"), ("torch", "load"), ("importlib", "import_module"),
        ("_codecs", "lookup"), ("numpy", "memmap"), ("dancegen.motion.readers.pickles", "load_pickle"),
    ],
)  # fmt: skip
def test_nothing_but_arrays_is_called(module, name, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(named(module, name, "1"))
    with pytest.raises(MocapError, match=f"asks for {module}.{name}"):
        load_pickle(path)


def test_a_pickle_that_asks_for_all_memory_gets_none(tmp_path):
    path = tmp_path / "big.pkl"
    path.write_bytes(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L1000000000000L\ntS'b'\ntR.")
    with pytest.raises(MocapError, match=r"big\.pkl is not read: this pickle makes arrays in a way"):
        load_pickle(path)


def test_objects_in_arrays_and_outside_are_refused(tmp_path):
    class Outside(pickle.Pickler):
        def persistent_id(self, held):
            return "elsewhere" if held == 1 else None

    buffer = io.BytesIO()
    Outside(buffer).dump([1])
    path = tmp_path / "outside.pkl"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(MocapError, match="outside itself"):
        load_pickle(path)


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -1])
def test_a_damaged_pickle_is_named(cut, tmp_path):
    path = tmp_path / "cut.pkl"
    path.write_bytes(pickle.dumps(ARRAYS)[:cut])
    with pytest.raises(MocapError, match=r"cut\.pkl"):
        load_pickle(path)
    with pytest.raises(MocapError, match="nowhere"):
        load_pickle(Path("nowhere.pkl"))


def test_reading_pickles_loads_nothing_that_is_named_in_them(tmp_path):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    (tmp_path / "evil.pkl").write_bytes(named("trap", "anything", "1"))
    code = "from dancegen.motion.readers.pickles import load_pickle\nload_pickle('evil.pkl')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "asks for trap.anything" in done.stderr and "imported" not in done.stderr
