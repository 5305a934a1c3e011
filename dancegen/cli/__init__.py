"""The command `dancegen`, made from the declarations in `options`; and here what goes wrong is put into words."""

from __future__ import annotations

import atexit
import gc
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from dancegen import __version__
from dancegen.cli import artifacts
from dancegen.cli.commands import command_class, command_for, epilog, unknown_option
from dancegen.cli.common import examples, need_command
from dancegen.cli.genres import EXAMPLES, list_genres
from dancegen.cli.studio import EXAMPLES as STUDIO_EXAMPLES
from dancegen.cli.studio import studio
from dancegen.devices import is_main_process, rank_and_world_size
from dancegen.errors import DancegenError
from dancegen.options.verbs import VERBS

FEWER_COLLECTIONS = 10_000
"""Objects that are made between two looks for garbage; Python's own is 700."""
_HELP = {"help_option_names": ["-h", "--help"]}


def build_app() -> typer.Typer:
    """The whole command line, with the options of every backend that is registered now."""
    app = typer.Typer(
        name="dancegen",
        context_settings=_HELP,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        epilog=examples("dancegen dance demo", "dancegen dance song.mp3", "dancegen artifacts ls"),
    )
    app.callback()(_dancegen)
    for verb in VERBS:
        app.command(verb.name, cls=command_class(verb), epilog=epilog(verb))(command_for(verb))
    dance = VERBS[0]
    app.command("inference", cls=command_class(dance), hidden=True, epilog=epilog(dance))(command_for(dance))
    app.command("genres", epilog=examples(*(f"dancegen {line}" for line in EXAMPLES)))(list_genres)
    app.command("studio", epilog=examples(*(f"dancegen {line}" for line in STUDIO_EXAMPLES)))(studio)
    app.add_typer(artifacts.app, name="artifacts")
    return app


def _dancegen(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Give it a song, get a dance video.

    What has not changed is never made twice; an input that is left out is the newest result of the step before.
    """
    if version:
        print(f"dancegen {__version__}")
        raise typer.Exit()
    need_command(context)


def main(arguments: Sequence[str] | None = None, application: typer.Typer | None = None) -> int:
    """Run a command line (the process's own unless given) and return its exit code.

    0 done, 1 failed, 2 wrong usage or input, 3 done in part, 130 interrupted. What went wrong is one line on stderr; of
    several processes under a launcher, all know of it and the first one says it, unless it was unexpected.
    """
    _treat_sigterm_as_interrupt()
    _collect_less()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = typer.main.get_command(application or build_app())
        code = command.main(arguments, prog_name="dancegen", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as error:
        return _code(error.code)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        # The reader has gone, `| head` say. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        debug = "--debug" in arguments  # not the parsed option: parsing may be what failed
        if debug:
            traceback.print_exception(error)
        return _explain(error, arguments, "" if debug else " (run it again with --debug to see where)")
    if code == 130 and is_main_process():
        print("interrupted", file=sys.stderr)
    return _code(code)


def _treat_sigterm_as_interrupt() -> None:
    """`docker stop` sends it, and must not cost a training what it has learnt."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _collect_less() -> None:
    """Most objects are what modules are made of, and stay: look for garbage less often, and not again at the end.

    With torch loaded, the last look alone took half a second.
    """
    gc.set_threshold(FEWER_COLLECTIONS)
    atexit.register(gc.freeze)


def _explain(error: Exception, arguments: list[str], hint: str) -> int:
    if isinstance(error, DancegenError):
        return _say(str(error), error.exit_code)
    words = getattr(error, "format_message", None)  # of click's usage errors, wherever this typer's click comes from
    if words is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "dancegen"
        if context is not None and context.parent is None and (song := _song_in(arguments)):
            return _say(f"{song} is a song, not a command: write dancegen dance {shlex.quote(song)}", 2)
        unknown = getattr(error, "option_name", None) if type(error).__name__ == "NoSuchOption" else None
        said = unknown_option(unknown, arguments, context) if unknown else words().replace("Value error, ", "")
        return _say(f"{said} (see {path} --help)", 2)
    unexpected = f"unexpected {type(error).__name__}: {error}{hint}"
    if not is_main_process():
        print(f"process {rank_and_world_size()[0]}: {unexpected}", file=sys.stderr)
    return _say(unexpected, 1)


def _song_in(arguments: list[str]) -> str | None:
    """The song that was given in the place of a command, by who forgot the word `dance`."""
    from dancegen.audio import AUDIO_SUFFIXES

    first = arguments[0] if arguments else ""
    return first if os.path.splitext(first)[1].lower() in AUDIO_SUFFIXES else None


def _say(message: str, code: int) -> int:
    if is_main_process():
        print("error: " + " ".join(message.split("\n")), file=sys.stderr)
    return code


def _code(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1
