"""What the page's timelines and 3D views show: their elements, and the songs and dances behind them."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dancegen.context import Context
from dancegen.errors import DancegenError
from dancegen.stages.dance_files import AUDIO, BEATS, DANCES, FEATURES, MOTION, POSES
from dancegen.stages.songs import DEMO, SongFile, song_path
from dancegen.stages.track_beats import finder, tracker_of
from dancegen.store import SHORT, Artifact

if TYPE_CHECKING:
    from dancegen.studio.studio import Studio

ACCENTS = ("#ff4fc3", "#2fe6ff", "#ffd23f", "#4dffb0")
"""Colours that tell dances apart."""


def song_view(song: str | Path, context: Context) -> dict[str, Any]:
    """What `<dance-timeline>` shows of a song or `demo`. Its beats go into the store. Raises AudioError."""
    from dancegen.audio.overview import overview
    from dancegen.audio.song import analyse
    from dancegen.choreographers.phrases import phrases
    from dancegen.options.dance import GeneratePosesOptions

    file = SongFile(song_path(song))
    tracker = tracker_of(GeneratePosesOptions(song=str(song)))
    heard = analyse(file.path, beats=finder(file, context, tracker), progress=context.progress)
    return overview(heard, file.path, phrases(heard))


def dance_song_view(dance: Artifact) -> dict[str, Any]:
    """The same of the span of a song that is danced to; times are those of the whole song."""
    from dancegen.audio.overview import overview
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.phrases import phrases
    from dancegen.pose.sequence import PoseSequence

    heard = SongFeatures.load(dance.file(FEATURES), dance.file(BEATS))
    start_s = PoseSequence.load(dance.file(POSES)).start_s
    return overview(heard, dance.file(AUDIO), phrases(heard), start_s)


def dance_view(dance: Artifact) -> bytes:
    """What `<dance-view>` shows of a dance. Raises PoseError or MocapError where its files are damaged."""
    from dancegen.audio.beats import Beats
    from dancegen.audio.overview import rounded
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.export.packed import packed_dance
    from dancegen.pose.sequence import PoseSequence

    poses, beats = PoseSequence.load(dance.file(POSES)), Beats.load(dance.file(BEATS))
    has_bones = any(entry.path == MOTION for entry in dance.files)
    times = {"beats_s": beats.times_s, "downbeats_s": beats.times_s[beats.downbeats]}
    facts = {name: rounded(each + poses.start_s) for name, each in times.items()}
    return packed_dance(poses, BodyMotion.load(dance.file(MOTION)) if has_bones else None, facts)


def add_routes(app: Any, studio: Studio) -> None:
    """The addresses of `dance_view`, `dance_song_view` and of the demo song."""
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

    headers = {"cache-control": "private, max-age=3600"}

    def view(request: Any) -> Any:
        what, stage, digest = (request.path_params[name] for name in ("what", "stage", "digest"))
        try:
            if stage not in DANCES or len(digest) < SHORT or set(digest) - set("0123456789abcdef"):
                raise DancegenError("there is no such dance")
            dance = studio.store.look_up(digest, stage)
            if what == "dance":
                return Response(dance_view(dance), media_type="application/octet-stream", headers=headers)
            return JSONResponse(dance_song_view(dance), headers=headers)
        except DancegenError as error:
            return PlainTextResponse(f"{error}\n", 404)

    def demo(request: Any) -> Any:
        return FileResponse(song_path(DEMO), headers=headers)

    app.add_route(f"{studio.base}/views/{DEMO}", demo)
    app.add_route(f"{studio.base}/views/{{what}}/{{stage}}/{{digest}}", view)


def shown_dance(studio: Studio, dance: Artifact, **more: Any) -> dict[str, Any]:
    """What an element needs of a dance: `src` and `song` for a view and a timeline, and `sound`. more: besides."""
    at = f"{dance.stage}/{dance.digest[:SHORT]}?{dance.content[:8]}"
    view, song = (f"{studio.base}/views/{what}/{at}" for what in ("dance", "song"))
    return {"src": view, "song": song, "sound": studio.url(dance, AUDIO), "digest": dance.digest} | more


def sound_of(studio: Studio, song: str) -> str:
    """The address of a song that was uploaded, or of the demo."""
    return f"{studio.base}/views/{DEMO}" if song == DEMO else f"{studio.base}/gradio_api/file={quote(song)}"


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose last argument is the event, with what its element says of it (`event.spans`)."""
    import gradio as gr

    handler.__annotations__ = {handler.__code__.co_varnames[handler.__code__.co_argcount - 1]: gr.EventData}
    return handler


def element(studio: Studio, kind: str, elem_id: str, **settings: Any) -> Any:
    """A component of static/parts.js: `timeline` (events `span`, `seek`), `stage` or `choice` (event `keep`).

    settings: attributes of the element, such as clock, label, mark and lanes. Its value is an object, as said there.
    """
    import gradio as gr

    given = escape(json.dumps(settings), quote=True)
    call = f"m.{kind}(element, props, trigger, watch)"
    return gr.HTML(
        value={}, html_template=f'<div data-settings="{given}"></div>', apply_default_css=False, elem_id=elem_id,
        elem_classes="flush",  # pyright: ignore
        js_on_load=f"import('{studio.part('parts.js')}').then((m) => {call}); /* 'span' 'seek' 'keep' 'joint' */",
    )  # fmt: skip
