"""A video's header: what it says is read, what it cannot mean is refused, and any other way that it breaks is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.video import VideoWriter, info, probe_video, read_frames
from helpers.songs import write_song


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    """An MP4 of ten frames, with a title."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, (64, 48), 25, metadata={"title": "Summer nights", "seed": "7"}) as video:
        for number in range(10):
            video.write(np.full((48, 64, 3), 20 * number, np.uint8))
    return path.read_bytes()


def damaged(place: Path, film: bytes, old: bytes, new: bytes) -> Path:
    assert film.count(old) >= 1 and len(old) == len(new)
    (place / "odd.mp4").write_bytes(film.replace(old, new))
    return place / "odd.mp4"


HEADERS = [
    pytest.param(b"isomiso2", b"isomis\xec\x1e", id="a brand that is no text"),
    pytest.param(b"avc1\0\0\0\0", b"\x01vc\xf1\0\0\0\0", id="no decoder known"),
]


@pytest.mark.parametrize("old, new", HEADERS)
def test_a_damaged_header_is_said_whatever_the_video_is_read_for(tmp_path, film, old, new, capsys):
    path = damaged(tmp_path, film, old, new)
    for read in (probe_video, lambda path: list(read_frames(path))):
        with pytest.raises(InputError, match=r"odd\.mp4 is not a video that can be read"):
            read(path)
    for command in (["artifacts", "show"], ["evaluate"]):
        assert main([*command, str(path)]) == 2
        assert "odd.mp4 is not a video that can be read" in capsys.readouterr().err


def test_moving_pictures_are_told_from_songs_with_covers_and_from_pictures(tmp_path, film):
    import av
    import cv2
    from av.stream import Disposition

    from dancegen.video.info import is_video

    (tmp_path / "film.mp4").write_bytes(film)
    (tmp_path / "film without a suffix").write_bytes(film)
    (tmp_path / "cut.mov").write_bytes(film[:700])
    (tmp_path / "text.txt").write_text("hello " * 500)
    (tmp_path / "numbers.npz").write_bytes(b"PK" + bytes(500))
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "picture.jpg"), np.zeros((48, 64, 3), np.uint8))
    write_song(tmp_path / "song.wav", 2.0)
    for name, cover in (("cover.m4a", True), ("sound.mp4", False)):
        with av.open(str(tmp_path / name), "w", format="mp4") as container:
            voice = container.add_stream("aac", rate=44_100, layout="mono")
            picture = container.add_stream("png") if cover else None
            if picture is not None:
                picture.width, picture.height, picture.pix_fmt = 64, 48, "rgb24"
                picture.disposition = Disposition.attached_pic
                container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
                container.mux(picture.encode())
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.rate, block.pts = 44_100, 0
            container.mux(voice.encode(block))
            container.mux(voice.encode())
    found = {path.name for path in tmp_path.iterdir() if is_video(path)}
    assert found == {"film.mp4", "film without a suffix", "cut.mov"}
    assert not is_video(tmp_path) and not is_video(tmp_path / "nowhere.mp4")


def test_a_title_in_another_encoding_is_no_damage(tmp_path, film):
    path = damaged(tmp_path, film, b"Summer nights", "Sömmer nights".encode("latin-1"))
    said = probe_video(path)
    assert said.metadata["title"] == "S�mmer nights" and said.metadata["seed"] == "7"
    assert said.frames == len(list(read_frames(path))) == 10


def test_pictures_larger_than_any_are_not_decoded(tmp_path, film, monkeypatch):
    (tmp_path / "large.mp4").write_bytes(film)
    monkeypatch.setattr(info, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(InputError, match=r"large\.mp4 has pictures of 64 x 48 pixels, more than"):
        list(read_frames(tmp_path / "large.mp4"))


def test_a_list_of_other_files_is_not_followed(tmp_path, film):
    from dancegen.audio.load import probe

    (tmp_path / "film.mp4").write_bytes(film)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile film.mp4\n")
    for read in (probe_video, probe):
        with pytest.raises(InputError, match=r"list\.mp4 only names other files"):
            read(tmp_path / "list.mp4")


@pytest.mark.parametrize("content", [b"", b"text", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", bytes(1000)])
def test_what_is_no_video_is_said_to_be_none(tmp_path, content):
    (tmp_path / "odd.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.mp4"):
        probe_video(tmp_path / "odd.mp4")
