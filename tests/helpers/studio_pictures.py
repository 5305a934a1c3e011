"""Pictures of every page of the studio at work, for the documentation:

python -m helpers.studio_pictures docs/pictures
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from helpers.studio import chromium, go_to, opened, ready, running_studio

PAGES = ("Make", "Choose", "Edit", "Film", "Store")
PICTURES = ("make", "choose", "edit", "film", "store", "report", "dark", "telephone")
WIDTH, HEIGHT = 1280, 1140
SMALL = 375
SETTLED_MS = 1500
LONG_MS = 600_000
QUALITY = 80
SPAN = (0.0, 8.0)
"""Seconds of the demo song that are danced to."""
PROMPT = "0:00 a ballroom with chandeliers | 0:04 a street in the rain, at night"
LINE = "document.querySelector('#{}-{} dance-timeline')"


def take(browser: Any, studio: Any, folder: Path) -> list[Path]:
    """Make, choose, edit, plan and measure a dance in the studio; returns where the pictures of that are."""
    page = opened(browser, studio, width=WIDTH, height=HEIGHT)
    page.set_default_timeout(LONG_MS)
    taken = []
    for name, show in zip(PICTURES, (_make, _choose, _edit, _film, _store, _report, _dark, _telephone), strict=True):
        show(page)
        taken.append(_picture(page, name, folder))
    page.context.close()
    return taken


def _picture(page: Any, name: str, folder: Path) -> Path:
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED_MS)
    path = folder / f"studio-{name}.webp"
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(path, quality=QUALITY, method=6)
    return path


def _make(page: Any) -> None:
    page.click("#demo")
    page.wait_for_function(f"{LINE.format('make', 'song')}?.song.seconds > 0")
    _drag(page, "#make-song dance-timeline", *SPAN)
    page.wait_for_timeout(SETTLED_MS)
    page.click("#dance")
    page.wait_for_selector("#stop:visible")
    page.wait_for_selector("#stop", state="hidden")
    page.wait_for_function("document.querySelector('#make-stage dance-view').dance")
    page.evaluate("document.querySelector('#make-stage dance-view').time = 5.4")
    page.evaluate("scrollTo(0, 0)")


def _choose(page: Any) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 900})
    go_to(page, "Choose")
    page.click("#four")
    four = "[...document.querySelectorAll('#choose-four dance-view')]"
    page.wait_for_function(f"{four}.filter((view) => view.dance).length === 4")
    page.evaluate(f"{four}[0].time = 3.2")
    page.locator("#choose-four .keep").nth(1).click()
    page.wait_for_selector("#choose-four .dance-choice:nth-child(2)[data-kept]")


def _edit(page: Any) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 1340})
    go_to(page, "Edit")
    page.wait_for_function(f"{LINE.format('edit', 'line')}?.song.seconds > 0")
    line = "#edit-line dance-timeline"
    _drag(page, line, 2.0, 5.0, 0)
    page.wait_for_timeout(SETTLED_MS)
    page.click("#redo")
    page.wait_for_function("document.querySelector('#edit-before dance-view')?.dance")
    page.wait_for_function("document.querySelector('#edit-after dance-view')?.dance")
    for span in ((4.0, 6.0, 0), (2.0, 3.5, 1)):
        _drag(page, line, *span)
        page.wait_for_timeout(SETTLED_MS)
    page.evaluate("document.querySelector('#edit-after dance-view').time = 6.6")
    page.evaluate("scrollTo(0, 0)")


def _film(page: Any) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 1180})
    go_to(page, "Film")
    page.wait_for_function("document.querySelector('#film-stage dance-view')?.dance")
    page.locator("#film-prompt textarea, #film-prompt input").first.fill(PROMPT)
    page.wait_for_function(f"{LINE.format('film', 'line')}.spans.length === 2")
    page.click("#film-plan")
    page.wait_for_function("document.querySelector('#film-told textarea').value.length > 20")


def _store(page: Any) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 1060})
    go_to(page, "Store")
    page.locator("#results [data-result]", has_text="generate-poses").first.click()
    page.locator("#export").click()
    page.locator("#result a", has_text="dance.glb").wait_for()
    page.evaluate("document.querySelector('#result video').currentTime = 3")


def _report(page: Any) -> None:
    page.get_by_role("button", name="Evaluate").first.click()
    page.locator("#evaluate").click()
    evaluation = page.locator("#results [data-result]", has_text="evaluate").first
    evaluation.wait_for()
    evaluation.click()
    page.frame_locator("#report iframe").locator("table").first.wait_for()
    page.locator("#report").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#report').scrollIntoView()")


def _dark(page: Any) -> None:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(color_scheme="dark")
    _again(page)


def _telephone(page: Any) -> None:
    page.set_viewport_size({"width": SMALL, "height": 812})
    _again(page)


def _again(page: Any) -> None:
    page.reload()
    ready(page)
    page.wait_for_function("document.querySelector('#make-stage dance-view')?.dance")
    page.wait_for_function(f"{LINE.format('make', 'song')}.spans.length")


def _drag(page: Any, line: str, start_s: float, end_s: float, lane: int = -1) -> None:
    element = page.locator(line)
    element.scroll_into_view_if_needed()
    ends = [element.evaluate("(line, [time, lane]) => line.placeOf(time, lane)", [t, lane]) for t in (start_s, end_s)]
    page.mouse.move(ends[0]["x"] + 1, ends[0]["y"])
    page.mouse.down()
    page.mouse.move(ends[1]["x"] - 1, ends[1]["y"], steps=4)
    page.mouse.up()


def main(folder: Path) -> None:
    """Take the pictures in a studio on an empty store."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, running_studio(Path(place) / "store") as studio, chromium() as browser:
        for path in take(browser, studio, folder):
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
