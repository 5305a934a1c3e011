"""Which detector is taken, what it is known by, and what is said where it cannot be had."""

from __future__ import annotations

import json
import pickle
from importlib.util import find_spec
from pathlib import Path

import pytest

from dancegen.detectors.registry import NON_COMMERCIAL, DetectorSpec, resolve, usual_detector
from dancegen.errors import InputError, ModelError
from helpers.local_hub import COMMIT, serving, settings_for
from helpers.processes import run_python
from helpers.tiny_vitpose import tiny_models

VITPOSE, RTDETR = "usyd-community/vitpose-base-simple", "PekingU/rtdetr_r50vd_coco_o365"
NOBODY = "http://127.0.0.1:9"
CODE = """
import json, sys
import numpy as np
from importlib import metadata
from dancegen.detectors import blazepose
from dancegen.detectors.registry import resolve
from dancegen.errors import InputError

asked, installed, offline, then, *parts = sys.argv[1:]
if installed == "without":
    blazepose.DISTRIBUTIONS = ()
else:
    from pathlib import Path
    blazepose.DISTRIBUTIONS, blazepose.WEIGHTS = ("numpy",), "numpy/__init__.py"
try:
    spec = resolve(asked, offline=offline == "offline", hands="hands" in parts)
    known = spec.input("detector")
    found = {"name": spec.name, "why": spec.why, "digest": known.digest, "input": known.name}
    found["here"] = [model.here for model in spec.models]
    if then == "load":
        found["people"] = len(spec.load("cpu").detect([np.zeros((90, 60, 3), np.uint8)])[0])
        found["after"] = [m.here for m in resolve(asked, offline=True).models]
    print(json.dumps(found))
except InputError as error:
    print(json.dumps({"error": str(error)}))
"""


def ask(endpoint: str, cache: Path, name: str, installed: str = "without", offline: str = "online",
        then: str = "plan", *parts: str) -> dict:  # fmt: skip
    ran = run_python("-c", CODE, name, installed, offline, then, *parts, **settings_for(endpoint, cache))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tiny_models(tmp_path_factory.mktemp("models"), seed=3)


def test_auto_takes_vitpose_from_a_hub_then_from_its_cache(models, tmp_path):
    with serving({VITPOSE: models / "vitpose", RTDETR: models / "rtdetr"}) as (endpoint, asked):
        first = ask(endpoint, tmp_path, "auto", "with", "online", "load")
        assert first["name"] == "vitpose" and first["here"] == [False, False] and "from the hub" in first["why"]
        assert first["after"] == [True, True] and COMMIT in first["input"]
        asked.clear()
        again = ask(endpoint, tmp_path, "auto", "without", "offline")
        assert again["digest"] == first["digest"] and "cache" in again["why"] and not asked
        named = ask(endpoint, tmp_path, "vitpose")
        assert named["digest"] == first["digest"] and named["why"] == ""
        pinned = ask(endpoint, tmp_path / "other", f"{VITPOSE}@{COMMIT}")
        assert pinned["name"] == "vitpose" and pinned["digest"] == first["digest"]


def test_auto_takes_blazepose_where_nobody_can_be_asked_and_else_says_what_to_install(tmp_path):
    for endpoint, offline in ((NOBODY, "online"), (NOBODY, "offline")):
        found = ask(endpoint, tmp_path, "auto", "with", offline)
        assert found["name"] == "blazepose" and "installed" in found["why"] and found["input"].startswith("blazepose@")
        without = ask(endpoint, tmp_path, "auto", "without", offline)
        assert "dancegen[blazepose]" in without["error"] and VITPOSE in without["error"]
    assert "dancegen[blazepose]" in ask(NOBODY, tmp_path, "vitpose")["error"]


def test_hands_are_not_asked_of_who_finds_none(tmp_path):
    for name in ("vitpose", "blazepose"):
        assert "--hands take dwpose" in ask(NOBODY, tmp_path, name, "with", "online", "plan", "hands")["error"]
    said = ask(NOBODY, tmp_path, "auto", "with", "online", "plan", "hands")["error"]
    assert "dwpose" in said and "openpose" in said


def test_a_folder_is_known_by_what_lies_in_it_and_its_bytes(models, tmp_path):
    found = resolve(models)
    assert (
        found.name == "vitpose"
        and found.input("detector").digest != resolve(tiny_models(tmp_path / "others", seed=1)).input("detector").digest
    )
    same = tiny_models(tmp_path / "same", seed=3)
    assert resolve(same).input("detector").digest == found.input("detector").digest
    assert pickle.loads(pickle.dumps(found)) == found
    (tmp_path / "op").mkdir()
    for name in ("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"):
        (tmp_path / "op" / name).write_bytes(name.encode())
    body = resolve(tmp_path / "op")
    assert body.name == "openpose" and resolve(tmp_path / "op" / "body_pose_model.pth").input("d") == body.input("d")
    parts = [resolve(tmp_path / "op", hands=hands, face=face).input("d").digest
             for hands, face in ((False, False), (True, False), (False, True), (True, True))]  # fmt: skip
    assert len(set(parts)) == 4
    (tmp_path / "op" / "facenet.pth").unlink()
    with pytest.raises(InputError, match=r"put facenet\.pth beside it"):
        resolve(tmp_path / "op", face=True)


def test_openpose_comes_from_the_hub_with_only_what_is_asked_for(tmp_path):
    (tmp_path / "hub").mkdir()
    for name in ("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth", "ControlNetHED.pth"):
        (tmp_path / "hub" / name).write_bytes(name.encode())
    with serving({"lllyasviel/Annotators": tmp_path / "hub"}) as (endpoint, _):
        body = ask(endpoint, tmp_path / "cache", "openpose")
        hands = ask(endpoint, tmp_path / "cache", "openpose", "without", "online", "plan", "hands")
    assert body["input"] == f"lllyasviel/Annotators@{COMMIT}" and hands["name"] == "openpose"


@pytest.mark.parametrize("asked", ["nowhere", "./no/thing", "/no/such.pth", "vit-pose"])
def test_what_is_no_detector_gets_all_their_names(asked):
    with pytest.raises(InputError, match=r"give auto, vitpose, blazepose, dwpose, openpose, none, or weights"):
        resolve(asked)


def test_the_licence_is_said_where_openpose_is_taken_and_the_reason_where_it_was_chosen():
    said = []

    class Listening:
        def say(self, message):
            said.append(message)

    DetectorSpec("openpose").tell(Listening())
    DetectorSpec("blazepose", why="it is there").tell(Listening())
    DetectorSpec("vitpose").tell(Listening())
    assert said == [NON_COMMERCIAL, "--detector auto takes blazepose: it is there"]


def test_dwpose_without_its_extra_says_how_to_get_it():
    if find_spec("rtmlib") and find_spec("onnxruntime"):
        with pytest.raises(ModelError, match="hf download yzd-v/DWPose"):
            resolve("dwpose", offline=True)
    else:
        with pytest.raises(InputError, match=r"dancegen\[dwpose\]"):
            resolve("dwpose")


def test_what_is_usual_asks_nobody(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("dancegen.hub._remote", lambda ref: pytest.fail("the hub was asked"))
    monkeypatch.setattr("dancegen.detectors.blazepose.DISTRIBUTIONS", ())
    assert usual_detector() is None
