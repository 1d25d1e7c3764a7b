"""Load the same pages with dlt or the Airbyte CDK, from an environment of their own (`make bench-full` creates it).

    python benchmarks/peers.py dlt|dlt-tuned|airbyte gmag|pv URL OUT

dlt writes Parquet; the Airbyte CDK prints its records as JSON lines, since writing Parquet is another connector's task there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from records import FOLDER, START

PYTHON = FOLDER / "peers" / "bin" / "python"
MONEY = ("bets", "wins", "cancels", "transIn", "transOut", "balanceEnd", "bonusBalanceEnd", "rake", "jpc", "jpw")
TUNED = {
    "SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "50000",
    "SOURCES__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
    "NORMALIZE__JSON_NORMALIZER__ADD_DLT_ID": "false",
    "NORMALIZE__JSON_NORMALIZER__ADD_DLT_LOAD_ID": "false",
}


def commands(provider: str, url: str) -> dict[str, list[str]]:
    """Return the peers that read a provider's pages, as commands."""
    peers = {"gmag": ("dlt", "dlt-tuned", "airbyte"), "pv": ("dlt", "dlt-tuned")}.get(provider, ())
    return {peer: [str(PYTHON), __file__, peer, provider, url, "{out}"] for peer in peers}


def _body(provider: str) -> dict[str, Any]:
    end = START + timedelta(hours=1)
    if provider == "gmag":
        return {"startTime": f"{START:%Y-%m-%d %H:%M:%S}", "endTime": f"{end:%Y-%m-%d %H:%M:%S}", "size": 10_000}
    return {"data": {"time_start": int(START.timestamp()), "time_end": int(end.timestamp()), "page_size": 2_000}}


def _dlt(provider: str, url: str, out: str, *, tuned: bool) -> None:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DLT_DATA_DIR": f"{out}/dlt"}
    os.environ |= TUNED if tuned else {}
    import dlt  # type: ignore[import-not-found]
    from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

    gmag = provider == "gmag"
    resource: dict[str, Any] = {
        "name": "history",
        "endpoint": {
            "path": "/",
            "method": "POST",
            "json": _body(provider),
            "data_selector": "records" if gmag else "data.items",
        },
    }
    if tuned:
        amounts = {name: {"data_type": "decimal", "precision": 18, "scale": 4} for name in MONEY}
        resource |= {"max_table_nesting": 0, "columns": amounts if gmag else {}}
    pages = {
        "type": "page_number",
        "base_page": 1,
        "page_body_path": "page" if gmag else "data.page",
        "total_path": None,
    }
    source = rest_api_source({"client": {"base_url": url, "paginator": pages}, "resources": [resource]})
    files = dlt.destinations.filesystem(bucket_url=(Path(out) / "lake").as_uri())
    pipeline = dlt.pipeline("bench", destination=files, dataset_name="d", pipelines_dir=f"{out}/pipelines")
    pipeline.run(source, loader_file_format="parquet")
    import pyarrow.parquet as pq

    files_written = Path(out, "lake", "d", "history").rglob("*.parquet")
    print(json.dumps({"rows": sum(pq.read_metadata(path).num_rows for path in files_written)}))
    for folder in ("dlt", "pipelines"):
        shutil.rmtree(Path(out, folder), ignore_errors=True)


def _airbyte(provider: str, url: str, out: str) -> None:
    pages = {"type": "PageIncrement", "page_size": 10_000, "start_from_page": 1, "inject_on_first_request": True}
    manifest = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["history"]},
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "history",
                "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {}}},
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": url,
                        "path": "/",
                        "http_method": "POST",
                        "request_body_json": _body(provider),
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["records"]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_token_option": {
                            "type": "RequestOption",
                            "inject_into": "body_json",
                            "field_name": "page",
                        },
                        "pagination_strategy": pages,
                    },
                },
            }
        ],
    }
    stream = {"name": "history", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}]}
    for name, content in (("config", {"__injected_declarative_manifest": manifest}), ("catalog", catalog)):
        Path(out, f"{name}.json").write_text(json.dumps(content))
    command = [str(PYTHON.with_name("source-declarative-manifest")), "read"]
    with Path(out, "history.jsonl").open("wb") as lines:
        files = ["--config", f"{out}/config.json", "--catalog", f"{out}/catalog.json"]
        subprocess.run([*command, *files], stdout=lines, check=True)
    with Path(out, "history.jsonl").open("rb") as lines:
        print(json.dumps({"rows": sum(b'"type":"RECORD"' in line for line in lines)}))


def main() -> None:
    """Run one peer."""
    peer, provider, url, out = sys.argv[1:]
    if peer == "airbyte":
        _airbyte(provider, url, out)
    else:
        _dlt(provider, url, out, tuned=peer == "dlt-tuned")


if __name__ == "__main__":
    main()
