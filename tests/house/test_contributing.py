"""CONTRIBUTING.md lists the folders as they are, in the order in which they may import each other."""

from __future__ import annotations

import itertools
import re
import subprocess

from tests.house.test_import_graph import LAYERS, PACKAGE

ROOT = PACKAGE.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
(LISTING,) = re.findall(rf"^```\n({PACKAGE.name}/\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.]+?)(?P<folder>/?) +\S", re.MULTILINE)
UNLISTED = {"__init__.py", "py.typed", "LICENSE", "mkdocs.yml", "requirements.lock"}


def listed() -> list[str]:
    """Return the listed paths below the package, a folder without its slash."""
    paths: list[str] = []
    for line in LINE.finditer(LISTING):
        depth = len(line["indent"]) // 2
        if depth == 2:
            paths.append(f"{next(path for path in reversed(paths) if '/' not in path)}/{line['name']}")
        elif depth == 1:
            paths.append(line["name"])
    return paths


def tracked(folder: str) -> set[str]:
    """Return the names in a folder that git knows."""
    names = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    start = len(folder) + 1 if folder != "." else 0
    return {path[start:].split("/")[0] for path in names.splitlines()}


def test_each_folder_and_module_of_the_package_is_listed_once() -> None:
    paths = listed()
    assert len(paths) == len(set(paths))
    assert {path for path in paths if "/" not in path} == tracked(PACKAGE.name) - UNLISTED
    for path in paths:
        assert (PACKAGE / path).exists()


def test_the_other_folders_are_listed() -> None:
    folders = {line["name"] for line in LINE.finditer(LISTING) if not line["indent"] and line["folder"]}
    assert folders | {PACKAGE.name, ".github"} == {name for name in tracked(".") if (ROOT / name).is_dir()} | {
        PACKAGE.name
    }


def test_the_listing_is_in_the_order_of_the_layers() -> None:
    """A folder may import from those above it."""
    place = {path.removesuffix(".py"): number for number, path in enumerate(listed())}
    layers = [[place[room] for room in rooms if room in place] for rooms in LAYERS]
    layers = [rooms for rooms in layers if rooms]
    assert all(max(above) < min(below) for above, below in itertools.pairwise(layers))
