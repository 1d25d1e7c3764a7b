"""Make the example packages importable as if pip had installed them, in this process and in its children."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.packages import clear_registry

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("nova", "rowan", "quill", "finch")
_ENTRY_POINTS = re.compile(r'^\[project\.entry-points\."?([\w.]+)"?\]\n(.*?)^$', re.DOTALL | re.MULTILINE)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Write the packages' metadata into a folder, and put folder and packages on the path while the context lasts."""
    paths = [folder, *(EXAMPLES / f"airflow-provider-{name}" for name in NAMES)]
    for path in paths[1:]:
        metadata = folder / f"{path.name.replace('-', '_')}-0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {path.name}\nVersion: 0\n")
        groups = _ENTRY_POINTS.findall((path / "pyproject.toml").read_text())
        text = "\n".join(f"[{group}]\n{points.replace(chr(34), '')}" for group, points in groups)
        (metadata / "entry_points.txt").write_text(text)
    known = os.environ.get("PYTHONPATH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*map(str, paths), *sys.path])
        patch.setenv("PYTHONPATH", os.pathsep.join([*map(str, paths), *([known] if known else [])]))
        clear_registry()
        yield
    clear_registry()
