"""Find the streams of accounts that a lake holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from airflow_betproviders.lake.folder_names import folder_name, is_shortened
from airflow_betproviders.lake.layout import (
    FILTERED,
    Lake,
    days_in,
    refuse_old_layout,
    slot_of,
    values_in,
)
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.store.listing import folder_entries

log = logging.getLogger(__name__)

_NAMED = 10  # foreign entries in one warning


def find_lakes(
    fs: Any,
    root: str,
    *,
    provider: str | None = None,
    stream: str | None = None,
    account: str | None = None,
    filters: Mapping[str, Any] | None = None,
    warn: Callable[[str], object] = log.warning,
) -> Iterator[Lake]:
    """Find the streams of accounts that a lake holds.

    Args:
        fs: an fsspec file system.
        root: the lake's folder in it.
        provider: only this one.
        stream: only this one.
        account: only this one, by its login.
        filters: only what was extracted with these (``{}``: without any); default, with and without. The filters of a
            `Lake` found by default are text.
        warn: gets one message that names the entries which this package does not make. They are left alone.

    Raises:
        InvalidArgument: the lake has an older layout.
    """
    root = root.rstrip("/")
    refuse_old_layout(fs, root)
    search = _Search(fs, root, {"provider": provider, "stream": stream, "account": account})
    if not filters:
        yield from search.accounts(root)
    if filters is None or filters:
        for lake in search.accounts(f"{root}/{FILTERED}"):
            yield from search.narrowed(lake, filters)
    warn_of_foreign(search.foreign, warn)


def providers_in(fs: Any, root: str) -> list[str]:
    """Return the providers whose streams lie in a lake without filters."""
    values, _ = values_in(fs, root.rstrip("/"), "provider")
    return sorted(values.values())


def warn_of_foreign(paths: Sequence[str], warn: Callable[[str], object]) -> None:
    """Name entries of a lake that this package does not make, in one warning; no warning where there are none."""
    if paths:
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        named = (path if path.isprintable() else repr(path) for path in paths[:_NAMED])
        warn(
            f"{', '.join(named)}{more}: not written by this package, and left alone. Move everything that is no data of "
            "this stream elsewhere, since readers of the folder may take it for rows."
        )


class _Search:
    """A walk over a lake's folders.

    Attributes:
        foreign: paths of entries that this package does not make.
    """

    def __init__(self, fs: Any, root: str, wanted: Mapping[str, str | None]) -> None:
        self.foreign: list[str] = []
        self._fs, self._root, self._wanted = fs, root, wanted

    def accounts(self, top: str) -> Iterator[Lake]:
        """Yield the streams under a folder, without their filters."""
        for provider in self._values(top, "provider"):
            for stream in self._values(f"{top}/{folder_name('provider', provider)}", "stream"):
                folder = f"{top}/{folder_name('provider', provider)}/{folder_name('stream', stream)}"
                values, foreign = values_in(self._fs, folder, "account")
                self.foreign += foreign
                for name, value in values.items():
                    account = self._full_value(f"{folder}/{name}", value, "account")
                    if account is not None and self._wanted["account"] in {None, account}:
                        yield Lake(self._fs, self._root, provider, stream, account)

    def narrowed(self, lake: Lake, filters: Mapping[str, Any] | None) -> Iterator[Lake]:
        """Yield the narrowed streams under a folder: those extracted with filters."""
        if filters:
            yield replace(lake, filters=dict(filters))
            return
        folder = replace(lake, filters={"any": ""}).base.rpartition("/")[0]
        values, foreign = values_in(self._fs, folder, "filter")
        self.foreign += foreign
        for name, value in values.items():
            filters_of_folder = self._full_value(f"{folder}/{name}", value, "filters")
            if filters_of_folder:
                yield replace(
                    lake,
                    filters=dict(parse_qsl(filters_of_folder, True))
                    if isinstance(filters_of_folder, str)
                    else filters_of_folder,
                )

    def _values(self, folder: str, key: str) -> list[str]:
        if wanted := self._wanted[key]:
            return [wanted]
        values, foreign = values_in(self._fs, folder, key)
        # Users may keep anything else in the lake's root.
        self.foreign += [path for path in foreign if key != "provider" or f"/{key}=" in path]
        return sorted(values.values())

    def _full_value(self, folder: str, value: str, member: str) -> Any:
        """Return a folder's value. A shortened name is resolved from a receipt in it; None where there is no receipt."""
        if not is_shortened(folder.rpartition("/")[2]):
            return value
        for path in _objects(self._fs, folder):
            receipt = read_receipt(self._fs, path)
            if receipt is not None:
                return getattr(receipt, member)
        self.foreign.append(folder)
        return None


def _objects(fs: Any, folder: str) -> Iterator[str]:
    """Yield the stored slots under a folder, the newest day first."""
    days, narrowed = days_in(fs, folder)
    for day in reversed(days):
        yield from (path for path in folder_entries(fs, f"{folder}/slot_date={day}", detail=False) if slot_of(path))
    for path in narrowed:
        yield from _objects(fs, path)
