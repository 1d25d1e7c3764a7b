"""``airflow betproviders new-provider``: write the package of another provider, with tests that list what to fill in."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from shlex import quote
from string import Template
from typing import TYPE_CHECKING

from airflow_betproviders.cli.terminal import print_error
from airflow_betproviders.declare import API_VERSION
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.registry import providers

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

TEMPLATE = "package_template"


def new_provider(args: Namespace) -> None:
    """Write the package and print the next steps; exit with 2 if it can't be written."""
    folder = Path(args.folder)
    try:
        written = write_package(args.name, folder)
    except InvalidArgument as problem:
        print_error(str(problem))
        sys.exit(2)
    except OSError as problem:
        print_error(f"{folder} can't be written: {problem.strerror}. Give a folder that you may write to.")
        sys.exit(2)
    sys.stdout.write("".join(f"{path}\n" for path in written))
    sys.stdout.write(
        f"\nNext:\n  cd {quote(str(folder))}\n  pip install --editable '.[test]'\n  pytest -q\n"
        "The first test lists what is left to fill in.\n"
    )


def write_package(name: str, folder: Path) -> list[Path]:
    """Write the package of a provider.

    Args:
        name: the connection type, such as ``nova``.
        folder: a folder that is new or empty.

    Returns:
        The files, in order.

    Raises:
        InvalidArgument: the name can't be a connection type or is taken, or the folder is not empty.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}[a-z0-9]", name) or keyword.iskeyword(name):
        raise InvalidArgument(
            f"{name!r} can't be a connection type. Use small letters, digits and _, no _ at the end, no keyword of Python, such as nova."
        )
    if name in providers():
        raise InvalidArgument(f"an installed package provides {name!r} already. Choose another name.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidArgument(f"{folder} is not an empty folder. Give a new one, so that nothing is overwritten.")
    package = f"airflow_provider_{name}"
    known = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "hook": f"{name.title().replace('_', '')}Hook",
        "test": f"Test{name.title().replace('_', '')}",
        "package": package,
        "distribution": package.replace("_", "-"),
        "api_version": API_VERSION,
    }
    written = []
    for path, text in sorted(_template(files("airflow_betproviders.cli") / TEMPLATE, Path())):
        target = folder / Path(str(path).replace("PACKAGE", package)).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(known), encoding="utf-8")
        written.append(target)
    return written


def _template(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of the template with its path; names end in ``.txt``, so that no tool takes them for code."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _template(entry, path / entry.name)
        else:
            yield path / entry.name, entry.read_text(encoding="utf-8")
