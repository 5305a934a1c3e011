"""Form fields made from the declared options of a verb: an option that is added to a command appears here by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from dancegen.options.declare import COMMON, Choice, Options, Switch, declared, flag_of, kinds
from dancegen.options.verbs import verb_named

FILES = ("SONG", "FILE", "VIDEO", "CHARACTER")
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
        """The keywords that differ from their defaults, as the verb takes them."""
        kind = kinds(verb_named(self.verb).options())
        given = {}
        for each, value in zip(self.fields, values, strict=True):
            value = _read(kind[each.name], value)
            if value is not None and value != _shown_default(each):
                given[each.name] = value
        return given

    def component(self, name: str) -> Any:
        """Of an option, by its name."""
        return self.components[[each.name for each in self.fields].index(name)]

    def values(self, keywords: Mapping[str, Any]) -> list[Any]:
        """What the components show for keywords that were given before."""
        return [_as_shown(keywords.get(each.name, _shown_default(each))) for each in self.fields]


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
    shown = _shown_default(each) if value is None else _as_shown(value)
    names = tuple(says.names() if callable(says.names) else says.names)
    common = {"label": _label(each), "info": says.help, "interactive": True}
    if kind is bool:
        return gr.Checkbox(value=bool(shown), **common)
    if kind is list and names:
        return gr.Dropdown(list(names), value=list(shown or ()), multiselect=True, **common)
    if names:
        closed = isinstance(says.parse, Choice | Switch)
        offered = [*([("as usual", "")] if shown is None else []), *names]
        return gr.Dropdown(offered, value="" if shown is None else str(shown), allow_custom_value=not closed, **common)
    if kind in (int, float):
        return gr.Number(value=shown, precision=0 if kind is int else None, **common)
    if (says.metavar or "") in FILES:
        label = f"{_label(each)}: {says.help}"
        return gr.File(label=label, type="filepath", file_count="multiple" if kind is list else "single", height=120)
    text = ", ".join(map(str, shown)) if isinstance(shown, tuple | list) else shown
    return gr.Textbox(value="" if text is None else str(text), placeholder=says.metavar, max_lines=4, **common)


def _read(kind: type, value: Any) -> Any:
    """A component's value as the option takes it; None for nothing."""
    if value is None or value == "" or value == []:
        return None
    if kind is list and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()] or None
    if kind is float and isinstance(value, int):
        return float(value)
    return value.strip() or None if isinstance(value, str) else value


def _shown_default(each: Field) -> Any:
    return None if each.default is MISSING or each.default == () else _as_shown(each.default)


def _as_shown(value: Any) -> Any:
    """Numbers, ticks and text as they are; anything else as its text."""
    if value is None or isinstance(value, bool | int | float | str | tuple | list):
        return value
    return str(value)


def _label(each: Field) -> str:
    name = flag_of(each).removeprefix("--").replace("-", " ")
    return name.capitalize() if not declared(each).argument else each.name.replace("_", " ").capitalize()


def _panels(some: Iterable[Field]) -> dict[str, list[Field]]:
    """By panel: what is the verb's own first, what all have last."""
    found: dict[str, list[Field]] = {}
    for each in some:
        found.setdefault(declared(each).panel or USUAL_PANEL, []).append(each)
    return dict(sorted(found.items(), key=lambda item: (item[0] == COMMON, item[0] != USUAL_PANEL)))
