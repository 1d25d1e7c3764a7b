"""Report to OpenLineage what a task read and wrote, if Airflow's provider for it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from airflow.providers.openlineage.extractors import OperatorLineage

# fsspec's protocol names, and the schemes of OpenLineage's dataset names.
_SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A folder of a store, with the counts of what a task wrote there.

    Attributes:
        namespace: the store, by OpenLineage's naming: ``s3://lake``, ``file``.
        name: the folder in it.
        columns: the Arrow type of each column, by name.
        rows: rows written.
        size: bytes of the files written; None if they were not counted.
        files: files written; None if they were not counted.
    """

    namespace: str
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    size: int | None = None
    files: int | None = None


def dataset(fs: Any, path: str, schema: pa.Schema | None = None, **counts: int | None) -> Dataset:
    """Return the dataset of a folder in a file system.

    Args:
        fs: the file system.
        path: the folder.
        schema: the columns of its files.
        **counts: rows, size and files.
    """
    namespace, name = _namespace_and_name(fs, path.rstrip("/"))
    columns = {column.name: str(column.type) for column in schema or ()}
    return Dataset(namespace=namespace, name=name, columns=columns, **counts)


def _namespace_and_name(fs: Any, path: str) -> tuple[str, str]:
    """Return a folder's namespace and name, by OpenLineage's naming."""
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    bucket, _, key = path.partition("/")
    if protocol in _SCHEMES:
        return f"{_SCHEMES[protocol]}://{bucket}", key
    if account := getattr(fs, "account_name", None):  # Azure
        return f"abfss://{bucket}@{account}.dfs.core.windows.net", key
    return "file", path


class LineageMixin:
    """Mixin of operators that report lineage.

    Attributes:
        reads: the datasets that the task reads.
        writes: the datasets that the task writes.
    """

    reads: Sequence[Dataset] = ()
    writes: Sequence[Dataset] = ()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - Airflow's signature
        """Return the lineage. Airflow's OpenLineage provider calls this at the end of the task, failed or not."""
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset, OutputDataset
        from openlineage.client.facet_v2 import output_statistics_output_dataset, schema_dataset

        def facets(dataset: Dataset) -> dict[str, Any]:
            fields = [schema_dataset.SchemaDatasetFacetFields(name, kind) for name, kind in dataset.columns.items()]
            return {"schema": schema_dataset.SchemaDatasetFacet(fields)} if fields else {}

        def counts(dataset: Dataset) -> dict[str, Any]:
            statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=dataset.rows, size=dataset.size, fileCount=dataset.files
            )
            return {"outputStatistics": statistics}

        return OperatorLineage(
            inputs=[InputDataset(dataset.namespace, dataset.name, facets(dataset)) for dataset in self.reads],
            outputs=[
                OutputDataset(dataset.namespace, dataset.name, facets=facets(dataset), outputFacets=counts(dataset))
                for dataset in self.writes
            ],
        )
