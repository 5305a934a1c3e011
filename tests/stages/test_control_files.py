"""What other programs paint a dance from: pictures, poses that their editors read, and workflows that find them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from dancegen import generate_poses, render
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.comfyui import Pictures
from dancegen.stages.control_files import WORKFLOWS
from dancegen.store import Taken, open_store
from dancegen.video import probe_video, read_frames
from helpers.comfyui_nodes import refused
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def poses(store, tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    song = write_song(place / "song.wav", 2.0)
    return generate_poses(song, model=tiny_model(place / "model"), canvas="128x128", store=store)


@pytest.fixture
def folder(poses, store, tmp_path):
    render(poses, style="openpose", size="128x192", store=store, output=tmp_path / "out")
    return tmp_path / "out"


def read_as_editors_do(frame):
    """(N, 18, 3) of a frame as ControlNet, comfyui_controlnet_aux and the OpenPose editor read it: shares of the canvas
    where no number is over 1, and no joint whose confidence is under 1."""
    people = []
    for person in frame["people"]:
        numbers = person["pose_keypoints_2d"]
        assert len(numbers) == 54
        factor = (frame["canvas_width"], frame["canvas_height"]) if max(map(abs, numbers)) <= 1 else (1, 1)
        points = np.reshape(numbers, (18, 3)) * (*factor, 1)
        people.append(np.where(points[:, 2:] >= 1, points, 0))
    return np.array(people).reshape(-1, 18, 3)


def test_a_folder_gets_every_frame_as_controlnet_sees_it_and_the_poses_behind_it(folder):
    pictures = sorted((folder / "frames").iterdir())
    frames = json.loads((folder / "openpose.json").read_text())
    alone = sorted((folder / "poses").iterdir())
    assert len(pictures) == len(frames) == len(alone) == 60
    for picture, frame, file in zip(pictures, frames, alone, strict=True):
        shown = cv2.cvtColor(cv2.imread(str(picture), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
        (read,) = read_as_editors_do(frame)
        assert (frame["canvas_width"], frame["canvas_height"]) == (128, 192)
        np.testing.assert_array_equal(draw_openpose(read.astype(np.float32), (128, 192)), shown)
        assert json.loads(file.read_text()) == frame  # the web UI's editor reads one frame a file
    assert probe_video(folder / "video.mp4").frames == 60


def test_joints_of_low_confidence_are_not_lost_to_editors_and_missing_ones_stay_missing(poses, store, tmp_path):
    unsure = PoseSequence.load(poses.file("poses.npz"))
    keypoints = unsure.keypoints.copy()
    keypoints[:, 4, 2], keypoints[:, 7] = 0.4, 0
    PoseSequence(keypoints, unsure.fps, unsure.size).save(tmp_path / "poses.npz")
    render(tmp_path / "poses.npz", style="openpose", music="none", store=store, output=tmp_path / "out", size="128x128")
    for frame in json.loads((tmp_path / "out" / "openpose.json").read_text()):
        (read,) = read_as_editors_do(frame)
        assert read[4, 2] == 1 and not read[7].any()


def test_dancegen_reads_its_own_folder_of_poses_again(folder, store, tmp_path):
    again = render(folder / "poses", style="openpose", music="none", size="128x192", store=store)
    both = zip(read_frames(again.file("video.mp4")), read_frames(folder / "video.mp4"), strict=True)
    assert max(np.abs(one.astype(int) - other).mean() for one, other in both) < 6


def test_the_background_is_clear_where_asked_and_the_colours_stay(poses, store, tmp_path):
    plain, clear = tmp_path / "plain", tmp_path / "clear"
    render(poses, style="openpose", size="128x192", store=store, output=plain)
    render(poses, style="openpose", size="128x192", alpha=True, store=store, output=clear)
    for one, other in zip(sorted((plain / "frames").iterdir()), sorted((clear / "frames").iterdir()), strict=True):
        rgb, rgba = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (one, other))
        assert rgba.shape[2] == 4 and 0 < (rgba[..., 3] > 0).mean() < 0.5
        np.testing.assert_array_equal(rgba[..., :3], rgb)
        np.testing.assert_array_equal(rgba[..., 3] > 0, rgb.any(axis=2))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_are_whole_and_point_at_the_folder(folder, name):
    nodes = json.loads((folder / name).read_text())
    assert not list(refused(nodes))
    used = {each[0] for node in nodes.values() for each in node["inputs"].values() if isinstance(each, list)}
    ends = {number for number in nodes if number not in used}
    assert {nodes[number]["class_type"] for number in ends} == {"VHS_VideoCombine"}
    kinds = {node["class_type"]: node["inputs"] for node in nodes.values()}
    assert kinds["VHS_LoadImagesPath"]["directory"] == str(folder / "frames")
    assert kinds["VHS_LoadAudio"]["audio_file"] == str(folder / "video.mp4")
    every = kinds["VHS_LoadImagesPath"]["select_every_nth"]
    assert kinds["VHS_VideoCombine"]["frame_rate"] * every == 30
    latent = kinds.get("EmptyLatentImage") or kinds["WanVaceToVideo"]
    assert (latent["width"], latent["height"]) == (128, 192)
    if name == "comfyui-wan-vace.json":
        assert latent["length"] % 4 == 1 and latent["length"] <= min(81, 60 // every)
        assert kinds["VHS_LoadImagesPath"]["image_load_cap"] == latent["length"]


@pytest.mark.parametrize("size", [(1280, 720), (512, 768), (129, 127), (480, 832)])
@pytest.mark.parametrize(("fps", "frames"), [(30.0, 7), (12.5, 5400), (60.0, 90), (24000 / 1001, 240), (1.0, 2)])
def test_workflows_of_any_dance_are_as_comfyui_declares_its_nodes(size, fps, frames):
    pictures = Pictures("/a folder/frames", "/a folder/video.mp4", size, fps, frames)
    for make in WORKFLOWS.values():
        assert not list(refused(make(pictures)))


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        ("KSampler", {"sampler_name": "unipc"}, "not 'unipc'"), ("KSampler", {"model": ["7", 1]}, "nothing comes"),
        ("KSampler", {"latent_image": ["6", 0]}, "is given IMAGE, takes LATENT"),
        ("VAEDecode", {"sample": 1}, "has no"),
        ("WanVaceToVideo", {"length": 80}, "not 80"), ("CLIPLoader", {"type": "wan2.1"}, "not 'wan2.1'"),
        ("WanVaceToVideo", {"width": 488}, "not 488"), ("VHS_VideoCombine", {"format": "h264"}, "not 'h264'"),
    ],
)  # fmt: skip
def test_what_comfyui_would_refuse_is_found(kind, inputs, said):
    workflow = WORKFLOWS["comfyui-wan-vace.json"](Pictures("frames", "video.mp4", (480, 832), 30.0, 300))
    next(node for node in workflow.values() if node["class_type"] == kind)["inputs"].update(inputs)
    assert any(said in each for each in refused(workflow))


def test_an_edited_workflow_is_nobody_elses_and_stays(folder, poses, store):
    again = {"style": "openpose", "size": "128x192", "store": store, "output": folder}
    render(poses, **again)  # its own files it may write again
    edited = folder / "comfyui-wan-vace.json"
    edited.write_text(edited.read_text().replace("a dancer", "a robot"))
    with pytest.raises(Taken, match=r"comfyui-wan-vace\.json"):
        render(poses, **again)
    assert "a robot" in edited.read_text()
    render(poses, **again, force=True)
    assert "a robot" not in edited.read_text()


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "prores"), ("a.mkv", "ffv1"), ("a.mp4", "h264")])
def test_the_files_name_chooses_the_codec(poses, store, tmp_path, name, codec):
    import av

    render(poses, style="openpose", size="128x128", store=store, output=tmp_path / name)
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.video[0].codec_context.name == codec
        assert container.streams.audio
    assert probe_video(tmp_path / name).frames == 60


def test_every_pixel_of_a_lossless_video_is_as_it_was_drawn(poses, store, tmp_path):
    made = render(poses, style="openpose", size="129x127", codec="ffv1", store=store)
    fitted = PoseSequence.load(poses.file("poses.npz")).fitted((129, 127))
    for number, frame in enumerate(read_frames(made.file("video.mkv"))):
        np.testing.assert_array_equal(frame, draw_openpose(fitted.keypoints[number], (129, 127)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": True}, "add --style openpose"),
        ({"codec": "prores", "output": "a.mp4"}, r"prores is written as \.mov: name the file a\.mov"),
        ({"codec": "h264-10", "size": "129x127"}, "H.264 needs even sides"),
        ({"codec": "vp9"}, "h264"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(poses, store, options, message):
    with pytest.raises(InputError, match=message):
        render(poses, store=store, **options)


def test_a_command_writes_the_folder_and_says_where(poses, store, tmp_path, capsys):
    out = tmp_path / "comfyui"
    line = ["render", poses.digest[:12], "--style", "openpose", "--size", "64x96", "-o", f"{out}/", "--json"]
    assert main([*line, "--store", str(store.root)]) == 0
    assert json.loads(capsys.readouterr().out)["stage"] == "render"
    assert {path.name for path in out.iterdir()} >= {"frames", "poses", "openpose.json", "video.mp4", *WORKFLOWS}
