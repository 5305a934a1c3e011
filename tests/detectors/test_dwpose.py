"""DWPose finds what rtmlib's own classes find, leaves out what is no person, and tells hands and face apart."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from dancegen.detectors.registry import resolve
from dancegen.errors import ModelError
from dancegen.pose.skeleton import INDEX

rtmlib = pytest.importorskip("rtmlib", reason="needs the extra dwpose")
pytest.importorskip("onnx", reason="torch needs onnx to write a network")
BOXES, POSE = "yolox_l.onnx", "dw-ll_ucoco_384.onnx"


class TinyYolox(torch.nn.Module):
    """Of the form of YOLOX's exported network: for each cell a box, whether something is there, and of which class."""

    def __init__(self, bias: float):
        super().__init__()
        self.grids = torch.nn.ModuleList(torch.nn.Conv2d(3, 85, side, side) for side in (8, 16, 32))
        for grid in self.grids:
            torch.nn.init.normal_(grid.weight, 0, 0.0002)
            grid.bias.data[:2], grid.bias.data[2:4], grid.bias.data[4] = 0, 1, bias
            grid.bias.data[5:] = -6
            grid.bias.data[5] = grid.bias.data[62] = 3  # person, and something else

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        cells = torch.cat([grid(picture).flatten(2) for grid in self.grids], 2).transpose(1, 2)
        return torch.cat([cells[..., :4], cells[..., 4:].sigmoid()], 2)


class TinyPose(torch.nn.Module):
    """Of the form of DWPose's: along each axis, how likely each of 133 points is at each half pixel."""

    def __init__(self):
        super().__init__()
        self.look = torch.nn.Conv2d(3, 133, 8, 8)
        self.across, self.down = torch.nn.Linear(48, 96), torch.nn.Linear(48, 128)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.look(picture).flatten(2)
        return self.across(seen), self.down(seen)


def write_models(folder: Path, bias: float = 3.0) -> Path:
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, size, outputs in (
            (BOXES, TinyYolox(bias), (64, 64), ["output"]), (POSE, TinyPose(), (64, 48), ["simcc_x", "simcc_y"]),
        ):  # fmt: skip
            given = torch.zeros(1, 3, *size)
            torch.onnx.export(
                model.eval(), (given,), str(folder / name), dynamo=False, input_names=["input"], output_names=outputs
            )
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("dwpose") / "models")


@pytest.fixture(scope="module")
def picture():
    return np.kron(np.random.default_rng(0).integers(0, 256, (10, 14, 3), np.uint8), np.ones((16, 16, 1), np.uint8))


def test_people_are_those_of_rtmlib_and_nothing_else_is_one(models, picture, capsys):
    spec = resolve(models, hands=True, face=True)
    assert spec.name == "dwpose"
    (people,) = spec.load().detect([picture])
    assert capsys.readouterr().out == ""
    theirs = rtmlib.YOLOX(str(models / BOXES), (64, 64), det_mode="multiclass")
    boxes, labels = theirs(picture[:, :, ::-1])
    assert 0 in labels and 57 in labels
    pose = rtmlib.RTMPose(str(models / POSE), (48, 64))
    places, scores = pose(picture[:, :, ::-1], bboxes=boxes[labels == 0])
    assert len(people) == len(places) > 0
    sure = scores >= 0.3
    assert 0 < sure.mean() < 1
    for joint, column in (("nose", 0), ("l_wrist", 9), ("r_ankle", 16)):
        body = people.body[:, INDEX[joint]]
        np.testing.assert_allclose(body[:, :2], np.where(sure[:, column, None], places[:, column], 0), atol=1e-3)
    for side, first in enumerate((91, 112)):
        part = slice(first, first + 21)
        expected = np.where(sure[:, part, None], places[:, part], 0)
        np.testing.assert_allclose(people.hands[:, side, :, :2], expected, atol=1e-3)
        np.testing.assert_allclose(people.hands[:, side, :, 2] > 0, sure[:, part])
    expected = np.where(sure[:, 23:91, None], places[:, 23:91], 0)
    np.testing.assert_allclose(people.face[:, :68, :2], expected, atol=1e-3)


def test_hands_and_face_are_there_where_they_are_asked_for(models, picture):
    (body,) = resolve(models).load().detect([picture])
    assert body.hands is None and body.face is None and len(body) > 0
    (hands,) = resolve(models, hands=True).load().detect([picture])
    assert hands.hands.shape == (len(body), 2, 21, 3) and hands.face is None
    assert resolve(models).input("detector").digest == resolve(models, hands=True).input("detector").digest


def test_a_picture_without_people_has_none(tmp_path, picture):
    (people,) = resolve(write_models(tmp_path / "blind", bias=-9.0), hands=True).load().detect([picture])
    assert people.body.shape == (0, 18, 3) and people.hands.shape == (0, 2, 21, 3)


def test_what_is_no_network_is_named(tmp_path):
    folder = write_models(tmp_path / "broken")
    (folder / POSE).write_bytes(b"la la la")
    with pytest.raises(ModelError, match=POSE):
        resolve(folder).load()
