"""Cache the footers of a lake's objects, one small JSON object a month, so that a survey need not open each.

``<path>/_betproviders/receipts-cache/.../2026-11.json`` has the footer of each object and the object's identity as a
listing shows it: an ETag, or inode and times. The store is always listed first, and a footer is read again where the
identity differs. So a replaced object, a lost cache, or a cache that another task overwrote costs time and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import repeat, zip_longest
from operator import attrgetter
from typing import Any

import msgspec

from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import Footer
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import put_bytes

log = logging.getLogger(__name__)

_FORMAT = "objects-3"  # another number, should its form change
_MEMBERS = Receipt.__struct_fields__
_OWN = ("start", "end")  # members that no two receipts of a stream share


class _Cache(msgspec.Struct):
    """The cached footers of a month, by column, since a survey reads a million of them.

    Attributes:
        identities: the identity of each object in a listing, by the object's name: first the objects that have a receipt.
        rows: the number of rows of each object; None if it is not readable Parquet.
        same: the members that all receipts share.
        columns: the other members, each with its value in every receipt.
    """

    identities: dict[str, str]
    rows: list[int | None]
    same: dict[str, Any]
    columns: dict[str, list[Any]]

    @classmethod
    def of(cls, identities: Mapping[str, str], footers: Mapping[str, Footer | None]) -> _Cache:
        """Return the cache of the footers of objects that have an identity."""
        known = {name: footers[name] for name in sorted(identities)}
        receipts = {name: footer.receipt for name, footer in known.items() if footer and footer.receipt}
        names = [*receipts, *(name for name in known if name not in receipts)]
        columns = {member: list(map(attrgetter(member), receipts.values())) for member in _MEMBERS}
        same = {
            member: values[0]
            for member, values in columns.items()
            if member not in _OWN and values and values.count(values[0]) == len(values)
        }
        return cls(
            {name: identities[name] for name in names},
            [footer.rows if (footer := known[name]) else None for name in names],
            same,
            {member: values for member, values in columns.items() if member not in same},
        )

    def footers(self) -> dict[str, Footer | None]:
        """Return the footers, by the object's name.

        Raises:
            KeyError: a version of this package whose receipts have other members wrote the cache.
            ValueError: the columns do not fit together.
        """
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) != 1 or max(lengths) > len(self.rows) or len(self.rows) != len(self.identities):
            raise ValueError("its columns have different lengths")
        columns = [self.columns[name] if name in self.columns else repeat(self.same[name]) for name in _MEMBERS]
        receipts = map(Receipt, *columns)
        return {
            name: None if rows is None else Footer(rows, receipt)
            for name, rows, receipt in zip_longest(self.identities, self.rows, receipts)
        }


_DECODER = msgspec.json.Decoder(dict[str, _Cache])


def load_footers(lake: Lake, month: str) -> tuple[dict[str, str], dict[str, Footer | None]]:
    """Return the cached identities and footers of a month, by the object's name; nothing where there is no cache.

    Args:
        lake: where the stream is stored.
        month: the month, such as ``2026-11``.
    """
    path = lake.receipts_cache(month)
    try:
        # Without a start, s3fs would request the size first.
        cache = _DECODER.decode(lake.fs.cat_file(path, start=0))[_FORMAT]
        return cache.identities, cache.footers()
    except FileNotFoundError:
        pass
    except Exception as problem:  # noqa: BLE001 - whatever is wrong with it, footers tell the same
        log.warning("the receipts cache %s cannot be read and is rebuilt: %s", path, problem)
    return {}, {}


def save_footers(lake: Lake, month: str, identities: Mapping[str, str], footers: Mapping[str, Footer | None]) -> None:
    """Replace the cache of a month. A store that forbids it costs a warning.

    Args:
        lake: where the stream is stored.
        month: the month, such as ``2026-11``.
        identities: the identity of each object in a listing, by the object's name.
        footers: the footer of each of these objects; others are ignored.
    """
    path, text = lake.receipts_cache(month), msgspec.json.encode({_FORMAT: _Cache.of(identities, footers)})
    try:
        put_bytes(lake.fs, path, text)
    except Exception as problem:  # noqa: BLE001 - whatever forbids it, the next survey only takes longer
        log.warning("the receipts cache %s cannot be written, so footers will be read again: %s", path, problem)
