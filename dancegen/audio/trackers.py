"""Who hears the beats of a song: the built-in tracker, or Beat This! and where its weights are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dancegen.audio import BEAT_THIS, BUILT_IN
from dancegen.errors import InputError, ModelError, choose_one
from dancegen.progress import SILENT, Progress
from dancegen.store import Input
from dancegen.web import download

MODEL, SHARE = "small0", "7ik4RrBKTS273gp"
"""Its makers' smaller model, and their name for where all of them lie."""
PAGE = f"https://cloud.cp.jku.at/public.php/dav/files/{SHARE}"
MEGABYTES = 8
_ADVICE = "--beat-tracker built-in needs no weights; or give a checkpoint with --beat-tracker FILE"


@dataclass(frozen=True)
class BeatTracker:
    """A tracker that was chosen. Cheap to make, and another process can use it.

    name: of its kind. weights: the file with them, which may still have to be downloaded. published: whether it is the
    one that its makers publish.
    """

    name: str = BUILT_IN
    weights: Path | None = None
    published: bool = False

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What of it enters a recipe: the name of published weights, the bytes of others, nothing if it has none."""
        if self.weights is None:
            return ()
        if self.published:
            return (Input.weights("beat tracker", f"beat_this {MODEL}", SHARE),)
        return (Input.file("beat tracker", self.weights),)

    def fetched(self, progress: Progress = SILENT) -> BeatTracker:
        """The same with its weights on this machine. Raises ModelError where they cannot be had."""
        if self.published and self.weights is not None and not self.weights.is_file():
            progress.say(f"downloading the weights of Beat This! ({MODEL}, {MEGABYTES} MB) from cloud.cp.jku.at")
            download(f"{PAGE}/{MODEL}.ckpt", self.weights, _ADVICE, progress, about=MEGABYTES * 10**6)
        return self


BUILT_IN_TRACKER = BeatTracker()


def choose_tracker(asked: str | Path, *, offline: bool = False) -> BeatTracker:
    """What a person named: built-in, beat-this, or a checkpoint of the latter. Nothing is downloaded.

    Raises InputError where it cannot be had, with what to do, ModelError for weights that are not there.
    """
    if str(asked) == BUILT_IN:
        return BUILT_IN_TRACKER
    path = Path(asked).expanduser()
    if str(asked) != BEAT_THIS and not path.is_file():
        raise InputError(f"--beat-tracker {asked}: {choose_one(asked, (BUILT_IN, BEAT_THIS))}, or give a checkpoint")
    if find_spec("beat_this") is None:
        raise InputError(f"--beat-tracker {asked} needs Beat This!: pip install 'dancegen[beat-this]'")
    if str(asked) != BEAT_THIS:
        return BeatTracker(BEAT_THIS, path.resolve())
    found = BeatTracker(BEAT_THIS, cached_weights(), published=True)
    if offline and not cached_weights().is_file():
        raise ModelError(
            f"the weights of Beat This! are not here, and --offline asks nobody else. Get {PAGE}/{MODEL}.ckpt on a "
            f"machine with network and put it at {cached_weights()}. {_ADVICE}"
        )
    return found


def cached_weights() -> Path:
    """Where beat_this itself keeps the weights: the cache of torch.hub."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints" / f"beat_this-{MODEL}.ckpt"
