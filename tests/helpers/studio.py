"""The real `dancegen studio` on a real port, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.processes import environment, free_port, wait_until

CHROMIUM_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Running:
    """A studio at work. address: with its token. base: without."""

    process: subprocess.Popen[str]
    address: str
    store: Path

    @property
    def base(self) -> str:
        return self.address.partition("?")[0]

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(30)


@contextmanager
def running_studio(store: Path, *arguments: object, seconds: float = 240.0, **more: str) -> Iterator[Running]:
    """`dancegen studio` on a free port, until the block ends. What it prints besides lies in store/../studio.txt."""
    port = free_port()
    said = store.parent / f"studio-{port}.txt"
    said.parent.mkdir(parents=True, exist_ok=True)
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dancegen", "studio", "--no-browser", "--port", port, "--store", str(store),
             *map(str, arguments)],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=said.parent,
            env={**environment(), **more},
        )  # fmt: skip
    try:
        wait_until(lambda: "?token=" in said.read_text(), said.name, process=process, seconds=seconds, every=0.1)
        address = next(line for line in said.read_text().splitlines() if "?token=" in line)
        yield Running(process, address.strip(), store)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser, from the PATH or Playwright's own. Skips the test only where there is neither."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        if _on_path() is None and not Path(started.chromium.executable_path).exists():
            pytest.skip("there is no Chromium on this machine")
        with _launched(started.chromium) as browser:
            yield browser


def beside(browser: Any, *arguments: str) -> AbstractContextManager[Any]:
    """Another browser with more arguments: a process may start Playwright only once."""
    return _launched(browser.browser_type, *arguments)


@contextmanager
def _launched(kind: Any, *arguments: str) -> Iterator[Any]:
    browser = kind.launch(executable_path=_on_path(), args=[*CHROMIUM_ARGUMENTS, *arguments])
    try:
        yield browser
    finally:
        browser.close()


def _on_path() -> str | None:
    return os.environ.get("DANCEGEN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def opened(browser: Any, studio: Running, *, width: int = 1280, height: int = 900, **more: Any) -> Any:
    """A new window, as of another person, with the studio in it and ready to be used."""
    page = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **more).new_page()
    page.set_default_timeout(60_000)
    page.goto(studio.address)
    ready(page)
    return page


def ready(page: Any) -> None:
    """Wait until the page can be used."""
    page.wait_for_selector("#pages [role=tab]", timeout=120_000)


def go_to(page: Any, tab: str) -> None:
    """Open a tab: Make, Choose, Edit, Film or Store."""
    page.get_by_role("tab", name=tab, exact=True).click()
