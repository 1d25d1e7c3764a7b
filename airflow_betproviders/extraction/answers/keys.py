"""Find rows that have the same key, with eight bytes of memory a row.

Equal keys have equal hashes, so rows whose hashes are all different need no further look; the few that share one are
compared by their real keys.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.extraction.decode import arrays

Hashes = npt.NDArray[np.uint64]

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_PIECE = 16_384  # rows hashed at once, so that what it takes meanwhile stays in the processor's cache
_TAILS = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)


def hashes(table: pa.Table, key: tuple[str, ...]) -> Hashes:
    """Return a 64-bit hash of each row's key: the same in every run, so that it can also order rows that share an instant."""
    pieces = (table.slice(start, _PIECE) for start in range(0, table.num_rows, _PIECE))
    return np.concatenate([np.empty(0, np.uint64), *(_hashes(piece, key) for piece in pieces)])


def _hashes(table: pa.Table, key: tuple[str, ...]) -> Hashes:
    mixed: Hashes = np.zeros(table.num_rows, np.uint64)
    for name in key:
        column = table[name]
        if pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
            _mix_in(mixed, arrays.integers(column).view(np.uint64))
        else:
            _mix_in_text(
                mixed, arrays.combined(column if pa.types.is_string(column.type) else column.cast(pa.string()))
            )
    return mixed


def _mix_in_text(mixed: Hashes, text: pa.StringArray) -> None:
    """Mix in the length of each text and then the text, eight bytes at a time; nothing counts as empty."""
    if text.null_count:
        text = pc.fill_null(text, arrays.EMPTY_TEXT)
    offsets = arrays.offsets(text).astype(np.int64)
    starts, lengths = offsets[:-1], np.diff(offsets)
    _mix_in(mixed, lengths.astype(np.uint64))
    if not len(text) or not (longest := int(lengths.max())):
        return
    used = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    data = np.concatenate([used, np.zeros(8, np.uint8)])
    starts = starts - offsets[0]
    words = np.ndarray(len(data) - 7, np.uint64, data, strides=(1,))  # one from each byte on
    for position in range(0, longest, 8):
        left = np.clip(lengths - position, 0, 8)
        reached = slice(None) if left.all() else np.flatnonzero(left)
        part = mixed[reached]
        _mix_in(part, words[starts[reached] + position] & _TAILS[left[reached]])
        mixed[reached] = part


def _mix_in(mixed: Hashes, word: Hashes) -> None:
    mixed ^= word
    mixed *= _MIX[0]
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX[1]
    mixed ^= mixed >> np.uint64(29)


def shared(ordered: Hashes) -> Hashes:
    """Return the hashes that occur more than once among sorted ones."""
    repeated: Hashes = ordered[1:][ordered[1:] == ordered[:-1]]
    once: Hashes = repeated[np.append(True, repeated[1:] != repeated[:-1])[: len(repeated)]]
    return once


def occur(hashes: Hashes, others: Hashes) -> npt.NDArray[np.bool_]:
    """Return which hashes occur among others, in a tenth of the time of `numpy.isin`."""
    if not len(others):
        return np.zeros(len(hashes), bool)
    ordered = np.sort(others)
    is_in: npt.NDArray[np.bool_] = ordered.take(np.searchsorted(ordered, hashes), mode="clip") == hashes
    return is_in


def without(hashes: Hashes, others: Hashes) -> Hashes:
    """Return the hashes that do not occur among others."""
    return hashes[~occur(hashes, others)]


def superseded(table: pa.Table, key: tuple[str, ...], version: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows to drop: of each key the greatest version stays, of equal versions the row read later."""
    best: dict[tuple[object, ...], tuple[tuple[object, ...], int]] = {}
    dropped = []
    versions = [arrays.integers(table[name]).tolist() for name in version]
    for row, values in enumerate(zip(*(table[name].to_pylist() for name in key), strict=True)):
        rank = tuple(column[row] for column in versions)
        newest = best.get(values)
        if newest is not None and newest[0] > rank:
            dropped.append(row)
            continue
        if newest is not None:
            dropped.append(newest[1])
        best[values] = (rank, row)
    return np.array(dropped, np.int64)
