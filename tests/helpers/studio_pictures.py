"""Pictures of every page of the studio, for the documentation: python -m helpers.studio_pictures docs/pictures"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from helpers.studio import chromium, go_to, opened, running_studio

PAGES = ("Make", "Choose", "Edit", "Film", "Store")
WIDTH, HEIGHT = 1280, 900
SMALL = 375
SETTLED_MS = 1500


def take(browser: Any, studio: Any, folder: Path) -> list[Path]:
    """Every page by day, the store by night and on a telephone; returns where the pictures are."""
    taken = []
    page = opened(browser, studio, width=WIDTH, height=HEIGHT)

    def picture(name: str) -> None:
        page.wait_for_timeout(SETTLED_MS)
        taken.append(folder / f"studio-{name}.png")
        page.screenshot(path=taken[-1])

    for tab in PAGES:
        go_to(page, tab)
        if tab == "Store" and page.locator("#results [data-result]").count():
            page.locator("#results [data-result]", has_text="generate-poses").first.click()
            page.locator("#result h2").wait_for()
        picture(tab.lower())
    page.emulate_media(color_scheme="dark")
    page.reload()
    page.wait_for_selector("#pages [role=tab]")
    picture("dark")
    page.set_viewport_size({"width": SMALL, "height": 812})
    picture("telephone")
    page.context.close()
    return taken


def main(folder: Path) -> None:
    """Make a dance of the demo song, and take its pictures."""
    import dancegen

    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "store"
        dancegen.generate_poses("demo", seconds=8, store=store)
        folder.mkdir(parents=True, exist_ok=True)
        with running_studio(store) as studio, chromium() as browser:
            for path in take(browser, studio, folder):
                print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
