"""Whether the workers of a cluster have the same dancegen: one that has another is told before it is given work."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dancegen import __version__
from dancegen.errors import InputError


def own_version() -> str:
    """Of the dancegen that is installed here, or that runs from its sources."""
    try:
        return version("dancegen")
    except PackageNotFoundError:
        return __version__


def check_versions(backend: str, found: Mapping[str, object]) -> None:
    """InputError where workers lack this dancegen: they would be given work that they cannot read.

    found: what each worker says when it is asked for the version that is installed there, or what it raised.
    """
    own = own_version()
    odd = {address: said for address, said in found.items() if said != own}
    if odd:
        address, said = next(iter(odd.items()))
        have = f"has dancegen {said}" if isinstance(said, str) else "has no dancegen"
        raise InputError(
            f"--backend {backend}: {len(odd)} of {len(found)} workers cannot do this work: {address} {have}, and this "
            f"is {own}. Install dancegen {own} there"
        )


def check_dask(client: Any) -> None:
    """Ask all workers that a client of Dask knows. Raises InputError."""
    check_versions("dask", client.run(version, "dancegen", on_error="return"))


def check_ray() -> None:
    """Ask each machine of the Ray cluster that this process has joined. Raises InputError."""
    import ray  # type: ignore[import-not-found]
    from ray.exceptions import RayTaskError  # type: ignore[import-not-found]
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # type: ignore[import-not-found]

    ask, asked = ray.remote(num_cpus=0)(version), {}
    for node in ray.nodes():
        if node["Alive"]:
            there = ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
            asked[f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"] = there.remote("dancegen")
    found: dict[str, object] = {}
    for address, reference in asked.items():
        try:
            found[address] = ray.get(reference)
        except RayTaskError as error:
            if not isinstance(error.cause, ImportError):  # PackageNotFoundError is one
                raise
            found[address] = error.cause
    check_versions("ray", found)
