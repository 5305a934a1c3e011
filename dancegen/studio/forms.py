"""Form fields made from the declared options of a verb: an option that is added to a command appears here by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from dancegen.errors import InputError
from dancegen.options.command_line import written
from dancegen.options.declare import COMMON, Choice, Options, Switch, declared, flag_of, kinds
from dancegen.options.verbs import verb_named

FILES = ("SONG", "FILE", "VIDEO", "CHARACTER", "IMAGE")
"""What stands for a file in the help: such an option is an upload. Others name what is in the store."""
USUAL_PANEL = "Options"


@dataclass(frozen=True)
class Form:
    """The fields of some options of a verb.

        form = options_form("generate-poses", without=("song",))
        button.click(start, [song, *form.components], ...)        # start(song, *values)
        studio.jobs.add("generate-poses", {"song": song, **form.read(values)})

    components: in the order in which `read` takes their values.
    """

    verb: str
    fields: tuple[Field, ...]
    components: tuple[Any, ...]

    def read(self, values: Sequence[Any]) -> dict[str, Any]:
        """The keywords that differ from their defaults, as the verb takes them. InputError for what is no number."""
        kind = verb_named(self.verb).options()
        told = {each.name: value for each, value in zip(self.fields, values, strict=True)}
        usual = {each.name: _read(kind, each, _shown(kind, each, _default(each))) for each in self.fields}
        given = {each.name: _read(kind, each, told[each.name]) for each in self.fields}
        return {name: value for name, value in given.items() if value is not None and value != usual[name]}

    def component(self, name: str) -> Any:
        """Of an option, by its name."""
        return self.components[[each.name for each in self.fields].index(name)]

    def values(self, keywords: Mapping[str, Any]) -> list[Any]:
        """What the components show for keywords that were given before."""
        kind = verb_named(self.verb).options()
        return [_shown(kind, each, keywords.get(each.name, _default(each))) for each in self.fields]


def options_form(
    verb: str,
    *,
    only: Iterable[str] | None = None,
    without: Iterable[str] = (),
    first: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> Form:
    """The fields of a verb's options, drawn where this is called: a group for each panel of the command's help.

    only, without: names of options. first: those that stand open, before the groups that are folded. defaults: other
    values to begin with.
    """
    import gradio as gr

    options, first = verb_named(verb).options(), tuple(first)
    wanted = [each for each in fields(options) if (only is None or each.name in only) and each.name not in without]
    made: dict[str, Any] = {}

    def draw(some: Iterable[Field]) -> None:
        for each in some:
            made[each.name] = component_for(options, each, (defaults or {}).get(each.name))

    by_name = {each.name: each for each in wanted}
    draw(by_name[name] for name in first if name in by_name)
    for panel, members in _panels(each for each in wanted if each.name not in first).items():
        with gr.Accordion(panel, open=False):
            draw(members)
    return Form(verb, tuple(wanted), tuple(made[each.name] for each in wanted))


def component_for(options: type[Options], each: Field, value: Any = None) -> Any:
    """A field for one option: a tick, a choice, a number, an upload or a line of text, with the help beside it."""
    import gradio as gr

    says, kind = declared(each), kinds(options)[each.name]
    shown = _shown(options, each, _default(each) if value is None else value)
    names = _names(each)
    common = {"label": _label(each), "info": says.help, "interactive": True}
    if kind is bool:
        return gr.Checkbox(value=shown, **common)
    if names and kind is list:
        return gr.Dropdown(list(names), value=shown, multiselect=True, **common)
    if names:
        closed = isinstance(says.parse, Choice | Switch)
        offered = [*([("as usual", "")] if _default(each) is None else []), *names]
        return gr.Dropdown(offered, value=shown, allow_custom_value=not closed, **common)
    if kind in (int, float) and _default(each) is not None:
        return gr.Number(value=shown, precision=0 if kind is int else None, **common)
    if (says.metavar or "") in FILES:
        label = f"{_label(each)}: {says.help}"
        return gr.File(label=label, type="filepath", file_count="multiple" if kind is list else "single", height=120)
    # A number that need not be given is a line of text, too: an empty gr.Number becomes 0 once a browser draws it.
    return gr.Textbox(
        value=shown, placeholder="as usual" if kind in (int, float) else says.metavar, max_lines=4, **common
    )


def _read(options: type[Options], each: Field, value: Any) -> Any:
    """A component's value as the option takes it; None for nothing."""
    kind = kinds(options)[each.name]
    value = value.strip() if isinstance(value, str) else value
    if value is None or value == "" or value == []:
        return None
    if kind is list and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()] or None
    if kind in (int, float):
        return _number(kind, each, value)
    return value


def _number(kind: type, each: Field, value: Any) -> float:
    try:
        found = float(value)
        return int(found) if kind is int and found.is_integer() else found
    except ValueError as error:
        raise InputError(f"{flag_of(each)} {value}: a number is needed") from error


def _shown(options: type[Options], each: Field, value: Any) -> Any:
    """A value as the component of its option holds it."""
    kind = kinds(options)[each.name]
    if kind is bool:
        return bool(value)
    if (kind in (int, float) and _default(each) is not None) or (kind is str and declared(each).metavar in FILES):
        return value
    if kind is list:
        several = [] if value is None else [value] if isinstance(value, str) else [written(item) for item in value]
        return several if _names(each) else ", ".join(several)
    return "" if value is None else written(value)


def _default(each: Field) -> Any:
    return None if each.default is MISSING else each.default


def _names(each: Field) -> tuple[str, ...]:
    names = declared(each).names
    return tuple(names() if callable(names) else names)


def _label(each: Field) -> str:
    name = flag_of(each).removeprefix("--").replace("-", " ")
    return name.capitalize() if not declared(each).argument else each.name.replace("_", " ").capitalize()


def _panels(some: Iterable[Field]) -> dict[str, list[Field]]:
    """By panel: what is the verb's own first, what all have last."""
    found: dict[str, list[Field]] = {}
    for each in some:
        found.setdefault(declared(each).panel or USUAL_PANEL, []).append(each)
    return dict(sorted(found.items(), key=lambda item: (item[0] == COMMON, item[0] != USUAL_PANEL)))
