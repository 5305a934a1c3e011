"""What the verbs take that make dances and videos and measure them: generate-poses, render and evaluate.

What painted films can be asked for stands with what paints them: see `renderers.film.registry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dancegen.audio import BUILT_IN
from dancegen.choreographers.registry import FAMILIES, bundled_genres, usual_family
from dancegen.codecs import CODECS, USUAL, VIDEO_FILES, codec_for
from dancegen.errors import InputError
from dancegen.options.declare import (
    Options,
    Role,
    choice,
    each_of,
    lasting,
    metres,
    moment,
    option,
    pixels,
    redeclared_of,
    span,
    within,
)
from dancegen.options.edits import retimed_span, timed_poses
from dancegen.options.shared import (
    SOLID,
    Canvas,
    Characters,
    Detecting,
    Extracting,
    Filming,
    Listening,
    PoseFiles,
    Seeded,
    Span,
)
from dancegen.renderers import PASSES, STYLES
from dancegen.store import Artifact, Output

BODY = "For models that dance in three dimensions"

LIMBS = ("legs", "arms", "trunk")

_rate = within(1.0, 120.0, "frames a second")


def _is_danced(value: str) -> str:
    return f"; to dance {value}, write --genre {value}" if value.casefold() in bundled_genres() else ""


def _colour(flag: str, value: Any) -> str:
    """A colour as "#rrggbb", from that, from "#rgb", or from a name of CSS such as white or skyblue."""
    from PIL.ImageColor import getrgb

    try:
        found = getrgb(str(value).strip())
    except ValueError:
        found = ()
    if len(found) != 3:
        raise InputError(f"{flag} {value}: write a colour, like white, skyblue or #d0d4da")
    return "#" + bytes(found).hex()


def _engines() -> tuple[str, ...]:
    from dancegen.renderers.film.registry import BACKENDS

    return ("skeleton", *BACKENDS)


def _codec_of_file(options: Any, codec: str, output: Output) -> str:
    """The codec that writes a video of the place's suffix. Raises InputError where the one that was given does not."""
    if not output.is_file or Path(output.path).suffix.lower() not in {Path(name).suffix for name in VIDEO_FILES}:
        return codec
    return codec_for(output.path, None if codec == USUAL else codec).name


def _frames_in_folder(options: Any, frames: bool, output: Output) -> bool:
    """A folder that drawings for ControlNet go to receives every frame."""
    for_controlnet = options.style == "openpose" and options.prompt is None and getattr(options, "over", None) is None
    return frames or (for_controlnet and not output.is_file)


@dataclass(frozen=True, kw_only=True)
class GeneratePosesOptions(Span, Canvas, PoseFiles, Listening, Filming, Characters, Seeded):
    """From a song to a choreography."""

    song: str | Path = option(
        help="A song (wav, flac, ogg, mp3, m4a and more), a video, or demo for the bundled song.", metavar="SONG",
        argument=True, role=Role.INPUT,
    )  # fmt: skip
    model: str | Path = option(
        usual_family(), help=f"{', '.join(FAMILIES)}, a model's path or digest, or a baseline.", metavar="MODEL",
        role=Role.INPUT, names=tuple(FAMILIES),
    )  # fmt: skip
    fps: float = option(30.0, help="Frames a second.", metavar="FPS", parse=_rate)
    tempo: float | None = option(
        None, help="The song's beats a minute, where they are heard wrongly.", metavar="BPM",
        parse=within(40.0, 240.0, "beats a minute"),
    )  # fmt: skip
    beats: str | Path | None = option(
        None, help="Take the song's beats from FILE: times, one a line, or a beats.json.", metavar="FILE",
        role=Role.INPUT,
    )  # fmt: skip
    camera: str = redeclared_of(
        Filming, "camera", "front", help="front, side, orbit, follow or cuts.", panel=BODY, role=Role.SETTING,
        through=None,
    )  # fmt: skip
    music_guidance: float | None = option(
        None, help="How closely to follow music and genre: 0 ignores them, 4 is usual.", metavar="W", panel=BODY,
        parse=within(0.0, 20.0),
    )  # fmt: skip
    floor: tuple[float, float] | None = option(
        "3x3", help="Metres of floor to stay on; none has no edge.", metavar="WxD", panel=BODY, parse=metres
    )
    genre: str | None = option(
        None, help="What to dance throughout, like salsa (see dancegen genres); else what suits the song.",
        metavar="NAME", panel=BODY, names=bundled_genres,
    )  # fmt: skip
    energy: float = option(
        0.5, help="How lively: 0 is calm, 0.5 usual, 1 wild.", metavar="0..1", panel=BODY, parse=within(0.0, 1.0)
    )
    start_pose: str | Path | None = option(
        None,
        help="Begin in the first pose of DANCE, or its pose at S.",
        metavar="DANCE[@S]",
        panel=BODY,
        role=Role.INPUT,
    )
    end_pose: str | Path | None = option(
        None,
        help="End in the first pose of DANCE, or its pose at S.",
        metavar="DANCE[@S]",
        panel=BODY,
        role=Role.INPUT,
    )
    edit: str | Path | None = option(
        None,
        help="An earlier dance, or poses from a file, of which a part is kept.",
        metavar="DANCE",
        panel=BODY,
        role=Role.INPUT,
    )
    pass_pose: tuple[tuple[float, str | Path], ...] = option(
        (), help="At S of the song, pass through a pose: DANCE[@S], or a JSON of joints; repeatable.",
        metavar="S=POSE", panel=BODY, role=Role.INPUT, parse=timed_poses,
    )  # fmt: skip
    keep: tuple[tuple[float, float], ...] = option(
        (),
        help="Where in the song to keep it, like 1:05-1:20; repeatable.",
        metavar="FROM-TO",
        panel=BODY,
        parse=each_of(span),
    )
    keep_joints: tuple[str, ...] = option(
        (), help="Limbs to keep of it: legs, trunk, arms (with the trunk).", metavar="LIMBS", panel=BODY,
        parse=each_of(choice(*LIMBS)), names=LIMBS,
    )  # fmt: skip
    retime_span: tuple[tuple[float, float, float], ...] = option(
        (), help="Where in the song to dance it slower or faster, like 10-14=0.5; repeatable.", metavar="FROM-TO=RATE",
        panel=BODY, parse=each_of(retimed_span),
    )  # fmt: skip
    repeat_sections: bool = option(
        False, help="When a section such as the chorus returns, so do its moves.", panel=BODY
    )
    no_retime: bool = option(
        False, help="Leave steps when they come: else a little is mended to be on the beat.", panel=BODY
    )
    retarget: str | Path | None = redeclared_of(  # of the file that is written: poses are the same
        Characters, "retarget", panel=BODY, role=Role.HARMLESS,
        help="With -o hero.glb or .bvh: let your own character dance (rigged .glb, .vrm or .bvh).",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Characters):
    """From a choreography to files of other programs."""

    dance: Artifact | str | Path | None = option(
        None, help="A dance: digest or path, a motion.npz, poses.npz or OpenPose JSON; else the newest.",
        metavar="DANCE", argument=True, role=Role.INPUT,
    )  # fmt: skip
    joints: str | Path | None = option(
        None, help="The character's names of joints, where they are not known: a JSON map.", metavar="FILE",
        role=Role.INPUT,
    )  # fmt: skip
    fps: float | None = option(None, help="Frames a second; else the dance's own.", metavar="FPS", parse=_rate)


@dataclass(frozen=True, kw_only=True)
class SkeletonOptions(Options):
    """From a choreography to a drawn video."""

    poses: Artifact | str | Path | None = option(
        None, help="A dance: digest or path, a video, a poses.npz, OpenPose JSON or a folder of it; else the newest.",
        metavar="POSES", argument=True, role=Role.INPUT,
    )  # fmt: skip
    style: str = option(
        "neon", help="How the dancer is drawn: neon to watch, openpose for ControlNet, mannequin for video models.",
        metavar="NAME", parse=choice(*STYLES, otherwise=_is_danced),
    )  # fmt: skip
    fps: float | None = option(None, help="Frames a second.", metavar="FPS", parse=_rate)
    size: tuple[int, int] | None = option(
        None, help="The video's size: 1280x720, or 512x768 with a prompt.", metavar="WxH", parse=pixels
    )
    codec: str = option(
        USUAL, help="h264 to watch; for editors prores (.mov), ffv1 (.mkv, lossless) or h264-10 (ten bits).",
        metavar="NAME", parse=choice(*CODECS), placed=_codec_of_file,
    )  # fmt: skip
    frames: bool = option(
        False, help="Keep the frames as PNG files too; -o FOLDER of style openpose does.", placed=_frames_in_folder
    )
    alpha: bool = option(False, help="Leave the background of the PNG files clear, in style openpose.")


@dataclass(frozen=True, kw_only=True)
class MannequinOptions(Filming, SkeletonOptions):
    """From a choreography in space to a video of a solid figure."""

    background: str | None = option(
        None, help="What is behind the figure: a colour, like white, skyblue or #d0d4da.", metavar="COLOUR",
        panel=SOLID, parse=_colour,
    )  # fmt: skip
    render_pass: str | None = option(
        None, help="Instead of the figure in its light, its depth or its normals, as ControlNet reads them.",
        metavar="PASS", flag="--pass", panel=SOLID, parse=choice(*PASSES),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OverlayOptions(SkeletonOptions):
    """From a choreography and footage to a drawn video of both."""

    over: str | Path | None = option(
        None, help="Draw the skeleton over the footage that POSES were seen in, or, without POSES, are found in now.",
        metavar="VIDEO", role=Role.INPUT,
    )  # fmt: skip
    beside: bool = option(False, help="Draw it beside the footage instead.")


@dataclass(frozen=True, kw_only=True)
class RenderOptions(Span, OverlayOptions, MannequinOptions, PoseFiles, Listening, Detecting, Seeded):
    """From a choreography to a video: what any engine takes."""

    start: float = redeclared_of(
        Span, "start", 0.0, help="Where in a video to begin: seconds, or 1:30.", role=Role.DERIVED, through="poses"
    )
    seconds: float | None = redeclared_of(
        Span, "seconds", help="How much of a video to take; else to its end.", role=Role.DERIVED, through="poses"
    )
    detector: str | Path | None = redeclared_of(Detecting, "detector", role=Role.DERIVED, through="poses")
    beat_tracker: str | Path = redeclared_of(
        Listening, "beat_tracker", BUILT_IN, role=Role.DERIVED, through="poses"
    )  # fmt: skip
    hands: bool = redeclared_of(
        Extracting, "hands", False, help="In a video, look for hands too.", role=Role.DERIVED, through="poses"
    )
    face: bool = redeclared_of(
        Extracting, "face", False, help="In a video, look for faces too.", role=Role.DERIVED, through="poses"
    )
    engine: str | None = option(
        None,
        help="What makes the pictures: skeleton, or with a prompt animatediff or wan-vace.",
        metavar="NAME",
        names=_engines,
    )
    prompt: str | None = option(
        None, help="What to film; '0:00 TEXT | 0:32 TEXT' changes it with the song.", metavar="TEXT"
    )
    music: str | Path | None = option(
        None, help="The song of poses from a file, demo, or none; else that of the dance or video they came from.",
        metavar="PATH", role=Role.DERIVED, through="poses",
    )  # fmt: skip
    music_start: float | None = option(
        None, help="Where in --music the poses begin, as 90 or 1:30; else where they say.", metavar="S",
        role=Role.DERIVED, through="poses", parse=lasting(0.0, 1e6),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DanceOptions(Options):
    """What only the verb takes that does both."""

    sound_only: bool = option(
        False, help="Of a video take the music alone, and choreograph it.", role=Role.DERIVED, through="poses"
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Detecting, Listening, Seeded):
    """From dances to figures."""

    inputs: tuple[Artifact | str | Path, ...] = option(
        (), help="Models (gan, a path, a digest, baseline:NAME), poses (digest, .npz, OpenPose JSON) or videos.",
        metavar="INPUT...", argument=True, role=Role.INPUT,
    )  # fmt: skip
    songs: str | Path | None = option(
        None,
        help="What models dance to: a song, a folder of them, or demo, which is usual.",
        metavar="PATH",
        role=Role.INPUT,
    )
    reference: Artifact | str | Path | None = option(
        None, help="Real dance to compare with: poses or reference.npz; else bundled.", metavar="DATASET",
        role=Role.INPUT,
    )  # fmt: skip
    protocol: str | None = option(
        None, help="aist: the figures of papers on AIST++, of joints in space, against motion as --reference.",
        metavar="NAME", parse=choice("aist"), names=("aist",),
    )  # fmt: skip
    start: float = option(
        0.0,
        help="Where in each song to begin: seconds, or 1:30.",
        metavar="S",
        role=Role.DERIVED,
        through="inputs",
        parse=moment,
    )
    seconds: float | None = option(
        60.0,
        help="How long to dance to each song.",
        metavar="S",
        role=Role.DERIVED,
        through="inputs",
        parse=moment,
    )
    json_fps: float = option(
        30.0, help="Frames a second of OpenPose JSON, which states none.", metavar="FPS", parse=_rate
    )
    json_canvas: tuple[int, int] | None = option(
        None, help="Canvas of OpenPose JSON that states none; else what holds the poses.", metavar="WxH", parse=pixels
    )
