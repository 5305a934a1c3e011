"""The server answers its own pages and nobody else: tried over real connections, as an attacker would."""

from __future__ import annotations

import http.client
import os
import re

import psutil
import pytest

from dancegen.store import Recipe, open_store
from helpers.studio import running_studio

pytest.importorskip("gradio", reason="gradio is not installed")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A studio on a store that holds one artifact, with a link in it that leads outside."""
    place = tmp_path_factory.mktemp("guard")
    (place / "secret.txt").write_text("not for you")

    def build(directory):
        (directory / "page.html").write_text("<script>alert(1)</script>")
        (directory / "notes.txt").write_text("for you")
        return {}

    store = open_store(place / "store")
    store.obtain(Recipe("generate-poses", 1, {}), build)
    forgotten = store.places.studio() / "uploads" / "0123" / "of last year.wav"
    forgotten.parent.mkdir(parents=True)
    forgotten.write_text("la la")
    os.utime(forgotten, (0, 0))
    with running_studio(place / "store") as started:
        yield started


@pytest.fixture(scope="module")
def artifact(studio):
    return open_store(studio.store).artifacts()[0]


@pytest.fixture(scope="module")
def cookie(studio) -> str:
    answer = ask(studio, f"?token={studio.token}")
    assert answer.status == 200
    return answer.headers["set-cookie"].partition(";")[0]


def ask(studio, path: str = "", *, method: str = "GET", body: str | None = None, base: str | None = None, **headers):
    """An answer of the server, with its text. headers: as keywords, with _ for -."""
    host, _, own = studio.base.partition("://")[2].partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"{f'/{own}' if base is None else base}{path}", body=body, headers=named)
    answer = connection.getresponse()
    answer.text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer


def same_origin(studio) -> str:
    return "/".join(studio.base.split("/")[:3])


def refused(answer) -> bool:
    return answer.status == 403 and answer.text.startswith("Not for you") and "set-cookie" not in answer.headers


PATHS = ("", "config", "jobs", "theme.css", "gradio_api/info", "parts/queue.js", "assets/x.js", "gradio_api/queue/data")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_there_is_nothing_but_a_refusal(studio, path):
    assert refused(ask(studio, path))
    assert refused(ask(studio, path, cookie="dancegen-studio=wrong"))
    assert refused(ask(studio, f"{path}?token=wrong"))
    assert refused(ask(studio, path, method="POST", body="{}", origin=same_origin(studio)))
    assert refused(ask(studio, f"/{path}", base=""))


def test_the_token_opens_the_page_once_and_the_cookie_is_this_servers_own(studio, cookie):
    said = ask(studio, f"?token={studio.token}").headers["set-cookie"]
    base = "/" + studio.base.split("/")[3]
    assert "HttpOnly" in said and "SameSite=Strict" in said and f"Path={base}/" in said and studio.token not in said
    page = ask(studio, cookie=cookie)
    assert page.status == 200 and studio.token not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy and "frame-ancestors 'self'" in policy
    assert refused(ask(studio, "jobs?token=" + studio.token))  # it opens the page alone


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost:1", ""])
def test_a_foreign_name_that_leads_here_is_refused(studio, cookie, host):
    assert refused(ask(studio, cookie=cookie, host=host))
    assert refused(ask(studio, f"?token={studio.token}", host=host))


def test_another_sites_page_cannot_drive_it(studio, cookie):
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"):
        assert refused(ask(studio, "jobs", cookie=cookie, origin=origin))
        assert refused(ask(studio, "jobs/x/cancel", method="POST", cookie=cookie, origin=origin))
    for site in ("cross-site", "same-site"):
        assert refused(ask(studio, "jobs", cookie=cookie, sec_fetch_site=site, sec_fetch_mode="cors"))
        assert refused(ask(studio, "gradio_api/queue/data", cookie=cookie, sec_fetch_site=site, sec_fetch_mode="cors"))
        assert refused(ask(studio, "x", method="POST", cookie=cookie, sec_fetch_site=site, sec_fetch_mode="navigate"))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert refused(ask(studio, "jobs/x/cancel", method=method, cookie=cookie))  # no browser leaves its origin out
    ours = ask(studio, "jobs/x/cancel", method="POST", cookie=cookie, origin=same_origin(studio))
    assert ours.status == 400 and "no such job" in ours.text


def test_a_websocket_is_refused(studio, cookie):
    answer = ask(
        studio, "gradio_api/queue/join", cookie=cookie, connection="Upgrade", upgrade="websocket",
        sec_websocket_version="13", sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", origin="https://evil.example",
    )  # fmt: skip
    assert refused(answer)


def test_a_file_of_an_artifact_is_served_and_cannot_act(studio, cookie, artifact):
    folder = f"files/{artifact.stage}/{artifact.digest[:16]}"
    notes = ask(studio, f"{folder}/notes.txt", cookie=cookie)
    assert (notes.status, notes.text) == (200, "for you")
    page = ask(studio, f"{folder}/page.html", cookie=cookie)
    assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert page.headers["x-content-type-options"] == "nosniff"
    kept = ask(studio, f"{folder}/notes.txt?download", cookie=cookie).headers["content-disposition"]
    assert kept.startswith("attachment") and "notes.txt" in kept
    assert refused(ask(studio, f"{folder}/notes.txt"))


TRICKS = (
    "files/{stage}/{digest}/manifest.json", "files/{stage}/{digest}/../../../secret.txt",
    "files/{stage}/{digest}/..%2f..%2f..%2fsecret.txt", "files/{stage}/{digest}/%2e%2e/%2e%2e/%2e%2e/secret.txt",
    "files/{stage}/{digest}/{root}/secret.txt", "files/{stage}/{digest}//etc/passwd", "files/{stage}/{digest}/",
    "files/{stage}/..%2f..%2fsecret.txt/x", "files/{stage}/{root}%2fstore%2f{stage}%2f{digest}/notes.txt",
    "files/..%2f{stage}/{digest}/notes.txt", "files/.studio/0000000000000000/x", "files/{stage}/latest/notes.txt",
    "files/{stage}/{digest}/notes.txt%00.html", "parts/../server.py", "parts/..%2fserver.py", "parts/%2fetc%2fpasswd",
    "static/..%2f..%2f..%2fsecret.txt", "assets/..%2f..%2f..%2fsecret.txt", "static/%2fetc%2fpasswd",
    "gradio_api/file={root}/secret.txt", "gradio_api/file=/etc/passwd", "gradio_api/file=%2fetc%2fpasswd",
    "gradio_api/file={root}/store/{stage}/{digest}/notes.txt", "gradio_api/file={uploads}/../jobs",
    "gradio_api/file={uploads}/link.txt", "gradio_api/file={uploads}/..%2f..%2f..%2f..%2fsecret.txt",
    "gradio_api/file=http://169.254.169.254/", "gradio_api/file//etc/passwd", "file=/etc/passwd", "file/etc/passwd",
    "gradio_api/proxy=http://127.0.0.1:1/", "proxy=http://127.0.0.1:1/", "monitoring", "monitoring/summary",
    "gradio_api/custom_component/0/server/component/../../../../secret.txt", "svelte/..%2f..%2fsecret.txt",
    "gradio_api/stream/x/0/0/playlist.m3u8", "gradio_api/vibe-code", "gradio_api/dev/reload", "openapi.json", "docs",
)  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_outside_the_store_is_readable(studio, cookie, artifact, trick):
    uploads = next(studio.store.glob(".studio/*/uploads"))
    root = studio.store.parent
    link = uploads / "link.txt"
    if not link.is_symlink():
        os.symlink(root / "secret.txt", link)
    path = trick.format(stage=artifact.stage, digest=artifact.digest[:16], root=root, uploads=uploads)
    answer = ask(studio, path, cookie=cookie, origin=same_origin(studio))
    assert answer.status in (400, 403, 404, 405, 307), answer.text
    assert not re.search("not for you|for you$|root:|^from __future__", answer.text, re.M)
    assert refused(answer) or not trick.startswith("gradio_api/file=")  # by us, before Gradio looks at the path


def test_a_link_in_an_artifact_leads_nowhere(studio, cookie, artifact):
    path = artifact.path / "notes.txt"
    kept = path.read_text()
    try:
        path.unlink()
        path.symlink_to(studio.store.parent / "secret.txt")
        answer = ask(studio, f"files/{artifact.stage}/{artifact.digest[:16]}/notes.txt", cookie=cookie)
        assert answer.status == 404
    finally:
        path.unlink()
        path.write_text(kept)


def test_what_was_uploaded_is_played_back(studio, cookie):
    boundary = '--here\r\nContent-Disposition: form-data; name="files"; filename="{}"\r\n\r\nla la\r\n--here--\r\n'
    sent = {"content_type": "multipart/form-data; boundary=here", "origin": same_origin(studio)}
    answer = ask(studio, "gradio_api/upload", method="POST", body=boundary.format("../../x.wav"), cookie=cookie, **sent)
    assert answer.status == 200
    path = answer.text.strip('[]"')
    uploads = next(studio.store.glob(".studio/*/uploads"))
    assert os.path.realpath(path).startswith(os.path.realpath(uploads) + os.sep)
    assert ask(studio, f"gradio_api/file={path}", cookie=cookie).text == "la la"
    assert refused(ask(studio, "gradio_api/upload", method="POST", body=boundary.format("x.wav"), **sent))


def test_an_upload_that_nobody_needs_is_removed_at_the_start(studio):
    assert next(studio.store.glob(".studio/*/uploads")).is_dir() and not list(studio.store.glob("**/of last year.wav"))


def test_what_a_person_keeps_is_that_persons_alone(studio):
    home = next(studio.store.glob(".studio/*"))
    assert home.stat().st_mode & 0o077 == 0
    with open(f"/proc/{studio.process.pid}/cmdline") as file:
        assert studio.token not in file.read()


def test_others_come_in_by_a_password_alone(tmp_path):
    with running_studio(tmp_path / "store", "--host", "0.0.0.0") as studio:
        printed = next(tmp_path.glob("studio-*.txt")).read_text()
        password = re.search(r"with the password (\S+):", printed)[1]
        assert len(password) >= 12 and studio.token not in re.search(r"password.*\n(.*)", printed)[1]
        page = ask(studio)
        assert page.status == 401 and "password" in page.text and "set-cookie" not in page.headers
        sent = {"origin": same_origin(studio), "content_type": "application/x-www-form-urlencoded"}
        wrong = ask(studio, "login", method="POST", body="password=wrong", **sent)
        assert wrong.status == 401 and "Wrong password" in wrong.text and "set-cookie" not in wrong.headers
        right = ask(studio, "login", method="POST", body=f"password={password}", **sent)
        cookie = right.headers["set-cookie"].partition(";")[0]
        assert ask(studio, "jobs", cookie=cookie).text == "[]"
        foreign = {**sent, "origin": "https://evil.example"}
        assert refused(ask(studio, "login", method="POST", body=f"password={password}", **foreign))
        port = same_origin(studio).rpartition(":")[2]
        assert refused(ask(studio, cookie=cookie, host=f"evil.example:{port}"))
        assert ask(studio, "jobs", cookie=cookie, host=f"192.168.0.7:{port}").status == 200
        assert refused(ask(studio, "jobs"))


def test_two_people_on_one_machine_see_nothing_of_each_other(studio, cookie, tmp_path):
    """Each with a studio of their own: a token opens its own server alone, and lies in no file and no command line."""
    with running_studio(tmp_path / "store") as other:
        assert other.token != studio.token and other.base.rsplit("/", 2)[1] != studio.base.rsplit("/", 2)[1]
        theirs = ask(other, f"?token={other.token}").headers["set-cookie"].partition(";")[0]
        assert refused(ask(other, f"?token={studio.token}")) and refused(ask(other, "jobs", cookie=cookie))
        assert refused(ask(studio, f"?token={other.token}")) and refused(ask(studio, "jobs", cookie=theirs))
        assert ask(other, "jobs", cookie=theirs).status == 200
        for running in (studio, other):
            kept = [path for path in (running.store / ".studio").rglob("*") if path.is_file()]
            secret = (running.token.encode(), cookie.partition("=")[2].encode(), theirs.partition("=")[2].encode())
            assert not [path for path in kept if any(each in path.read_bytes() for each in secret)]
            for process in [psutil.Process(running.process.pid), *psutil.Process(running.process.pid).children()]:
                assert running.token not in " ".join([*process.cmdline(), *process.environ().values()])
