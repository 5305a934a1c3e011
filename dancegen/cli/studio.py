"""dancegen studio: the page in the browser."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli.common import DebugOption, QuietOption, StoreOption
from dancegen.errors import InputError

EXAMPLES = ("studio", "studio --port 8123 --no-browser", "studio --host 0.0.0.0")


def studio(
    port: Annotated[
        int | None, typer.Option(metavar="PORT", min=1, max=65535, help="Listen there; else on a port that is free.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser: only print the address.")] = False,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Let others in, by a password: 0.0.0.0 or one of your addresses."),
    ] = "127.0.0.1",
    share: Annotated[
        bool,
        typer.Option("--share", help="Let anybody in who knows an address on the internet and a password."),
    ] = False,
    allow: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Let forms name files in DIR too, such as models; repeatable."),
    ] = None,
    store: StoreOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Open the studio: a page in your browser to make, choose, edit and film dances.

    It runs on this machine, for you alone, and works without a network. What is made there is in the store of the
    commands, and the other way round. Ctrl-C ends it; what a job has finished is kept.
    """
    from dancegen.serving.addresses import LOCAL
    from dancegen.store import open_store
    from dancegen.studio.server import Wanted, serve

    for folder in allow or ():
        if not folder.is_dir():
            raise InputError(f"--allow {folder}: there is no such directory")
    opened = share or host not in LOCAL
    password, chosen = _password() if opened else (None, True)
    if share and host not in LOCAL:
        raise InputError("--share and --host are two ways in: give one of them")

    def ready(mine: str, others: str) -> None:
        if quiet:
            print(mine, flush=True)
            return
        print("dancegen studio runs here, for you alone (do not pass the address on):")
        print(mine, flush=True)
        if opened:
            shown = "with your password" if chosen else f"with the password {password}"
            print(f"for others, {shown}:\n{others}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        if not no_browser:
            _open_browser(mine)

    serve(open_store(store), Wanted(host, port, share, password, tuple(allow or ())), ready)


def _password() -> tuple[str, bool]:
    """A password that the person types, or one that is made up; and whether it was typed."""
    from secrets import token_urlsafe

    typed = getpass("A password for the others (empty: one is made up): ") if sys.stdin.isatty() else ""
    if typed and len(typed) < 8:
        raise InputError("the password is too short: take eight characters or more")
    return (typed, True) if typed else (token_urlsafe(12), False)


def _open_browser(address: str) -> None:
    """Open the address by a file that only this person can read: the command lines of programs are everybody's."""
    import webbrowser

    folder = Path(tempfile.mkdtemp(prefix="dancegen-studio-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    page = folder / "open.html"
    page.touch(mode=0o600)
    page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">', encoding="utf-8")
    webbrowser.open(page.as_uri())
