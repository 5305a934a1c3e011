"""report.html of a pose dataset from footage: what was kept and what was left out of it, why, and how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from dancegen.metrics.report.clip_look import ClipLook, RejectedLook
from dancegen.metrics.report.page import document
from dancegen.pose.cleaning.pipeline import STEPS

MOST_CLIPS, MOST_EXAMPLES, MOST_LINES = 24, 24, 500
"""Clips and parts left out that are shown with pictures, and lines of the table of all clips."""
KEPT = "#3a7d44"
COLORS = {"no whole dancer": "#d1495b", "nobody is seen": "#9aa3ad", "too short": "#e08e1b", "poor quality": "#6a4c93"}
OTHER = "#4f6d9a"
_BINS = 20


def write_report(path: Path, looks: Iterable[ClipLook]) -> None:
    """Write the page: one file that needs nothing beside it. With many clips, some of them are shown with pictures."""
    clips = sorted(looks, key=lambda clip: clip.name)
    body = [
        _head(clips), _charts(clips), _steps(clips), _shown(clips), _left_out(clips), _table(clips),
    ]  # fmt: skip
    path.write_text(document(body, "dancegen extract-poses", _STYLE), encoding="utf-8")


def worth_pictures(kept: Sequence[ClipLook], clip: ClipLook) -> bool:
    """Whether the page would show pictures of one more clip, so that those of thousands need not be held."""
    if len(kept) < MOST_CLIPS:
        return True
    kinds = Counter(each.kind for other in kept for each in other.rejected if each.picture)
    return any(each.picture and kinds[each.kind] < MOST_EXAMPLES // 4 for each in clip.rejected)


def _head(clips: Sequence[ClipLook]) -> str:
    whole = sum(clip.seconds for clip in clips)
    kept = sum(piece.seconds for clip in clips for piece in clip.pieces)
    pieces = sum(len(clip.pieces) for clip in clips)
    words = (
        f"{_count(len(clips), 'clip')}, {_time(whole)}. {_count(pieces, 'piece')} of one dancer, {_time(kept)} "
        f"({_percent(kept, whole)}), can be trained on; {_time(whole - kept)} "
        f"{'is' if whole - kept < 90 else 'are'} left out."
    )
    return f"<header><h1>What became of the footage</h1><p>{escape(words)}</p></header>"


def _charts(clips: Sequence[ClipLook]) -> str:
    qualities = [piece.quality for clip in clips for piece in clip.pieces]
    seconds: dict[str, float] = {}
    for clip in clips:
        for each in clip.rejected:
            seconds[each.kind] = seconds.get(each.kind, 0.0) + each.seconds
    parts = [f"<figure>{_histogram(qualities)}<figcaption>Quality of the pieces, 0 to 1</figcaption></figure>"]
    most = max(seconds.values(), default=0.0)
    bars = "".join(
        f'<tr><th scope="row">{escape(kind)}</th><td class="bar"><b style="width:{100 * length / most:.1f}%;'
        f'background:{COLORS.get(kind, OTHER)}"></b></td><td>{_time(length)}</td></tr>'
        for kind, length in sorted(seconds.items(), key=lambda item: -item[1])
    )
    words = "Why parts were left out" if bars else "Nothing was left out"
    parts.append(f'<figure><table class="reasons">{bars}</table><figcaption>{words}</figcaption></figure>')
    return f'<section><div class="pair">{"".join(parts)}</div></section>'


def _histogram(values: Sequence[float]) -> str:
    counts, _ = np.histogram(values, _BINS, (0, 1))
    top, width, height = max(int(counts.max()), 1), 360, 150
    bars = "".join(
        f'<rect x="{6 + k * (width - 12) / _BINS + 1:.1f}" y="{6 + (1 - count / top) * (height - 30):.1f}" '
        f'width="{(width - 12) / _BINS - 2:.1f}" height="{count / top * (height - 30):.1f}" fill="{KEPT}">'
        f"<title>{k / _BINS:.2f} to {(k + 1) / _BINS:.2f}: {count}</title></rect>"
        for k, count in enumerate(counts.tolist())
    )
    ticks = "".join(
        f'<text class="tick" x="{6 + value * (width - 12):.1f}" y="{height - 8}" text-anchor="middle">{value:g}</text>'
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    floor = height - 24
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img">{bars}'
        f'<line class="axis" x1="6" y1="{floor}" x2="{width - 6}" y2="{floor}"/>{ticks}</svg>'
    )


def _steps(clips: Sequence[ClipLook]) -> str:
    """What each step of cleaning changed in all pieces together."""
    pieces = [piece for clip in clips for piece in clip.pieces]
    if not pieces:
        return ""
    frames, joints = sum(piece.frames for piece in pieces), sum(piece.joints for piece in pieces)
    cuts = sum(len(clip.cuts_s) for clip in clips)
    lines = [f"<tr><th>cuts that split clips</th><td>{cuts}</td><td></td></tr>"]
    for name, meaning in STEPS.items():
        count = sum(piece.steps.get(name, 0) for piece in pieces)
        share = _percent(count, frames if name == "swapped" else joints)
        lines.append(f"<tr><th>{escape(meaning)}</th><td>{count}</td><td>{share}</td></tr>")
    return f'<section><h2>What cleaning changed</h2><table class="steps">{"".join(lines)}</table></section>'


def _shown(clips: Sequence[ClipLook]) -> str:
    """Clips with their pictures: the best and the worst, and those between."""
    with_sheets = sorted((clip for clip in clips if clip.sheet), key=_quality)
    if len(with_sheets) > MOST_CLIPS:
        chosen = np.unique(np.linspace(0, len(with_sheets) - 1, MOST_CLIPS).astype(int))
        with_sheets = [with_sheets[k] for k in chosen]
    parts = [_clip(clip) for clip in sorted(with_sheets, key=lambda clip: clip.name)]
    if not parts:
        return ""
    kinds = "".join(f'<li><i style="background:{color}"></i>{kind}</li>' for kind, color in COLORS.items())
    key = f'<ul class="names"><li><i style="background:{KEPT}"></i>kept</li>{kinds}<li>| cut</li></ul>'
    return f"<section><h2>Clips</h2>{key}{''.join(parts)}</section>"


def _clip(clip: ClipLook) -> str:
    kept = sum(piece.seconds for piece in clip.pieces)
    words = f"{kept:.1f} of {clip.seconds:.1f} s in {_count(len(clip.pieces), 'piece')}, quality {_quality(clip):.2f}"
    return (
        f'<h3>{escape(clip.name)} <span class="soft">{words}</span></h3>{_timeline(clip)}'
        f'<img class="sheet" alt="The dancer of {escape(clip.name)}" src="{clip.sheet}">'
    )


def _timeline(clip: ClipLook) -> str:
    """The clip from left to right: what was kept, what was left out and why, and where cuts are."""
    scale = 1000 / max(clip.seconds, 1e-6)
    parts = [
        (piece.start_s, piece.seconds, KEPT, f"quality {piece.quality:.2f}", 0.35 + 0.65 * piece.quality)
        for piece in clip.pieces
    ] + [(each.start_s, each.seconds, COLORS.get(each.kind, OTHER), each.reason, 1.0) for each in clip.rejected]
    bars = "".join(
        f'<rect x="{start * scale:.1f}" y="0" width="{max(length * scale, 1):.1f}" height="14" fill="{color}" '
        f'fill-opacity="{strength:.2f}"><title>{start:.1f} to {start + length:.1f} s: {escape(words)}</title></rect>'
        for start, length, color, words, strength in parts
    )
    at = [f"{second * scale:.1f}" for second in clip.cuts_s]
    cuts = "".join(f'<line class="cut" x1="{x}" y1="0" x2="{x}" y2="14"/>' for x in at)
    return f'<svg class="timeline" viewBox="0 0 1000 14" preserveAspectRatio="none" role="img">{bars}{cuts}</svg>'


def _left_out(clips: Sequence[ClipLook]) -> str:
    """Examples of what was left out, the longest of each kind first, in turn."""
    by_kind: dict[str, list[tuple[ClipLook, RejectedLook]]] = {}
    for clip in clips:
        for each in clip.rejected:
            if each.picture:
                by_kind.setdefault(each.kind, []).append((clip, each))
    for examples in by_kind.values():
        examples.sort(key=lambda pair: -pair[1].seconds)
    most = max(map(len, by_kind.values()), default=0)
    turns = [examples[k] for k in range(most) for examples in by_kind.values() if k < len(examples)]
    cards = "".join(_example(clip, each) for clip, each in turns[:MOST_EXAMPLES])
    return f'<section><h2>Left out</h2><div class="cards">{cards}</div></section>' if cards else ""


def _example(clip: ClipLook, part: RejectedLook) -> str:
    when = f"{part.start_s:.1f} to {part.start_s + part.seconds:.1f} s"
    return (
        f'<figure><img alt="{escape(part.kind)}" src="{part.picture}"><figcaption>'
        f'<i style="background:{COLORS.get(part.kind, OTHER)}"></i>{escape(part.reason)}'
        f'<br><span class="soft">{escape(clip.name)}, {when}</span></figcaption></figure>'
    )


def _table(clips: Sequence[ClipLook]) -> str:
    """Every clip in a line."""
    lines = []
    for clip in clips[:MOST_LINES]:
        kept = sum(piece.seconds for piece in clip.pieces)
        why = Counter(each.kind for each in clip.rejected)
        reasons = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in why.most_common())
        quality = f"{_quality(clip):.2f}" if clip.pieces else ""
        lines.append(
            f"<tr><th>{escape(clip.name)}</th><td>{clip.seconds:.1f}</td><td>{kept:.1f}</td><td>{len(clip.pieces)}</td>"
            f'<td>{quality}</td><td class="words">{escape(reasons)}</td></tr>'
        )
    if len(clips) > MOST_LINES:
        lines.append(f'<tr><th>and {len(clips) - MOST_LINES} more</th><td colspan="5"></td></tr>')
    head = "<tr><th></th><th>seconds</th><th>kept</th><th>pieces</th><th>quality</th><th>left out</th></tr>"
    return (
        f'<details><summary>Every clip</summary><div class="wide"><table><thead>{head}</thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _quality(clip: ClipLook) -> float:
    """The mean quality of a clip's pieces, the longer ones counting more; 0 without any."""
    seconds = sum(piece.seconds for piece in clip.pieces)
    return sum(piece.quality * piece.seconds for piece in clip.pieces) / seconds if seconds else 0.0


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number:,} {thing}s"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


_STYLE = """
.soft { color: var(--soft); font-weight: 400; }
.timeline { width: 100%; height: 14px; display: block; border-radius: 4px; margin: 0 0 .4rem; }
.cut { stroke: var(--ink); stroke-width: 3; }
table.reasons, table.steps { width: auto; min-width: 50%; } table.reasons { width: 100%; }
.reasons th, .steps th { text-align: left; font-weight: 400; } .bar { width: 60%; text-align: left; }
.bar b { display: block; height: 12px; border-radius: 3px; min-width: 2px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 1rem; }
.cards figure { margin: 0; } .cards img { height: 200px; max-width: 100%; object-fit: contain; border-radius: 6px;
  background: #000; display: block; margin-bottom: .3rem; } .cards figcaption { text-align: left; }
td.words { text-align: left; white-space: normal; } section img.sheet { max-width: 100%; width: auto; }
"""
