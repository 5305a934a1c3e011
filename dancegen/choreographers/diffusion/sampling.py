"""Dancing with a trained denoiser: windows of any number, each going on from the last second of the one before.

Everything that is known of a dance beforehand is in-painted: the last second, a pose to start from, spans or limbs of
another dance that are kept. The denoiser has learnt to fill in the rest (it sees what is known clean, from the first
step on), so that nothing has to be glued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.data import cut
from dancegen.choreographers.diffusion.denoiser import Wishes
from dancegen.choreographers.diffusion.losses import schedule
from dancegen.choreographers.diffusion.model import Model
from dancegen.choreographers.diffusion.scale import Scale

STAGE_MARGIN = 0.5
"""Metres before the stage's edge from which the dancer is told to come back."""
EDGE = 0.1
"""Metres before the stage's edge that nobody's root goes beyond but in passing from step to step."""
GUIDED_UNTIL = 0.3
"""Time of the denoising until which the stage pulls from a little within; the steps after it settle the feet."""
TURNED_FROM = 0.85
"""Time of the denoising from which turns are made whole."""
FADE_FRAMES = 20
"""Frames over which a known frame's error fades into the new ones."""
PULL_FRAMES = 30
"""Within so many frames of what is known the pull grows from nothing to all of it."""


@dataclass(frozen=True, eq=False)
class Order:
    """One dance to be made.

    song: (T, music.WIDTH), one row a frame of the dance. style: 0 none, else 1 + its index. energy: (T,), standard
    deviations from the style's usual liveliness, or one for all; None: untold. stage: width and depth in metres, None:
    endless. given: (T, 127), in metres in the room, and known: (T, 4), where it counts. returns: spans that repeat what
    was danced before, each with its first frame and the earlier frames (n,), between frames too, that it shows again.
    """

    song: np.ndarray
    style: int = 0
    energy: np.ndarray | float | None = 0.0
    stage: tuple[float, float] | None = (3.0, 3.0)
    seed: int = 0
    given: np.ndarray | None = None
    known: np.ndarray | None = None
    returns: tuple[tuple[int, np.ndarray], ...] = ()

    def __len__(self) -> int:
        return len(self.song)


@dataclass
class _Dance:
    """A dance while it is made: features (T, 127) in the room, and which parts (T, 4) of it are there."""

    order: Order
    features: np.ndarray = field(init=False)
    known: np.ndarray = field(init=False)
    waiting: list[tuple[int, np.ndarray]] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.order)
        self.features = np.zeros((count, f.WIDTH), np.float32)
        self.known = np.zeros((count, len(f.PARTS)), np.float32)
        if self.order.given is not None:
            self.features[:], self.known[:] = self.order.given, self.order.known
        self.waiting = list(self.order.returns)

    def plan(self, window: int, prefix: int) -> Iterator[tuple[int, int]]:
        """The windows (first frame, frame up to which it is used) that dance all that is not given or a repeat.

        The last one before a repeat begins when all that it repeats has been danced, so that it can lead there.
        """
        there = (self.known > 0).all(1)
        for first, source in self.order.returns:
            there[first : first + len(source)] = True
        complete = {first: int(np.ceil(source.max())) + 1 for first, source in self.order.returns}
        edges = np.flatnonzero(np.diff(np.concatenate([[1], there, [1]]).astype(int)))
        for first, last in edges.reshape(-1, 2).tolist():
            ahead = last < len(there)
            middle = complete.get(last, first)
            if first < middle < last:
                yield from _cuts(first, middle, window, prefix, False)
                first = middle
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


def perform(
    model: Model,
    orders: list[Order],
    *,
    guidance: float | None = None,
    steps: int | None = None,
    advance: Callable[[int], None] = lambda frames: None,
) -> list[np.ndarray]:
    """The dances (T, 127), in metres in the room, of orders of one length, made side by side.

    guidance: how much more than without music (Ho and Salimans, 2022); steps of the denoising: the model's own by
    default. The dancer starts at the middle of the stage and looks along +z. `advance` is told of frames made.
    """
    w, own = model.config.window, model.config.sampling
    if len(orders) > 1 and any(order.known is not None or order.returns for order in orders):
        return [dance for order in orders for dance in perform(model, [order], guidance=guidance, steps=steps)]
    dances = [_Dance(order) for order in orders]
    told = 0
    for begin, until in dances[0].plan(w.frames, w.prefix):
        windows = [_Window.of(dance, begin, until, w) for dance in dances]
        made = _denoise(
            model, windows, own.guidance if guidance is None else guidance, own.steps if steps is None else steps
        )
        for dance, window, piece in zip(dances, windows, made, strict=True):
            window.put(dance, piece)
            dance.remember(until)
        advance(until - told)
        told = until
    advance(len(orders[0]) - told)
    return [dance.features for dance in dances]


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
class _Window:
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
    order: Order
    prefix: int

    @property
    def energy(self) -> float:
        """The mean of what is wished of it, but for its first second where that has been danced already."""
        wished = np.broadcast_to(self.order.energy, len(self.order))[self.begin : self.begin + self.length]
        return float(wished[min(self.prefix, len(wished) - 1) :].mean())

    @classmethod
    def of(cls, dance: _Dance, begin: int, until: int, w) -> _Window:
        length = min(w.frames, len(dance.order) - begin)
        known = np.zeros((w.frames, len(f.PARTS)), np.float32)
        known[:length] = dance.known[begin : begin + length]
        room = np.zeros((w.frames, f.WIDTH), np.float32)
        room[:length] = dance.features[begin : begin + length]
        if known[:, 0].any():
            origin = f.origin(torch.from_numpy(known)[None], 2 * w.prefix)
            features, turn, place = f.own_axes(torch.from_numpy(room)[None], origin)
        else:
            features, turn, place = torch.from_numpy(room)[None], torch.zeros(1), torch.zeros(1, 2)
        song = cut(dance.order.song, begin - w.context, w.frames + 2 * w.context)
        travel = _travel(dance, begin, length, place[0].numpy(), float(turn[0]), w)
        return cls(
            begin, until, length, features[0], torch.from_numpy(known), turn, place, song, travel, dance.order, w.prefix
        )

    def put(self, dance: _Dance, made: Tensor) -> None:
        """Into the room, where nothing is known yet, as far as the window is used."""
        room = f.into_room(made[None], self.turn, self.place)[0].numpy()[: self.until - self.begin]
        free = (1 - dance.known[self.begin : self.until]) @ f.part_masks().numpy()
        part = dance.features[self.begin : self.until]
        part[:] = np.where(free > 0, room, part)
        dance.known[self.begin : self.until] = 1


def _travel(dance: _Dance, begin: int, length: int, place: np.ndarray, turn: float, w) -> Tensor:
    """(3,): told or not, and where the window's last second should be, in the window's own axes.

    Towards a span that is given and lies ahead; else, near the stage's edge, back towards its middle.
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
    elif dance.order.stage is not None:
        inner = np.maximum(np.array(dance.order.stage) / 2 - STAGE_MARGIN, 0.1)
        target = np.clip(place, -0.5 * inner, 0.5 * inner) - place
        if (np.abs(place) <= inner).all():
            return torch.zeros(3)
    else:
        return torch.zeros(3)
    x, z = target
    cos, sin = np.cos(turn), np.sin(turn)
    return torch.tensor([1.0, cos * x - sin * z, sin * x + cos * z], dtype=torch.float32)


@torch.inference_mode()
def _denoise(model: Model, windows: list[_Window], guidance: float, steps: int) -> Tensor:
    """(B, T, 127) in metres, in the windows' own axes: DDIM (Song et al., 2021) from noise to a dance, with
    a part of the noise drawn anew."""
    device = model.scale.mean.device
    known = torch.stack([window.known for window in windows]).to(device)
    given = model.scale.normalise(torch.stack([window.features for window in windows]).to(device))
    fixed = (known @ f.part_masks().to(device)).clamp(max=1)
    chances = [_chance(window) for window in windows]

    def drawn() -> Tensor:
        each = zip(windows, chances, strict=True)
        return torch.stack([torch.randn(w.features.shape, generator=chance) for w, chance in each]).to(device)

    wishes = _wishes(windows).map(lambda t: t.to(device))
    denoise = _Guided(model, known, torch.from_numpy(np.stack([w.song for w in windows])).to(device), wishes, guidance)
    seams = _Seams.of(known)
    times = torch.linspace(1, 0, steps + 1, device=device)
    eta = model.config.sampling.eta
    x = clean = drawn()
    for now, following in pairwise(times):
        clean = denoise(torch.where(fixed > 0, given, x), now)
        if now <= TURNED_FROM:
            clean = _turned(clean, model.scale)
        clean = _kept_on_stage(clean, known, model, windows, STAGE_MARGIN / 2 if now > GUIDED_UNTIL else EDGE)
        clean = torch.where(fixed > 0, given, clean + _faded(given - clean, seams))
        keep, add = schedule(now)
        rest = (x - keep * clean) / add.clamp(min=1e-4)
        keep, add = schedule(following)
        x = keep * clean + add * ((1 - eta**2) ** 0.5 * rest + eta * drawn())
    return model.scale.restore(clean).cpu()


def _turned(clean: Tensor, scale: Scale) -> Tensor:
    """The same windows with six numbers a joint that are a rotation: unit vectors at right angles.

    Where a dancer may as well turn one way as the other, a denoiser says the mean of both, which is no turn at all but
    nearly nought. Left so, its direction jumps from frame to frame, and the dancer is flung round.
    """
    metres = scale.restore(clean)
    first, second = metres[..., f.TURNS].unflatten(-1, (-1, 2, 3)).unbind(-2)
    first = torch.nn.functional.normalize(first, dim=-1)
    second = torch.nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    metres[..., f.TURNS] = torch.stack([first, second], -2).flatten(-3)
    return scale.normalise(metres)


@dataclass(frozen=True, eq=False)
class _Seams:
    """For every number of every window (B, T, 127): the known frames nearest before and after it, and how much the
    error of each still counts."""

    before: Tensor
    after: Tensor
    weight_before: Tensor
    weight_after: Tensor

    @classmethod
    def of(cls, known: Tensor) -> _Seams:
        count = known.shape[1]
        part = f.part_masks().argmax(0).to(known.device)
        frames = torch.arange(count, device=known.device)[:, None]
        before = torch.where(known > 0, frames, -count).cummax(1).values
        after = -torch.where(known > 0, -frames, -3 * count).flip(1).cummax(1).values.flip(1)
        since, left = (frames - before).float(), (after - frames).float()
        across = since / (since + left).clamp(min=1)  # from 0 at the one to 1 at the other
        # A gap that has one end alone is as good as endless: the other end is far, and its error counts nothing.
        weights = (_fading(since) * (1 - _smooth(across)), _fading(left) * _smooth(across))
        places = (before.clamp(min=0), after.clamp(max=count - 1))
        return cls(*(x[..., part] for x in (*places, *weights)))


def _fading(distance: Tensor) -> Tensor:
    """1 at no distance, 0 from FADE_FRAMES on."""
    return 1 - _smooth((distance / FADE_FRAMES).clamp(max=1))


def _smooth(share: Tensor) -> Tensor:
    """0 to 1 along half a cosine."""
    return 0.5 - 0.5 * torch.cos(torch.pi * share)


def _faded(error: Tensor, seams: _Seams) -> Tensor:
    """What the denoiser got wrong at the nearest known frames, fading out from there, and from one to the other.

    It restores what is known, too, a little beside the truth; new frames that join on to its own version would jump.
    """
    from_before = torch.gather(error, 1, seams.before) * seams.weight_before
    return from_before + torch.gather(error, 1, seams.after) * seams.weight_after


@dataclass(eq=False)
class _Guided:
    """The denoiser with the music heard once, and classifier-free guidance on it."""

    model: Model
    known: Tensor
    song: Tensor
    wishes: Wishes
    guidance: float

    def __post_init__(self) -> None:
        self.both = self.guidance != 1.0
        count = len(self.known)
        heard = torch.ones(count, dtype=torch.bool, device=self.known.device)
        if self.both:
            heard = torch.cat([heard, ~heard])
            self.song, self.known = self.song.repeat(2, 1, 1), self.known.repeat(2, 1, 1)
            self.wishes = self.wishes.map(lambda t: t.repeat(2, *[1] * (t.dim() - 1)))
        self.tokens = self.model.denoiser.hear(self.song, heard)

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        if not self.both:
            return self.model.denoiser(x, self.known, time.expand(len(x)), self.tokens, self.wishes)
        found = self.model.denoiser(x.repeat(2, 1, 1), self.known, time.expand(2 * len(x)), self.tokens, self.wishes)
        heard, deaf = found.chunk(2)
        return deaf + self.guidance * (heard - deaf)


def _chance(window: _Window) -> torch.Generator:
    """The window's own, from the dance's seed and where it begins."""
    seed = np.random.SeedSequence([window.order.seed % 2**32, window.begin]).generate_state(1)[0]
    return torch.Generator().manual_seed(int(seed))


def _wishes(windows: list[_Window]) -> Wishes:
    energies = [(0.0, 0.0) if w.order.energy is None else (1.0, w.energy) for w in windows]
    return Wishes(
        torch.tensor([w.order.style for w in windows]),
        torch.tensor(energies, dtype=torch.float32),
        torch.stack([w.travel for w in windows]),
    )


def _kept_on_stage(clean: Tensor, known: Tensor, model: Model, windows: list[_Window], margin: float) -> Tensor:
    """The same windows with the root pulled back where it would come nearer than `margin` metres to the stage's edge.

    A gradient step on half the squared distance beyond, as in guidance by a loss (Dhariwal and Nichol, 2021). The
    denoiser's next steps find the feet that belong to it.
    """
    metres = model.scale.restore(clean)
    for row, window in enumerate(windows):
        if window.order.stage is None:
            continue
        turn, place = (t.to(clean.device) for t in (window.turn, window.place))
        room = f.into_room(metres[row : row + 1], turn, place)
        limit = torch.tensor(window.order.stage, device=clean.device) / 2 - margin
        at = room[0][:, (0, 2)]
        pull = _away_from_known(known[row, :, 0])[:, None] * (at.clamp(-limit, limit) - at)
        room[0, :, 0] += pull[:, 0]
        room[0, :, 2] += pull[:, 1]
        metres[row] = f.turned(f.moved(room, -place), -turn)[0]
    return model.scale.normalise(metres)


def _away_from_known(known: Tensor) -> Tensor:
    """(T,): 0 at a known frame, 1 at PULL_FRAMES from the nearest, and so everywhere if there is none."""
    frames = torch.arange(len(known), device=known.device)
    there = frames[known > 0]
    if not len(there):
        return torch.ones(len(known), device=known.device)
    return ((frames[:, None] - there).abs().min(1).values / PULL_FRAMES).clamp(max=1)
