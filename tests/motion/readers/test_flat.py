"""OpenPose folders and pose files as recordings, with the song and the rate that lie beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dancegen.errors import InputError, MocapError
from dancegen.motion.readers.protocol import Hints
from dancegen.motion.readers.registry import find_takes
from dancegen.pose.sequence import PoseSequence
from dancegen.video import VideoWriter
from helpers.listening import Listener
from helpers.pose_examples import dancing
from helpers.songs import write_click

FRAMES = 24


def body_25(pose: np.ndarray) -> np.ndarray:
    """(25, 3) of (18, 3): OpenPose's own default, with a mid-hip at 8 and feet at the end."""
    whole = np.zeros((25, 3))
    whole[[*range(8), *range(9, 19)]] = pose
    whole[8] = (pose[8] + pose[11]) / 2
    return whole


def frame(*people: np.ndarray, **more) -> str:
    flat = [{"person_id": [-1], "pose_keypoints_2d": each.ravel().tolist()} for each in people]
    return json.dumps({"version": 1.3, "people": flat, **more})


def write_folder(folder: Path, layout=lambda pose: pose, empty=(), step=1, missing=(), **more) -> np.ndarray:
    """A folder as OpenPose writes it, named after its video; returns the poses (T, 18, 3)."""
    folder.mkdir(parents=True)
    poses = dancing(FRAMES, 512, 25.0)
    for number, pose in enumerate(poses):
        if number not in missing:
            text = frame(**more) if number in empty else frame(layout(pose), **more)
            (folder / f"clip_{number * step:012d}_keypoints.json").write_text(text)
    return poses


def write_video(path: Path, fps: float = 25.0, size=(64, 48), audio=None) -> Path:
    with VideoWriter(path, size, fps, audio=audio) as video:
        for number in range(FRAMES):
            video.write(np.full((size[1], size[0], 3), 9 * number, np.uint8))
    return path


def read(path, hints=None, heard=None):
    (take,) = find_takes(path)
    return take.recording(hints or Hints(), *([heard] if heard else [])).views["video"]


@pytest.mark.parametrize("layout", [lambda pose: pose, body_25], ids=["COCO-18", "BODY_25"])
def test_a_folder_is_a_take(layout, tmp_path):
    truth = write_folder(tmp_path / "dance1", layout, empty=(3, 4), canvas_width=512, canvas_height=512)
    heard = Listener()
    poses = read(tmp_path, heard=heard)
    assert not poses.keypoints[3:5].any()
    seen = np.delete(np.arange(FRAMES), [3, 4])
    np.testing.assert_allclose(poses.keypoints[seen], truth[seen], atol=1e-3)
    assert (poses.fps, poses.size) == (30.0, (512, 512))
    assert "30 frames a second are assumed (--source-fps)" in heard.said[0]


def test_a_person_or_the_video_beside_says_the_rate(tmp_path):
    write_folder(tmp_path / "dance1")
    write_video(tmp_path / "dance1.mp4")
    heard = Listener()
    assert read(tmp_path / "dance1", heard=heard).fps == 25.0 and not heard.said
    assert read(tmp_path / "dance1", Hints(fps=50.0)).fps == 50.0


def test_of_every_other_frame_the_rate_is_half_the_videos(tmp_path):
    write_folder(tmp_path / "dance1", step=2)
    write_video(tmp_path / "dance1.mp4", fps=50.0)
    poses = read(tmp_path / "dance1")
    assert poses.fps == 25.0 and len(poses) == FRAMES


def test_a_frame_that_lacks_moves_no_other(tmp_path):
    truth = write_folder(tmp_path / "dance1", missing=(5, 6, 7))
    poses = read(tmp_path / "dance1")
    assert len(poses) == FRAMES and not poses.keypoints[5:8].any()
    np.testing.assert_allclose(poses.keypoints[8:], truth[8:], atol=1e-3)


def test_shares_of_the_picture_need_its_size(tmp_path):
    truth = write_folder(tmp_path / "dance1", lambda pose: pose / [640, 480, 1])
    with pytest.raises(InputError, match=r"dance1.*--json-canvas"):
        read(tmp_path / "dance1")
    found = [read(tmp_path / "dance1", Hints(canvas=(640, 480)))]
    write_video(tmp_path / "dance1.mp4", size=(640, 480))
    found.append(read(tmp_path / "dance1"))
    for poses in found:
        assert poses.size == (640, 480)
        np.testing.assert_allclose(poses.keypoints, truth, atol=0.01)


def test_one_of_several_people_is_followed(tmp_path):
    (tmp_path / "dance1").mkdir()
    truth = dancing(FRAMES, 512, 25.0)
    small = truth * [0.3, 0.3, 0.5] + [400, 0, 0]
    for number in range(FRAMES):
        people = (truth[number], small[number]) if number % 2 else (small[number], truth[number])
        (tmp_path / "dance1" / f"{number}.json").write_text(frame(*people))
    heard = Listener()
    np.testing.assert_allclose(read(tmp_path / "dance1", heard=heard).keypoints, truth, atol=1e-3)
    assert any("24 of 24 frames show several people" in line for line in heard.said)


def test_folders_of_several_videos_are_refused(tmp_path):
    write_folder(tmp_path / "all")
    (tmp_path / "all" / "other_000000000000_keypoints.json").write_text(frame())
    with pytest.raises(InputError, match="all holds the frames of several videos, clip and other"):
        read(tmp_path / "all")


@pytest.mark.parametrize(
    ("files", "song"),
    [
        (("dance1.wav", "other.wav"), "dance1.wav"),
        (("dance1/track.wav",), "dance1/track.wav"),
        (("dance1.wav", "dance1/track.wav"), "dance1.wav"),
        (("dance1/a.wav", "dance1/b.wav"), None),
        (("other.wav",), None),
        (("._dance1.wav",), None),
    ],
)
def test_the_song_has_the_folders_name_or_lies_in_it(files, song, tmp_path):
    write_folder(tmp_path / "dance1")
    for name in files:
        (tmp_path / name).touch()
    (take,) = find_takes(tmp_path)
    assert take.info.song == (None if song is None else tmp_path / song)


def test_else_the_sound_of_the_video_is_the_song(tmp_path):
    write_folder(tmp_path / "dance1")
    video = write_video(tmp_path / "dance1.mp4", audio=write_click(tmp_path / "song.wav", 120, 2.0))
    (take,) = find_takes(tmp_path / "dance1")
    assert take.info.song == video and abs(take.info.song_start_s) < 0.05
    write_video(video)
    (take,) = find_takes(tmp_path / "dance1")
    assert take.info.song is None


def test_a_list_of_frames_in_one_file_is_a_take(tmp_path):
    truth = dancing(FRAMES)
    (tmp_path / "dance1.json").write_text(f"[{', '.join(frame(pose) for pose in truth)}]")
    np.testing.assert_allclose(read(tmp_path).keypoints, truth, atol=1e-3)


def test_poses_of_dancegen_are_a_take_that_begins_in_its_song(tmp_path):
    PoseSequence(dancing(FRAMES), 30.0, start_s=2.5).save(tmp_path / "poses.npz")
    write_click(tmp_path / "song.wav", 120, 5.0)
    (take,) = find_takes(tmp_path)
    assert take.info.song == tmp_path / "song.wav" and take.recording().start_s == 2.5
    (tmp_path / "song.wav").rename(tmp_path / "audio.flac")  # what an exported dance calls the part that it dances to
    (take,) = find_takes(tmp_path)
    assert take.info.song == tmp_path / "audio.flac" and take.recording().start_s == 0.0


def test_other_json_and_arrays_are_no_dance(tmp_path):
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "config.json").write_text('{"start": 3}')
    (tmp_path / "one.json").write_text(frame(dancing(1)[0]))
    (tmp_path / "list.json").write_text('["people"')
    np.savez(tmp_path / "other.npz", keypoints=np.zeros(3))
    assert [take.path.name for take in find_takes(tmp_path)] == ["list.json"]
    with pytest.raises(InputError, match=r"list\.json"):
        read(tmp_path / "list.json")
    (tmp_path / "list.json").unlink()
    (tmp_path / "one.json").unlink()
    with pytest.raises(MocapError):
        find_takes(tmp_path)


def test_nobody_anywhere_is_no_dance(tmp_path):
    write_folder(tmp_path / "dance1", empty=range(FRAMES))
    with pytest.raises(InputError, match="dance1 shows nobody in any of its 24 frames"):
        read(tmp_path / "dance1")
