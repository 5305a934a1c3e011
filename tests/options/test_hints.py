"""Options that there are not: what was meant is said, on the command line and in Python."""

from __future__ import annotations

import pytest

import dancegen
from dancegen.cli import main
from dancegen.errors import InputError, choose_one, nearest


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("dance demo --secs 3", "did you mean --seconds?"),
        ("dance demo --duration 3", "did you mean --seconds?"),
        ("dance demo --sedes 3", "did you mean --seeds?"),
        ("generate-poses demo --style salsa", "write --genre salsa"),
        ("generate-poses demo --style=Salsa", "write --genre Salsa"),
        ("generate-poses demo --style neon", "that is an option of dance and render"),
        ("generate-poses demo --style", "write --genre ("),
        ("generate-poses demo --size 64x64", "write --canvas 64x64"),
        ("generate-poses demo --stage 3x3", "write --floor 3x3"),
        ("generate-poses demo --guidance 2", "write --music-guidance 2"),
        ("extract-poses --size 64x64", "write --canvas 64x64"),
        ("train --steps 3", "write --max-steps 3"),
        ("train --style salsa", "salsa is a genre, which dance and generate-poses take: --genre salsa"),
        ("evaluate a.json --fps 25", "write --json-fps 25"),
        ("render --energy 0.5", "that is an option of dance and generate-poses"),
        ("render --outptu a.mp4", "did you mean --output?"),
        ("artifacts ls --jsn", "did you mean --json?"),
    ],
)  # fmt: skip
def test_an_option_that_a_command_lacks(line, hint, capsys):
    assert main(line.split()) == 2
    assert hint in capsys.readouterr().err


def test_a_word_like_nothing_gets_no_guess(capsys):
    assert main(["dance", "demo", "--xyzzy"]) == 2
    assert capsys.readouterr().err == "error: No such option: --xyzzy (see dancegen dance --help)\n"


@pytest.mark.parametrize(
    ("verb", "keywords", "hint"),
    [
        ("dance", {"song": "demo", "secs": 3}, r"dance\(\) takes no secs: did you mean seconds\?"),
        ("generate_poses", {"song": "demo", "style": "salsa"}, "takes no style: write genre salsa"),
        ("evaluate", {"dances": ["gan"]}, "takes no dances: write inputs"),
        ("render", {"energy": 0.5}, "that is an option of dance and generate-poses"),
        ("plan", {"verb": "render", "prompts": "a"}, r"did you mean prompt\?"),
    ],
)
def test_a_keyword_that_a_function_lacks(verb, keywords, hint):
    function = getattr(dancegen, verb, None) or getattr(dancegen.api, verb)
    for kind in (InputError, TypeError):  # as people who call functions expect, and as people who show errors do
        with pytest.raises(kind, match=hint):
            function(**keywords)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("generate-poses demo --camera orbt", "--camera orbt: did you mean orbit? choose one of front"),
        ("dance demo --style salsa", "choose one of neon, openpose, mannequin; to dance salsa, write --genre salsa"),
        ("dance demo --style opnepose", "did you mean openpose?"),
        ("dance demo --genre slasa", "--genre slasa: did you mean salsa? this model knows breakdance, hiphop, indian"),
        ("dance demo --engine animatedif", "did you mean animatediff?"),
        ("dance demo --model difusion", "did you mean diffusion?"),
        ("dance demo --model baseline:shufle", "did you mean baseline:shuffle?"),
        ("train --family difusion", "did you mean diffusion?"),
        ("train --preset smal", "did you mean small?"),
        ("train --family gan --set loss.haste=1", "did you mean loss.acceleration?"),
        ("danse demo", "Did you mean 'dance'?"),
    ],
)
def test_a_value_that_there_is_not(line, hint, capsys):
    assert main(line.split()) == 2
    assert hint in capsys.readouterr().err


def test_the_nearest_name():
    assert nearest("ORBIT", ["front", "orbit"]) == "orbit"
    assert nearest("dif", ["gan", "diffusion"]) == "diffusion"
    assert nearest("", ["gan"]) is None and nearest("xyzzy", ["gan"]) is None
    assert choose_one("xyzzy", ["a", "b"]) == "choose one of a, b"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dance https://youtu.be/xyz", "error: https://youtu.be/xyz is an address, not a file here; download it"),
        ("generate-poses demo --model https://a.b/c", "--model https://a.b/c is an address, not a file here; download"),
        ("evaluate gan --songs http://a.b/c", "--songs http://a.b/c is an address, not a file here; download it"),
        ("prepare s3://bucket/takes", "error: s3://bucket/takes is an address"),
        ("render --prompt x --base https://huggingface.co/owner/name", "a model of the hub as owner/name: owner/name"),
        ("generate-poses demo -o https://a.b/c.npz", "--output https://a.b/c.npz is an address"),
    ],
)  # fmt: skip
def test_an_address_is_shown_as_it_was_given_with_what_to_do(line, said, capsys, own_store):
    assert main(line.split()) == 2
    assert said in capsys.readouterr().err
    assert not own_store.exists()


def test_a_path_that_lost_a_slash_of_its_address_gets_it_back(tmp_path):
    from pathlib import Path

    with pytest.raises(InputError, match=r"https://youtu\.be/xyz is an address"):
        dancegen.dance(Path("https://youtu.be/xyz"))
