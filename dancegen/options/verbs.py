"""The options of every verb. Flags, Python keywords, recipes and forms come from here and from nowhere else.

One name means one thing in all of them. What painted films can be asked for stands with what paints them: see
`renderers.film.registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields, make_dataclass
from dataclasses import field as new_field
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from dancegen.choreographers.registry import FAMILIES, usual_family
from dancegen.options.declare import (
    Options,
    Role,
    above,
    choice,
    declared,
    each_of,
    metres,
    option,
    pixels,
    span,
    within,
)
from dancegen.options.shared import Canvas, Detecting, Parallel, Seeded
from dancegen.renderers import STYLES
from dancegen.store import Artifact

BODY = "For models that dance in three dimensions"

CAMERAS = ("front", "side", "orbit", "follow", "cuts")
LIMBS = ("legs", "arms", "trunk")

_rate = within(1.0, 120.0, "frames a second")


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(Seeded, Parallel):
    """From motion capture and songs to a dataset."""

    sources: tuple[str | Path, ...] = option(
        help="Motion capture: .bvh or .amc files, or folders of them.", metavar="SOURCE...", argument=True,
        role=Role.INPUT,
    )  # fmt: skip
    music: str | Path | None = option(
        None, help="Songs: silent dance is warped onto their beats.", metavar="DIR", role=Role.INPUT
    )
    source_fps: float | None = option(
        None, help="The files' true rate, where their header is wrong.", metavar="FPS",
        parse=within(1.0, 1000.0, "frames a second"),
    )  # fmt: skip
    fps: float = option(30.0, help="Frames a second.", metavar="FPS", parse=within(1.0, 240.0, "frames a second"))
    clip_seconds: float = option(10.0, help="Length of a clip.", metavar="S", parse=within(1.0, 60.0, "seconds"))
    pairs: int = option(4, help="Songs that each take is paired with.", metavar="N", parse=within(1, 1000))
    val_fraction: float = option(
        0.1, help="Share of takes kept for validation.", metavar="0..1", parse=within(0.0, 0.999)
    )
    genre: str | None = option(
        None, help="The dance's genre; else its folder's name.", metavar="NAME", role=Role.DERIVED, through="genres"
    )
    licence: str | None = option(None, help="The data's licence, noted with every clip.", metavar="TEXT")


@dataclass(frozen=True, kw_only=True)
class ExtractPosesOptions(Canvas, Parallel):
    """From a dataset to what cameras see of it."""

    dataset: Artifact | str | Path | None = option(
        None, help="A prepared dataset: path or digest; else the newest.", metavar="DATASET", argument=True,
        role=Role.INPUT,
    )  # fmt: skip
    views: str | tuple = option(
        "0,45,90,135", help="Camera angles around the dancer, or orbit, follow, cuts.", metavar="DEGREES"
    )


def _config_number(help: str, metavar: str) -> Any:
    """A number over 0 that goes into the family's configuration; None leaves it to the preset."""
    return option(None, help=help, metavar=metavar, role=Role.DERIVED, through="config", parse=above(0))


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Seeded):
    """From a dataset to a model."""

    dataset: Artifact | str | Path | None = option(
        None, help="A dataset of prepare, for the GAN one of extract-poses; else the newest.", metavar="DATASET",
        argument=True, role=Role.INPUT,
    )  # fmt: skip
    family: str = option(usual_family(), help=f"Family of choreographers: {' or '.join(FAMILIES)}.", metavar="NAME")
    preset: str = option(
        "small", help="Size and settings: small (for two CPU cores), base; original (gan).", metavar="NAME",
        role=Role.DERIVED, through="config",
    )  # fmt: skip
    epochs: int | None = _config_number("Stop when every clip was shown N times.", "N")
    max_steps: int | None = _config_number("Stop after N optimiser steps.", "N")
    minutes: float | None = _config_number("Stop after M minutes.", "M")
    batch: int | None = _config_number("Clips a step, in all processes together.", "N")
    learning_rate: float | None = _config_number("The optimiser's rate at the start.", "R")
    decay: float | None = _config_number("Factor on the rate at each decay (gan).", "F")
    decay_steps: int | None = _config_number("Decay every N steps instead of every epoch (gan).", "N")
    init: str | Path | None = option(
        None, help="Start from these weights: a bundled model, a path or a digest.", metavar="MODEL", role=Role.INPUT
    )
    vgg: str | Path | None = option(
        None, help="VGG16 weights for the perceptual loss (gan; safetensors or .pth).", metavar="PATH",
        role=Role.INPUT,
    )  # fmt: skip
    perceptual: float | None = option(
        None, help="Weight of the perceptual loss; 0 needs no VGG (gan).", metavar="W", role=Role.DERIVED,
        through="config",
    )  # fmt: skip
    settings: tuple[str, ...] = option(
        (), help="Any other setting, like loss.l1=40; repeatable.", metavar="NAME=VALUE", flag="--set",
        role=Role.DERIVED, through="config",
    )  # fmt: skip
    wandb: str | None = option(
        None, help="Also log to Weights & Biases (needs the wandb extra).", metavar="PROJECT", role=Role.HARMLESS
    )


@dataclass(frozen=True, kw_only=True)
class GeneratePosesOptions(Canvas, Seeded):
    """From a song to a choreography."""

    song: str | Path = option(
        help="A song (wav, flac, ogg, mp3, m4a and more), or demo for the bundled one.", metavar="SONG",
        argument=True, role=Role.INPUT,
    )  # fmt: skip
    model: str | Path = option(
        usual_family(), help=f"{', '.join(FAMILIES)}, a model's path or digest, or a baseline.", metavar="MODEL",
        role=Role.INPUT,
    )  # fmt: skip
    fps: float = option(30.0, help="Frames a second.", metavar="FPS", parse=_rate)
    start: float = option(0.0, help="Where in the song to begin, in seconds.", metavar="S")
    seconds: float | None = option(None, help="How long to dance; else to the end.", metavar="S")
    camera: str = option(
        "front", help="front, side, orbit, follow or cuts.", metavar="NAME", panel=BODY, parse=choice(*CAMERAS)
    )
    music_guidance: float | None = option(
        None, help="How closely to follow the music: 0 ignores it, 2 is usual.", metavar="W", panel=BODY,
        parse=within(0.0, 20.0),
    )  # fmt: skip
    floor: tuple[float, float] | None = option(
        "3x3", help="Metres of floor to stay on; none has no edge.", metavar="WxD", panel=BODY, parse=metres
    )
    genre: str | None = option(
        None, help="What to dance: a genre the model was trained on.", metavar="NAME", panel=BODY
    )
    energy: float = option(
        0.5, help="How lively: 0 is calm, 0.5 usual, 1 wild.", metavar="0..1", panel=BODY, parse=within(0.0, 1.0)
    )
    start_pose: str | Path | None = option(
        None,
        help="Begin in the first pose of DANCE, or its pose at S s.",
        metavar="DANCE[@S]",
        panel=BODY,
        role=Role.INPUT,
    )
    end_pose: str | Path | None = option(
        None,
        help="End in the first pose of DANCE, or its pose at S s.",
        metavar="DANCE[@S]",
        panel=BODY,
        role=Role.INPUT,
    )
    edit: str | Path | None = option(
        None, help="An earlier dance, of which a part is kept.", metavar="DANCE", panel=BODY, role=Role.INPUT
    )
    keep: tuple[tuple[float, float], ...] = option(
        (), help="Seconds of the song to keep of it; repeatable.", metavar="FROM-TO", panel=BODY, parse=each_of(span)
    )
    keep_joints: tuple[str, ...] = option(
        (), help="Limbs to keep of it: legs, trunk, arms (with the trunk).", metavar="LIMBS", panel=BODY,
        parse=each_of(choice(*LIMBS)),
    )  # fmt: skip
    repeat_sections: bool = option(
        False, help="When a section such as the chorus returns, so do its moves.", panel=BODY
    )
    retime: bool = option(False, help="Move steps onto the beats afterwards.", panel=BODY)


@dataclass(frozen=True, kw_only=True)
class SkeletonOptions(Options):
    """From a choreography to a drawn video."""

    poses: Artifact | str | Path | None = option(
        None, help="Generated poses: path or digest; else the newest.", metavar="POSES", argument=True,
        role=Role.INPUT,
    )  # fmt: skip
    style: str = option(
        "neon", help="How the dancer is drawn: neon to watch, openpose for ControlNet.",
        metavar="NAME", parse=choice(*STYLES),
    )  # fmt: skip
    fps: float | None = option(None, help="Frames a second.", metavar="FPS", parse=_rate)
    size: tuple[int, int] | None = option(
        None, help="The video's size: 1280x720, or 384x512 with a prompt.", metavar="WxH", parse=pixels
    )


@dataclass(frozen=True, kw_only=True)
class RenderOptions(SkeletonOptions, Seeded):
    """From a choreography to a video: what any engine takes."""

    engine: str | None = option(
        None, help="What makes the pictures: skeleton, or animatediff with a prompt.", metavar="NAME"
    )
    prompt: str | None = option(
        None, help="What to film; '0:00 TEXT | 0:32 TEXT' changes it with the song.", metavar="TEXT"
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Detecting, Seeded):
    """From dances to figures."""

    inputs: tuple[Artifact | str | Path, ...] = option(
        (), help="Models (gan, a path, a digest, baseline:NAME), poses (digest, .npz, OpenPose JSON) or videos.",
        metavar="INPUT...", argument=True, role=Role.INPUT,
    )  # fmt: skip
    songs: str | Path | None = option(
        None, help="What models dance to: a song or a folder; else the demo song.", metavar="PATH", role=Role.INPUT
    )
    reference: Artifact | str | Path | None = option(
        None, help="Real dance to compare with: poses or reference.npz; else bundled.", metavar="DATASET",
        role=Role.INPUT,
    )  # fmt: skip
    start: float = option(
        0.0, help="Where in each song to begin, in seconds.", metavar="S", role=Role.DERIVED, through="inputs"
    )
    seconds: float | None = option(
        60.0, help="How long to dance to each song.", metavar="S", role=Role.DERIVED, through="inputs"
    )
    json_fps: float = option(
        30.0, help="Frames a second of OpenPose JSON, which states none.", metavar="FPS", parse=_rate
    )


def render_options() -> type[RenderOptions]:
    """The options of render: its own, and those of all film backends there are."""
    from dancegen.renderers.film.registry import option_classes

    return _joined("AllRenderOptions", (RenderOptions, *option_classes()))


def dance_options() -> type[Options]:
    """Every option of the two steps that dance runs, but the poses that go from one to the other."""
    return _joined("DanceOptions", (GeneratePosesOptions, render_options()), without=("poses",))


@cache
def _joined(name: str, classes: tuple[type[Options], ...], without: tuple[str, ...] = ()) -> Any:
    """A class with the options of several: of those with one name, the first one's.

    Raises TypeError for one name that is declared with two meanings: neither in the same words, nor in a class that
    both come from.
    """
    found: dict[str, tuple[type[Options], Field]] = {}
    for each in classes:
        for field in fields(each):
            first, declaration = found.setdefault(field.name, (each, field))
            if declared(declaration) != declared(field) and not _inherited(field.name, first, each):
                raise TypeError(f"{first.__name__} and {each.__name__} declare two options of the name {field.name}")
    kept = [
        (own, get_type_hints(each)[own], _copied(field)) for own, (each, field) in found.items() if own not in without
    ]
    bases = (Options,) if without else classes[:1]
    return make_dataclass(name, kept, bases=bases, frozen=True, kw_only=True)


def _inherited(name: str, one: type[Options], other: type[Options]) -> bool:
    shared = (base for base in one.__mro__ if base in other.__mro__)
    return any(name in getattr(base, "__dataclass_fields__", ()) for base in shared)


def _copied(field: Field) -> Any:
    return new_field(default=field.default, metadata=field.metadata)


@dataclass(frozen=True)
class Verb:
    """A command, and the function of the same name in Python.

    options: gives the class of its options. files: the files of its result that `output` can name by their suffix.
    about: what its help says. examples: command lines without `dancegen`.
    """

    name: str
    options: Callable[[], type[Options]]
    files: tuple[str, ...]
    about: str
    examples: tuple[str, ...]
    computes: bool = True
    """Whether a model computes, on a device that can be chosen."""

    @property
    def function(self) -> str:
        return self.name.replace("-", "_")


VERBS = (
    Verb(
        "dance", dance_options, ("video.mp4",),
        "Make a dance video: SONG.mp4 in the current directory, unless --output says otherwise.\n\n"
        "It is generate-poses and render in one go; what either has made before is not made again.",
        (
            "dance demo",
            "dance song.mp3",
            "dance song.mp3 --seconds 30 --size 720x1280 --seed 7 -o short.mp4",
            "dance song.mp3 --genre salsa --energy 0.8 --camera cuts",
            "dance song.mp3 --prompt 'a dancer in a red dress, ballroom' --fast",
        ),
    ),
    Verb(
        "prepare", lambda: PrepareOptions, (),
        "Make a dataset: dance as joints in metres, in clips, each with its music.\n\n"
        "Silent takes are warped gently so that their steps fall on the beats of the songs.",
        (
            "prepare mocap/salsa mocap/modern --music songs",
            "prepare mocap/salsa --music songs --source-fps 60 --licence 'CMU, free to use'",
        ),
        computes=False,
    ),
    Verb(
        "extract-poses", lambda: ExtractPosesOptions, (),
        "Make a pose dataset: 18 OpenPose keypoints a frame, from several camera angles.\n\n"
        "The dancer keeps one scale and one place for a whole clip.",
        ("extract-poses", "extract-poses 3f2a9c41 --views 0,90,180,270"),
        computes=False,
    ),
    Verb(
        "train", lambda: TrainOptions, ("model.safetensors", "history.csv"),
        "Train a choreographer. Ctrl-C keeps what was learnt; the same command goes on from there.",
        (
            "train --minutes 90",
            "train --init diffusion --minutes 30",
            "train --family gan --preset small --epochs 5",
            "train --family gan --set loss.l1=100 --set train.ema=0.99",
            "train --minutes 90 --wandb my-dancers",
            "train --family gan --preset original --device cuda --vgg vgg16.safetensors",
        ),
    ),
    Verb(
        "generate-poses", lambda: GeneratePosesOptions,
        ("poses.npz", "preview.mp4", "openpose.json", "dance.bvh"),
        "Choreograph a song: poses, OpenPose JSON, its beats, and a preview with the music.",
        (
            "generate-poses song.mp3",
            "generate-poses song.mp3 --model 3f2a9c41 --start 60 --seconds 30 --seed 7",
            "generate-poses song.mp3 -o poses.npz",
            "generate-poses song.mp3 --camera orbit --genre salsa --energy 0.8",
            "generate-poses song.mp3 --edit 8c1e20aa --keep 12.0-20.5 --seed 3",
        ),
    ),
    Verb(
        "render", render_options, ("video.mp4",),
        "Paint a choreography: an MP4 with the music it was made for.\n\n"
        "Without --prompt the dancer is drawn as a skeleton. With it, Stable Diffusion and AnimateDiff paint what it "
        "says. MODEL is a name on the hub (owner/name, with @revision if you like), a directory or a checkpoint file.",
        (
            "render",
            "render 3f2a9c41 --size 720x1280 -o dance.mp4",
            "render --style openpose --size 512x512",
            "render --prompt 'a dancer in a red dress, ballroom' --dry-run",
            "render --prompt '0:00 a ballroom | 0:32 a neon street at night' --fast -o film.mp4",
        ),
    ),
    Verb(
        "evaluate", lambda: EvaluateOptions, ("report.html", "metrics.json", "reference.npz"),
        "Measure dances: one table, a report.html and a metrics.json.\n\n"
        "Real dance and the baselines stand beside. With --reference DATASET the baselines dance to the same songs, "
        "and copies of its clips are looked for. Closer to real dance is better; a higher figure is not.",
        (
            "evaluate gan --songs songs",
            "evaluate gan 3f2a9c41 baseline:shuffle --songs songs --seconds 30 -o report.html",
            "evaluate poses.npz openpose.json dance.mp4",
            "evaluate 3f2a9c41 --songs songs --reference 71bc0d2e",
        ),
    ),
)  # fmt: skip
