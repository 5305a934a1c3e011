"""Forms come from the declared options, and say the same as the command line."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace

import pytest
import typer

from dancegen.cli import build_app
from dancegen.errors import InputError
from dancegen.jobs.requests import checked
from dancegen.options import verbs
from dancegen.options.command_line import command_line
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.declare import choice, option
from dancegen.options.verbs import VERBS, verb_named
from dancegen.studio.forms import options_form
from helpers.processes import wait_until

gr = pytest.importorskip("gradio", reason="gradio is not installed")


def form_of(verb: str, **how):
    with gr.Blocks():
        return options_form(verb, **how)


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_option_of_every_verb_has_a_field_with_its_help(verb):
    form = form_of(verb)
    assert [each.name for each in form.fields] == [each.name for each in fields(verb_named(verb).options())]
    for each, component in zip(form.fields, form.components, strict=True):
        said = each.metadata["declared"].help
        assert said in (getattr(component, "info", None) or component.label), each.name


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_a_form_that_nobody_touched_asks_for_nothing(verb):
    form = form_of(verb)
    shown = [getattr(component, "value", None) for component in form.components]
    assert form.read(shown) == {}


@pytest.mark.parametrize(("text", "asks"), [(" 12 ", {"fps": 12}), ("", {}), (None, {}), ("23.976", {"fps": 23.976})])
def test_a_number_that_need_not_be_given_is_asked_for_as_it_is_written(text, asks):
    form = form_of("render", only=("fps",))
    assert form.component("fps").value == "" and form.read([text]) == asks
    assert form.read(form.values(asks)) == asks


def test_what_is_no_number_is_refused():
    with pytest.raises(InputError, match="--fps many: a number is needed"):
        form_of("render", only=("fps",)).read(["many"])


def test_a_form_that_was_unfolded_and_not_touched_asks_for_nothing(browser):
    """Gradio's fields, drawn by a browser, hold what they were given: none becomes 0 where it was empty."""
    told = []
    with gr.Blocks() as blocks:
        forms = [options_form(verb.name) for verb in VERBS]
        gr.Button("Ask", elem_id="ask").click(
            lambda *values: told.extend(values), [each for form in forms for each in form.components], None
        )
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, inbrowser=False, ssr_mode=False)
    page = browser.new_page()
    try:
        page.goto(address)
        page.wait_for_selector("#ask")
        page.evaluate("document.querySelectorAll('button.label-wrap').forEach((each) => each.click())")
        page.wait_for_function("document.querySelectorAll('button.label-wrap:not(.open)').length === 0")
        page.wait_for_timeout(500)
        page.click("#ask")
        wait_until(lambda: len(told) == sum(len(form.components) for form in forms), "the form is read")
    finally:
        page.close()
        blocks.close()
    values = iter(told)
    asked = {form.verb: form.read([next(values) for _ in form.components]) for form in forms}
    assert asked == {verb.name: {} for verb in VERBS}


def test_an_option_that_is_added_to_a_command_appears(monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class WithHats(GeneratePosesOptions):
        hat: str | None = option(None, help="What is worn.", panel="Clothes", parse=choice("top", "straw"))
        feathers: int = option(0, help="How many.", panel="Clothes")
        gloves: bool = option(False, help="White ones.", panel="Clothes")

    changed = tuple(
        replace(each, options=lambda: WithHats) if each.name == "generate-poses" else each for each in VERBS
    )
    monkeypatch.setattr(verbs, "VERBS", changed)
    form = form_of("generate-poses")
    hat, feathers, gloves = (form.component(name) for name in ("hat", "feathers", "gloves"))
    assert [value for _, value in hat.choices] == ["", "top", "straw"] and hat.value == ""
    assert isinstance(feathers, gr.Number) and isinstance(gloves, gr.Checkbox)
    touched = {"song": "demo", "hat": "straw", "feathers": 2, "gloves": True}
    assert form.read(form.values(touched)) == touched
    assert command_line("generate-poses", touched) == "dancegen generate-poses demo --hat straw --feathers 2 --gloves"


def test_kinds_of_options_have_their_kinds_of_fields():
    form = form_of("generate-poses")
    kinds = {
        name: type(form.component(name)) for name in ("song", "genre", "energy", "seed", "keep", "repeat_sections")
    }
    assert kinds == {
        "song": gr.File, "genre": gr.Dropdown, "energy": gr.Number, "seed": gr.Number, "keep": gr.Textbox,
        "repeat_sections": gr.Checkbox,
    }  # fmt: skip
    assert form.component("keep_joints").multiselect and not form.component("camera").allow_custom_value
    film = form_of("render")
    assert [film.component(name).file_count for name in ("image", "looks")] == ["single", "multiple"]
    given = {"image": "/uploads/portrait.png", "looks": ["/uploads/hat.png", "/uploads/coat.png"]}
    asked = film.read(film.values(given))
    assert (asked["image"], list(asked["looks"])) == (given["image"], given["looks"])


def test_what_stands_open_comes_first_and_what_is_left_out_is_not_there():
    form = form_of("generate-poses", without=("song",), first=("seed", "energy"), defaults={"energy": 0.9})
    assert "song" not in [each.name for each in form.fields]
    assert form.component("energy").value == 0.9


GIVEN = {
    "song": "my song's <b>.wav", "seconds": "0:30", "energy": 0.75, "seed": 7, "keep": ["1.5-3", "0:05-0:07"],
    "keep_joints": ["legs"], "no_retime": True, "edit": "3f2a9c41", "canvas": "64x64", "device": "cpu",
}  # fmt: skip


def test_the_command_line_of_a_form_asks_for_the_same():
    line = command_line("generate-poses", GIVEN)
    command = typer.main.get_command(build_app()).commands["generate-poses"]
    words = shlex.split(line)
    assert words[:2] == ["dancegen", "generate-poses"]
    parsed = command.make_context("generate-poses", words[2:]).params
    kind = GeneratePosesOptions
    own = {each.name for each in fields(kind)}
    of_line = kind(**{name: value for name, value in parsed.items() if name in own and value not in (None, [])})
    assert of_line == kind(**{name: value for name, value in GIVEN.items() if name in own})


def test_a_form_shows_again_what_was_given():
    form = form_of("generate-poses", without=("song",))
    given = {name: value for name, value in GIVEN.items() if name not in ("song", "device")}
    assert checked("generate-poses", {"song": "demo", **form.read(form.values(given))}, []) == {"song": "demo", **given}
