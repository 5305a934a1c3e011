"""The verbs, each a command and a function in Python, and the options of those that join several.

One name means one thing in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields, make_dataclass
from dataclasses import field as new_field
from functools import cache
from typing import Any, get_type_hints

from dancegen.codecs import VIDEO_FILES
from dancegen.errors import InputError, choose_one
from dancegen.options.dance import DanceOptions, EvaluateOptions, ExportOptions, GeneratePosesOptions, RenderOptions
from dancegen.options.data import ExtractPosesOptions, PrepareOptions, TrainOptions
from dancegen.options.declare import Options, declared


def render_options() -> type[RenderOptions]:
    """The options of render: its own, and those of all film backends there are."""
    from dancegen.renderers.film.registry import option_classes

    return _joined("AllRenderOptions", (RenderOptions, *option_classes()))


def dance_options() -> type[Options]:
    """Every option of the two steps that dance runs, but those of the poses that go from one to the other."""
    return _joined(
        "DanceOptions",
        (GeneratePosesOptions, DanceOptions, render_options()),
        without=("poses", "music", "music_start", "over", "beside", "retarget"),
    )


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
    about: what its help says. examples: command lines without `dancegen`. others: more files that its result may have,
    which `output` names by their names.
    """

    name: str
    options: Callable[[], type[Options]]
    files: tuple[str, ...]
    about: str
    examples: tuple[str, ...]
    others: tuple[str, ...] = ()
    computes: bool = True
    """Whether a model computes, on a device that can be chosen."""
    makes: str = ""
    """The stage of its result, where that has another name."""
    exports: tuple[str, ...] = ()
    """Files that `output` can name by their suffix too, and that are made of the result then, by export."""

    @property
    def function(self) -> str:
        return self.name.replace("-", "_")

    @property
    def stage(self) -> str:
        """The stage of its result."""
        return self.makes or self.name


VERBS = (
    Verb(
        "dance", dance_options, VIDEO_FILES,
        "Make a dance video: SONG.mp4 in the current directory, unless --output says otherwise.\n\n"
        "A video there that dancegen did not make is kept: the dance is SONG-dance.mp4 then. "
        "It is generate-poses and render in one go; what either has made before is not made again.\n\n"
        "Where SONG is a video, the dance that it shows is filmed, to its own music: no choreography is made. "
        "With --sound-only the video is a song like any other.",
        (
            "dance demo",
            "dance song.mp3",
            "dance song.mp3 --seconds 30 --size 720x1280 --seed 7 -o short.mp4",
            "dance song.mp3 --genre salsa --energy 0.8 --camera cuts",
            "dance song.mp3 --prompt 'a dancer in a red dress, ballroom' --fast",
            "dance clip.mp4 --prompt 'a robot, neon street' --fast",
            "dance clip.mp4 --sound-only --genre salsa",
        ),
        others=("poster.png", "sheet.png"), makes="render",
    ),
    Verb(
        "prepare", lambda: PrepareOptions, (),
        "Make a dataset: recorded dance in clips, each with its music.\n\n"
        "Silent motion is warped gently so that its steps fall on the beats of the songs. Videos keep their own sound, "
        "or take that of a sound file of the same name beside them.",
        (
            "prepare videos --licence 'filmed by us'",
            "prepare mocap/salsa mocap/modern --music songs",
            "prepare mocap/salsa --music songs --source-fps 60 --licence 'CMU, free to use'",
        ),
        others=("clips.jsonl",), computes=False,
    ),
    Verb(
        "extract-poses", lambda: ExtractPosesOptions, (),
        "Make a pose dataset: 18 OpenPose keypoints a frame, from several camera angles or as it was filmed.\n\n"
        "In filmed dances a detector looks for the dancer, and what it sees is cleaned; it looks at each clip once. "
        "The dancer keeps one scale and one place for a whole clip.",
        (
            "extract-poses",
            "extract-poses 3f2a9c41 --views 0,90,180,270",
            "extract-poses --detector blazepose --workers 4",
            "extract-poses --backend dask --scheduler tcp://10.0.0.1:8786",
        ),
        others=("clips.jsonl",),
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
        others=("config.json", "discriminator.safetensors"),
    ),
    Verb(
        "generate-poses", lambda: GeneratePosesOptions,
        ("poses.npz", "preview.mp4", "openpose.json", "dance.bvh"),
        "Choreograph a song: poses, OpenPose JSON, its beats, and a preview with the music.",
        (
            "generate-poses song.mp3",
            "generate-poses song.mp3 --model 3f2a9c41 --start 60 --seconds 30 --seed 7",
            "generate-poses song.mp3 -o poses.npz",
            "generate-poses song.mp3 -o dance.glb",
            "generate-poses song.mp3 --camera orbit --genre salsa --energy 0.8",
            "generate-poses song.mp3 --edit 8c1e20aa --keep 12.0-20.5 --seed 3",
        ),
        others=("motion.npz", "danced-genres.json", "beats.json", "audio.flac", "features.npz"),
        exports=("dance.glb", "dance.vrma"),
    ),
    Verb(
        "render", render_options, VIDEO_FILES,
        "Draw or paint a choreography: an MP4 with the music it was made for.\n\n"
        "Without --prompt the dancer is drawn as a skeleton. With it, Stable Diffusion and AnimateDiff paint what it "
        "says. MODEL is a name on the hub (owner/name, with @revision if you like), a directory or a checkpoint file."
        "\n\nOf a video, the dancer is found in its pictures, and its own sound is the music.",
        (
            "render",
            "render 3f2a9c41 --size 720x1280 -o dance.mp4",
            "render --style openpose --size 512x768 -o comfyui/",
            "render --codec prores -o dance.mov",
            "render --prompt 'a dancer in a red dress, ballroom' --dry-run",
            "render --prompt '0:00 a ballroom | 0:32 a neon street at night' --fast -o film.mp4",
            "render clip.mp4 --prompt 'a robot, neon street' --start 0:12 --seconds 20",
            "render --over clip.mp4 -o skeleton.mp4",
        ),
        others=("poster.png", "sheet.png", "openpose.json", "comfyui-animatediff.json", "comfyui-wan-vace.json"),
    ),
    Verb(
        "export", lambda: ExportOptions, ("dance.glb", "dance.vrma", "dance.bvh"),
        "Take a dance to other programs: glTF with a mannequin, VRM animation, BVH.\n\n"
        "With --retarget your own character dances: its file comes back with the dance in it, and as BVH.",
        (
            "export -o dance.glb",
            "export 3f2a9c41 -o dance.vrma",
            "export 3f2a9c41 --retarget hero.glb -o hero-dances.glb",
            "export 3f2a9c41 --retarget skeleton.bvh -o dance.bvh",
        ),
        computes=False,
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


def verb_named(name: str) -> Verb:
    """The verb of a name, `generate-poses` or `generate_poses`. Raises InputError for one that there is not."""
    found = next((each for each in VERBS if name in (each.name, each.function)), None)
    if found is None:
        raise InputError(f"there is no {name}; {choose_one(name, [each.name for each in VERBS])}")
    return found
