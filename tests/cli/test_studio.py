"""What the command says where the studio cannot be opened."""

from __future__ import annotations

import socket

import pytest

from helpers.processes import run_python

WITHOUT_GRADIO = (
    "import sys; sys.modules['gradio'] = None; from dancegen.cli import main; "
    "sys.exit(main(['studio', '--no-browser', *sys.argv[1:]]))"
)


def test_without_gradio_it_says_what_to_install(tmp_path):
    ran = run_python("-c", WITHOUT_GRADIO, "--store", tmp_path)
    assert ran.returncode == 2 and "pipx install 'dancegen[studio]'" in ran.stderr
    assert ran.stdout == "" and "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--allow", "nowhere"), "--allow nowhere: there is no such directory"),
        (("--share", "--host", "0.0.0.0"), "two ways in"),
        (("--host", "203.0.113.7"), "--host 203.0.113.7 cannot be listened on"),
    ],
)
def test_what_cannot_be_is_said_before_anything_opens(tmp_path, arguments, message):
    pytest.importorskip("gradio", reason="gradio is not installed")
    ran = run_python("-m", "dancegen", "studio", "--no-browser", "--store", tmp_path, *arguments)
    assert ran.returncode == 2 and message in ran.stderr and "token" not in ran.stdout


def test_a_port_that_is_taken_is_said(tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ran = run_python("-m", "dancegen", "studio", "--no-browser", "--port", port, "--store", tmp_path)
    assert ran.returncode == 2 and f"--port {port}" in ran.stderr


def test_without_a_network_sharing_says_what_works_without_one(tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    nowhere = "http://127.0.0.1:9"
    proxies = {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "ALL_PROXY": nowhere}
    ran = run_python("-m", "dancegen", "studio", "--no-browser", "--share", "--store", tmp_path, **proxies)
    assert ran.returncode == 2 and "--share: Gradio gives no address" in ran.stderr
    assert "--host 0.0.0.0 needs no internet" in ran.stderr and "Traceback" not in ran.stderr
    assert "token" not in ran.stdout and "password" not in ran.stdout
