"""The server of the studio: the guard, our own routes, and the Gradio page behind them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dancegen.errors import DancegenError, InputError
from dancegen.jobs import Job, Jobs
from dancegen.jobs.drafts import remove_old_uploads
from dancegen.serving import Access, Guard, listen, share
from dancegen.store import Store
from dancegen.studio.studio import STATIC, Studio

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self' data:"
"""For pages out of the store: a report is shown, and nothing in it may act."""
LARGEST_UPLOAD = "4gb"
_KINDS = {".glb": "model/gltf-binary", ".vrma": "model/gltf-binary", ".bvh": "text/plain", ".npz": "application/zip"}


@dataclass(frozen=True)
class Wanted:
    """How a person wants the studio served. host: an address to listen on. allow: directories that forms may name."""

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    password: str | None = None
    allow: tuple[Path, ...] = ()


def serve(store: Store, wanted: Wanted, ready: Callable[[str, str], None]) -> None:
    """Serve until interrupted. ready: told the address with its token, and the one for others, once it answers.

    Raises InputError where gradio is missing, or the address cannot be had.
    """
    home = store.places.studio()
    uploads = home / "uploads"
    uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    _prepare_gradio(uploads)
    listening = listen(wanted.host, wanted.port)
    access = Access(listening.port, uploads, password=wanted.password)
    if wanted.password is not None:
        access.by_number, access.hosts = True, access.hosts | set(listening.names)
    jobs = Jobs(store, home, (uploads, *wanted.allow))
    try:
        studio = Studio(store, jobs, access.base, home)
        remove_old_uploads(uploads, jobs.all(), studio.drafts)
        app = build(studio, access)
        others = share(listening, access) if wanted.share else listening.others
        mine = f"{listening.mine}{access.base}/?token={access.token}"
        _run(app, listening.socket, lambda: ready(mine, f"{others}{access.base}/"))
    except KeyboardInterrupt:
        pass
    finally:
        jobs.close()
        listening.socket.close()


def build(studio: Studio, access: Access) -> Any:
    """The whole application: our own routes first, then Gradio's, and the guard before all of them."""
    import gradio as gr
    from fastapi import FastAPI

    from dancegen.studio import shell, views

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_routes(app, studio)
    views.add_routes(app, studio)
    blocks = shell.build(studio)
    app = gr.mount_gradio_app(
        app, blocks, path=studio.base, footer_links=[], run_history=False, ssr_mode=False, mcp_server=False, pwa=False,
        enable_monitoring=False, max_file_size=LARGEST_UPLOAD, show_error=True, **shell.looks(studio),
    )  # fmt: skip
    return Guard(app, access)


def _add_routes(app: Any, studio: Studio) -> None:
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse

    missing = PlainTextResponse("There is no such file.\n", 404)
    orders = {"cancel": studio.jobs.cancel, "again": studio.jobs.again}

    def file(request: Any) -> Any:
        asked = request.path_params
        try:
            path = studio.store.file_of(asked["stage"], asked["digest"], asked["name"])
        except (DancegenError, OSError, ValueError):
            return missing
        own = {"content-security-policy": SANDBOX} if path.suffix in (".html", ".svg") else {}
        name = f"{asked['digest'][:8]}-{path.name}" if "download" in request.query_params else None
        headers = {"cache-control": "private, max-age=3600", **own}
        return FileResponse(path, media_type=_KINDS.get(path.suffix), headers=headers, filename=name)

    def part(request: Any) -> Any:
        path = (STATIC / request.path_params["name"]).resolve()
        inside = path.is_relative_to(STATIC.resolve()) and path.is_file()
        return FileResponse(path, headers={"cache-control": "no-cache"}) if inside else missing

    def jobs(request: Any) -> Any:
        return JSONResponse([_told(job) for job in studio.jobs.all()])

    def order(request: Any) -> Any:
        try:
            return JSONResponse(_told(orders[request.path_params["order"]](request.path_params["id"])))
        except (DancegenError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    app.add_route(studio.base + "/files/{stage}/{digest}/{name:path}", file, methods=["GET"])
    app.add_route(studio.base + "/parts/{name:path}", part, methods=["GET"])
    app.add_route(studio.base + "/jobs", jobs, methods=["GET"])
    app.add_route(studio.base + "/jobs/{id}/{order}", order, methods=["POST"])


def _told(job: Job) -> dict[str, Any]:
    """A job as the browser reads it."""
    return {key: value for key, value in asdict(job).items() if key != "keywords"}


def _prepare_gradio(uploads: Path) -> None:
    """Gradio reads these when it is imported. Raises InputError where it is not installed."""
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", GRADIO_TEMP_DIR=str(uploads), GRADIO_SSR_MODE="False",
        GRADIO_MCP_SERVER="False", GRADIO_RUN_HISTORY="False", HF_HUB_DISABLE_TELEMETRY="1",
    )  # fmt: skip
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"dancegen studio needs Gradio ({error}): install it with pipx install 'dancegen[studio]', or "
            "pip install 'dancegen[studio]'"
        ) from error


def _run(app: Any, listening: socket.socket, ready: Callable[[], None]) -> None:
    import uvicorn

    def cut(record: logging.LogRecord) -> bool:
        by_end = bool(record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
        return by_end or "graceful shutdown" in record.getMessage()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
            await super().startup(list(sockets or ()))
            if self.started:
                ready()

    # Pages that are open when the server ends are cut off: that is no fault.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not cut(record))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=1,
        proxy_headers=False,
    )  # fmt: skip
    Server(config).run(sockets=[listening])
