"""Make and Choose as a person uses them, in a real browser on the real studio: a song is dropped and danced to."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from dancegen.motion.export.packed import unpacked
from dancegen.pose.sequence import PoseSequence
from helpers.processes import wait_until
from helpers.songs import write_song
from helpers.studio import go_to, opened, running_studio

LONG_MS = 240_000
SECONDS = 4.0
VIEW, LINE = "#make-stage dance-view", "#make-song dance-timeline"


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return write_song(tmp_path_factory.mktemp("songs") / "my <b>song.wav", 8.0)


@pytest.fixture(scope="module")
def page(browser, studio, song):
    """A page on which the song was dropped and four seconds of it danced to."""
    page = opened(browser, studio)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    drop(page, song)
    mark(page, 0.0, SECONDS)
    dance(page)
    return page


def drop(page, song) -> None:
    page.locator("input[type=file]").first.set_input_files(song)
    page.wait_for_function(f"document.querySelector('{LINE}')?.song.seconds > 0", timeout=LONG_MS)


def mark(page, start_s: float, end_s: float) -> None:
    """Drag over the waveform from one second to another."""
    line = page.locator(LINE)
    line.scroll_into_view_if_needed()
    ends = [line.evaluate("(line, time) => line.placeOf(time)", time) for time in (start_s, end_s)]
    page.mouse.move(ends[0]["x"] + 1, ends[0]["y"])
    page.mouse.down()
    page.mouse.move(ends[1]["x"], ends[1]["y"], steps=4)
    page.mouse.up()
    length = field(page, "Seconds")
    wait_until(lambda: length.input_value(), "the span to be in the form", seconds=30)


def field(page, label: str):
    """A field of the open tab, by how its label begins: the help follows in it."""
    return page.locator("label:visible", has_text=re.compile(rf"^\s*{label}")).locator("input, textarea").first


def dance(page) -> None:
    page.click("#dance")
    page.wait_for_selector("#stop:visible", timeout=LONG_MS)
    page.wait_for_function(f"document.querySelector('{VIEW}')?.dance", timeout=LONG_MS)
    page.wait_for_selector("#stop", state="hidden", timeout=LONG_MS)


def of_view(page, expression: str, view: str = VIEW):
    return page.evaluate(f"(() => {{ const view = document.querySelector('{view}'); return {expression}; }})()")


def pixels(page, view: str = VIEW) -> np.ndarray:
    """What the canvas of a view shows, (N, 4)."""
    code = "Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    found = of_view(page, f"(canvas => {code})(view.shadowRoot.querySelector('canvas'))", view)
    return np.array(found, np.uint8).reshape(-1, 4)


def drawn(page, view: str = VIEW) -> None:
    """Wait until what is asked for now is on the canvas."""
    before = of_view(page, "view.shown", view)
    of_view(page, "view._later()", view)
    page.wait_for_function(f"document.querySelector('{view}').shown > {before}", timeout=LONG_MS)


def test_a_dropped_song_is_shown_with_its_beats_bars_and_sections(page, song):
    shown = page.evaluate(f"document.querySelector('{LINE}').song")
    assert shown["seconds"] == 8.0 and max(shown["peaks"]) == 255
    assert np.allclose(np.diff(shown["beats_s"]), 0.5, atol=0.06)  # the song has 120 beats a minute
    assert set(shown["downbeats_s"]) <= set(shown["beats_s"]) and shown["sections"][0]["start_s"] == 0


def test_a_span_that_is_marked_is_danced_to(page, studio):
    header, arrays = packed_of(page, studio)
    beats = page.evaluate(f"document.querySelector('{LINE}').song.beats_s")
    assert min(abs(header["seconds"] - beat) for beat in beats) < 0.05  # marks lie on beats
    assert abs(header["seconds"] - SECONDS) < 0.6 and "vertices" in arrays
    assert "--seconds" in field(page, "The same as a command").input_value()


def packed_of(page, studio):
    server = re.match("https?://[^/]+", studio.address).group()
    answer = page.request.get(server + of_view(page, "view.getAttribute('src')"))
    assert answer.ok
    return unpacked(answer.body())


def test_the_song_is_named_as_text(page):
    assert page.locator("#queue b", has_text="bsong").count()


def test_it_plays_with_the_music_as_its_clock(page):
    page.locator(VIEW).scroll_into_view_if_needed()
    page.focus(VIEW)
    page.keyboard.press("Home")
    drawn(page)
    still, first, joints = of_view(page, "view.time"), pixels(page), of_view(page, "view.screenJoints()")
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{VIEW}').time > {still + 0.8}", timeout=LONG_MS)
    page.keyboard.press("Space")
    page.wait_for_function(f"!document.querySelector('{VIEW}').clock.playing")
    drawn(page)
    audio = of_view(page, "view.clock.audio.currentTime + view.clock.start")
    assert abs(of_view(page, "view.time") - audio) < 0.01
    moved = of_view(page, "view.screenJoints()")
    assert max(abs(a["x"] - b["x"]) + abs(a["y"] - b["y"]) for a, b in zip(joints, moved, strict=True)) > 3
    later = pixels(page)
    if len(later) == len(first):
        assert (first != later).any(axis=1).mean() > 0.005
    assert np.unique(later[:, :3], axis=0).shape[0] > 50  # a lit body, and no flat colour


def test_joints_on_the_screen_are_those_of_the_poses_at_that_moment(page, studio):
    """The camera's picture of `joints3d` of a frame, found on the screen when the clock is there."""
    header, _ = packed_of(page, studio)
    poses = PoseSequence.load(next((studio.store / "generate-poses").glob("*/poses.npz")))
    for frame in (10, 55):
        of_view(page, f"view.time = {header['start_s'] + frame / header['fps']}")
        drawn(page)
        shown = of_view(page, "Array.from(view._joints)")
        assert (
            np.abs(np.array(shown).reshape(18, 3) - poses.joints3d[frame]).max() < 0.02
        )  # metres, where it moves fast


def test_the_keyboard_moves_the_camera_and_the_time(page):
    page.focus(VIEW)
    page.keyboard.press("Home")
    before = of_view(page, "view.screenJoints()[4].x")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    assert abs(of_view(page, "view.screenJoints()[4].x") - before) > 2
    page.keyboard.press("r")
    page.keyboard.press("ArrowRight")
    beats = of_view(page, "view.dance.beats_s")
    assert min(abs(of_view(page, "view.time") - beat) for beat in beats) < 0.02
    page.keyboard.press("f")
    assert page.locator(VIEW).get_attribute("follow") == "off"
    page.keyboard.press("f")


def test_spans_are_marked_moved_and_removed_by_keyboard(page):
    page.focus(LINE)
    page.keyboard.press("Home")
    for key in ("Shift+ArrowRight", "[", "Shift+ArrowRight", "]"):
        page.keyboard.press(key)
    [span] = page.evaluate(f"document.querySelector('{LINE}').spans")
    bars = page.evaluate(f"document.querySelector('{LINE}').song.downbeats_s")
    assert [span["start_s"], span["end_s"]] == pytest.approx(bars[1:3] if bars[0] < 0.03 else bars[:2], abs=0.01)
    start = field(page, "Start")
    wait_until(
        lambda: abs(float(start.input_value() or 0) - span["start_s"]) < 0.02, "the span in the form", seconds=30
    )
    page.focus(LINE)
    page.keyboard.press("Delete")
    assert page.evaluate(f"document.querySelector('{LINE}').spans") == []


def test_it_is_shown_as_a_film_that_plays(page):
    page.get_by_label("Neon", exact=True).click()
    film = "document.querySelector('#make-stage video')"
    page.wait_for_function(f"{film}.readyState > 1 && !{film}.hidden", timeout=LONG_MS)
    page.evaluate(f"{film}.play()")
    page.wait_for_function(f"{film}.currentTime > 0.3", timeout=LONG_MS)
    page.evaluate(f"{film}.pause()")
    neon = page.evaluate(f"{film}.src")
    page.get_by_label("OpenPose", exact=True).click()
    page.wait_for_function(f"{film}.src != {json.dumps(neon)} && {film}.readyState > 1", timeout=LONG_MS)
    page.get_by_label("In space", exact=True).click()
    page.wait_for_selector(VIEW, state="visible")


@pytest.mark.slow
def test_a_reload_shows_the_dance_again_and_its_song_with_the_span(page, studio):
    mark(page, 0.0, SECONDS)
    field(page, "Energy").fill("0.8")
    dance(page)
    seconds = packed_of(page, studio)[0]["seconds"]
    page.reload()
    page.wait_for_function(f"document.querySelector('{VIEW}')?.dance", timeout=LONG_MS)
    page.wait_for_function(f"document.querySelector('{LINE}')?.spans.length", timeout=LONG_MS)
    line = page.evaluate(f"(line => [line.song.seconds, line.spans[0]])(document.querySelector('{LINE}'))")
    assert line[0] == 8.0 and line[1]["end_s"] == pytest.approx(seconds, abs=0.05)
    assert field(page, "Energy").input_value() == "0.8" and float(field(page, "Seconds").input_value()) < 5
    assert packed_of(page, studio)[0]["seconds"] == pytest.approx(seconds, abs=0.05)


def test_at_375_pixels_nothing_is_cut_off(browser, studio, page):
    phone = opened(browser, studio, width=375, height=800, has_touch=True)
    phone.wait_for_function(f"document.querySelector('{VIEW}')?.dance", timeout=LONG_MS)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    for name in (VIEW, LINE, "#dance", "#demo"):
        box = phone.locator(name).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    phone.context.close()


def test_four_seeds_dance_together_and_one_is_kept(page, studio):
    go_to(page, "Choose")
    page.click("#four")
    four = "[...document.querySelectorAll('#choose-four dance-view')]"
    page.wait_for_function(f"{four}.filter((view) => view.dance).length === 4", timeout=4 * LONG_MS)
    joints = page.evaluate(f"{four}.map((view) => Array.from(view.dance.joints.slice(0, 5400)))")
    assert len({tuple(each) for each in joints}) == 4  # four seeds, four dances
    assert page.evaluate(f"new Set({four}.map((view) => view.clock)).size") == 1
    page.click("#choose-play")
    page.wait_for_function(f"{four}[0].time > {four}[0].dance.start_s + 0.5", timeout=LONG_MS)
    assert page.evaluate(f"{four}[3].clock.audio.paused") is False
    page.click("#choose-play")
    field(page, "A name for the one you keep").fill("best")
    page.locator("#choose-four .keep").nth(2).click()
    page.wait_for_selector("#choose-four .dance-choice:nth-child(3)[data-kept]", timeout=LONG_MS)
    wait_until(lambda: named(studio, "best"), "the dance to have its name", seconds=120)
    kept = named(studio, "best")
    assert page.evaluate(f"{four}[2].getAttribute('src')").split("/")[-1][:8] in kept
    go_to(page, "Edit")  # begins with the dance that was kept
    label = "document.querySelector('#edit-after dance-view')?.getAttribute('label')"
    page.wait_for_function(f"{label}?.includes('{kept[:8]}')", timeout=LONG_MS)
    go_to(page, "Film")
    page.wait_for_function(f"document.querySelector('#film-dance input').value.includes('{kept[:8]}')", timeout=LONG_MS)


def test_nothing_went_wrong_in_the_page(page):
    assert page.wrong == []


def named(studio, name: str) -> str:
    from dancegen.errors import DancegenError
    from dancegen.store import open_store

    try:
        return open_store(studio.store).find(name, "generate-poses").digest
    except DancegenError:
        return ""


@pytest.mark.slow
def test_a_dance_is_cancelled_within_two_seconds_and_can_be_danced_again(browser, tmp_path):
    with running_studio(tmp_path / "store") as studio:
        page = opened(browser, studio)
        page.click("#dance")
        page.get_by_text("there is no song yet").wait_for()
        song = write_song(tmp_path / "long.wav", 120.0)  # so that there is time to cancel its dance
        page.locator("input[type=file]").first.set_input_files(song)
        wait_until(lambda: page.evaluate(f"document.querySelector('{LINE}').song.seconds > 0"), "the song", seconds=120)
        page.click("#dance")
        page.wait_for_selector("#queue .running", timeout=LONG_MS)
        page.locator("#stop:visible").dispatch_event("click")  # at once: on a busy machine a click waits for frames
        page.wait_for_selector("#queue .cancelled", timeout=30_000)
        jobs = page.evaluate("fetch(`${window.studio.base}/jobs`).then((answer) => answer.json())")
        assert jobs[-1]["state"] == "cancelled" and not list((tmp_path / "store").glob("generate-poses/*/poses.npz"))
        page.context.close()


def test_views_of_what_is_no_dance_are_refused(page, studio):
    base = studio.base.rstrip("/")
    for path in (
        "dance/generate-poses/../../x",
        "dance/render/0123456789abcdef",
        "dance/generate-poses/zz",
        "song/x/y",
    ):
        assert page.request.get(f"{base}/views/{path}").status in (403, 404)
