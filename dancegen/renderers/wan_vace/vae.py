"""Wan's VAE on videos of any length: pieces of four frames, and where memory is short strips of the picture.

The VAE is causal: it sees a video piece by piece and keeps the last two frames of what each convolution saw. Near the
middle of the network every place of a picture sees every other; beyond that its layers look only a few pixels around,
so that strips with enough of their surroundings give what the whole picture gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TOGETHER = 4
"""Frames that one latent stands for."""
SHARE = 8
"""Pixels a side of one latent."""
_SEEN_DECODING, _SEEN_ENCODING = 13, 10
"""How far the outer layers look, in latents: from their 3x3 convolutions in each of four sizes."""
_FRAMES_KEPT = 2


def decode(vae: Any, latents: torch.Tensor, *, strips: int = 1, keep: str = "cpu") -> torch.Tensor:
    """(1, 3, F, H, W) pictures of (1, C, n, h, w) latents as the VAE has them, from -1 to 1; F is 4n-3.

    strips: in how many parts the outer layers take a picture. keep: the device where pictures gather.
    """
    import torch

    decoder, kept = vae.decoder, _memory(vae.decoder)
    middle = []
    for piece in latents.split(1, 2):
        place = [0]
        x = _causal(decoder.conv_in, vae.post_quant_conv(piece), kept, place)
        middle.append(decoder.mid_block(x, feat_cache=kept, feat_idx=place))
    del kept
    axis = _longer(latents)
    parts = []
    for first, stop, low, high in _strips(latents.shape[axis], strips, _SEEN_DECODING):
        kept, pieces = _memory(decoder), []
        for x in middle:
            x, place = x.narrow(axis, low, high - low), [0]
            for block in decoder.up_blocks:
                x = block(x, feat_cache=kept, feat_idx=place)
            x = _causal(decoder.conv_out, decoder.nonlinearity(decoder.norm_out(x)), kept, place)
            pieces.append(x.narrow(axis, (first - low) * SHARE, (stop - first) * SHARE).clamp(-1, 1).to(keep))
        parts.append(torch.cat(pieces, 2))
    return torch.cat(parts, axis)


def encode(vae: Any, video: torch.Tensor, *, device: str, strips: int = 1) -> torch.Tensor:
    """(1, C, n, h, w) normalised latents, the most likely ones, of a (1, 3, F, H, W) video from -1 to 1; F is 4n-3.

    video: may lie elsewhere than on `device`, where it is taken piece by piece.
    """
    import torch

    encoder, axis = vae.encoder, _longer(video)
    parts = []
    for first, stop, low, high in _strips(video.shape[axis] // SHARE, strips, _SEEN_ENCODING):
        kept, pieces = _memory(encoder), []
        for piece in _pieces(video):
            x, place = piece.narrow(axis, low * SHARE, (high - low) * SHARE).to(device), [0]
            x = _causal(encoder.conv_in, x, kept, place)
            for layer in encoder.down_blocks:
                x = layer(x, feat_cache=kept, feat_idx=place)
            pieces.append(x.narrow(axis, first - low, stop - first))
        parts.append(pieces)
    kept, latents = _memory(encoder), []
    for pieces in zip(*parts, strict=True):
        place = [0]
        x = encoder.mid_block(torch.cat(pieces, axis), feat_cache=kept, feat_idx=place)
        x = _causal(encoder.conv_out, encoder.nonlinearity(encoder.norm_out(x)), kept, place)
        latents.append(vae.quant_conv(x)[:, : vae.config.z_dim])
    mean, std = statistics(vae, device)
    return (torch.cat(latents, 2).float() - mean) * (1.0 / std)


def statistics(vae: Any, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, standard deviation) of the latents of all videos, each (1, C, 1, 1, 1)."""
    import torch

    shape = 1, vae.config.z_dim, 1, 1, 1
    mean, std = (torch.tensor(each, device=device) for each in (vae.config.latents_mean, vae.config.latents_std))
    return mean.view(shape), std.view(shape)


def raw(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Normalised latents as the VAE has them."""
    mean, std = statistics(vae, str(latents.device))
    return latents / (1.0 / std) + mean


def _causal(conv: Callable[..., torch.Tensor], x: torch.Tensor, kept: list[Any], place: list[int]) -> torch.Tensor:
    """A convolution over a piece of a video that goes on from what was kept of the piece before."""
    import torch

    number = place[0]
    seen = x[:, :, -_FRAMES_KEPT:].clone()
    if seen.shape[2] < _FRAMES_KEPT and kept[number] is not None:
        seen = torch.cat([kept[number][:, :, -1:], seen], 2)
    made = conv(x, kept[number])
    kept[number] = seen
    place[0] += 1
    return made


def _memory(network: Any) -> list[Any]:
    """Room for what each convolution keeps."""
    return [None] * sum(type(each).__name__ == "WanCausalConv3d" for each in network.modules())


def _pieces(video: torch.Tensor) -> Iterator[torch.Tensor]:
    """The first frame, then four at a time."""
    yield video[:, :, :1]
    for first in range(1, video.shape[2], TOGETHER):
        yield video[:, :, first : first + TOGETHER]


def _longer(video: torch.Tensor) -> int:
    """The axis of the picture that strips lie across."""
    return 3 if video.shape[3] >= video.shape[4] else 4


def _strips(length: int, count: int, around: int) -> Iterator[tuple[int, int, int, int]]:
    """(first, stop, low, high) of each strip: what is taken of it, and what must be seen for that."""
    count = min(count, length)
    edges = [round(length * number / count) for number in range(count + 1)]
    for first, stop in pairwise(edges):
        yield first, stop, max(0, first - around), min(length, stop + around)
