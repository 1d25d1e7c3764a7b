"""Provider packages made for a test, found as though pip had installed them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airflow_betproviders import registry

STREAMS = """
from airflow_betproviders.declare.fields import Field, Text
from airflow_betproviders.declare.stream import Rows, Stream

STREAMS = (
    Stream(provider="{name}", name="bets", fields=(Field("id", Text(), required=True),), envelope={{"bets": Rows}}, key=("id",)),
)
"""
HOOK = """
from airflow_betproviders.hooks.base import BetProviderHook

class Hook(BetProviderHook):
    conn_type = "{name}"
    hook_name = "The {name}"
    default_conn_name = "{name}_default"
    default_min_interval = 1.0
    codes = {{}}

HOOK = Hook
"""
GOOD = {"__init__": "API_VERSION = 1\n", "streams": STREAMS, "hook": HOOK}


class Site:
    """A folder of packages with their metadata, as site-packages is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, provider: str, modules: Mapping[str, str] = GOOD, *, distribution: str | None = None) -> None:
        """Install a package that provides a connection type; ``{name}`` in its modules stands for it."""
        distribution = distribution or f"provider-{provider}"
        package = distribution.replace("-", "_")
        (self.folder / package).mkdir()
        for module, text in modules.items():
            (self.folder / package / f"{module}.py").write_text(text.format(name=provider))
        metadata = self.folder / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{provider} = {package}\n")
        clear_registry()


def clear_registry() -> None:
    """Drop what the registry has loaded, so that it finds packages anew."""
    for function in (registry._packages, registry._streams, registry._hook_class):
        function.cache_clear()


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Put a folder of packages on the path for as long as the context lasts."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield Site(folder)
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
        clear_registry()
