from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.task.storage import open_path
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
        ("", "path is empty. Give a folder such as s3://aws_default@lake/raw"),
        ("  ", "path is empty"),
        ("s3://", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("s3:///raw", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("s3://aws_default@/raw", "names no bucket. Write s3://connection_id@bucket/folder"),
        ("gs:///raw", "names no bucket. Write gs://connection_id@bucket/folder"),
        ("s3://typo@lake/raw", "names the connection 'typo', which does not exist. Create it, or correct the id"),
        ("lake/raw", "is relative, and workers differ in their folder. Give an absolute path"),
        ("./lake", "is relative"),
        ("file://lake/raw", "Give an absolute path"),
    ],
)
def test_a_path_that_cannot_work_is_refused_with_the_cure(path: str, cure: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_path(path)
    assert cure in str(caught.value)


@pytest.mark.parametrize("form", ["file://{}", "{}"])
def test_an_absolute_folder_is_taken(tmp_path: Path, form: str) -> None:
    opened = open_path(form.format(tmp_path))
    assert opened.path == str(tmp_path)
    assert "file" in opened.fs.protocol


def test_a_bucket_is_taken_with_and_without_a_connection() -> None:
    assert open_path("s3://aws_default@lake/raw").path.rstrip("/") == "lake/raw"
    assert open_path("s3://lake/raw").path.rstrip("/") == "lake/raw"
