"""Which windows a dance is denoised in: each begins with the last second of the one before.

Everything that is known of a dance beforehand is in-painted: that second, a pose to start from, spans or limbs of
another dance that are kept, and sections that repeat what was danced before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.config import WindowConfig
from dancegen.choreographers.diffusion.data import cut

FLOOR_MARGIN = 0.5
"""Metres before the floor's edge from which the dancer is conditioned to come back."""


@dataclass(frozen=True, eq=False)
class SampleRequest:
    """One dance to be made.

    song: (T, music.WIDTH), one row a frame of the dance. style: 0 none, else 1 + its index; one a frame, (T,), or one
    for all. energy: standard deviations from the style's usual liveliness, (T,) or one for all; None: not given. floor:
    width and depth in metres, None: endless. given: (T, 127), in metres in the room, and known: (T, 4), where it
    counts. returns: spans that repeat what was danced before, each with its first frame and the earlier frames (n,),
    between frames too, that it shows again.
    """

    song: np.ndarray
    style: np.ndarray | int = 0
    energy: np.ndarray | float | None = 0.0
    floor: tuple[float, float] | None = (3.0, 3.0)
    seed: int = 0
    given: np.ndarray | None = None
    known: np.ndarray | None = None
    returns: tuple[tuple[int, np.ndarray], ...] = ()

    def __len__(self) -> int:
        return len(self.song)

    @property
    def plain(self) -> bool:
        """Whether its windows are those of any other plain one as long."""
        return self.known is None and not self.returns and not np.ndim(self.style)


@dataclass
class DancePlan:
    """A dance while it is made: features (T, 127) in the room, and which parts (T, 4) of it are there."""

    request: SampleRequest
    features: np.ndarray = field(init=False)
    known: np.ndarray = field(init=False)
    waiting: list[tuple[int, np.ndarray]] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.request)
        self.features = np.zeros((count, f.WIDTH), np.float32)
        self.known = np.zeros((count, len(f.PARTS)), np.float32)
        if self.request.given is not None:
            self.features[:], self.known[:] = self.request.given, self.request.known
        self.waiting = list(self.request.returns)

    def plan(self, window: int, prefix: int) -> Iterator[tuple[int, int]]:
        """The windows (first frame, frame up to which it is used) that dance all that is not given or a repeat.

        The last one before a repeat begins when all that it repeats has been danced, so that it can lead there.
        """
        there = np.all(self.known > 0, axis=1)
        for first, source in self.request.returns:
            there[first : first + len(source)] = True
        complete = {first: int(np.ceil(source.max())) + 1 for first, source in self.request.returns}
        edges = np.flatnonzero(np.diff(np.concatenate([[1], there, [1]]).astype(int)))
        for first, last in edges.reshape(-1, 2).tolist():
            ahead = last < len(there)
            middle = complete.get(last, first)
            if first < middle < last:
                yield from self._windows(first, middle, window, prefix, False)
                first = middle
            yield from self._windows(first, last, window, prefix, ahead)

    def _windows(self, first: int, last: int, window: int, prefix: int, ahead: bool) -> Iterator[tuple[int, int]]:
        """Those of `_cuts`, but that what one of them dances is of one style."""
        if np.ndim(self.request.style):
            for change in first + 1 + np.flatnonzero(np.diff(np.asarray(self.request.style)[first:last])):
                yield from _cuts(first, int(change), window, prefix, False)
                first = int(change)
        yield from _cuts(first, last, window, prefix, ahead)

    def remember(self, done: int) -> None:
        """Put in place what repeats frames before `done`; what is given or danced already stays."""
        ready = [source.max() <= done - 1 for _, source in self.waiting]
        now = [one for one, there in zip(self.waiting, ready, strict=True) if there]
        self.waiting = [one for one, there in zip(self.waiting, ready, strict=True) if not there]
        for first, source in now:
            low = np.floor(source).astype(int)
            share = (source - low)[:, None].astype(np.float32)
            again = (1 - share) * self.features[low] + share * self.features[np.minimum(low + 1, done - 1)]
            span = slice(first, first + len(source))
            free = self.known[span, :1] == 0
            self.features[span] = np.where(free, again, self.features[span])
            self.known[span] = np.where(free, 1, self.known[span])


def _cuts(first: int, last: int, window: int, prefix: int, ahead: bool) -> Iterator[tuple[int, int]]:
    """Windows (first frame, frame up to which it is used) that dance the frames first to last.

    Each begins with the last `prefix` frames of what is there before it. ahead: a span that is given follows `last`;
    then the windows are alike, and as much of it is seen by the last of them.
    """
    if not ahead:
        begin = max(0, first - prefix)
        while begin + window < last:
            yield begin, begin + window
            begin += window - prefix
        yield begin, last
        return
    count = -(-(last - first) // (window - 2 * prefix))
    edges = np.linspace(first, last, count + 1).round().astype(int).tolist()
    yield from ((max(0, a - prefix), b) for a, b in pairwise(edges))


@dataclass(eq=False)
class Window:
    """One window of one dance, in its own axes."""

    begin: int
    until: int
    length: int
    features: Tensor
    known: Tensor
    turn: Tensor
    place: Tensor
    song: np.ndarray
    travel: Tensor
    request: SampleRequest
    prefix: int

    @property
    def style(self) -> int:
        """Of the frames that it dances."""
        return int(np.broadcast_to(np.asarray(self.request.style), len(self.request))[self.until - 1])

    @property
    def energy(self) -> float:
        """The mean energy of its frames, but for its first second where that has been danced already."""
        given = np.broadcast_to(np.asarray(self.request.energy), len(self.request))
        energy = given[self.begin : self.begin + self.length]
        return float(energy[min(self.prefix, len(energy) - 1) :].mean())

    @classmethod
    def of(cls, dance: DancePlan, begin: int, until: int, w: WindowConfig) -> Window:
        length = min(w.frames, len(dance.request) - begin)
        known = np.zeros((w.frames, len(f.PARTS)), np.float32)
        known[:length] = dance.known[begin : begin + length]
        room = np.zeros((w.frames, f.WIDTH), np.float32)
        room[:length] = dance.features[begin : begin + length]
        if known[:, 0].any():
            origin = f.origin(torch.from_numpy(known)[None], 2 * w.prefix)
            features, turn, place = f.own_axes(torch.from_numpy(room)[None], origin)
        else:
            features, turn, place = torch.from_numpy(room)[None], torch.zeros(1), torch.zeros(1, 2)
        song = cut(dance.request.song, begin - w.context, w.frames + 2 * w.context)
        travel = _travel(dance, begin, length, place[0].numpy(), float(turn[0]), w)
        return cls(
            begin,
            until,
            length,
            features[0],
            torch.from_numpy(known),
            turn,
            place,
            song,
            travel,
            dance.request,
            w.prefix,
        )

    def put(self, dance: DancePlan, made: Tensor) -> None:
        """Into the room, where nothing is known yet, as far as the window is used."""
        room = f.into_room(made[None], self.turn, self.place)[0].numpy()[: self.until - self.begin]
        free = (1 - dance.known[self.begin : self.until]) @ f.part_masks().numpy()
        part = dance.features[self.begin : self.until]
        part[:] = np.where(free > 0, room, part)
        dance.known[self.begin : self.until] = 1


def _travel(dance: DancePlan, begin: int, length: int, place: np.ndarray, turn: float, w: WindowConfig) -> Tensor:
    """(3,): given or not, and where the window's last second should be, in the window's own axes.

    Towards a span that is given and lies ahead; else, near the floor's edge, back towards its middle.
    """
    ahead = np.flatnonzero(dance.known[begin + length :, 0] > 0)
    if len(ahead):
        after = begin + length + int(ahead[0])
        frames_left = after - (begin + w.prefix)
        share = min(1.0, (w.frames - w.prefix) / max(frames_left, 1))
        target = (
            dance.features[
                after,
                (0, 2),
            ]
            - place
        ) * share
    elif dance.request.floor is not None:
        inner = np.maximum(np.array(dance.request.floor) / 2 - FLOOR_MARGIN, 0.1)
        target = np.clip(place, -0.5 * inner, 0.5 * inner) - place
        if (np.abs(place) <= inner).all():
            return torch.zeros(3)
    else:
        return torch.zeros(3)
    x, z = target
    cos, sin = np.cos(turn), np.sin(turn)
    return torch.tensor([1.0, cos * x - sin * z, sin * x + cos * z], dtype=torch.float32)
