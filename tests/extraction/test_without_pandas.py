"""The engine does not import pandas, which pyarrow's own conversions do: a third of a second and 50 MiB."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import fsspec
from airflow_betproviders.extraction.decode.decoder import Decoder
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.providers.aig import streams as aig
from tests.extraction.vendor import BETS, SLOT, Vendor, bet

rows = [bet(f"{i}", at=i % 5) for i in range(7)]
rows += [bet("doubled", at=10), bet("doubled", at=1000, changed=9), {**bet("odd"), "new": 1}, {**bet("bad"), "units": "x"}]
vendor = Vendor(rows)
held = set(sys.modules) & {"pandas"}
stored = Extraction(vendor, BETS).store([SLOT], Lake(fsspec.filesystem("memory"), "/lake", "toy", "bets", "agent001"))
assert (stored.total("rows"), stored.total("bad_rows"), stored.total("slow_pages") > 0) == (9, 1, True), stored
decode = Decoder(aig.TRANSACTIONS)
for name in ("Tie", "Tie", "Big"):
    record = f'{{"id": "1", "update_time": 0, "bet_amount": "1", "bet_detail": {{"{name}": "1"}}, "win_detail": {{"Odd": 2, "Red": 3}}}}'
    page = decode(f'{{"data": {{"total": 1, "transactions": [{record}]}}}}'.encode(), lambda envelope: None)
    assert page.fast and page.table["win_detail"].num_chunks
print(sorted(held), "pandas" in sys.modules)
"""


def test_an_extraction_with_odd_bad_and_doubled_rows_and_free_names_does_not_import_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[] False"
