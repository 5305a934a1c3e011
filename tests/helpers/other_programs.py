"""glTF in programs that are not ours: the official validator and three.js (from npm), a browser, Blender's importer.

npm packages are looked for in the folder that DANCEGEN_NODE_MODULES names, or in node_modules beside or above the
sources: `npm install gltf-validator three @pixiv/three-vrm @pixiv/three-vrm-animation`. Blender is `bpy` of the Python
that DANCEGEN_BLENDER_PYTHON names, or this one. What is not there is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from helpers.processes import REPOSITORY

PLAYER = Path(__file__).with_name("gltf_player.html")
_CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--hide-scrollbars", "--virtual-time-budget=60000",
)  # fmt: skip
_VALIDATE = """
const validator = require("gltf-validator"), fs = require("fs");
Promise.all(process.argv.slice(1).map((path) =>
    validator.validateBytes(new Uint8Array(fs.readFileSync(path)), {maxIssues: 50})
)).then((reports) => console.log(JSON.stringify(reports.map((report) => report.issues))));
"""
_IMPORT = """
import bpy, json, os, sys
path, fps, frames, out = sys.argv[-4], float(sys.argv[-3]), json.loads(sys.argv[-2]), sys.argv[-1]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = round(fps)
bpy.ops.import_scene.gltf(filepath=path)
armature = next(each for each in bpy.data.objects if each.type == "ARMATURE")
found = []
for frame in frames:
    bpy.context.scene.frame_set(frame)
    found.append({bone.name: list((armature.matrix_world @ bone.matrix).translation) for bone in armature.pose.bones})
with open(out, "w") as file:
    file.write(json.dumps(found))
os._exit(0)  # bpy crashes when Python ends by itself
"""


def node_modules(*packages: str) -> Path:
    """The folder that has these npm packages; the test is skipped where none has."""
    places = [REPOSITORY / "node_modules", REPOSITORY.parent / "node_modules"]
    if named := os.environ.get("DANCEGEN_NODE_MODULES"):
        places.insert(0, Path(named))
    for place in places:
        if all((place / package / "package.json").is_file() for package in packages):
            return place
    pytest.skip(f"no {', '.join(packages)} from npm: see {__name__}")


def validated(*paths: Path) -> list[dict[str, Any]]:
    """What the official glTF validator finds in each file."""
    modules, node = node_modules("gltf-validator"), shutil.which("node")
    if node is None:
        pytest.skip("no Node.js")
    ran = subprocess.run(
        [node, "-e", _VALIDATE, *map(str, paths)], capture_output=True, text=True, check=True,
        env={**os.environ, "NODE_PATH": str(modules)},
    )  # fmt: skip
    return json.loads(ran.stdout)


def played(
    folder: Path, model: str, seconds: Sequence[float], vrma: str = "", shot: Path | None = None
) -> dict[str, Any]:
    """What three.js shows of a file in `folder`, in a headless browser, at these seconds of its first animation.

    vrma: an animation for the model, which is a VRM avatar then. shot: where a photograph goes, of all side by side.
    `seen`: the places of all nodes by their names, for each of the seconds.
    """
    modules = node_modules("three", "@pixiv/three-vrm", "@pixiv/three-vrm-animation")
    chrome = next(filter(None, map(shutil.which, _CHROMES)), None)
    if chrome is None:
        pytest.skip("no Chromium")
    asked = {"model": model, "at": ",".join(map(repr, seconds))}
    asked |= {"vrma": vrma} if vrma else {}
    with _served(folder, modules) as address:
        profile = f"--user-data-dir={folder / 'browser'}"
        if shot is not None:
            url = f"{address}/player.html?{urlencode({**asked, 'shot': 1})}"
            size = f"--window-size={260 * len(seconds)},560"
            subprocess.run(
                [chrome, *_FLAGS, profile, size, f"--screenshot={shot}", url], capture_output=True, check=True
            )
        url = f"{address}/player.html?{urlencode(asked)}"
        ran = subprocess.run([chrome, *_FLAGS, profile, "--dump-dom", url], capture_output=True, text=True, check=True)
    text = ran.stdout.partition("<pre")[2].partition(">")[2].partition("</pre>")[0]
    assert text.startswith("{"), text or ran.stdout[-500:]
    return json.loads(text)


def imported_by_blender(path: Path, fps: float, frames: Sequence[int]) -> list[dict[str, tuple[float, float, float]]]:
    """Where Blender has the bones of a GLB in these frames, in glTF's axes."""
    python = os.environ.get("DANCEGEN_BLENDER_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import bpy"], capture_output=True).returncode:
        pytest.skip("no Blender as a Python module (bpy)")
    out, script = path.with_suffix(".json"), path.with_suffix(".py")
    script.write_text(_IMPORT)
    subprocess.run(
        [python, str(script), str(path), str(fps), json.dumps(list(frames)), str(out)], capture_output=True, check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    return [
        {name: (x, z, -y) for name, (x, y, z) in frame.items()} for frame in json.loads(out.read_text())
    ]  # Blender's z points up


@contextmanager
def _served(folder: Path, modules: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            plain = path.partition("?")[0]
            if plain == "/player.html":
                return str(PLAYER)
            if plain.startswith("/node_modules/"):
                return str(modules / plain.removeprefix("/node_modules/"))
            return super().translate_path(path)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
