"""Film in a real browser: a film is described, planned, drafted, painted, cancelled, and goes on after a power cut."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

import dancegen
from dancegen.store import open_store
from dancegen.video import probe_video
from helpers.processes import wait_until
from helpers.songs import write_song
from helpers.studio import go_to, opened, running_studio
from helpers.tiny_diffusion import saved_model
from helpers.tiny_film import options, tiny_models

LONG_MS = 240_000
SOON_S, LOADED_FACTOR = 2.0, 30.0
"""What is promised of cancelling, and how many times as long it may take on a machine that does other things."""
LINE, STAGE, STRIP = "#film-line dance-timeline", "#film-stage dance-view", "#film-strip"
QUICK = {"Size": "64x64", "Fps": "20", "Segment": "24", "Overlap": "6", "Guidance": "3"}
GROUPS = ("Options", "How a film is painted", "Painting", "Models of a painted film")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the tiny models, and a store with a dance of six seconds."""
    folder = tmp_path_factory.mktemp("film")
    models = tiny_models(folder / "models")
    song = write_song(folder / "song.wav", 6.0)
    saved_model(folder / "body")
    dancegen.generate_poses(song, model=folder / "body", canvas="64x64", store=folder / "store")
    return folder, options(models)


@pytest.fixture(scope="module")
def studio(place):
    with running_studio(place[0] / "store", "--allow", place[0] / "models", HF_HUB_OFFLINE="1") as started:
        yield started


@pytest.fixture(scope="module")
def page(browser, studio, place):
    """A page on which a film of two scenes by the tiny models was described."""
    page = opened(browser, studio, height=1400)
    go_to(page, "Film")
    page.set_default_timeout(30_000)
    page.wait_for_function(
        f"document.querySelector('{LINE}')?.song.seconds > 5 && document.querySelector('{STAGE}')?.dance"
    )
    return page


def field(page, label: str):
    """A field of the open tab, by its label, unfolded."""
    label = page.locator("label:visible").filter(has=page.locator(f"span:text-is('{label}')"))
    return label.locator("input, textarea").first


def fill(page, fields: dict[str, str]) -> None:
    for label, value in fields.items():
        field(page, label).fill(value)
        assert field(page, label).input_value() == value
    page.locator("#film-words textarea, #film-words input").first.focus()


def unfold(page) -> None:
    """Open the groups of the form that hold what the tests fill in."""
    for name in GROUPS:
        page.locator("[role=tabpanel]:visible button.label-wrap:not(.open)", has_text=name).first.click()
    field(page, "Controlnet").wait_for()
    page.wait_for_timeout(1500)  # Gradio draws what was unfolded once more, without what was typed by then


def value_of(page, name: str) -> str:
    return page.locator(f"#film-{name} textarea, #film-{name} input").first.input_value()


def planned(page) -> str:
    page.click("#film-plan")
    before = value_of(page, "told")
    wait_until(lambda: value_of(page, "told") not in ("", before), "the plan", seconds=LONG_MS / 1000, every=0.1)
    return value_of(page, "told")


def jobs_of(page) -> list[dict]:
    return page.evaluate("fetch(`${window.studio.base}/jobs`).then((answer) => answer.json())")


def ended(page, count: int) -> dict:
    """The last job, once `count` jobs are done."""
    wait_until(lambda: sum(job["state"] == "done" for job in jobs_of(page)) >= count, "the job", seconds=240, every=0.2)
    return jobs_of(page)[-1]


def segments(studio) -> int:
    return len(list((studio.store / "render-segment").glob("[0-9a-f]*/manifest.json")))


def test_scenes_are_described_on_the_timeline_by_mouse_and_by_keyboard(page):
    line = page.locator(LINE)
    line.scroll_into_view_if_needed()
    first, last = (line.evaluate("(e, t) => e.placeOf(t, 0)", time) for time in (0.1, 3.0))
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move(last["x"], last["y"], steps=4)
    page.mouse.up()
    page.get_by_text("Say first what to paint there").first.wait_for()
    page.wait_for_function(f"document.querySelector('{LINE}').spans.length === 0")

    page.locator("#film-words textarea").fill("a ballroom")
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move(last["x"], last["y"], steps=4)
    page.mouse.up()
    page.wait_for_function(f"document.querySelector('{LINE}').spans[0]?.label === 'a ballroom'")
    wait_until(lambda: value_of(page, "prompt") == "a ballroom", "the prompt is written")

    page.locator("#film-words textarea").fill("a street at night")
    line.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("[")
    page.keyboard.press("End")
    page.keyboard.press("]")
    page.wait_for_function(f"document.querySelector('{LINE}').spans[1]?.label === 'a street at night'")
    wait_until(lambda: "street" in value_of(page, "prompt"), "the prompt is written")
    assert value_of(page, "prompt").count("|") == 1  # to the end is to the end
    start, text = value_of(page, "prompt").split("|")[-1].split(maxsplit=1)
    spans = line.evaluate("e => e.spans")
    assert text == "a street at night" and [each["label"] for each in spans] == ["a ballroom", text]
    assert abs(float(start.split(":")[1]) - spans[1]["start_s"]) < 0.01


def test_the_plan_says_what_is_missing_and_what_it_takes(page, place):
    said = planned(page)
    assert "Realistic_Vision" in said and "about 3.9 GB" in said and "controlnet" in said
    unfold(page)
    fill(page, {"Base": "/etc"})
    page.click("#film-plan")
    page.get_by_text("only files can be named that were uploaded").first.wait_for()
    models = {name.replace("_", " ").capitalize(): path for name, path in place[1].items()}
    fill(page, {**models, **QUICK, "Steps": "3"})
    said = planned(page)
    assert "missing" not in said and " segments of 3 steps" in said
    assert "GB of memory" in said and "s in all" in said


def test_a_draft_compares_seeds_on_a_sheet_and_the_film_plays_and_downloads(page):
    fill(page, {"Seeds of a draft": "2"})
    page.locator(LINE).evaluate("e => { e.time = 1; }")
    page.click("#film-draft")
    ended(page, 1)
    page.wait_for_function("document.querySelector('#film-strip img.sheet')?.naturalWidth > 100")
    page.wait_for_function("document.querySelector('#film-stage video').readyState >= 1")
    said = value_of(page, "same")
    assert said.startswith("dancegen render ") and "--seeds 2" in said and "--preview 1.00-4.00" in said
    page.click("#film-all")
    ended(page, 2)
    page.wait_for_function(f"document.querySelectorAll('{STRIP} .painted img').length >= 3")
    plays_and_downloads(page)


@pytest.mark.slow
def test_a_film_goes_on_after_a_power_cut_and_nothing_is_painted_twice(browser, page, studio, place):
    store = open_store(studio.store)
    before = segments(studio)
    fill(page, {"Steps": "8"})
    page.click("#film-all")
    wait_until(lambda: segments(studio) > before, "a segment", seconds=240)
    (worker,) = psutil.Process(studio.process.pid).children()
    os.kill(worker.pid, signal.SIGSTOP)
    painted = segments(studio) - before
    page.wait_for_function(f"document.querySelectorAll('{STRIP} .painted img').length === {painted}")
    assert page.locator("#queue .running").count() == 1
    assert page.evaluate(f"document.querySelector('{STRIP} img').naturalWidth") == 64
    studio.kill()
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(lambda: not psutil.pid_exists(worker.pid), "the worker ends with its server")
    page.locator("#gone").wait_for()

    with running_studio(studio.store, "--allow", place[0] / "models", HF_HUB_OFFLINE="1") as second:
        again = opened(browser, second, height=1400)
        go_to(again, "Film")
        assert "interrupted" in again.locator("#queue .interrupted").inner_text()
        again.wait_for_function(f"document.querySelectorAll('{STRIP} .painted img').length === {painted}")
        assert "a street at night" in value_of(again, "prompt")
        again.locator("#queue .interrupted button").click()
        ended(again, 3)
        film = max(store.artifacts("render"), key=lambda each: each.manifest.created)
        assert film.summary["segments_total"] - film.summary["segments_computed"] == painted > 0
        assert film.summary["segments_computed"] > 0
        plays_and_downloads(again)
        cancelled_soon(again)
        again.context.close()


def plays_and_downloads(page) -> None:
    page.wait_for_function("!document.querySelector('#film-stage video').hidden")
    page.wait_for_function("document.querySelector('#film-stage video').readyState >= 2")
    page.locator("#film-stage video").evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("document.querySelector('#film-stage video').currentTime > 0.5")
    with page.expect_download() as expected:
        page.locator(f"{STRIP} a", has_text="video.mp4").click()
    assert expected.value.suggested_filename.endswith("video.mp4")
    info = probe_video(Path(expected.value.path()))
    assert (info.size, round(info.fps)) == ((64, 64), 20)


def cancelled_soon(page) -> None:
    """A film that runs and a draft that waits for it are cancelled on the page, each while it runs."""
    unfold(page)
    fill(page, {"Steps": "150", "Seed": "5"})
    page.click("#film-all")
    page.locator("#queue .running").wait_for()
    fill(page, {"Steps": "149"})
    page.click("#film-draft")
    page.locator("#queue .waiting", has_text="waits for The film of").wait_for()
    for label in ("The film of", "A draft of"):
        running = page.locator("#queue .running", has_text=label)
        running.wait_for()
        page.locator("#queue .running", has_text="painting").wait_for(timeout=LONG_MS)
        clicked = page.evaluate("Date.now() / 1000")
        page.click("#film-stop")
        running.wait_for(state="detached")
        job = next(each for each in reversed(jobs_of(page)) if each["label"].startswith(label))
        assert job["state"] == "cancelled" and job["ended_s"] - clicked < SOON_S * LOADED_FACTOR
        print(f"{label}: cancelled {job['ended_s'] - clicked:.2f} s after the click")
