"""The page in a real browser: what a person sees, clicks and types."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import dancegen
from helpers.processes import wait_until
from helpers.songs import write_song
from helpers.studio import go_to, opened, ready, running_studio
from helpers.studio_pictures import PAGES, PICTURES, take
from helpers.tiny_diffusion import saved_model

pytest.importorskip("gradio", reason="gradio is not installed")

NASTY = "<b>bold<img src=x onerror=document.title='owned'>.wav"
MODULES = Path(os.environ.get("DANCEGEN_NODE_MODULES", ""))
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {"label-content-name-mismatch": {"enabled": False}},  # an experiment of axe's; Gradio's uploads fail it
}
UNFOLD = """document.querySelectorAll("[role=tabpanel] button.label-wrap:not(.open)")
    .forEach((each) => each.offsetParent && each.click())"""
NEXT = """() => {
    let at = document.activeElement;
    at.dataset.reached = "";
    while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    const lit = (each) => {
        const style = getComputedStyle(each), after = getComputedStyle(each, "::after");
        return style.outlineStyle !== "none" || [style, after].some((one) => one.boxShadow !== "none");
    };
    const round = [at, at.getRootNode().host, at.shadowRoot?.querySelector("canvas")];
    return {end: at === document.body, seen: round.some((each) => each && lit(each)), html: at.outerHTML.slice(0, 160)};
}"""
"""What has the focus, and whether a person sees it; a canvas has its light from the view that it is in."""
MISSED = """() => {
    const usable = "button, input, textarea, select, a[href], video, dance-timeline, dance-view, [role=button]";
    const there = (each) => each.offsetParent && !each.disabled && each.getBoundingClientRect().width > 1;
    const panel = [...document.querySelectorAll("[role=tabpanel]")].find((each) => each.offsetParent);
    const missed = [...panel.querySelectorAll(usable)].filter((each) => there(each) && !("reached" in each.dataset));
    return missed.filter((each) => each.type !== "radio").map((each) => each.outerHTML.slice(0, 160));
}"""
SOON_S = 2.0
LOADED_FACTOR = 30.0
"""On a machine that does other things: cancelling may take this many times as long as promised."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store with a dance to a song of a dangerous name."""
    folder = tmp_path_factory.mktemp("page")
    write_song(folder / NASTY, 3.0)
    saved_model(folder / "body")
    dancegen.generate_poses(folder / NASTY, model=folder / "body", canvas="64x64", store=folder / "store")
    return folder


@pytest.fixture(scope="module")
def studio(place):
    with running_studio(place / "store") as started:
        yield started


@pytest.fixture
def page(browser, studio):
    found = opened(browser, studio)
    yield found
    found.context.close()


def choose_dance(page) -> None:
    go_to(page, "Store")
    page.locator("#results [data-result]", has_text="generate-poses").first.click()
    page.locator("#result h2", has_text="generate-poses").wait_for()


def choose_evaluation(page) -> None:
    go_to(page, "Store")
    page.locator("#results [data-result]", has_text="evaluate").first.click()
    report = page.frame_locator("#report iframe")
    report.locator("table").first.wait_for()
    assert report.locator("script").count() == 0


def start_long_job(page, studio) -> int:
    """An evaluation by a worker that is stopped, as if it were deep in native code; returns the worker's process."""
    wait_until(lambda: psutil.Process(studio.process.pid).children(), "a worker")
    worker = psutil.Process(studio.process.pid).children()[0].pid
    os.kill(worker, signal.SIGSTOP)
    choose_dance(page)
    page.get_by_role("button", name="Evaluate").first.click()
    page.locator("#evaluate").click()
    page.locator("#queue .running").wait_for()
    return worker


def cancel(page) -> float:
    """Cancel what runs, and return after how many seconds that was so."""
    page.locator("#queue .running button").click()
    started = time.monotonic()
    page.locator("#queue .running").wait_for(state="detached")
    return time.monotonic() - started


def test_the_page_asks_for_nothing_beyond_its_server_and_has_no_errors(browser, studio, tmp_path):
    """It is opened by a link elsewhere, as the command does it; after that only this server is spoken to."""
    door = tmp_path / "open.html"
    door.write_text(f'<meta http-equiv="refresh" content="0;url={studio.address}">')
    page = browser.new_context().new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(door.as_uri())
    ready(page)
    for tab in PAGES:
        go_to(page, tab)
        page.wait_for_timeout(300)
    assert page.url == studio.base
    assert [url for url in asked[1:] if not url.startswith((studio.base.rsplit("/", 2)[0], "data:", "blob:"))] == []
    assert wrong == []
    page.context.close()


def test_names_are_shown_as_text(page):
    choose_dance(page)
    assert NASTY in page.locator("#result").inner_text()
    assert page.locator("#result img").count() == 0
    assert page.title() == "dancegen studio"


def test_the_tabs_are_reached_by_the_keyboard(page):
    page.get_by_role("tab", name="Make").focus()
    for name in PAGES[1:]:
        for _ in range(3):
            page.keyboard.press("ArrowRight")
            if page.evaluate("document.activeElement.textContent.trim()") == name:
                break
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent.trim()") == name:
                break
        page.keyboard.press("Enter")
        assert page.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"


def test_a_dance_goes_to_other_programs(page):
    choose_dance(page)
    page.locator("#export").click()
    page.locator("#result a", has_text="dance.glb").wait_for(timeout=180_000)
    begins = {"preview.mp4": b"ftyp", "dance.bvh": b"HIERARCHY", "openpose.json": b"[", "dance.glb": b"glTF"}
    for name, magic in begins.items():
        with page.expect_download() as expected:
            page.locator("#result a", has_text=name).first.click()
        assert expected.value.suggested_filename.endswith(name)
        content = Path(expected.value.path()).read_bytes()
        assert magic in content[:12], name
        if name.endswith(".json"):
            assert json.loads(content)


def test_two_tabs_see_the_same_a_reload_finds_it_again_and_cancelling_is_quick(browser, studio, page):
    other = opened(browser, studio)
    start_long_job(page, studio)
    other.locator("#queue .running").wait_for()
    assert "evaluation of" in other.locator("#queue").inner_text()
    page.reload()
    ready(page)
    page.locator("#queue .running").wait_for()
    choose_dance(other)
    other.locator("#export").click()  # known already, but it has to wait
    page.locator("#queue .waiting").wait_for()
    assert "waits for evaluation of" in page.locator("#queue .waiting").inner_text()
    assert cancel(other) < SOON_S * LOADED_FACTOR
    page.locator("#queue .cancelled").wait_for()
    page.locator("#queue .done").first.wait_for()
    assert page.locator("#queue .running").count() == 0
    other.context.close()


@pytest.mark.slow
def test_a_killed_studio_goes_on_where_it_was(browser, place, tmp_path):
    store = tmp_path / "store"
    dancegen.generate_poses(place / NASTY, model=place / "body", canvas="64x64", store=store)
    with running_studio(store) as first:
        page = opened(browser, first)
        worker = start_long_job(page, first)
        first.kill()
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: not psutil.pid_exists(worker), "the worker ends with its server")
        page.locator("#gone").wait_for()
        page.context.close()
    with running_studio(store) as second:
        page = opened(browser, second)
        assert "interrupted" in page.locator("#queue .interrupted").inner_text()
        page.locator("#queue .interrupted button").click()
        page.locator("#queue .done").wait_for(timeout=300_000)
        choose_evaluation(page)
        page.context.close()


def test_a_result_is_deleted_when_it_is_confirmed(browser, place, tmp_path):
    store = tmp_path / "store"
    made = dancegen.generate_poses(place / NASTY, model=place / "body", canvas="64x64", store=store)
    dancegen.export(made, store=store)
    with running_studio(store) as studio:
        page = opened(browser, studio)
        choose_dance(page)
        page.locator("#delete").click()
        page.locator("#sure").click()
        page.get_by_text("was made from it: delete").wait_for()
        assert made.path.exists()
        page.get_by_label("Delete all that was made from it").check()
        page.locator("#sure").click()
        wait_until(lambda: not made.path.exists(), "it is gone")
        page.locator("#results [data-result]", has_text="export").wait_for(state="detached")
        page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_everybody_can_use_it(browser, studio, width, scheme):
    """axe-core finds nothing that a screen reader, a keyboard or weak eyes would stumble over."""
    axe = MODULES / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("axe-core is not there: npm install axe-core, and set DANCEGEN_NODE_MODULES")
    page = opened(browser, studio, width=width, color_scheme=scheme, bypass_csp=True)
    found = []
    for tab in PAGES:
        go_to(page, tab)
        if tab == "Store":
            choose_dance(page)
        page.evaluate(UNFOLD)
        page.wait_for_timeout(500)
        page.evaluate(axe.read_text(encoding="utf-8"))
        ran = page.evaluate("rules => axe.run(document, rules)", RULES)
        for violation in ran["violations"]:
            found += [(tab, violation["id"], node["html"][:160]) for node in violation["nodes"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
    assert found == []


@pytest.mark.parametrize("tab", ["Edit", "Film"])
def test_everything_is_reached_by_the_keyboard_and_the_focus_is_seen(page, tab):
    go_to(page, tab)
    page.locator("dance-view:visible").last.wait_for()
    page.wait_for_timeout(1000)
    page.get_by_role("tab", name=tab, exact=True).focus()
    unseen = []
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate(NEXT)
        if found["end"]:
            break
        unseen += [] if found["seen"] else [found["html"]]
    assert found["end"] and unseen == [] and page.evaluate(MISSED) == []


@pytest.mark.slow
def test_the_pictures_of_the_documentation_are_taken(browser, studio, tmp_path):
    taken = take(browser, studio, tmp_path)
    assert [path.stem for path in taken] == [f"studio-{name}" for name in PICTURES]
    for path in taken:
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 3, path.name
        assert path.stat().st_size < 150_000, path.name
    with Image.open(tmp_path / "studio-make.webp") as day, Image.open(tmp_path / "studio-dark.webp") as night:
        assert np.asarray(day.convert("L")).mean() > 2 * np.asarray(night.convert("L")).mean()


def test_no_change_of_a_job_is_missed_while_the_page_waits_for_an_answer(page, studio):
    config = page.request.get(f"{studio.base}config").json()
    [button] = [each["id"] for each in config["components"] if each["props"].get("elem_id") == "jobs-changed"]
    modes = [each["trigger_mode"] for each in config["dependencies"] if [button, "click"] in each["targets"]]
    assert len(modes) >= len(PAGES) and set(modes) == {"always_last"}
