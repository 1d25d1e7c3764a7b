import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return target


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    [path] = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == {"airflow_betproviders"}


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "airflow_betproviders").rglob("*.py")}

    assert modules <= set(wheel.namelist())


def test_the_wheel_holds_the_sample_dags(wheel: zipfile.ZipFile) -> None:
    samples = {f"airflow_betproviders/example_dags/{path.name}" for path in (ROOT / "dags").glob("*.py")}

    assert samples
    assert samples <= set(wheel.namelist())


def test_links_of_the_readme_work_outside_the_repository(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    readme = message_from_string(wheel.read(name).decode()).get_payload()

    targets = re.findall(r"\]\(([^)]+)\)", str(readme))
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_links_of_the_readme_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text())

    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_wheel_holds_all_of_the_page(wheel: zipfile.ZipFile) -> None:
    page = ROOT / "airflow_betproviders" / "plugin" / "page"
    files = {path.relative_to(ROOT).as_posix() for path in page.rglob("*") if path.is_file()}

    assert files <= set(wheel.namelist())
    assert {name.rsplit("/", 1)[-1] for name in files} >= {"index.html", "main.js", "coverage.css", "uPlot.iife.min.js"}
    # Airflow may have no way to the internet, and its users' browsers neither.
    loaded = [wheel.read(name).decode() for name in files if name.endswith((".html", ".css", "/main.js"))]
    assert not [text for text in loaded if "https://" in text or "http://" in text]
    assert any(
        name.endswith("licenses/airflow_betproviders/plugin/page/uplot-1.6.32/LICENSE") for name in wheel.namelist()
    )


def test_the_wheel_holds_the_template_of_new_providers(wheel: zipfile.ZipFile) -> None:
    template = ROOT / "airflow_betproviders" / "cli" / "package_template"
    files = {path.relative_to(ROOT).as_posix() for path in template.rglob("*") if path.is_file()}

    assert len(files) == 10
    assert files <= set(wheel.namelist())


def test_airflow_finds_the_plugin(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]

    assert "[airflow.plugins]\nbetproviders = airflow_betproviders.plugin.definition:" in wheel.read(name).decode()


def test_the_wheel_is_marked_as_typed(wheel: zipfile.ZipFile) -> None:
    assert "airflow_betproviders/py.typed" in wheel.namelist()


def test_the_metadata_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = message_from_string(wheel.read(name).decode())

    assert metadata["Name"] == "airflow-provider-betproviders"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Framework :: Apache Airflow :: Provider" in (metadata.get_all("Classifier") or [])
    assert set(metadata.get_all("Provides-Extra") or []) == {
        "s3",
        "gcs",
        "azure",
        "delta",
        "redis",
        "openlineage",
        "testing",
    }


def test_the_source_distribution_can_be_built_from(dist: Path) -> None:
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "LICENSE", "airflow_betproviders/__init__.py"} <= names
