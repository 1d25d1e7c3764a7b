"""A bounded run of `make fuzz`, and answers that are made to cost time or memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.extraction.pages import answer
from tests.fuzz.targets import JSON_LISTS, STREAMS, TARGETS, around, decode

N = 20_000
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@settings(max_examples=examples(150), deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_no_answer_or_one_with_all_of_its_rows(target, data: bytes) -> None:  # type: ignore[no-untyped-def]
    target(data)


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@given(place=st.binary(min_size=2, max_size=2), value=_JSON)
def test_any_json_value_in_any_cell_costs_no_other_row(place: bytes, value: object) -> None:
    TARGETS["one_cell"](place + json.dumps(value).encode())


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_a_damaged_answer_is_no_answer_or_one_with_all_of_its_rows(data: st.DataObject) -> None:
    stream = data.draw(st.sampled_from(JSON_LISTS))
    body = bytearray(data.draw(answer(stream, odd=data.draw(st.booleans()))))
    damage = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(damage.randrange(1, 4)):
        place = damage.randrange(len(body))
        body[place : place + damage.choice((0, 1, 5))] = damage.choice(
            (b"", b'"', b"{", b"]", b"\\", b"\xff", b"0", b",", b":")
        )
        if not body:
            return
    decode(stream, bytes(body))


# What is long in one of these is looked at again and again by a pattern that backtracks, or by a parser that recurses.
HOSTILE = {
    "digits and a letter": '"' + "1" * N + 'x"',
    "zeros and a letter": '"' + "0" * N + 'x"',
    "digits": "1" * N,
    "decimals": "1." + "1" * N,
    "an exponent": "1e" + "9" * N,
    "signs": '"' + "+-" * N + '"',
    "blanks in text": '"' + " " * N + 'x"',
    "quotes": '"' + '\\"' * N + '"',
    "backslashes": '"' + "\\\\" * N + '"',
    "an open text": '"' + '\\"' * N,
    "quotes in a name": '{"' + '\\"' * N + '}":1}',
    "quotes before a brace": '{"' + '\\"' * N + "}",
    "open names": '{"a":' * N,
    "names": "{" + ",".join(f'"n{i}":1' for i in range(N // 4)) + "}",
    "one name": "{" + ",".join(['"n":1'] * (N // 4)) + "}",
    "deep lists": "[" * N + "]" * N,
    "open lists": "[" * N,
    "deep objects": '{"a":' * N + "1" + "}" * N,
    "wide lists": "[" + ",".join(["{}"] * N) + "]",
    "blanks": " " * N,
    "a name and blanks": '1,"historyId"' + " " * N + ":1",
}


_SLOW = ("wide lists", "deep objects", "names", "one name")


@pytest.mark.parametrize(
    "hostile",
    [pytest.param(text, id=name, marks=[pytest.mark.slow] if name in _SLOW else []) for name, text in HOSTILE.items()],
)
def test_a_hostile_value_takes_time_that_grows_with_its_length_only(hostile: str) -> None:
    """Were time to grow with the square of the length, each would take minutes."""
    chosen = [
        stream
        for stream in STREAMS
        if stream.name in ("transactions", "history", "game_history") and around(stream, b"")
    ]
    assert {stream.provider for stream in chosen} == {"pv", "aig", "jdb", "gmag"}
    began = time.process_time()
    for stream in chosen:
        for field in {type(f.kind): f.name for f in stream.fields}.values():
            decode(stream, around(stream, f'{{"{field}":{hostile}}},{{}}'.encode()))
    assert time.process_time() - began < 30


_MEMORY = """
import sys
from tests.fuzz.targets import decode, around
from airflow_betproviders.providers.aig import streams as aig
hostile = {
    "quotes": '"' + '\\\\"' * 8_000_000 + '"',
    "lists": "[" * 8_000_000 + "]" * 8_000_000,
    "digits": "1" * 16_000_000,
    "members": "{" + '"a":1,' * 300_000 + '"a":1}',
}[sys.argv[1]]
decode(aig.TRANSACTIONS, around(aig.TRANSACTIONS, f'{{"bet_detail":{hostile}}}'.encode()))
# Not ru_maxrss: a child begins with the peak of the process that forked it.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("hostile", ["quotes", "lists", "digits", "members"])
def test_a_hostile_answer_of_sixteen_megabytes_takes_bounded_memory(hostile: str) -> None:
    done = subprocess.run([sys.executable, "-c", _MEMORY, hostile], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 600
