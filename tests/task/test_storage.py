from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from airflow.sdk import BaseHook, Connection
from packaging.version import Version

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.operators.export import ExportBetsOperator
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator
from airflow_betproviders.task.storage import open_path
from airflow_betproviders.task.tables import open_table
from tests.airflow_versions import AirflowNotFoundException


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(cls: type, conn_id: str) -> Connection:
        if conn_id != "aws_default":
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")
        return Connection(conn_id=conn_id, conn_type="aws")

    monkeypatch.setattr(BaseHook, "get_connection", classmethod(get))


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        ("", "is not text, or is empty. Give path='s3://aws_default@lake/raw' or the like"),
        ("  ", "path='  ' is not text, or is empty"),
        ("s3://", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("s3:///raw", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("s3://aws_default@/raw", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("gs:///raw", "names no bucket. Write gs://connection_id@bucket/folder"),
        pytest.param(
            "s3n://lake/raw",
            "cannot be opened: Unsupported filesystem: 's3n'. Use s3, s3a, gs",
            marks=pytest.mark.skipif(Version(version("universal-pathlib")) < Version("0.3"), reason="it opens s3n"),
        ),
        ("s3://typo@lake/raw", "names the connection 'typo', which does not exist. Create it, or correct the id"),
        ("lake/raw", "is relative, and workers differ in their folder. Give an absolute path"),
        ("./lake", "is relative"),
        ("file://lake/raw", "Give an absolute path"),
        (
            "file:////lake/raw",
            "has too many slashes: Airflow takes it for a folder below the worker's own. Write file:///lake/raw.",
        ),
        ("file://///lake/raw", "Write file:///lake/raw."),
        ("s3://[lake/raw", "has a bracket in its bucket. Write s3://connection_id@bucket/folder."),
        ("s3://lake]/raw", "has a bracket in its bucket"),
        *(
            (path, "has a *, ? or [, which stores and readers take for a pattern. Choose a path without them")
            for path in ("s3://lake/raw*", "s3://lake/raw?day=1", "/lake/raw[1]", "file:///lake/*/raw")
        ),
        *(
            (path, "blanks around it, a line break or a control character. Remove it")
            for path in (
                "file:///lake/raw\n",
                "/lake/r\naw",
                " /lake/raw",
                "s3://lake/raw ",
                "/lake/\x00",
                "/lake\t/raw",
                "/lake/\ud800",
            )
        ),
    ],
)
def test_a_path_that_cannot_work_is_refused_with_the_cure(path: str, cure: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_path(path)
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gs://lake/raw", "pip install 'airflow-provider-betproviders[gcs]'"),
        ("gcs://typo@lake/raw", "pip install 'airflow-provider-betproviders[gcs]'"),
        ("abfs://lake/raw", "pip install 'airflow-provider-betproviders[azure]'"),
        ("s3://lake/raw", "pip install 'airflow-provider-betproviders[s3]'"),
        ("s3a://aws_default@lake/raw", "pip install 'airflow-provider-betproviders[s3]'"),
        (
            "hdfs://lake/raw",
            "no installed package can store under hdfs://. Use s3, s3a, gs, gcs, abfs, abfss, adl or",
        ),
        ("s4://lake/raw", "no installed package can store under s4://. Use s3,"),
        ("http://lake/raw", "no installed package can store under http://. Use s3,"),
    ],
)
def test_a_store_whose_packages_are_missing_names_the_extra_and_an_unknown_one_those_there_are(
    monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    """As in a bare Airflow, which registers no store of its own."""
    monkeypatch.setattr("airflow.sdk.io.has_fs", lambda _scheme: False)
    with pytest.raises(InvalidArgument) as caught:
        open_path(path)
    assert message in str(caught.value)


def test_l5_likewise_where_airflows_provider_lacks_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})  # an earlier test may have opened s3
    for name in [*sys.modules]:
        if name.partition(".")[0] == "s3fs":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InvalidArgument, match=r"path 's3://lake/other' needs packages .*betproviders\[s3\]'"):
        open_path("s3://lake/other")


def test_l5_a_table_without_delta_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "deltalake.exceptions", None)
    monkeypatch.setattr("airflow_betproviders.task.storage.find_spec", lambda _name: None)
    message = r"table '.*' needs packages that are not installed: pip install 'airflow-provider-betproviders\[delta\]'"
    with pytest.raises(InvalidArgument, match=message):
        open_table(str(tmp_path))
    for task in (
        MergeBetsOperator(task_id="merge", path=str(tmp_path), table=str(tmp_path)),
        OptimizeBetsOperator(task_id="optimize", table=str(tmp_path)),
        ExportBetsOperator(
            task_id="export",
            table=str(tmp_path),
            path=f"{tmp_path}/bets.csv",
            start="2026-11-20T00:00Z",
            end="2026-11-21T00:00Z",
        ),
    ):
        with pytest.raises(InvalidArgument, match=message):
            type(task).execute.__wrapped__(task, {})


@pytest.mark.parametrize("form", ["file://{}", "{}"])
def test_an_absolute_folder_is_taken(tmp_path: Path, form: str) -> None:
    opened = open_path(form.format(tmp_path))
    assert opened.path == str(tmp_path)
    assert "file" in opened.fs.protocol


def test_a_bucket_is_taken_with_and_without_a_connection() -> None:
    assert open_path("s3://aws_default@lake/raw").path.rstrip("/") == "lake/raw"
    assert open_path("s3://lake/raw").path.rstrip("/") == "lake/raw"
