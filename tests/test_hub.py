"""Models of a hub: what of a repository is fetched, what broke off, what moved, and what the hub cannot give."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.local_hub import COMMIT, Hub, Repository, hub_of
from helpers.processes import run_python

CODE = """
import json, sys
from dancegen.errors import DancegenError
from dancegen.hub import at_hand, fetch, fetch_configs, locate, model_input
from dancegen.renderers.animatediff.models import reference
from dataclasses import replace
from pathlib import Path

role, text, *steps = sys.argv[1:]
try:
    found = locate(reference(role, text), offline="offline" in steps)
    for step in steps:
        found = {"fetch": fetch, "configs": fetch_configs, "offline": lambda model: model,
                 "elsewhere": lambda model: at_hand(replace(model, folder=Path("/of/another/machine")))}[step](found)
    print(json.dumps({
        "files": sorted(found.files), "here": found.here, "gigabytes": found.gigabytes,
        "digest": model_input(found).digest,
        "configs": found.configs, "shapes": {name: len(shape) for name, shape in found.shapes().items()},
        "bytes": {name: (found.folder / name).stat().st_size for name in found.files} if found.here else {},
    }))
except DancegenError as error:
    print(json.dumps({"said": str(error), "code": error.exit_code}))
"""


def ask(hub: Hub, cache: Path, role: str, text: str, *steps: str) -> dict:
    """Locate a model in a process of its own, then fetch it, or only its configuration."""
    ran = run_python("-c", CODE, role, text, *steps, **hub.settings(cache))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def written(folder: Path, **sizes: int) -> Path:
    """Files of so many random bytes, by their names; configurations are JSON."""
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"made": "for this"}' if name.endswith(".json") else os.urandom(size))
    return folder


HALF, CUT = 2_900_000, 2_400_000
"""Bytes of the weights, and how many of them come before the line is dead."""
CONTROLNET = {
    "config.json": 0, "diffusion_pytorch_model.bin": 4_000, "diffusion_pytorch_model.fp16.bin": 2_000,
    "diffusion_pytorch_model.fp16.safetensors": HALF, "diffusion_pytorch_model.safetensors": 4_000,
    "README.md": 9_000, "images/control.png": 50_000, ".gitattributes": 40,
}  # fmt: skip
TAKEN = ["config.json", "diffusion_pytorch_model.fp16.safetensors"]


@pytest.fixture
def hub(tmp_path) -> Iterator[Hub]:
    whole = Repository(written(tmp_path / "hub", **CONTROLNET), declared={"whole.ckpt": 12_700_000_000})
    with hub_of({"maker/net": whole}) as hub:
        yield hub


def test_only_what_is_needed_comes_and_once_and_is_not_asked_for_again(hub, tmp_path):
    cache = tmp_path / "cache"
    planned = ask(hub, cache, "controlnet", "maker/net")
    assert (
        planned["files"] == TAKEN and planned["gigabytes"] == pytest.approx(HALF / 1e9, rel=0.1) and not hub.fetched()
    )
    known = ask(hub, cache, "controlnet", "maker/net", "configs")
    assert known["configs"] == {"config.json": {"made": "for this"}} and list(hub.fetched()) == [
        "maker/net/config.json"
    ]
    fetched = ask(hub, cache, "controlnet", "maker/net", "fetch")
    assert fetched["bytes"] == {TAKEN[0]: 20, TAKEN[1]: HALF}
    assert hub.fetched() == {f"maker/net/{name}": size for name, size in fetched["bytes"].items()}
    hub.requests.clear()
    again = ask(hub, cache, "controlnet", "maker/net", "offline")
    assert again["digest"] == fetched["digest"] == planned["digest"] and again["here"] and not hub.requests


@pytest.mark.parametrize("killed", [False, True])
def test_a_download_that_broke_off_goes_on_where_it_was(killed, hub, tmp_path):
    """Also in another process, which the hub's client does not do by itself."""
    cache, file = tmp_path / "cache", TAKEN[1]
    hub.cut[file] = CUT
    broken = ask(hub, cache, "controlnet", "maker/net", "fetch")
    assert broken["code"] == 2 and "run it again to go on" in broken["said"] and "maker/net" in broken["said"]
    assert not ask(hub, cache, "controlnet", "maker/net", "configs")["here"]
    offline = ask(hub, cache, "controlnet", "maker/net", "offline")
    assert "not in the hub's cache" in offline["said"]
    hub.cut.clear()
    (partial,) = cache.rglob("*.partial")
    if killed:  # in the middle of a write: what was written is what counts
        with partial.open("r+b") as opened:
            opened.truncate(700_001)
    hub.requests.clear()
    have = partial.stat().st_size
    whole = ask(hub, cache, "controlnet", "maker/net", "fetch")
    assert whole["bytes"][file] == HALF and have == (700_001 if killed else CUT)
    assert hub.fetched()[f"maker/net/{file}"] == HALF - have
    (stored,) = [request for request in hub.requests if request.sent and request.path.endswith(file)]
    assert stored.range == f"bytes={have}-" and not list(cache.rglob("*.partial"))
    (there,) = [path for path in cache.rglob(file) if path.is_file()]
    assert there.read_bytes() == (hub.repositories["maker/net"].folder / file).read_bytes()


def test_a_part_that_is_damaged_is_not_gone_on_from(hub, tmp_path):
    cache, file = tmp_path / "cache", TAKEN[1]
    hub.cut[file] = CUT
    ask(hub, cache, "controlnet", "maker/net", "fetch")
    (partial,) = cache.rglob("*.partial")
    partial.write_bytes(bytes(1000) + partial.read_bytes()[1000:])
    hub.cut.clear()
    said = ask(hub, cache, "controlnet", "maker/net", "fetch")["said"]
    assert f"{file} arrived damaged" in said
    assert ask(hub, cache, "controlnet", "maker/net", "fetch")["bytes"][file] == HALF


def test_what_main_was_moved_to_is_another_model(hub, tmp_path):
    first = ask(hub, tmp_path / "cache", "controlnet", "maker/net", "fetch")
    hub.repositories["maker/net"].commit = "6" * 40
    moved = ask(hub, tmp_path / "elsewhere", "controlnet", "maker/net", "fetch")
    assert moved["digest"] != first["digest"] and moved["bytes"] == first["bytes"]
    pinned = ask(hub, tmp_path / "cache", "controlnet", f"maker/net@{COMMIT}", "offline")
    assert pinned["digest"] == first["digest"]
    # What is in the cache stays what it was until somebody fetches anew.
    assert ask(hub, tmp_path / "cache", "controlnet", "maker/net")["digest"] == first["digest"]


def test_weights_in_half_precision_are_another_model(hub, tmp_path):
    half = ask(hub, tmp_path / "cache", "controlnet", "maker/net", "fetch")
    for name in ("diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model.fp16.safetensors"):
        (hub.repositories["maker/net"].folder / name).unlink()
    full = ask(hub, tmp_path / "other", "controlnet", "maker/net", "fetch")
    assert full["files"] == ["config.json", "diffusion_pytorch_model.safetensors"] and full["digest"] != half["digest"]


def test_a_worker_elsewhere_takes_the_very_files(hub, tmp_path):
    located = ask(hub, tmp_path / "cache", "controlnet", "maker/net", "fetch")
    theirs = ask(hub, tmp_path / "theirs", "controlnet", "maker/net", "elsewhere")
    assert theirs["bytes"] == located["bytes"] and theirs["digest"] == located["digest"]


def test_what_came_only_in_part_is_not_taken_for_whole(tmp_path):
    """Of a tokenizer each file is small, and some can do without others; of a network in parts each is weights."""
    base = {f"{part}/{name}": 900 for part in ("unet",) for name in ("diffusion_pytorch_model.safetensors",)}
    names = {"text_encoder/config.json": 0, "unet/config.json": 0, **base, "tokenizer/vocab.json": 0}
    shards = {f"text_encoder/model-0000{part}-of-00002.safetensors": 900 for part in (1, 2)}
    index = {
        "text_encoder/model.safetensors.index.json": 0,
        "tokenizer/merges.txt": 9,
        "tokenizer/special_tokens_map.json": 0,
    }
    folder = written(tmp_path / "hub", **names, **shards, **index)
    with hub_of({"maker/base": folder}) as hub:
        fetched = ask(hub, tmp_path / "cache", "base", "maker/base", "fetch")
        assert fetched["files"] == sorted({**names, **shards, **index})
        for name in ("tokenizer/special_tokens_map.json", "text_encoder/model-00002-of-00002.safetensors"):
            (there,) = [path for path in (tmp_path / "cache").rglob(Path(name).name) if path.is_symlink()]
            target = there.readlink()
            there.unlink()
            assert "not in the hub's cache" in ask(hub, tmp_path / "cache", "base", "maker/base", "offline")["said"], (
                name
            )
            there.symlink_to(target)
        assert ask(hub, tmp_path / "cache", "base", "maker/base", "offline")["here"]


@pytest.mark.parametrize(
    "failing, words",
    [
        ("gated", ["is gated", "accept its terms at", "/maker/net", "hf auth login"]),
        ("missing", ["knows no maker/net", "private"]),
        ("no revision", ["maker/net has no such revision"]),
        ("down", ["a fault of its own, HTTP 503", "try again later"]),
    ],
)
def test_what_the_hub_cannot_give_is_said_in_words(failing, words, hub, tmp_path):
    cache = tmp_path / "cache"
    hub.repositories["maker/net"].failing = failing
    refused = ask(hub, cache, "controlnet", "maker/net")
    assert refused["code"] == 2 and all(word in refused["said"] for word in words), refused
    assert "\n" not in refused["said"] and "--controlnet" in refused["said"] and "Error" not in refused["said"]


def test_a_hub_that_goes_down_after_the_configuration_came_is_told_from_a_whole_model(hub, tmp_path):
    cache = tmp_path / "cache"
    ask(hub, cache, "controlnet", "maker/net", "configs")
    hub.cut[TAKEN[1]] = 0
    assert "the download failed" in ask(hub, cache, "controlnet", "maker/net", "fetch")["said"]
    hub.repositories["maker/net"].failing = "down"
    assert "HTTP 503" in ask(hub, cache, "controlnet", "maker/net", "fetch")["said"]


def test_a_checkpoint_says_what_it_is_made_of_before_it_is_fetched(tmp_path):
    import torch
    from safetensors.torch import save_file

    (tmp_path / "hub").mkdir()
    save_file({"a.weight": torch.zeros(400, 900), "b": torch.zeros(7)}, tmp_path / "hub" / "net.safetensors")
    with hub_of({"maker/net": tmp_path / "hub"}) as hub:
        found = ask(hub, tmp_path / "cache", "controlnet", "maker/net/net.safetensors", "configs")
        assert found["shapes"] == {"a.weight": 2, "b": 1} and not found["here"]
        assert hub.fetched()["maker/net/net.safetensors"] < 110_000
        named = ask(hub, tmp_path / "cache", "controlnet", "maker/net")
    assert "maker/net/net.safetensors" in named["said"]  # which file of a repository without a network may be meant
