"""Providers of other packages: found by entry point, checked when they are first used, harmless to each other when broken."""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from airflow_betproviders import registry
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.exceptions import BrokenProvider, InvalidArgument
from airflow_betproviders.lake.survey.coverage import survey
from airflow_betproviders.registry import declared, hook_class, mapping_of, providers, reports_of, streams_of, title_of
from tests.packages import GOOD, STREAMS, Site, site

PACKAGE = Path(registry.__file__).parent
OURS = {"pv", "aig", "jdb", "gmag"}


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "site") as opened:
        opened.folder.mkdir()
        yield opened


def test_ours_are_found_by_entry_point_and_complete() -> None:
    assert set(providers()) >= OURS
    for name in OURS:
        assert hook_class(name)().streams == streams_of(name)
        assert {stream.provider for stream in streams_of(name)} == {name}
        assert mapping_of(name).provider == name
        assert reports_of(name)


def test_another_package_is_found_beside_ours(packages: Site) -> None:
    packages.install("nova")
    assert set(providers()) >= {"nova", *OURS}
    assert [stream.name for stream in streams_of("nova")] == ["bets"]
    assert [stream.name for stream in hook_class("nova")().streams] == ["bets"]
    assert title_of("nova") == "The nova"


def test_finding_providers_imports_none_of_them() -> None:
    code = (
        "import sys; from airflow_betproviders.registry import providers, streams_of\n"
        "assert providers(); assert not [n for n in sys.modules if n.startswith('airflow_betproviders.providers')]\n"
        "streams_of('aig'); print(*(n for n in sys.modules if n in ('airflow', 'pyarrow') or n.endswith('.hook')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_provider_that_is_not_installed_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(InvalidArgument, match=r"'nova'. Installed providers: aig, gmag, jdb, pv"):
        streams_of("nova")


def test_two_of_one_name_are_refused_by_both_their_names(packages: Site) -> None:
    packages.install("nova", distribution="nova-one")
    packages.install("nova", distribution="nova-two")
    with pytest.raises(BrokenProvider, match=r"nova-one \(nova_one\) and nova-two \(nova_two\). Uninstall all but one"):
        hook_class("nova")
    assert streams_of("aig")


def test_one_distribution_on_two_paths_is_one(packages: Site, tmp_path: Path) -> None:
    packages.install("nova")
    (tmp_path / "again").mkdir()
    with site(tmp_path / "again") as again:
        again.install("nova")
        assert hook_class("nova").conn_type == "nova"


ONE_ROW = STREAMS.replace('key=("id",)', "").replace("Rows}}", "OneRow}}").replace("import Rows", "import OneRow")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"streams": None}, r"it has no streams. Write STREAMS = \(...\) into provider_nova.streams"),
        ({"streams": "STREAMS = ()"}, "it has no streams"),
        ({"streams": "import no_such_module"}, "provider_nova.streams can't be imported: No module named 'no_such_module'"),
        ({"streams": "STREAMS = ("}, "provider_nova.streams can't be imported: SyntaxError"),
        ({"__init__": "raise RuntimeError('oh')"}, "provider_nova can't be imported: RuntimeError: oh"),
        ({"__init__": ""}, "it doesn't state its API version. Write API_VERSION = 1 into provider_nova"),
        ({"__init__": "API_VERSION = 2"}, "written for API version 2, and 1 is installed. Upgrade airflow-provider-betp"),
        ({"__init__": "API_VERSION = 0"}, "written for API version 0, and 1 is installed. Upgrade provider-nova"),
        ({"streams": STREAMS.replace("{name}", "avon")}, "stream bets says provider='avon', and the entry point's name is"),
        ({"streams": STREAMS.replace('key=("id",)', "")}, "stream bets has no key.* in provider_nova.streams"),
        ({"streams": STREAMS.replace('key=("id",)', 'key=("ID",)')}, "key of stream bets names 'ID', which is not"),
        ({"streams": STREAMS.replace("key=", 'time_column="at", key=')}, "time_column of stream bets names 'at'"),
        ({"streams": STREAMS + "STREAMS = STREAMS[0]"}, r"STREAMS in provider_nova.streams is not a tuple of streams"),
        ({"streams": "STREAMS = ('bets',)"}, "STREAMS in provider_nova.streams is not a tuple of streams"),
        ({"streams": STREAMS + "STREAMS *= 2"}, "there are two streams of the name 'bets'"),
    ],
)  # fmt: skip
def test_broken_streams_name_the_package_and_the_cure(
    packages: Site, changes: dict[str, str | None], says: str
) -> None:
    packages.install("nova", {name: text for name, text in {**GOOD, **changes}.items() if text is not None})
    for use in (streams_of, hook_class, lambda name: declared(name, "bets")):
        with pytest.raises(BrokenProvider, match=says) as raised:
            use("nova")
        assert "provider 'nova' of package provider-nova can't be used" in str(raised.value)
        assert "uninstall the package" in str(raised.value)
    assert title_of("nova") == "nova"
    assert title_of("aig") == "AIG"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hook": None}, "it has no hook. Write HOOK = ... into provider_nova.hook"),
        ({"hook": "HOOK = 'Hook'"}, "HOOK in provider_nova.hook is not the class of a hook"),
        ({"hook": "import requets"}, "provider_nova.hook can't be imported: No module named 'requets'"),
        ({"hook": GOOD["hook"].replace('conn_type = "{name}"', 'conn_type = "avon"')}, "Hook.conn_type is 'avon'"),
    ],
)
def test_a_broken_hook_names_the_package_and_the_cure(
    packages: Site, changes: dict[str, str | None], says: str
) -> None:
    packages.install("nova", {name: text for name, text in {**GOOD, **changes}.items() if text is not None})
    assert streams_of("nova")
    with pytest.raises(BrokenProvider, match=says):
        hook_class("nova")


def test_a_record_that_is_alone_in_its_window_needs_no_key(packages: Site) -> None:
    packages.install("nova", {**GOOD, "streams": ONE_ROW})
    assert streams_of("nova")[0].key == ()


def test_bets_and_reports_are_optional(packages: Site) -> None:
    packages.install("nova")
    with pytest.raises(InvalidArgument, match=r"no bets.MAPPING"):
        mapping_of("nova")
    with pytest.raises(InvalidArgument, match=r"no bets.REPORTS"):
        reports_of("nova")


@pytest.mark.parametrize(
    ("use", "bets", "says"),
    [
        (mapping_of, "MAPPING = {{'bet_id': 'id'}}", "MAPPING in provider_nova.bets is not a BetMapping"),
        (reports_of, "REPORTS = ('day',)", "REPORTS in provider_nova.bets is not a tuple of reports"),
        (mapping_of, "MAPPING = (", "provider_nova.bets can't be imported: SyntaxError"),
    ],
)
def test_broken_bets_name_the_package_and_the_cure(
    packages: Site, use: Callable[[str], object], bets: str, says: str
) -> None:
    packages.install("nova", {**GOOD, "bets": bets})
    assert streams_of("nova")
    with pytest.raises(BrokenProvider, match=f"package provider-nova can't be used: {says}"):
        use("nova")


@pytest.mark.slow
def test_in_a_process_of_its_own_each_broken_package_is_named_and_the_others_work(packages: Site) -> None:
    """Two packages of one name, a failing import, a wrong version, no streams, no hook, a stream without a key."""
    packages.install("twin", distribution="twin-one")
    packages.install("twin", distribution="twin-two")
    packages.install("crash", {**GOOD, "streams": "import no_such_module"})
    packages.install("old", {**GOOD, "__init__": "API_VERSION = 0"})
    packages.install("bare", {"__init__": GOOD["__init__"], "hook": GOOD["hook"]})
    packages.install("hookless", {"__init__": GOOD["__init__"], "streams": GOOD["streams"]})
    packages.install("keyless", {**GOOD, "streams": STREAMS.replace('key=("id",)', "")})
    packages.install("good")
    code = (
        "import json\n"
        "from airflow_betproviders.exceptions import BrokenProvider\n"
        "from airflow_betproviders.registry import hook_class, providers, streams_of\n"
        "found = {}\n"
        "for name in providers():\n"
        "    try: found[name] = [hook_class(name).__name__, len(streams_of(name))]\n"
        "    except BrokenProvider as error: found[name] = str(error)\n"
        "print(json.dumps(found))"
    )
    path = os.pathsep.join([str(packages.folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == {"twin", "crash", "old", "bare", "hookless", "keyless", "good"} | set(providers())
    assert found["good"] == ["Hook", 1]
    assert all(isinstance(found[name], list) for name in OURS)
    for name, says in {
        "twin": "comes with twin-one (twin_one) and twin-two (twin_two). Uninstall all but one.",
        "crash": "of package provider-crash can't be used: provider_crash.streams can't be imported: No module named",
        "old": "of package provider-old can't be used: it was written for API version 0, and 1 is installed",
        "bare": "of package provider-bare can't be used: it has no streams",
        "hookless": "of package provider-hookless can't be used: it has no hook",
        "keyless": "of package provider-keyless can't be used: stream bets has no key",
    }.items():
        assert says in found[name]


def test_a_broken_package_is_named_in_a_warning_and_harms_no_other(
    packages: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packages.install("nova", {**GOOD, "streams": "STREAMS = (", "bets": "MAPPING = ("})
    for provider, stream in (("nova", "bets"), ("aig", "transactions")):
        folder = tmp_path / f"raw/provider={provider}/stream={stream}/account=a/slot_date=2026-11-20"
        folder.mkdir(parents=True)
        (folder / "20261120T050000Z-20261120T060000Z.parquet").touch()
    fs, root = fsspec.filesystem("file"), str(tmp_path / "raw")
    said: list[str] = []

    with caplog.at_level(logging.WARNING):
        assert [each.lake.provider for each in find_raw_streams(fs, root, provider=None)] == ["aig"]
    shown = [each.lake.provider for each in survey(fs, root, warn=said.append)]
    assert shown == ["aig"]
    assert "package provider-nova" in caplog.text
    assert "package provider-nova" in " ".join(said)
    with pytest.raises(BrokenProvider, match="package provider-nova"):
        find_raw_streams(fs, root, provider="nova")


def test_no_code_names_our_providers_but_their_own() -> None:
    """The four are found as a stranger's are, so no list of them stands anywhere; their form is data for Airflow."""
    theirs = [PACKAGE / "providers", PACKAGE / "provider_info.py", *(PACKAGE / "simulator" / name for name in OURS)]
    named = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if any(path.is_relative_to(each) for each in theirs):
            continue
        tree = ast.parse(path.read_text())
        named += [
            f"{path.relative_to(PACKAGE)}:{node.lineno} {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in OURS
        ]
    for path in sorted((PACKAGE / "plugin" / "page").glob("*.*")):
        if path.suffix in {".js", ".html"}:
            named += [f"{path.name} {name}" for name in OURS if re.search(rf"\b{name}\b", path.read_text())]
    assert named == []
