"""The commands that make something, each made from the declarations of its verb."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from dancegen.cli.common import COMMON_OPTIONS, examples, stdout_reserved
from dancegen.devices import is_main_process
from dancegen.options.declare import COMMON, Names, Options, Switch, declared, flag_of, kinds, switches
from dancegen.options.shared import SHARED
from dancegen.options.verbs import VERBS, Verb
from dancegen.store import Artifact

FOR_PEOPLE = ("as_json", "quiet", "debug")
"""Options of every command that no function takes. --debug is read where errors are worded."""
DRY_RUN = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what is there, what would be made and why, and make nothing: exit code 0 if all is there, else 3.",
        rich_help_panel=COMMON,
    ),
]


def command_for(verb: Verb) -> Callable[..., None]:
    """The command of a verb, as typer reads it: a function with the options in its signature."""

    def command(**given: Any) -> None:
        shared = {name: given.pop(name) for name in shared_options}
        keywords = {name: value for name, value in given.items() if value is not None and value != []}
        run_verb(verb, keywords, shared)

    shared_options = {
        name: parameter for name, parameter in COMMON_OPTIONS.items() if name != "device" or verb.computes
    }
    options = verb.options()
    # What is the verb's own comes before what many verbs have.
    ordered = sorted(fields(options), key=lambda each: each.name in SHARED)
    own = [(declared(each).panel == COMMON, _parameter(options, each)) for each in ordered]
    dry_run = Parameter("dry_run", Parameter.KEYWORD_ONLY, default=False, annotation=DRY_RUN)
    parameters = [
        *(parameter for last, parameter in own if not last),
        *(parameter for last, parameter in own if last),
        dry_run,
        *shared_options.values(),
    ]
    command.__name__, command.__doc__ = verb.function, verb.about
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def command_class(verb: Verb) -> type[TyperCommand]:
    """The class of a verb's command: it lets flags that are switches stand alone, wherever they stand."""
    flags = switches(verb.options())

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, written_out(args, flags))

    return Command


def written_out(arguments: Sequence[str], flags: Mapping[str, Switch]) -> list[str]:
    """A command line in which every switch has its name: what follows one that stands alone is not taken for it."""
    found, end = [], arguments.index("--") if "--" in arguments else len(arguments)
    for place, word in enumerate(arguments):
        names = flags[word].names if word in flags and place < end else None
        named = names is not None and place + 1 < end and arguments[place + 1] in names
        found.append(word if names is None or named else f"{word}={names[0]}")
    return found


def _parameter(options: type[Options], each: Field) -> Parameter:
    says, kind = declared(each), kinds(options)[each.name]
    wanted = list[str] if kind is list else kind
    required = each.default is MISSING
    default = Parameter.empty if required else None if each.default == () else each.default
    if says.argument:
        shown = typer.Argument(metavar=says.metavar, help=says.help)
    else:
        shown = typer.Option(
            flag_of(each), metavar=says.metavar, help=says.help, rich_help_panel=says.panel,
            autocompletion=_completing(says.names) if says.names else None,
        )  # fmt: skip
    annotation = Annotated[wanted if default is not None else wanted | None, shown]
    return Parameter(each.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _completing(names: Names) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in (names() if callable(names) else names) if name.startswith(incomplete)]

    return complete


def run_verb(verb: Verb, keywords: dict[str, Any], shared: Mapping[str, Any]) -> None:
    """Run a verb, with progress on stderr, and print its result on stdout: for people, as a path alone, or as JSON.

    Of several processes under a launcher, the first one speaks for all. Raises DoneInPart where inputs were left out.
    """
    from dancegen import api
    from dancegen.cli import result
    from dancegen.cli.progress import CommandProgress

    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    context = {name: value for name, value in shared.items() if name not in (*FOR_PEOPLE, "output", "name")}
    if "device" in context:
        context["device"] = context["device"].value
    dry_run = keywords.pop("dry_run", False)
    with CommandProgress(quiet=shared["quiet"] or not is_main_process()) as progress, stdout_reserved():
        given = {**keywords, **context, "progress": progress}
        copied = {name: shared[name] for name in ("output", "name")}
        made = (api.foretell(verb, given | copied), None) if dry_run else api.perform(verb, given | copied)
    if not is_main_process():
        return
    match made:
        case Artifact() as artifact, copy:
            _show(artifact, copy, shared)
            result.check_whole(artifact)
        case plan, _:
            result.print_plan(plan, shared["as_json"], shared["quiet"])
            raise typer.Exit(plan.exit_code)


def _show(artifact: Artifact, output: Path | None, shared: Mapping[str, Any]) -> None:
    from dancegen.cli import result

    if shared["as_json"]:
        result.print_json(result.as_dict(artifact))
    elif shared["quiet"]:
        print(output or artifact.path)
    else:
        if artifact.stage == "evaluate":
            result.print_evaluation(artifact)
        result.print_artifact(artifact, output)


def unknown_option(flag: str, arguments: list[str], context: typer.Context | None) -> str:
    """What to say of an option that a command does not have."""
    from dancegen.options.hints import hint_for

    command = context.command if context is not None else None
    verb = next((each for each in VERBS if command is not None and command.name in (each.name, each.function)), None)
    flags = {each.name: max(each.opts, key=len) for each in command.params if each.name} if command is not None else {}
    name = flag.lstrip("-").replace("-", "_")
    hint = hint_for(verb, name, _value_of(flag, arguments), flags, lambda own: flags.get(own) or _flag(own))
    return f"No such option: {flag}{hint and f'; {hint}'}"


def _value_of(flag: str, arguments: list[str]) -> str | None:
    """What was given with a flag, as `--flag value` or `--flag=value`."""
    for given, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        if given == flag:
            return None if following.startswith("-") else following
        if given.startswith(f"{flag}="):
            return given.partition("=")[2]
    return None


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def epilog(verb: Verb) -> str:
    """The end of a command's help: what one would really type."""
    return examples(*(f"dancegen {line}" for line in verb.examples))
