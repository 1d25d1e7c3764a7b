"""The how-to that adds a provider, done as it says: in an empty folder, with the package written by its command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_betproviders.cli.new_provider import write_package
from airflow_betproviders.exceptions import InvalidArgument
from tests.packaging.test_examples import install

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "add-a-provider.md").read_text()
EXAMPLE = ROOT / "examples" / "airflow-provider-nova"
BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<path>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
BLOCKS = list(BLOCK.finditer(PAGE))
FILES = {block["path"]: block["text"] for block in BLOCKS if block["path"] and block["kind"] == "python"}
CHANGES = {block["path"]: block["text"] for block in BLOCKS if block["kind"] == "diff"}


def change(file: Path, diff: str) -> None:
    """Do what a diff without line numbers says."""
    content = file.read_text()
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        old, new = (old[:-1], new[:-1]) if lines[-1].startswith(" ") else (old, new)
        assert content.count(old) == 1, f"{file} has not exactly once:\n{old}"
        content = content.replace(old, new)
    file.write_text(content)


def run_tests(package: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Install a package and run its tests."""
    install(site, package)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", *arguments],
        cwd=package,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(package), str(site), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_new_package_fails_with_what_is_left_and_passes_when_it_is_done(tmp_path: Path) -> None:
    package = tmp_path / "airflow-provider-nova"
    generated = write_package("nova", package)

    first = run_tests(package, tmp_path / "first", "-k", "fill or connection or document or usable")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "3 failed, 1 passed" in first.stdout
    assert "streams.py:16 the endpoint of the bets" in first.stdout
    assert "airflow_provider_nova/hook.py: signature() is left to fill in" in first.stdout

    for path, text in FILES.items():
        assert package / path in generated
        (package / path).write_text(text)
    for path, diff in CHANGES.items():
        change(package / path, diff)

    done = run_tests(package, tmp_path / "second")
    assert done.returncode == 0, done.stdout + done.stderr
    check_types(package)


def check_types(package: Path) -> None:
    """Run mypy on the modules that differ from the example's, which `make lint` checks: all imports of a hook take a minute."""
    others = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        for path in package.glob("airflow_provider_nova/**/*.py")
        if not (same := EXAMPLE / path.relative_to(package)).exists() or path.read_text() != same.read_text()
    }
    assert others == {f"airflow_provider_nova{module}" for module in ("", ".provider_info", ".simulator")}
    modules = [argument for module in sorted(others) for argument in ("-m", module)]
    # From here, so that mypy finds its settings, and its cache of this package.
    check = (sys.executable, "-m", "mypy", "--strict", *modules)
    subprocess.run(check, cwd=ROOT, env={**os.environ, "MYPYPATH": str(package)}, check=True, timeout=300)


@pytest.mark.parametrize("path", FILES)
def test_the_page_shows_the_example(path: str) -> None:
    assert FILES[path] == (EXAMPLE / path).read_text()


def test_the_commands_of_the_page_are_those_of_a_user() -> None:
    commands = [line for block in BLOCKS if block["kind"] == "console" for line in block["text"].splitlines()]
    assert commands[1:] == [
        "$ airflow betproviders new-provider nova airflow-provider-nova",
        "$ cd airflow-provider-nova",
        "$ pip install --editable '.[test]'",
        "$ pytest -q",
        "$ pytest -q",
    ]


@pytest.mark.parametrize("name", ["Nova", "9nova", "no-va", "nova_", "class", "n", "pv"])
def test_a_name_that_can_not_be_a_connection_type_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"Choose another|Use small letters"):
        write_package(name, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InvalidArgument, match="is not an empty folder"):
        write_package("nova", tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.txt"]
