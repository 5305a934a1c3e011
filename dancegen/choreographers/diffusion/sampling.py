"""Sampling with a trained denoiser: DDIM from noise to a dance, window after window.

Everything that is known of a dance beforehand is in-painted: the last second, a pose to start from, spans or limbs of
another dance that are kept. The denoiser has learnt to fill in the rest (it sees what is known clean, from the first
step on), so that nothing has to be glued.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.denoiser import Conditioning
from dancegen.choreographers.diffusion.features import Normalizer
from dancegen.choreographers.diffusion.guidance import Guided
from dancegen.choreographers.diffusion.losses import alpha_sigma
from dancegen.choreographers.diffusion.model import Model
from dancegen.choreographers.diffusion.planning import FLOOR_MARGIN, DancePlan, SampleRequest, Window
from dancegen.motion.strain import strain

EDGE = 0.1
"""Metres before the floor's edge that nobody's root goes beyond but in passing from step to step."""
GUIDED_UNTIL = 0.3
"""Time of the denoising until which the floor pulls from a little within; the steps after it settle the feet."""
TURNED_FROM = 0.85
"""Time of the denoising from which turns are made whole."""
FADE_FRAMES = 20
"""Frames over which a known frame's error fades into the new ones."""
PULL_FRAMES = 30
"""Within so many frames of what is known the pull grows from nothing to all of it."""
DRAWS = 3
"""So many times at most a window is denoised, from other noise each time, until a dancer could dance it."""


def sample(
    model: Model,
    requests: list[SampleRequest],
    *,
    guidance: float | None = None,
    steps: int | None = None,
    advance: Callable[[int], None] = lambda frames: None,
) -> list[np.ndarray]:
    """The dances (T, 127), in metres in the room, of requests of one length, made side by side.

    guidance: how much more than without music (Ho and Salimans, 2022); steps of the denoising: the model's own by
    default. The dancer starts at the middle of the floor and looks along +z. `advance` gets the numbers of frames made.
    """
    w, own = model.config.window, model.config.sampling
    guidance = own.guidance if guidance is None else guidance
    steps = own.steps if steps is None else steps
    if len(requests) > 1 and any(not request.plain for request in requests):
        return [dance for request in requests for dance in sample(model, [request], guidance=guidance, steps=steps)]
    dances = [DancePlan(request) for request in requests]
    done = 0
    for begin, until in dances[0].plan(w.frames, w.prefix):
        windows = [Window.of(dance, begin, until, w) for dance in dances]
        made = _danceable(model, windows, guidance, steps)
        for dance, window, piece in zip(dances, windows, made, strict=True):
            window.put(dance, piece)
            dance.remember(until)
        advance(until - done)
        done = until
    advance(len(requests[0]) - done)
    return [dance.features for dance in dances]


def _danceable(model: Model, windows: list[Window], guidance: float, steps: int) -> list[Tensor]:
    """Each window (T, 127) in metres, in its own axes. One that hardly any dancer could dance is drawn again, and the
    best of DRAWS draws is taken."""
    made = list(_denoise(model, windows, guidance, steps))
    strains = [_strain(model, window, piece) for window, piece in zip(windows, made, strict=True)]
    for draw in range(1, DRAWS):
        again = [row for row, found in enumerate(strains) if found > 1]
        if not again:
            break
        for row, piece in zip(
            again, _denoise(model, [windows[row] for row in again], guidance, steps, draw), strict=True
        ):
            if (found := _strain(model, windows[row], piece)) < strains[row]:
                made[row], strains[row] = piece, found
    return made


def _strain(model: Model, window: Window, made: Tensor) -> float:
    """The greatest strain of the frames that this window dances, where it is used."""
    used = slice(0, window.until - window.begin)
    motion = f.decode(made[used].numpy(), model.body, model.config.window.fps)
    own = (window.known[used] == 0).any(1).numpy()
    return float(strain(motion)[own].max(initial=0.0))


@torch.inference_mode()
def _denoise(model: Model, windows: list[Window], guidance: float, steps: int, draw: int = 0) -> Tensor:
    """(B, T, 127) in metres, in the windows' own axes: DDIM (Song et al., 2021) from noise to a dance, with
    a part of the noise drawn anew. Each `draw` has other noise."""
    device = model.normalizer.mean.device
    known = torch.stack([window.known for window in windows]).to(device)
    given = model.normalizer.normalise(torch.stack([window.features for window in windows]).to(device))
    fixed = (known @ f.part_masks().to(device)).clamp(max=1)
    rngs = [_rng_of(window, draw) for window in windows]

    def drawn() -> Tensor:
        each = zip(windows, rngs, strict=True)
        return torch.stack([torch.randn(w.features.shape, generator=rng) for w, rng in each]).to(device)

    conditioning = _conditioning(windows).map(lambda t: t.to(device))
    denoise = Guided(
        model, known, torch.from_numpy(np.stack([w.song for w in windows])).to(device), conditioning, guidance
    )
    seams = _Seams.of(known)
    times = torch.linspace(1, 0, steps + 1, device=device)
    eta = model.config.sampling.eta
    x = clean = drawn()
    for now, following in pairwise(times):
        clean = denoise(torch.where(fixed > 0, given, x), now)
        if now <= TURNED_FROM:
            clean = _turned(clean, model.normalizer)
        clean = _kept_on_floor(clean, known, model, windows, FLOOR_MARGIN / 2 if now > GUIDED_UNTIL else EDGE)
        clean = torch.where(fixed > 0, given, clean + _faded(given - clean, seams))
        keep, add = alpha_sigma(now)
        rest = (x - keep * clean) / add.clamp(min=1e-4)
        keep, add = alpha_sigma(following)
        x = keep * clean + add * ((1 - eta**2) ** 0.5 * rest + eta * drawn())
    return model.normalizer.restore(clean).cpu()


def _turned(clean: Tensor, normalizer: Normalizer) -> Tensor:
    """The same windows with six numbers a joint that are a rotation: unit vectors at right angles.

    Where a dancer may as well turn one way as the other, a denoiser says the mean of both, which is no turn at all but
    nearly zero. Left so, its direction jumps from frame to frame, and the dancer is flung round.
    """
    metres = normalizer.restore(clean)
    first, second = metres[..., f.TURNS].unflatten(-1, (-1, 2, 3)).unbind(-2)
    first = _unit(first)
    second = _unit(second - (first * second).sum(-1, keepdim=True) * first)
    metres[..., f.TURNS] = torch.stack([first, second], -2).flatten(-3)
    return normalizer.normalise(metres)


def _unit(vectors: Tensor) -> Tensor:
    """Vectors (..., 3) of length 1. Written out: several times as fast as a norm over an axis this short."""
    return vectors * (vectors * vectors).sum(-1, keepdim=True).clamp(min=1e-24).rsqrt()


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
        weights = (_fading(since) * (1 - _smoothstep(across)), _fading(left) * _smoothstep(across))
        places = (before.clamp(min=0), after.clamp(max=count - 1))
        return cls(*(x[..., part] for x in (*places, *weights)))


def _fading(distance: Tensor) -> Tensor:
    """1 at no distance, 0 from FADE_FRAMES on."""
    return 1 - _smoothstep((distance / FADE_FRAMES).clamp(max=1))


def _smoothstep(share: Tensor) -> Tensor:
    """0 to 1 along half a cosine."""
    return 0.5 - 0.5 * torch.cos(torch.pi * share)


def _faded(error: Tensor, seams: _Seams) -> Tensor:
    """What the denoiser got wrong at the nearest known frames, fading out from there, and from one to the other.

    It restores what is known, too, a little beside the truth; new frames that join on to its own version would jump.
    """
    from_before = torch.gather(error, 1, seams.before) * seams.weight_before
    return from_before + torch.gather(error, 1, seams.after) * seams.weight_after


def _rng_of(window: Window, draw: int) -> torch.Generator:
    """The window's own, from the dance's seed, where it begins, and how often it has been drawn before."""
    seed = np.random.SeedSequence([window.request.seed % 2**32, window.begin, draw]).generate_state(1)[0]
    return torch.Generator().manual_seed(int(seed))


def _conditioning(windows: list[Window]) -> Conditioning:
    energies = [(0.0, 0.0) if w.request.energy is None else (1.0, w.energy) for w in windows]
    return Conditioning(
        torch.tensor([w.style for w in windows]),
        torch.tensor(energies, dtype=torch.float32),
        torch.stack([w.travel for w in windows]),
    )


def _kept_on_floor(clean: Tensor, known: Tensor, model: Model, windows: list[Window], margin: float) -> Tensor:
    """The same windows with the root pulled back where it would come nearer than `margin` metres to the floor's edge.

    A gradient step on half the squared distance beyond, as in guidance by a loss (Dhariwal and Nichol, 2021). The
    denoiser's next steps find the feet that belong to it.
    """
    metres = model.normalizer.restore(clean)
    for row, window in enumerate(windows):
        if window.request.floor is None:
            continue
        turn, place = (t.to(clean.device) for t in (window.turn, window.place))
        room = f.into_room(metres[row : row + 1], turn, place)
        limit = torch.tensor(window.request.floor, device=clean.device) / 2 - margin
        at = room[0][:, (0, 2)]
        pull = _away_from_known(known[row, :, 0])[:, None] * (at.clamp(-limit, limit) - at)
        room[0, :, 0] += pull[:, 0]
        room[0, :, 2] += pull[:, 1]
        metres[row] = f.turned(f.moved(room, -place), -turn)[0]
    return model.normalizer.normalise(metres)


def _away_from_known(known: Tensor) -> Tensor:
    """(T,): 0 at a known frame, 1 at PULL_FRAMES from the nearest, and so everywhere if there is none."""
    frames = torch.arange(len(known), device=known.device)
    there = frames[known > 0]
    if not len(there):
        return torch.ones(len(known), device=known.device)
    return ((frames[:, None] - there).abs().min(1).values / PULL_FRAMES).clamp(max=1)
