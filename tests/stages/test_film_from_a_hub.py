"""Films whose models come from a hub, laid out file for file as they are published: what is fetched, refused, kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dancegen.renderers.animatediff.settings import (
    BASE,
    CONTROLNET,
    LCM_ADAPTER,
    LIGHTNING_ADAPTER,
    MOTION_ADAPTER,
    TEMPORALNET,
    VAE,
)
from dancegen.store import open_store
from helpers.local_hub import Hub, Repository, hub_of
from helpers.processes import run_python
from helpers.published import IP_ADAPTERS, NET, published
from helpers.tiny_film import dance, flags

SMALL = {"size": "64x64", "fps": 10, "key_fps": 2, "segment": 24, "overlap": 6, "device": "cpu"}
LIGHTNING = LIGHTNING_ADAPTER.rsplit("/", 1)[0]
OF_BASE = [
    "text_encoder/config.json", "text_encoder/model.safetensors", "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json", "unet/config.json", f"unet/{NET}.safetensors",
]  # fmt: skip
HALF, WHOLE = ["config.json", f"{NET}.fp16.safetensors"], ["config.json", f"{NET}.safetensors"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    cv2.imwrite(str(folder / "portrait.png"), np.full((96, 64, 3), 90, np.uint8))
    return folder


@pytest.fixture(scope="module")
def hub(place):
    with hub_of(published(place / "hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def poses(place):
    return dance(open_store(place / "store"), 3.0).digest[:16]


def film(hub: Hub, place: Path, poses: str, *words: object, cache: str = "cache", **choices):
    """`dancegen render --prompt` in a process that knows this hub alone."""
    given = flags({**SMALL, **choices, "store": place / "store"})
    words = ("-m", "dancegen", "render", poses, "--prompt", "a dancer", "--json", *given, *words)
    return run_python(*words, timeout=400, **hub.settings(place / cache))


def of(hub: Hub, **files: list[str]) -> dict[str, int]:
    """What should have come: the bytes of these files."""
    return {f"{name}/{file}": hub.repositories[name].sizes()[file] for name, each in files.items() for file in each}


def tokenizer(hub: Hub) -> list[str]:
    """The tokenizer's files, whichever transformers writes."""
    return [name for name in hub.repositories[BASE].sizes() if name.startswith("tokenizer/")]


def test_exactly_the_files_that_a_film_needs_come_once_and_then_it_works_offline(hub, place, poses):
    looks = {"image": place / "portrait.png", "detector": "none", "temporal": True, "steps": 2}
    made = film(hub, place, poses, **looks)
    assert made.returncode == 0, made.stderr
    own = [name for name in OF_BASE if not name.startswith("tokenizer/")] + tokenizer(hub)
    portrait = ["models/image_encoder/config.json", "models/image_encoder/model.safetensors"]
    expected = of(
        hub, **{BASE: own, VAE: WHOLE, CONTROLNET: HALF, MOTION_ADAPTER: HALF, TEMPORALNET: WHOLE},
        **{IP_ADAPTERS: [*portrait, "models/ip-adapter-plus_sd15.safetensors"]},
    )  # fmt: skip
    fetched = dict(hub.fetched())
    looked_at = "h94/IP-Adapter/models/ip-adapter-plus_sd15.safetensors"  # its first bytes, before all of it
    assert fetched.pop(looked_at) <= 2 * expected.pop(looked_at) and fetched == expected
    hub.requests.clear()
    again = film(hub, place, poses, "--offline", "--force", **looks)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["digest"] == json.loads(made.stdout)["digest"] and not hub.requests


@pytest.mark.parametrize(
    "words, choices, repository, files",
    [
        (["--fast", "lightning"], {}, LIGHTNING, ["animatediff_lightning_4step_diffusers.safetensors"]),
        (["--fast"], {"steps": 2}, LCM_ADAPTER, [*HALF, "AnimateLCM_sd15_t2v_lora.safetensors"]),
    ],
    ids=["lightning", "lcm"],
)
@pytest.mark.slow
def test_other_motion_modules_are_fetched_and_painted_with(words, choices, repository, files, hub, place, poses):
    hub.requests.clear()
    made = film(hub, place, poses, *words, **choices)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["summary"]["key_frames"] > 1
    assert {name for name in hub.fetched() if name.startswith(repository)} == {f"{repository}/{name}" for name in files}


def misfits(hub: Hub, folder: Path) -> dict[str, Repository]:
    """Models that nobody can use here, of which the heavy files are only declared."""
    changes = {
        "maker/inpainting": (BASE, "unet/config.json", {"in_channels": 9}),
        "CiaraRowles/TemporalNet2": (TEMPORALNET, "config.json", {"conditioning_channels": 6}),
        "guoyww/animatediff-motion-adapter-sdxl-beta": (
            MOTION_ADAPTER, "config.json", {"block_out_channels": [320, 640, 1280]},
        ),
    }  # fmt: skip
    found = {}
    for name, (like, file, said) in changes.items():
        made = Repository(shutil.copytree(hub.repositories[like].folder, folder / name.replace("/", "--")))
        config = json.loads((made.folder / file).read_text())
        (made.folder / file).write_text(json.dumps(config | said))
        heavy = [path for path in made.folder.rglob("*") if path.suffix == ".safetensors"]
        made.declared = {path.relative_to(made.folder).as_posix(): 3_000_000_000 for path in heavy}
        found[name] = made
    return found


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize(
    "flag, name, words",
    [
        ("--base", "maker/inpainting", "takes 9 channels, as a model for inpainting does"),
        ("--temporalnet", "CiaraRowles/TemporalNet2", "pictures of 6 channels"),
        ("--motion-adapter", "guoyww/animatediff-motion-adapter-sdxl-beta", "made for Stable Diffusion XL"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_large_is_fetched(
    flag, name, words, dry, hub, place, poses, tmp_path
):
    hub.repositories |= misfits(hub, tmp_path)
    hub.requests.clear()
    refused = film(
        hub, place, poses, flag, name, *(["--dry-run"] if dry else []), cache=str(tmp_path / "cache"), temporal=True
    )  # fmt: skip
    assert refused.returncode == 2 and f"{flag} {name}@" in refused.stderr and words in refused.stderr, refused.stderr
    assert hub.fetched() and all(
        file.endswith(("config.json", "ip-adapter-plus_sd15.safetensors")) for file in hub.fetched()
    )
