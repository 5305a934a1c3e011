"""Films painted with Wan VACE through the command: segments that go on from each other, cuts, pictures, plans."""

from __future__ import annotations

import json
import shutil
import signal
from itertools import pairwise

import cv2
import numpy as np
import pytest

from dancegen.cli import main
from dancegen.store import open_store
from helpers.local_hub import Repository, hub_of
from helpers.processes import free_port, run_python, start_python, wait_until
from helpers.tiny_film import dance, flags, pictures, shown
from helpers.tiny_wan import tiny_wan, tiny_wan_lora

SMALL = {"engine": "wan-vace", "size": "32x48", "fps": 16, "segment": 13, "overlap": 6, "steps": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_wan(tmp_path_factory.mktemp("wan"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def poses(store):
    return dance(store, 2.0)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    file = tmp_path_factory.mktemp("pictures") / "portrait.png"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (96, 64, 3), np.uint8))
    return file


def words_of(store, poses, base, prompt, **more) -> list[str]:
    return [
        "render", poses.digest[:16], "--prompt", prompt, "--store", str(store.root), "--json",
        *flags({**SMALL, "base": base, **more}),
    ]  # fmt: skip


def paint(store, poses, base, capfd, prompt="a dancer", code=0, **more) -> dict:
    capfd.readouterr()
    found = main(words_of(store, poses, base, prompt, **more))
    out, err = capfd.readouterr()
    assert found == code, err
    return json.loads(out) | {"said": err}


def segments(store, prompt="a dancer") -> list:
    found = [
        each for each in store.artifacts("render-segment") if prompt in {text for text, _ in each.params["prompt"]}
    ]
    return sorted(found, key=lambda artifact: artifact.params["key_frames"])


def elsewhere(poses, root):
    other = open_store(root)
    shutil.copytree(poses.path, other.root / "generate-poses" / poses.path.name)
    return other


@pytest.fixture(scope="module")
def whole(store, poses, base):
    import dancegen

    return dancegen.render(poses.digest[:16], prompt="a dancer", **SMALL, base=base, store=store)


def test_segments_go_on_from_each_other_without_loss(whole, store):
    painted = segments(store)
    assert whole.summary["segments_total"] == len(painted) == 4 and whole.summary["frames"] == 32
    assert [each.params["key_frames"] for each in painted] == [[0, 13], [7, 20], [14, 27], [21, 32]]
    for before, after in pairwise(painted):
        assert [item.digest for item in after.inputs if item.role == "before"] == [before.content]
        for number in range(*after.params["key_frames"][:1], before.params["key_frames"][1]):
            name = f"{number:06d}.png"
            assert after.file(name).read_bytes() == before.file(name).read_bytes()
    assert shown(store, {"digest": whole.digest}).std() > 1


@pytest.mark.slow
def test_a_killed_film_goes_on_to_the_same_bytes(whole, poses, base, tmp_path, capfd):
    other = elsewhere(poses, tmp_path / "other")
    process = start_python("-m", "dancegen", *words_of(other, poses, base, "a dancer"))
    scratch = other.root / ".scratch" / "render-segment"
    wait_until(
        lambda: len(other.artifacts("render-segment")) >= 1 and list(scratch.glob("*/latents.safetensors")),
        "a step of a later segment", process=process, every=0.003,
    )  # fmt: skip
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not other.artifacts("render")
    again = paint(other, poses, base, capfd)
    assert again["summary"]["segments_computed"] < 4
    assert (again["digest"], again["content"]) == (whole.digest, whole.content)


def test_after_a_cut_it_begins_afresh_and_each_text_begins_a_segment(store, base, capfd):
    cut = dance(store, 2.0, cut=17)
    made = paint(store, cut, base, capfd, prompt="a cut | 0:01.5 another light")
    found = {text: segments(store, text) for text in ("a cut", "another light")}
    alone = [each for each in found["a cut"] if not [item for item in each.inputs if item.role == "before"]]
    assert len(alone) == 2 and alone[0].params["key_frames"][0] == 0
    border = alone[1].params["key_frames"][0]
    assert border in [each.params["key_frames"][1] for each in found["a cut"]]
    told = [json.loads(each.file("told.json").read_text()) for each in found["another light"]]
    assert told[-1]["text"] == "another light" and made["summary"]["segments_total"] >= 4


@pytest.mark.slow
def test_a_portrait_and_other_pictures_are_seen_and_are_in_the_recipe(whole, store, poses, base, portrait, capfd):
    looks = {"image": portrait, "detector": "none"}
    one = paint(store, poses, base, capfd, **looks)
    two = paint(store, poses, base, capfd, **looks, looks=portrait)
    assert len({whole.digest, one["digest"], two["digest"]}) == 3
    frames = [shown(store, {"digest": each}) for each in (whole.digest, one["digest"], two["digest"])]
    assert all(np.abs(first - second).mean() > 0.5 for first, second in pairwise(frames))
    given = [sorted(item.role for item in each.inputs) for each in segments(store)]
    assert {roles.count("image") for roles in given} == {0, 1, 2}
    assert main(words_of(store, poses, base, "a dancer", looks="nowhere.png")) == 2
    assert "--looks nowhere.png: there is no such file" in capfd.readouterr().err


@pytest.mark.slow
def test_options_that_paint_otherwise_paint_another_film(whole, store, poses, base, tmp_path, capfd):
    lora = tiny_wan_lora(base, tmp_path / "style.safetensors")
    digests = {
        paint(store, poses, base, capfd, preview="1.0", **choices)["digest"]
        for choices in (
            {}, {"lora": lora}, {"sampler": "euler"}, {"shift": 5}, {"guidance": 1}, {"control_scale": 0.5},
            {"negative_prompt": "rain"}, {"steps": 3}, {"overlap": 10}, {"segment": 17}, {"seed": 1},
        )
    }  # fmt: skip
    assert len(digests) == 11


def test_no_colour_match_leaves_colours_as_they_come(whole, store, poses, base, capfd):
    assert paint(store, poses, base, capfd, no_colour_match=True)["digest"] != whole.digest


def test_a_draft_shows_seeds_and_frames_are_kept(store, poses, base, capfd):
    draft = paint(store, poses, base, capfd, seeds=2, frames=True)
    assert draft["summary"]["seeds"] == [0, 1] and draft["summary"]["segments_total"] == 2
    assert len(pictures(store.find(draft["digest"]).path / "frames")) == draft["summary"]["frames"]


def test_what_it_cannot_use_is_refused_by_flag_and_who_can(store, poses, base, portrait, capfd):
    for choices, said in (
        ({"temporal": True}, "--temporal: the engine wan-vace has no such option; animatediff has it"),
        ({"blend_s": 2}, "--blend: the engine wan-vace has no such option; animatediff has it"),
        ({"style": "openpose"}, "--style: the engine wan-vace has no such option; skeleton has it"),
        ({"window": 8}, "animatediff has it"), ({"size": "40x48"}, "sides that are multiples of 16"),
        ({"segment": 12}, "4n+1"), ({"fast": "lightning"}, "--fast lightning: the engine wan-vace has self-forcing"),
        ({"engine": "animatediff", "shift": 3}, "the engine animatediff has no such option; wan-vace has it"),
    ):  # fmt: skip
        words = words_of(store, poses, base, "a dancer", **choices)
        words = [{"--blend-s": "--blend"}.get(word, word) for word in words]
        assert main(words) == 2, said
        assert said in capfd.readouterr().err


def test_a_dry_run_plans_within_eight_gigabytes(store, poses, base, capfd):
    plan = paint(store, poses, base, capfd, prompt="not painted yet", code=3, dry_run=True, vram="8")
    assert plan["fits"] and plan["segments_total"] == 4 and plan["segment"] == 13 and plan["shift"] == 3
    assert plan["models"][0]["role"] == "base" and plan["download_gb"] == 0
    assert not segments(store, "not painted yet")


def test_a_dry_run_where_no_hub_answers_says_what_is_missing(store, poses, tmp_path):
    words = words_of(store, poses, "Wan-AI/Wan2.1-VACE-1.3B-diffusers", "a film from nowhere")
    place = {"HF_ENDPOINT": f"http://127.0.0.1:{free_port()}", "HF_HOME": str(tmp_path)}
    planned = run_python("-m", "dancegen", *words, "--dry-run", timeout=120, **place)
    assert planned.returncode == 3, planned.stderr
    (model,) = json.loads(planned.stdout)["models"]
    assert model["name"] == "Wan-AI/Wan2.1-VACE-1.3B-diffusers" and not model["here"] and model["gigabytes"] == 16.3
    refused = run_python("-m", "dancegen", *words, timeout=120, **place)
    assert refused.returncode != 0 and "is not here" in refused.stderr and "does not fit" not in refused.stderr


@pytest.mark.slow
def test_exactly_the_files_that_are_needed_come_and_then_it_works_offline(store, poses, base, tmp_path):
    folder = tmp_path / "hub"
    shutil.copytree(base, folder)
    repository = Repository(folder)
    repository.declared = {
        "model_index.json": 500, "scheduler/scheduler_config.json": 700, "README.md": 9000, "assets/logo.png": 50_000,
        "text_encoder/pytorch_model.bin": 11_000_000_000, "transformer/diffusion_pytorch_model.bin": 4_300_000_000,
    }  # fmt: skip
    name = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
    with hub_of({name: repository, "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": plain_wan(base, tmp_path / "t2v")}) as hub:
        place = hub.settings(tmp_path / "cache")
        words = words_of(store, poses, name, "a film from a hub", preview="0.8")
        asked = [word for word in words if word not in ("--base", name)]  # it is the usual one
        made = run_python("-m", "dancegen", *asked, timeout=300, **place)
        assert made.returncode == 0, made.stderr
        needed = {
            f"{name}/{each}": size for each, size in repository.sizes().items() if each not in repository.declared
        }
        assert dict(hub.fetched()) == needed
        hub.requests.clear()
        again = run_python("-m", "dancegen", *asked, "--offline", "--force", timeout=300, **place)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["content"] == json.loads(made.stdout)["content"] and not hub.requests
        hub.requests.clear()
        words = words_of(store, poses, "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "refused")
        refused = run_python("-m", "dancegen", *words, timeout=300, **place)
        assert refused.returncode == 2 and "which is not led by poses" in refused.stderr, refused.stderr
        assert hub.fetched() and all(file.endswith("config.json") for file in hub.fetched())


def plain_wan(base, folder) -> Repository:
    """A Wan without VACE, of which the heavy files are only declared."""
    shutil.copytree(base, folder)
    config = json.loads((folder / "transformer" / "config.json").read_text())
    (folder / "transformer" / "config.json").write_text(json.dumps(config | {"_class_name": "WanTransformer3DModel"}))
    heavy = [path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors")]
    return Repository(folder, declared=dict.fromkeys(heavy, 5_000_000_000))
