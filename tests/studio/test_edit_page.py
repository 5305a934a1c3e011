"""Edit in a real browser: a span is kept and the rest redone, undone, and a span retimed."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

import dancegen
from dancegen.motion.body import BodyMotion
from dancegen.store import open_store
from helpers.processes import run, wait_until
from helpers.studio import go_to, opened, running_studio


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a dance of six seconds by the bundled dancer, and a studio on it."""
    store = open_store(tmp_path_factory.mktemp("edit") / "store")
    dance = dancegen.generate_poses("demo", seconds=6.0, canvas="64x64", store=store)
    with running_studio(store.root) as running:
        yield store, dance, running


def newest(store, known: int):
    """The dance that was made last, once there are more than `known`."""
    wait_until(lambda: len(store.artifacts("generate-poses")) > known, "the edit", seconds=240)
    return max(store.artifacts("generate-poses"), key=lambda each: each.manifest.created)


def motion_of(dance) -> BodyMotion:
    return BodyMotion.load(dance.file("motion.npz"))


def drag(page, line, start_s: float, end_s: float, lane: int) -> None:
    """Mark a span on a row of the timeline with the mouse."""
    line.scroll_into_view_if_needed()
    first, last = (line.evaluate("(e, [t, l]) => e.placeOf(t, l)", [t, lane]) for t in (start_s, end_s))
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move((first["x"] + last["x"]) / 2, first["y"], steps=4)
    page.mouse.move(last["x"], last["y"], steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline').spans.length === 1")


def shows(page, label: str, digest: str) -> None:
    page.wait_for_function(
        "([id, digest]) => document.querySelector(`#edit-${id} dance-view`)?.getAttribute('label')?.includes(digest)",
        arg=[label, digest[:8]], timeout=120_000,
    )  # fmt: skip


def test_a_span_is_kept_and_the_rest_redone_and_undone_and_a_span_retimed(browser, made):
    store, first, running = made
    page = opened(browser, running, height=1400)
    page.set_default_timeout(30_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    go_to(page, "Edit")
    shows(page, "after", first.digest)
    line = page.locator("#edit-line dance-timeline")
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline').song.seconds > 3")

    line.evaluate("e => e.setAttribute('snap', 'none')")
    drag(page, line, 1.0, 2.5, 0)
    (kept,) = line.evaluate("e => e.spans")
    page.wait_for_timeout(500)
    page.reload()  # what was marked, and not danced, is there again
    go_to(page, "Edit")
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline')?.spans.length === 1")
    assert line.evaluate("e => e.spans[0].start_s") == kept["start_s"]
    line.evaluate("e => e.setAttribute('snap', 'none')")
    page.click("#redo")
    second = newest(store, 1)
    frames = slice(int(np.ceil(kept["start_s"] * 30)) + 1, int(kept["end_s"] * 30) - 1)
    old, new = motion_of(first), motion_of(second)
    assert frames.stop - frames.start > 35 and second.params["seed"] == first.params["seed"] + 1
    assert np.abs(old.positions[frames] - new.positions[frames]).max() < 1e-3
    assert np.abs(old.positions[-20:] - new.positions[-20:]).max() > 0.05
    shows(page, "after", second.digest)
    shows(page, "before", first.digest)
    said = page.locator("#edit-same textarea").input_value()
    assert said.startswith("dancegen generate-poses demo --edit " + first.digest[:16]) and "--keep 1" in said
    ran = run(*shlex.split(said)[1:], "--store", store.root)  # it is what was done: the store has its result
    assert ran.returncode == 0 and len(store.artifacts("generate-poses")) == 2 and second.digest[:8] in ran.stdout

    page.click("#undo")
    shows(page, "after", first.digest)
    page.wait_for_function("() => !document.querySelector('#edit-line dance-timeline').spans.length")

    drag(page, line, 1.0, 3.0, 1)
    page.wait_for_timeout(500)
    page.click("#redo")
    third = newest(store, 2)
    ((start, end, rate),) = third.params["retime_span"]
    assert rate == 0.5 and abs(start - 1) < 0.1 and abs(end - 3) < 0.1
    outside = np.r_[0 : int(start * 30), int(end * 30) + 2 : 118]
    assert np.abs(old.positions[outside] - motion_of(third).positions[outside]).max() < 1e-3
    shows(page, "after", third.digest)

    page.click("#undo")
    shows(page, "after", first.digest)
    line.evaluate("e => { e.time = 2.0; }")  # while the sound of this version is loaded
    view = page.locator("#edit-after dance-view")
    view.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    hand = view.evaluate("e => e.screenJoints()[7]")
    page.mouse.move(hand["x"], hand["y"])
    page.mouse.down()
    page.mouse.move(hand["x"] + 10, hand["y"] - 30, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline').spans.length === 1")
    page.wait_for_function("() => document.querySelector('#edit-after dance-view').pose")
    assert line.evaluate("e => e.spans[0].start_s") == 2.0  # the playhead stays where it was put
    page.click("#clear")
    page.wait_for_function("() => !document.querySelector('#edit-line dance-timeline').spans.length")
    page.wait_for_function("() => !document.querySelector('#edit-after dance-view').pose")

    view.evaluate("e => e.shadowRoot.querySelector('canvas').focus()")
    for _ in range(8):  # the joints from the nose to the left wrist
        page.keyboard.press("j")
    assert "left wrist" in view.evaluate("e => e.shadowRoot.querySelector('.said').textContent")
    for _ in range(4):
        page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline').spans.length === 1")
    page.wait_for_function("() => document.querySelector('#edit-after dance-view').pose")
    page.click("#redo")
    fourth = newest(store, 3)
    assert wrong == []
    moved = np.linalg.norm(motion_of(fourth).positions[60] - old.positions[60], axis=1)
    assert moved.max() > 0.05 and moved[0] < 1e-3
    assert np.abs(old.positions[:30] - motion_of(fourth).positions[:30]).max() < 1e-3


@pytest.mark.slow
def test_a_phrase_is_marked_by_a_double_click_and_the_dance_ends_in_a_pose_of_another(browser, made):
    store, first, running = made
    known = len(store.artifacts("generate-poses"))
    page = opened(browser, running, height=1400)
    page.set_default_timeout(30_000)
    go_to(page, "Edit")
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline')?.song.seconds > 3")
    option = page.get_by_role("option", name=first.digest[:8])
    page.get_by_label("Dance", exact=True).click()
    option.first.click()
    shows(page, "after", first.digest)
    line = page.locator("#edit-line dance-timeline")
    page.click("#clear")
    song = line.evaluate("e => e.song")
    starts = song["phrases_s"]
    assert starts[0] == 0.0 and set(starts[1:]) <= set(song["downbeats_s"]) and len(starts) > 1
    place = line.evaluate("e => e.placeOf(0.3, 0)")
    page.mouse.dblclick(place["x"], place["y"])
    page.wait_for_function("() => document.querySelector('#edit-line dance-timeline').spans.length === 1")
    (kept,) = line.evaluate("e => e.spans")
    assert (kept["kind"], kept["start_s"], kept["end_s"]) == ("keep", 0.0, starts[1])

    page.get_by_label("A pose of").click()
    option.first.click()
    page.get_by_label("At second").fill("0.5")
    page.get_by_label("ends", exact=True).click()
    page.click("#take")
    wait_until(lambda: page.get_by_label("End pose").input_value(), "the pose to be in the form", seconds=30)
    page.click("#redo")
    made_now = newest(store, known)
    wanted, last = motion_of(first).rotations[15], motion_of(made_now).rotations[-1]
    assert np.abs(wanted[1:] - last[1:]).max() < 0.05  # of the body's joints; where it faces is its own
    old, new = (motion_of(each).rotations[: int(starts[1] * 30) - 1] for each in (first, made_now))
    assert np.abs(old - new).max() < 1e-3
    page.context.close()
