"""What papers report in the figures of the AIST++ protocol, and what to know before one's own are held against it.

Every figure was looked up in a text that prints it, which is seldom the paper that it is of: `source` says which.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One row. figures: by the keys of `protocol.COLUMNS`; what the source does not print is left out."""

    name: str
    figures: dict[str, float]
    source: str


_BAILANDO = "Bailando (CVPR 2022), as the README of a public reimplementation of it and of FACT quotes it"
_REPRODUCED = (
    "Bailando (CVPR 2022), as ZeyuLing/Motius quotes it, whose own reproduction came to 28.11, 9.70 and 0.2268"
)
_DANCEBA = "Danceba (ICCV 2025), as a public summary of the paper quotes it"
_LMM = "LMM (ECCV 2024), as a public summary of the paper quotes it"
_GENMO = "GENMO (ICCV 2025), as a public summary of the paper quotes it; PFC is EDGE's own, as its issue 24 quotes it"
_FIVE = ("fid_k", "fid_g", "div_k", "div_g", "bas")


def _of(name: str, source: str, *five: float) -> Result:
    return Result(name, dict(zip(_FIVE, five, strict=True)), source)


RESULTS = (
    _of("AIST++ itself", _REPRODUCED, 17.10, 10.60, 8.19, 7.45, 0.2374),
    _of("DanceNet", _BAILANDO, 69.18, 25.49, 2.86, 2.85, 0.1430),
    _of("DanceRevolution", _BAILANDO, 73.42, 25.92, 3.52, 4.87, 0.1950),
    _of("FACT", _BAILANDO, 35.35, 22.11, 5.94, 6.18, 0.2209),
    _of("Bailando", _REPRODUCED, 28.16, 9.62, 7.83, 6.34, 0.2332),
    Result("EDGE", {"fid_k": 42.16, "fid_g": 22.12, "bas": 0.2334, "pfc": 1.5363}, _GENMO),
    Result("TM2D", {"fid_k": 19.01, "fid_g": 20.09, "div_k": 9.45, "bas": 0.2049}, _LMM),
    _of("DiffDance", _DANCEBA, 24.09, 20.68, 6.02, 2.89, 0.2418),
    _of("Bailando++", _DANCEBA, 22.74, 11.58, 7.94, 6.34, 0.2263),
    _of("Lodge", _DANCEBA, 37.09, 18.79, 5.58, 4.85, 0.2423),
    Result("LMM", {"fid_k": 22.08, "fid_g": 21.97, "div_k": 9.85, "bas": 0.2249}, _LMM),
    _of("Danceba", _DANCEBA, 11.67, 11.90, 8.52, 7.55, 0.2714),
)
CAVEATS = (
    "Distances to different sets of real dance do not compare: every feature is measured in the spread of that set, "
    "and its covariance is part of the distance. Only figures against all of AIST++ stand beside a paper's: against "
    "its 1,320 dances that are not on the list to be ignored, at full length, and of forty dances, cut to 20 s.",
    "A feature that is rare in the real set is divided by almost nothing, so that FID_g and Div_g of a small set can "
    "be of any size.",
    "Div and BAS have no best value: a dance that trembles is diverse, and one that stops on every beat is aligned.",
    "PFC depends on how long the clips are, since each is divided by its own greatest acceleration: EDGE prints 1.5363 "
    "for itself and 1.33 for real dance, of 5 s; POPDG, of longer clips, 0.92 and 0.31.",
    "A beat score that FACT's authors printed counts from motion to music, and does not compare with these.",
)
