"""What may be asked for: options as the command line takes them, and files that were uploaded or are in the store."""

from __future__ import annotations

import pytest

from dancegen.errors import InputError
from dancegen.jobs.requests import checked, result, result_of
from dancegen.options.verbs import VERBS


@pytest.fixture(params=["plain", "My songs, two"])
def places(request, tmp_path):
    """(a directory that may be read, one that may not), each with a song, in a directory of this name."""
    places = tmp_path / request.param / "uploads", tmp_path / request.param / "home"
    for place in places:
        place.mkdir(parents=True)
        (place / "song.wav").write_bytes(b"RIFF")
    return places


def test_what_was_uploaded_can_be_named_and_is_kept_as_text(places):
    uploads, _ = places
    given = checked("generate-poses", {"song": uploads / "song.wav", "seed": 3, "genre": None}, [uploads])
    assert given == {"song": str(uploads / "song.wav"), "seed": 3}


def test_files_elsewhere_are_refused_however_they_are_named(places):
    uploads, home = places
    (uploads / "link.wav").symlink_to(home / "song.wav")
    ways = [
        home / "song.wav",
        uploads / ".." / "home" / "song.wav",
        uploads / "link.wav",
        "../home/song.wav",
        "~/song.wav",
    ]
    for way in ways:
        with pytest.raises(InputError, match="uploaded"):
            checked("generate-poses", {"song": str(way)}, [uploads])


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.name != "prepare"], ids=lambda verb: verb.name)
def test_no_option_of_any_verb_names_a_file_elsewhere(verb, places):
    """Every option that its help calls a file, a song, a video or a directory."""
    from dataclasses import MISSING, fields

    from dancegen.options.declare import declared

    uploads, home = places
    kind = verb.options()
    must = {each.name: str(uploads / "song.wav") for each in fields(kind) if each.default is MISSING}
    for each in fields(kind):
        words = (declared(each).metavar or "").split("[")[0].strip(".")
        if words in (
            "SONG",
            "FILE",
            "VIDEO",
            "PATH",
            "DIR",
            "MODEL",
            "DANCE",
            "POSES",
            "CHARACTER",
            "IMAGE",
            "DATASET",
        ):
            with pytest.raises(InputError):
                checked(verb.name, {**must, each.name: str(home / "song.wav")}, [uploads])


def test_a_dance_at_a_moment_is_looked_at_without_the_moment(places):
    uploads, home = places
    with pytest.raises(InputError, match="uploaded"):
        checked("generate-poses", {"song": "demo", "start_pose": f"{home / 'song.wav'}@3"}, [uploads])
    checked("generate-poses", {"song": "demo", "start_pose": f"{uploads / 'song.wav'}@3"}, [uploads])
    for place, said in ((home, "--pass-pose .* only files"), (uploads, None)):
        given = {"song": "demo", "pass_pose": [f"4={place / 'song.wav'}@3", "6=8c1e20aa@3"]}
        if said is None:
            assert checked("generate-poses", given, [uploads]) == given
        else:
            with pytest.raises(InputError, match=said):
                checked("generate-poses", given, [uploads])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"song": "demo", "energy": 3}, "--energy 3"),
        ({"song": "demo", "sede": 3}, "sede"),
        ({"song": "demo", "output": "/tmp/x"}, "output"),
        ({"song": "demo", "store": "/tmp"}, "store"),
        ({}, "SONG is missing"),
        ({"song": "https://a.b/c.mp3"}, "download it first"),
    ],
)
def test_what_the_command_line_refuses_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        checked("generate-poses", given, [])


def test_the_result_of_a_job_stands_for_what_is_not_there_yet():
    given = checked("render", {"poses": result("abc")}, [])
    assert result_of(given["poses"]) == "abc" and result_of("abc") is None
