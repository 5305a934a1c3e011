"""How soon a dance is to be seen in the studio after a song was dropped, beside the command that makes the same dance.

    python benchmarks/studio.py [--seconds 30] [--cores 2] [--rounds 3] [--json]

The real `dancegen studio` is started on an empty store and opened in a headless Chromium, as a person would find it a
moment later. Then a song of so many seconds is dropped, `Dance` is pressed as soon as the page has the song, and the
clock stops when the dance is drawn in the 3D view. Page, browser and everything that they start share the cores. The
peer is `dancegen generate-poses` on the same song in a store of its own, from its start to its end, in turns with the
studio. The bar is 20 seconds for a song of half a minute on two quiet cores. Needs Playwright and a Chromium.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness import command, show, table, use_cores, write_song

BAR_S = 20.0
LONG_MS = 600_000
SETTLED_S = 10.0
"""After which the worker of a studio that was just opened has its libraries."""
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""The frame after the next has begun: what there was to draw is drawn."""
VIEW, LINE = "#make-stage dance-view", "#make-song dance-timeline"


def in_the_studio(song: Path, folder: Path) -> dict[str, float]:
    """Seconds from the drop to the song's beats on the page, and to the dance."""
    from playwright.sync_api import sync_playwright

    words = [sys.executable, "-m", "dancegen", "studio", "--no-browser", "--store", str(folder / "store")]
    studio = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert studio.stdout is not None
        address = next(found.group() for line in studio.stdout if (found := re.search(r"http\S+\?token=\S+", line)))
        with sync_playwright() as playwright:
            own = next(filter(None, map(shutil.which, CHROMIUMS)), None)
            browser = playwright.chromium.launch(executable_path=own, args=list(ARGUMENTS))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(LONG_MS)
            page.goto(address)
            page.wait_for_selector(VIEW)
            time.sleep(SETTLED_S)
            found = _dropped(page, song)
            browser.close()
        return found
    finally:
        studio.terminate()
        studio.wait(30)


def _dropped(page: Any, song: Path) -> dict[str, float]:
    begun = time.perf_counter()
    page.locator("input[type=file]").first.set_input_files(song)
    page.wait_for_function(f"document.querySelector('{LINE}')?._clock?.url.includes('file=')")
    page.click("#dance")
    page.wait_for_function(
        f"document.querySelector('{LINE}').song.seconds > 0 || document.querySelector('{VIEW}').dance"
    )
    beats = time.perf_counter() - begun
    page.wait_for_function(f"document.querySelector('{VIEW}').dance")
    page.evaluate(DRAWN)
    return {"beats_s": beats, "dance_s": time.perf_counter() - begun}


def by_the_command(song: Path, folder: Path) -> float:
    """Seconds of `dancegen generate-poses` on the song."""
    words = [sys.executable, "-m", "dancegen", "generate-poses", str(song), "--store", str(folder / "store"), "--quiet"]
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the song")
    parser.add_argument("--rounds", type=int, default=3, help="how often studio and command take turns")
    asked = parser.parse_args()
    use_cores(asked.cores, ask=False)
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / "song.wav"
        write_song(song, asked.seconds)
        for number in range(asked.rounds):
            here = in_the_studio(song, folder / f"studio {number}")
            rounds.append({**here, "command_s": by_the_command(song, folder / f"command {number}")})
    dance_s, command_s, beats_s = (median(each[key] for each in rounds) for key in ("dance_s", "command_s", "beats_s"))
    found = {
        "seconds": asked.seconds, "rounds": rounds, "dance_s": dance_s, "beats_s": beats_s, "command_s": command_s,
        "ratio": dance_s / command_s, "bar_s": BAR_S, "load_before": os.getloadavg()[0],
    }  # fmt: skip
    rows = [
        ["dropped to beats and bars", f"{beats_s:.1f}", ""],
        ["dropped to the dance in view", f"{dance_s:.1f}", f"{dance_s / command_s:.2f}"],
        ["generate-poses", f"{command_s:.1f}", "1.00"],
    ]
    text = table(["", "seconds", "ratio"], rows)
    show(found, f"{text}\n\nThe bar is {BAR_S:g} s.", as_json=asked.json)


if __name__ == "__main__":
    main()
