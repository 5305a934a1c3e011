"""Where models come from: a directory, a file, the hub's cache, and a hub, which here is a server on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dancegen.errors import InputError, ModelError
from dancegen.hub import locate
from dancegen.progress import SILENT
from dancegen.renderers.animatediff.models import reference, references
from dancegen.renderers.animatediff.settings import Settings
from dancegen.stages.film_recipes import model_inputs
from dancegen.store import Input
from dancegen.weights import ModelRef, Models, weighted
from helpers.local_hub import COMMIT, serving, settings_for
from helpers.processes import run_python


def repository(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 100)
    return folder


NETWORK = ["config.json", "diffusion_pytorch_model.safetensors"]
BASE = [
    "text_encoder/config.json", "text_encoder/model.safetensors", "tokenizer/vocab.json", "tokenizer/merges.txt",
    "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
]  # fmt: skip


def test_of_a_repository_only_what_a_role_needs_is_taken():
    extra = ["model_index.json", "whole.safetensors", "unet/diffusion_pytorch_model.bin", "vae/config.json"]
    assert reference("base", "a/b").needed([*BASE, *extra]) == tuple(sorted(BASE))
    assert reference("base", "a/b").needed(BASE[:-1]) == ()
    both = [*NETWORK, "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"]
    assert reference("controlnet", "a/b").needed(both) == ("config.json", "diffusion_pytorch_model.fp16.safetensors")
    assert ModelRef("detector", "a/b").needed(both) == tuple(NETWORK)  # half precision only where it is asked for
    fp16 = ["config.json", "diffusion_pytorch_model.fp16.safetensors"]
    assert reference("controlnet", "a/b").needed([*fp16, "diffusion_pytorch_model.bin"]) == tuple(fp16)
    assert reference("controlnet", "a/b").needed(["config.json", "diffusion_pytorch_model.bin"])
    assert reference("vae", "a/b").needed([f"vae/{name}" for name in NETWORK])
    adapter = ["models/ip.safetensors", "models/image_encoder/config.json", "models/image_encoder/model.safetensors"]
    other = ["models/other.safetensors", "sdxl_models/image_encoder/model.safetensors"]
    assert reference("ip-adapter", "a/b/models/ip.safetensors").needed([*adapter, *other]) == tuple(sorted(adapter))
    assert reference("lora", "a/b/l.safetensors@v1").needed(["l.safetensors", "m.safetensors"]) == ("l.safetensors",)
    assert reference("lora", "a/b").needed(["l.safetensors", "m.safetensors"]) == ()


def known(ref: ModelRef) -> Input:
    """A local model in a recipe."""
    return model_inputs(Models((locate(ref, offline=True),)), SILENT)[ref.role][0]


def test_a_local_model_is_known_by_its_bytes_and_not_by_where_it_lies(tmp_path):
    one, two = (repository(tmp_path / name, NETWORK) for name in ("one", "two"))
    first, second = (known(reference("controlnet", str(folder))) for folder in (one, two))
    assert first.digest == second.digest and first.role == "controlnet"
    (two / NETWORK[1]).write_bytes(b"others")
    assert known(reference("controlnet", str(two))).digest != first.digest
    (one / "README.md").write_text("what is not used does not count")
    assert known(reference("controlnet", str(one))).digest == first.digest


@pytest.mark.parametrize("text", ["no-such-thing", "/no/such/thing", "./models/x", "a/b/c d"])
def test_what_is_neither_a_path_nor_a_name_is_refused(text):
    with pytest.raises(ModelError, match="no such file or directory"):
        locate(reference("vae", text), offline=True)


def test_a_base_in_one_file_needs_a_tokenizer_which_may_lie_beside_it(tmp_path):
    (tmp_path / "whole.safetensors").write_bytes(b"weights")
    settings = Settings(base=str(tmp_path / "whole.safetensors")).completed()
    assert [ref.text for ref in references(settings) if ref.role == "tokenizer"] == ["openai/clip-vit-large-patch14"]
    repository(tmp_path / "tokenizer", ["vocab.json", "merges.txt"])
    assert [ref.path for ref in references(settings) if ref.role == "tokenizer"] == [tmp_path / "tokenizer"]


def test_a_loras_weight_stands_behind_it(tmp_path):
    assert weighted("a/b/style.safetensors=0.8") == ("a/b/style.safetensors", 0.8) and weighted("a/b") == ("a/b", 1.0)
    (tmp_path / "odd=name.safetensors").write_bytes(b"")
    assert weighted(str(tmp_path / "odd=name.safetensors")) == (str(tmp_path / "odd=name.safetensors"), 1.0)
    with pytest.raises(InputError, match="write MODEL"):
        weighted("a/b=much")


@pytest.fixture
def hub(tmp_path):
    with serving(repository(tmp_path / "hub", [*NETWORK, "big-and-not-needed.ckpt"])) as (endpoint, asked):
        yield endpoint, asked


CODE = """
import json, sys
from dancegen.errors import ModelError
from dataclasses import replace
from pathlib import Path
from dancegen.progress import SILENT
from dancegen.hub import at_hand, fetch, locate
from dancegen.weights import Models, ModelRef
from dancegen.stages.film_recipes import model_inputs

def elsewhere(found):
    return at_hand(replace(found, folder=Path("/the/cache/of/another/machine")))

try:
    found = locate(ModelRef("controlnet", sys.argv[1]), offline=sys.argv[2] == "offline")
    got = {"fetch": fetch, "elsewhere": elsewhere}.get(sys.argv[2], lambda found: found)(found)
    files = [(got.folder / name).read_bytes().decode() for name in got.files] if got.here else []
    (digest,) = (item.digest for item in model_inputs(Models((found,)), SILENT)["controlnet"])
    print(json.dumps([found.here, found.gigabytes, found.revision, found.name, files, digest]))
except ModelError as error:
    print(error)
"""


def ask(endpoint: str, cache: Path, name: str, how: str) -> str:
    ran = run_python("-c", CODE, name, how, **settings_for(endpoint, cache))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_hub_is_asked_what_is_there_gives_only_what_is_needed_and_is_not_asked_again(hub, tmp_path):
    endpoint, asked = hub
    here, gigabytes, revision, name, files, digest = json.loads(ask(endpoint, tmp_path / "cache", "maker/net", "plan"))
    assert not here and 0 < gigabytes < 1e-5 and revision == COMMIT and name == f"maker/net@{COMMIT}" and not files
    assert not any("resolve" in path for path in asked)
    fetched = json.loads(ask(endpoint, tmp_path / "cache", "maker/net", "fetch"))
    assert fetched[4] == [name * 100 for name in sorted(NETWORK)] and fetched[5] == digest
    assert any("resolve" in path for path in asked) and not any("not-needed" in path for path in asked)
    asked.clear()
    cached = json.loads(ask(endpoint, tmp_path / "cache", "maker/net", "offline"))
    assert cached[0] and cached[4] == fetched[4] and cached[5] == digest and not asked
    # A worker on another machine has a cache of its own.
    theirs = json.loads(ask(endpoint, tmp_path / "theirs", "maker/net", "elsewhere"))
    assert theirs[4] == fetched[4] and theirs[5] == digest and any(COMMIT in path for path in asked)
    said = ask("http://127.0.0.1:9", tmp_path / "nothing", "maker/net", "plan")
    assert "maker/net" in said and "hf download maker/net" in said and "skeleton engine" in said
