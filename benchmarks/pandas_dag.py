"""Load one provider as a hand-written DAG would: requests, .json(), one list, a DataFrame, to_parquet; amounts become floats."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from typing import Any

import pandas as pd
import requests
from records import START


def main() -> None:
    """Read the hours from `START` on."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("provider", choices=["gmag", "pv"])
    arguments.add_argument("url")
    arguments.add_argument("out")
    arguments.add_argument("--hours", type=int, default=1)
    given = arguments.parse_args()
    end = START + timedelta(hours=given.hours)
    session = requests.Session()
    rows: list[dict[str, Any]] = []
    page, total = 1, 1
    while len(rows) < total:
        if given.provider == "gmag":
            times = {"startTime": f"{START:%Y-%m-%d %H:%M:%S}", "endTime": f"{end:%Y-%m-%d %H:%M:%S}"}
            body: dict[str, Any] = {**times, "page": page, "size": 10_000}
        else:
            times_s = {"time_start": int(START.timestamp()), "time_end": int(end.timestamp())}
            body = {"data": {**times_s, "page": page, "page_size": 2_000}}
        answer = session.post(given.url, json=body, timeout=60).json()
        answer = answer.get("data", answer)
        rows += answer.get("records") or answer["items"]
        total, page = answer["total"], page + 1
    frame = pd.DataFrame(rows)
    for name in {"startTime", "endTime", "createdAt"} & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    frame.to_parquet(f"{given.out}/part.parquet", compression="zstd", index=False)
    print(json.dumps({"rows": len(rows)}))


if __name__ == "__main__":
    main()
