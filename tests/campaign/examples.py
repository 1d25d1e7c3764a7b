"""The example packages, found as though pip had installed them, in this process and in those that it starts."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("nova", "rowan", "quill", "finch")
_ENTRY_POINTS = re.compile(r'^\[project\.entry-points\."?([\w.]+)"?\]\n(.*?)^$', re.DOTALL | re.MULTILINE)


def install(folder: Path) -> None:
    """Write the packages' metadata into a folder, and put folder and packages on the path."""
    paths = [folder, *(EXAMPLES / f"airflow-provider-{name}" for name in NAMES)]
    for path in paths[1:]:
        metadata = folder / f"{path.name.replace('-', '_')}-0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {path.name}\nVersion: 0\n")
        groups = _ENTRY_POINTS.findall((path / "pyproject.toml").read_text())
        text = "\n".join(f"[{group}]\n{points.replace(chr(34), '')}" for group, points in groups)
        (metadata / "entry_points.txt").write_text(text)
    sys.path[:0] = map(str, paths)
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*map(str, paths), *([known] if known else [])])
