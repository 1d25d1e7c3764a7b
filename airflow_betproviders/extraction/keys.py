"""Each key once: finding rows that carry the same key, with eight bytes of memory a row.

Equal keys have equal hashes, so rows whose hashes are all different need no further look; the few that share one are
compared by their real keys.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]

_SEPARATOR = "\x1f"
_PIECE = 4096  # rows hashed at once: each byte of their keys takes some 32 bytes of memory meanwhile
_rng = np.random.default_rng(20261120)
_weights = _rng.integers(1, 2**63, 64, np.uint64) | np.uint64(1)
_growing = threading.Lock()  # two threads that grew it at once would hash one key in two ways


def hashes(table: pa.Table, key: tuple[str, ...]) -> Hashes:
    """A 64-bit hash of each row's key: the same in every run, so that it can also order rows that share an instant."""
    if not table.num_rows:
        return np.empty(0, np.uint64)
    pieces = (table.slice(start, _PIECE) for start in range(0, table.num_rows, _PIECE))
    return np.concatenate([_hashes(piece, key) for piece in pieces])


def _hashes(table: pa.Table, key: tuple[str, ...]) -> Hashes:
    parts = [pc.fill_null(table[name].cast(pa.string()), "") for name in key]
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, _SEPARATOR)
    array = joined.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    bounds = offsets - offsets[0]
    text = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data is not None else np.empty(0, np.uint8)
    lengths = np.diff(bounds)
    position = np.arange(len(text)) - np.repeat(bounds[:-1], lengths)
    sums = np.concatenate(
        [
            np.zeros(1, np.uint64),
            np.cumsum((text.astype(np.uint64) + np.uint64(1)) * _weight(position), dtype=np.uint64),
        ]
    )
    mixed: Hashes = sums[bounds[1:]] - sums[bounds[:-1]]
    mixed ^= mixed >> np.uint64(32)
    return mixed * np.uint64(0x9E3779B97F4A7C15)


def _weight(position: npt.NDArray[np.int64]) -> Hashes:
    global _weights  # noqa: PLW0603 - one growing table of the same random numbers
    longest = int(position.max(initial=0)) + 1
    with _growing:
        while len(_weights) < longest:
            _weights = np.concatenate([_weights, _rng.integers(1, 2**63, len(_weights), np.uint64) | np.uint64(1)])
    return _weights[position]


def shared(ordered: Hashes) -> Hashes:
    """The hashes that occur more than once among sorted ones."""
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def losers(table: pa.Table, key: tuple[str, ...], version: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Row numbers to drop so that each key stays once: the greatest version stays, of equal ones the row read later."""
    best: dict[tuple[object, ...], tuple[tuple[object, ...], int]] = {}
    dropped = []
    versions = [_comparable(table[name]) for name in version]
    for row, values in enumerate(zip(*(table[name].to_pylist() for name in key), strict=True)):
        rank = tuple(column[row] for column in versions)
        held = best.get(values)
        if held is not None and held[0] > rank:
            dropped.append(row)
            continue
        if held is not None:
            dropped.append(held[1])
        best[values] = (rank, row)
    return np.array(dropped, np.int64)


def _comparable(column: pa.ChunkedArray) -> list[int]:
    """Instants and integers as numbers, nothing as less than everything."""
    return pc.fill_null(column.cast(pa.int64()), -(2**63)).to_pylist()  # type: ignore[no-any-return]
