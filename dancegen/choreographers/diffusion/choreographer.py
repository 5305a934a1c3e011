"""The trained denoiser dances a song in three dimensions, and is filmed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from dancegen.choreographers.controls import DanceControls
from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.config import genre_number
from dancegen.choreographers.diffusion.feet import fix_foot_contacts
from dancegen.choreographers.diffusion.model import Model, load_model
from dancegen.choreographers.diffusion.music import encode_music
from dancegen.choreographers.diffusion.planning import SampleRequest
from dancegen.choreographers.diffusion.sampling import sample
from dancegen.choreographers.diffusion.timing import snap_to_beats
from dancegen.choreographers.edits import kept_spans, led_out, retimed
from dancegen.choreographers.genres import GenreSpan, joined, laid_over
from dancegen.choreographers.phrases import drawn, followed, held, loudness, phrases
from dancegen.choreographers.song_genres import choose_genres
from dancegen.errors import InputError
from dancegen.motion.body import GROUPS, Body, BodyMotion
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures

APPROACH_S = 1.5
"""Seconds left to come from one section's dance into the one that returns, and out of it again."""
TIME_FADE_S, FEET_FADE_S = 1.0, 0.4
"""Seconds from what is given within which retiming, and holding feet, grow from nothing to all."""
AHEAD_S = 0.035
"""By how much the feet of denoised dances come to stand before those they learnt from do, on songs of any tempo: being
smoother, they slow down sooner. So the music is given that much later."""
ENERGY_GAIN, LIVELY = (1.3, 2.2), (-1.5, 2.5)
"""Standard deviations from the usual liveliness: the energy that a denoiser is given for one of 0, and how much more
for each of 1, since it does less than that; and the least and the most that it is given, short of standing still and
of what it has never seen."""
HANGS_ON = {"legs": ("root",), "trunk": ("root",), "arms": ("root", "trunk")}
"""What else has to stay where a limb does, for it to stay where it is."""


class DiffusionChoreographer:
    """Dances with the model in `folder`, on a device. Raises ModelError where it cannot be rebuilt."""

    def __init__(self, folder: Path, device: str = "cpu"):
        self.model: Model = load_model(folder, device)

    def dance(
        self, song: SongFeatures, controls: DanceControls | None = None, *, seed: int = 0, progress: Progress = SILENT
    ) -> BodyMotion:
        """The whole dance, at the model's rate, on a floor whose middle is x = z = 0.

        Raises InputError for a genre that the model does not know, and for poses and spans that do not fit.
        """
        controls = controls or DanceControls()
        fps = self.model.config.window.fps
        frames = max(1, round(song.seconds * fps))
        given, known = self._given(controls, frames, song)
        request = SampleRequest(
            song=encode_music(song.mel, song.beats, frames, fps, AHEAD_S, onset=song.onset, level=song.level),
            style=self._styles(self.genres(song, controls, seed=seed), frames, fps, song.start_s),
            energy=_energy(_liveliness(song, frames, fps, seed) + controls.deviation),
            floor=controls.floor,
            seed=seed,
            given=given,
            known=known,
            returns=_returns(song, frames, fps) if controls.repeat_sections else (),
        )
        with progress.task("dancing", frames / fps) as advance, torch.random.fork_rng(devices=[]):
            (made,) = sample(
                self.model, [request], guidance=controls.music_guidance, advance=lambda count: advance(count / fps)
            )
        motion = f.decode(made, self.model.body, fps, song.start_s)
        if controls.retime:
            made = snap_to_beats(made, motion, song.beats, 0.0, _away(known, fps, TIME_FADE_S))
            motion = f.decode(made, self.model.body, fps, song.start_s)
        planted = fix_foot_contacts(motion, made[:, f.CONTACTS] > 0.5, _away(known, fps, FEET_FADE_S))
        return planted if known is None else _with_kept(planted, motion, known)

    def genres(self, song: SongFeatures, controls: DanceControls, *, seed: int = 0) -> tuple[GenreSpan, ...]:
        """What `dance` dances from when until when, in seconds of the song.

        The genre that is asked for; else those of the dance that is edited, where it has some that the model knows, and
        else what suits the song. A model whose files do not say what it learnt its genres from dances them all as one
        where nobody names one: it may have hardly learnt some. Raises InputError for a genre that it does not know.
        """
        end_s = song.start_s + song.seconds
        if controls.genre is not None:
            genre_number(self.model.styles, controls.genre)
            return (GenreSpan(song.start_s, end_s, controls.genre),)
        kept = [
            GenreSpan(max(span.start_s, song.start_s), min(span.end_s, end_s), span.genre)
            for span in controls.edited_genres
            if span.genre in self.model.styles and span.start_s < end_s and span.end_s > song.start_s
        ]
        if not all(style in self.model.learnt for style in self.model.styles):
            return joined(kept)
        speeds = self.model.normalizer.liveliness[:, 0].exp().tolist()
        known = [
            replace(self.model.learnt[style], speed=speed)
            for style, speed in zip(self.model.styles, speeds, strict=True)
        ]
        chosen = choose_genres(song, known, seed)
        return laid_over(chosen, kept) if kept and chosen else chosen

    def _styles(self, spans: tuple[GenreSpan, ...], frames: int, fps: float, start_s: float) -> np.ndarray | int:
        """The style of each frame (T,), or the one of all; 0 where no span is."""
        styles = np.zeros(frames, int)
        for span in spans:
            first, last = (round((moment - start_s) * fps) for moment in (span.start_s, span.end_s))
            styles[first:last] = genre_number(self.model.styles, span.genre)
        return styles if np.ptp(styles) else int(styles[0])

    def _given(
        self, controls: DanceControls, frames: int, song: SongFeatures
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """What of the dance is given: (T, 127) numbers and (T, 4) which parts of them count; None, None: nothing."""
        if not (controls.start_pose or controls.end_pose or controls.edit or controls.pass_pose):
            return None, None
        fps = self.model.config.window.fps
        given, known = np.zeros((frames, f.WIDTH), np.float32), np.zeros((frames, len(f.PARTS)), np.float32)
        if controls.edit is not None:
            self._keep(controls.edit, controls, given, known, song)
        for flag, frame, pose in (("start", 0, controls.start_pose), ("end", frames - 1, controls.end_pose)):
            if pose is None:
                continue
            if known[frame].any():
                raise InputError(f"--{flag}-pose: what is kept of the other dance says already how this one {flag}s")
            pose = _in_body(pose.slice(0, 1), self.model.body, fps)
            x, _, z = pose.root[0].tolist()
            given[frame], known[frame] = f.encode(pose.placed(0.0, (-x, -z)))[0], 1
        for moment, pose in controls.pass_pose:
            frame = round((moment - song.start_s) * fps)
            if not 0 <= frame < frames:
                raise InputError(
                    f"--pass-pose {moment:g}: this dance lasts from {song.start_s:g} to "
                    f"{song.start_s + song.seconds:g} s of the song"
                )
            if known[frame].any():
                raise InputError(f"--pass-pose {moment:g}: what is given otherwise says already how it is there")
            given[frame], known[frame] = f.encode(_in_body(pose.slice(0, 1), self.model.body, fps))[0], 1
        return given, known

    def _keep(
        self, dance: BodyMotion, controls: DanceControls, given: np.ndarray, known: np.ndarray, song: SongFeatures
    ) -> None:
        """Put what is to be kept of an earlier dance where it belongs in the song. InputError where there is none."""
        fps, start_s = self.model.config.window.fps, song.start_s
        offset = round((dance.start_s - start_s) * fps)
        old = _retimed(_in_body(dance, self.model.body, fps), controls, song, offset)
        first, last = max(0, offset), min(len(given), offset + len(old))
        if last <= first:
            raise InputError("the dance to keep from was danced to another part of the song")
        given[first:last] = old[first - offset : last - offset]

        def frames_of(span: tuple[float, float]) -> slice:
            return slice(*(min(last, max(first, round((t - start_s) * fps))) for t in span))

        for begin_s, end_s in controls.keep:
            here = frames_of((begin_s, end_s))
            if here.stop <= here.start:
                raise InputError(
                    f"--keep {begin_s:g}-{end_s:g}: that dance lasts from {dance.start_s:g} to "
                    f"{dance.start_s + dance.seconds:g} s of the song, and this one from {start_s:g} s on"
                )
        for span in kept_spans(controls):
            known[frames_of(span)] = 1
        for limb in controls.keep_joints:
            for part in (limb, *HANGS_ON[limb]):
                known[first:last, f.PARTS.index(part)] = 1
        for span in led_out(controls):
            known[frames_of(span)] = 0


def _liveliness(song: SongFeatures, frames: int, fps: float, seed: int) -> np.ndarray:
    """How lively (T,) each frame is to be, in standard deviations from the usual: phrase by phrase."""
    marks = phrases(song)
    normal = followed(drawn(seed, len(marks), 1), np.ones(1), loudness(song, marks))
    return held(song, marks, normal, np.arange(frames) / fps)[:, 0]


def _energy(deviations: np.ndarray) -> np.ndarray:
    """What to condition the denoiser on for a dance so many standard deviations livelier than usual."""
    return np.clip(ENERGY_GAIN[0] + ENERGY_GAIN[1] * deviations, *LIVELY)


def _returns(song: SongFeatures, frames: int, fps: float) -> tuple[tuple[int, np.ndarray], ...]:
    """First frame and earlier frames of every section that comes back; its ends are left free to get there and away."""
    from dancegen.audio.structure import repeated_sections

    found = []
    for section in repeated_sections(song.mel, song.beats):
        start, end = section.span(song.beats)
        first, last = round((start + APPROACH_S) * fps), min(frames, round((end - APPROACH_S) * fps))
        if last - first > fps:
            times = section.source_times(np.arange(first, last) / fps, song.beats)
            found.append((first, np.minimum(times * fps, frames - 1)))
    return tuple(found)


def _away(known: np.ndarray | None, fps: float, fade_s: float) -> np.ndarray | float:
    """(T,) 0 where legs and root are given, rising to 1 within `fade_s` of it; 1 where nothing is."""
    if known is None or not (given := (known[:, [f.PARTS.index("root"), f.PARTS.index("legs")]] > 0).all(1)).any():
        return 1.0
    from scipy.ndimage import distance_transform_edt

    frames = cast(np.ndarray, distance_transform_edt(~given))
    share = np.minimum(frames / (fade_s * fps), 1)
    return 0.5 - 0.5 * np.cos(np.pi * share)


def _retimed(dance: BodyMotion, controls: DanceControls, song: SongFeatures, offset: int) -> np.ndarray:
    """(T, 127) of a dance, of which frame 0 is frame `offset` of the song, with the spans that are asked for retimed.

    Where steps may be moved, those of retimed spans are moved onto the beat.
    """
    slower = retimed(dance, controls.retime_span)
    numbers = f.encode(slower)
    if not controls.retime or not controls.retime_span:
        return numbers
    times = dance.start_s + np.arange(len(dance)) / dance.fps
    inside = np.any([(times >= start) & (times < end) for start, end, _ in controls.retime_span], axis=0)
    outside = np.repeat(~inside[:, None], len(f.PARTS), 1).astype(np.float32)
    beats = replace(song.beats, times_s=song.beats.times_s - offset / dance.fps)
    moved = snap_to_beats(numbers, slower, beats, 0.0, _away(outside, dance.fps, FEET_FADE_S))
    return np.where(inside[:, None], moved, numbers)


def _in_body(motion: BodyMotion, body: Body, fps: float) -> BodyMotion:
    """A given dance at the model's rate. InputError where its body is not the one that the model moves."""
    if motion.body.offsets.shape != body.offsets.shape or np.abs(motion.body.offsets - body.offsets).max() > 1e-4:
        raise InputError("the dance to keep was danced by another body: keep dances that this model made")
    return motion.resample(fps)


def _with_kept(planted: BodyMotion, made: BodyMotion, known: np.ndarray) -> BodyMotion:
    """The dance with its feet planted, but for legs that are given: those stay what they were."""
    from dancegen.motion.body import NAMES, TURNING

    legs = np.array([TURNING.index(NAMES.index(name)) for name in GROUPS["legs"]])
    kept = np.ix_(np.flatnonzero(known[:, f.PARTS.index("legs")] > 0), legs)
    rotations = planted.rotations.copy()
    rotations[kept] = made.rotations[kept]
    return replace(planted, rotations=rotations)
