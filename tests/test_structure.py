"""The house: dependencies point one way, families and backends do not know each other, and modules fit in the head.

Read from the code itself: every import counts, also those inside functions and those for type checkers alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from helpers.processes import REPOSITORY

PACKAGE = REPOSITORY / "dancegen"
LONGEST, SHORTEST = 420, 35
"""Lines of a module."""
MAY_BE_SHORT = ("__init__", "__main__", "registry", "family", "arrays", "assets", "formatting", "openpose")
"""Names of modules that are short because of what they are: entrances, declarations, and what many others share."""
ENTRANCES = ("dancegen", "dancegen.__main__", "dancegen.api", "dancegen.cli", "dancegen.stages", "dancegen.studio")
"""What may call the stages."""
STORE_MAY_USE = ("dancegen.errors", "dancegen.formatting", "dancegen.progress", "dancegen.store")


@cache
def imports() -> dict[str, frozenset[str]]:
    """By module of dancegen, the modules of dancegen that it imports."""
    return {name: frozenset(imported(name)) for name in modules()}


@cache
def modules() -> dict[str, ast.Module]:
    """By name, the syntax tree of every module."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(name: str) -> Iterator[str]:
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} imports relatively"
            if (node.module, [alias.name for alias in node.names]) == ("dancegen", ["__version__"]):
                continue  # a constant, that the package has before it imports anything
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (full for full in whole if full in modules())
            if node.module in modules() and not all(full in modules() for full in whole):
                yield node.module


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def arrows(source: str, *targets: str, but: tuple[str, ...] = ()) -> list[str]:
    """Imports that lead from one package into others; `but`: sources or targets that do not count."""
    return [
        f"{name} -> {other}"
        for name, others in imports().items()
        for other in sorted(others)
        if within(name, source) and within(other, *targets) and not within(name, *but) and not within(other, *but)
    ]


def children(package: str) -> list[str]:
    """The packages directly inside a package."""
    return [
        f"{package}.{path.parent.name}"
        for path in sorted((REPOSITORY / package.replace(".", "/")).glob("*/__init__.py"))
    ]


def family_packages() -> list[str]:
    return [name for name in children("dancegen.choreographers") if f"{name}.family" in modules()]


def backend_packages() -> list[str]:
    return [name for name in children("dancegen.renderers") if f"{name}.backend" in modules() and name != FILM]


FILM = "dancegen.renderers.film"
KNOW_THEM = ("dancegen.choreographers", "dancegen.choreographers.registry", "dancegen.renderers.film.registry")
"""Where a family or a backend is named: the baselines in the package that they belong to, the others in a registry."""


def test_the_imports_are_found():
    """What the other tests lean on."""
    assert "dancegen.store" in imports()["dancegen.context"]
    assert "dancegen.stages.outputs" in imports()["dancegen.api"]  # inside a function
    assert family_packages() == [
        "dancegen.choreographers.baselines", "dancegen.choreographers.diffusion", "dancegen.choreographers.gan",
    ]  # fmt: skip
    assert "dancegen.renderers.animatediff" in backend_packages()


def test_only_entrances_import_the_stages():
    found = [
        f"{name} -> {other}"
        for name, others in imports().items()
        for other in sorted(others)
        if within(other, "dancegen.stages") and name != "dancegen" and not within(name, *ENTRANCES[1:])
    ]
    assert found == []


def test_nothing_but_the_program_itself_imports_the_command_line():
    assert arrows("dancegen", "dancegen.cli", but=("dancegen.__main__",)) == arrows("dancegen.cli", "dancegen.cli")


def test_the_store_knows_nothing_of_what_it_stores():
    found = [
        f"{name} -> {other}"
        for name, others in imports().items()
        for other in sorted(others)
        if within(name, "dancegen.store") and not within(other, *STORE_MAY_USE)
    ]
    assert found == []


def test_no_family_of_choreographers_imports_another():
    families = family_packages()
    found = [arrow for one in families for other in families if one != other for arrow in arrows(one, other)]
    assert found == []


def test_no_film_backend_imports_another_or_the_store():
    backends = backend_packages()
    found = [arrow for one in backends for other in backends if one != other for arrow in arrows(one, other)]
    assert found == []
    assert [arrow for one in backends for arrow in arrows(one, "dancegen.store")] == []


def test_only_a_registry_knows_the_families_and_the_backends():
    inside = (*family_packages(), *backend_packages())
    found = [
        f"{name} -> {other}"
        for name, others in imports().items()
        for other in sorted(others)
        if within(other, *inside) and not within(name, *inside) and name not in KNOW_THEM
    ]
    assert found == []


def test_no_imports_run_in_a_circle():
    assert [circle for circle in circles(imports()) if len(circle) > 1] == []


def circles(graph: dict[str, frozenset[str]]) -> list[list[str]]:
    """The strongly connected components of a graph (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_a_circle_would_be_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert sorted(circles({name: frozenset(others) for name, others in graph.items()})) == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_fits_in_the_head_and_is_worth_a_file(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST
    assert lines >= SHORTEST or path.stem in MAY_BE_SHORT


READ_IN = {
    "dancegen.files": ("load", "imread", "open", "safe_open", "load_file", "ZipFile"),
    "dancegen.video.info": ("open",),
    "dancegen.video.writer": ("open",),  # its own
    "dancegen.video.soundtrack": ("open",),
    "dancegen.audio.load": ("open", "info", "SoundFile"),
}
"""Where files from outside are read: there what they hold is looked at first, and what goes wrong is put into words."""
READERS = {
    "np.load", "np.fromfile", "np.loadtxt", "torch.load", "cv2.imread", "Image.open", "av.open", "soundfile.info",
    "soundfile.read", "zipfile.ZipFile", "safe_open", "load_file", "pickle.load", "pickle.loads",
}  # fmt: skip


def test_files_from_outside_are_read_in_one_place_a_kind():
    found = [
        f"{name}: {called}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and not within(name, "dancegen.store")
        and (called := ast.unparse(node.func)) in READERS
        and called.rpartition(".")[2] not in READ_IN.get(name, ())
    ]
    assert found == []


TESTS = sorted((REPOSITORY / "tests").rglob("test_*.py"))


def test_tests_lie_where_the_packages_lie_that_they_test():
    folders = {path.parent.relative_to(REPOSITORY / "tests") for path in TESTS}
    assert [str(folder) for folder in sorted(folders) if not (PACKAGE / folder / "__init__.py").is_file()] == []


def test_tests_share_what_is_in_helpers_and_import_no_other_test():
    found = [
        f"{path.name} imports {name}"
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in names_imported(node)
        if name.split(".")[0] in ("tests", "conftest") or name.split(".")[-1].startswith("test_") or name == "sys.path"
    ]
    assert found == []


def names_imported(node: ast.AST) -> list[str]:
    """What an import names; `sys.path` where that is touched."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return ["sys.path"] if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path" else []
