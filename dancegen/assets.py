"""Where the demo song, the bundled model and the pictures are: inside a wheel, or beside a checkout's package."""

from __future__ import annotations

from pathlib import Path

from dancegen.errors import DancegenError

_PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """The path of a bundled file or directory, `demo.ogg` say.

    Raises DancegenError where this installation lacks it.
    """
    for root in (_PACKAGE / "assets", _PACKAGE.parent / "assets"):
        if (root / name).exists():
            return root / name
    raise DancegenError(f"this installation of dancegen lacks its file assets/{name}; install it again")
