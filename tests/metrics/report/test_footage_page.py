"""The page about a pose dataset from footage: every clip, every reason, pictures, and nothing beside it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from dancegen.metrics.report.clip_look import TALL, ClipLook, PieceLook, RejectedLook, look_at_clip
from dancegen.metrics.report.footage_page import COLORS, MOST_CLIPS, worth_pictures, write_report
from dancegen.pose.cleaning import CleaningSettings, clean_detections
from dancegen.pose.cleaning import pipeline as cleaning
from dancegen.video.writer import VideoWriter
from helpers.footage import SIZE, detections, moved, swapped
from helpers.pose_examples import dancing

VOID = {"meta", "img", "br", "rect", "line", "link"}


class Balanced(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def footage(tmp_path):
    """A dance of 6 s with a cut and a second without anybody, and its video: grey that becomes lighter."""
    seen = swapped(moved(dancing(180), (60, -20)), 20, 30)
    seen[120:150] = 0
    path = tmp_path / "frames.mp4"
    with VideoWriter(path, SIZE, 30.0) as video:
        for frame in range(180):
            video.write(np.full((SIZE[1], SIZE[0], 3), 60 + frame, np.uint8))
    found = detections(seen, cuts=(75,))
    return clean_detections(found, replace(CleaningSettings(), min_seconds=1.2)), path


def picture(url: str) -> np.ndarray:
    kind, data = url.split(",", 1)
    assert kind == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def test_a_clip_is_shown_with_its_skeleton_over_its_own_pictures(footage):
    cleaned, path = footage
    look = look_at_clip("one", cleaned, 30.0, SIZE, path)
    assert [(piece.start_s, round(piece.seconds, 2)) for piece in look.pieces] == [(0, 2.5), (2.5, 1.5)]
    assert [(each.kind, each.start_s) for each in look.rejected] == [("nobody is seen", 4.0), ("too short", 5.0)]
    assert look.cuts_s == (2.5,) and look.seconds == 6
    sheet = picture(look.sheet)
    wide = round(SIZE[0] * TALL / SIZE[1])
    assert sheet.shape == (TALL, 6 * wide, 3)
    tiles = np.split(sheet, 6, axis=1)
    # Each tile's corner is the dimmed grey of a later picture, and each shows a coloured skeleton.
    corners = [float(tile[:20, :20].mean()) for tile in tiles]
    moments = [(k + 0.5) * 120 / 6 for k in range(6)]
    np.testing.assert_allclose(corners, [0.55 * (60 + moment) for moment in moments], atol=4)
    assert all(np.ptp(tile.astype(int), axis=-1).max() > 120 for tile in tiles)
    assert picture(look.rejected[1].picture).shape == (TALL, wide, 3)


def test_without_a_video_the_skeleton_stands_on_black_and_without_pictures_there_are_none(footage):
    cleaned, path = footage
    black = picture(look_at_clip("one", cleaned, 30.0, SIZE).sheet)
    assert black[:20, :20].max() < 10 and black.max() > 200
    path.write_bytes(b"damaged")
    assert picture(look_at_clip("one", cleaned, 30.0, SIZE, path).sheet).max() > 200
    bare = look_at_clip("one", cleaned, 30.0, SIZE, pictures=False)
    assert not bare.sheet and not any(each.picture for each in bare.rejected)
    assert bare == look_at_clip("one", cleaned, 30.0, SIZE).without_pictures()


def test_the_page_has_every_clip_and_reason_and_needs_nothing_beside_it(footage, tmp_path):
    cleaned, path = footage
    looks = [look_at_clip("<b>odd & name", cleaned, 30.0, SIZE, path), look_at_clip("two", cleaned, 30.0, SIZE)]
    write_report(tmp_path / "report.html", looks)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(page)
    assert parser.open == [] and "<title>dancegen extract-poses</title>" in page
    assert "&lt;b&gt;odd &amp; name" in page and "<b>odd" not in page
    assert "2 clips, 12.0 s. 4 pieces of one dancer, 8.0 s (66.7 %)" in page
    assert page.count('class="timeline"') == 2 and page.count('class="sheet"') == 2
    assert page.count("too short: 1.0 s, under 1.2 s") >= 2 and all(words in page for words in cleaning.STEPS.values())
    assert re.findall(r'(?:src|href)="(?!data:)', page) == [] and "http" not in page.replace("http-equiv", "")


def test_a_page_about_thousands_of_clips_stays_small(tmp_path):
    jpeg = "data:image/jpeg;base64," + "A" * 40_000
    part = RejectedLook(5, 1, "too short", "too short: 1.0 s, under 2 s", 0.5, jpeg)
    piece = PieceLook(0, 5, 0.8, dict.fromkeys(cleaning.STEPS, 3), 150, 2700)
    kept: list[ClipLook] = []
    for number in range(3000):
        clip = ClipLook(f"clip{number:05}", 6, (piece,), (part,), (), jpeg)
        kept.append(clip if worth_pictures(kept, clip) else clip.without_pictures())
    assert sum(bool(clip.sheet) for clip in kept) < 2 * MOST_CLIPS
    write_report(tmp_path / "report.html", kept)
    assert (tmp_path / "report.html").stat().st_size < 4e6
    assert "3,000 clips" in (tmp_path / "report.html").read_text()


def test_nothing_at_all_makes_a_page_too(tmp_path):
    write_report(tmp_path / "report.html", [])
    assert "0 clips" in (tmp_path / "report.html").read_text()


def test_every_kind_of_reason_has_its_colour():
    assert set(COLORS) == {cleaning.NOBODY, cleaning.NOT_WHOLE, cleaning.TOO_SHORT, cleaning.POOR}
