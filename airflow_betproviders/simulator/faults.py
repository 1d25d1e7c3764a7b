"""What goes wrong on purpose. No fault changes what truth says; each is drawn from the seed."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_betproviders.simulator.exchange import Page, Provider
from airflow_betproviders.simulator.world import Row

TRANSPORT = ("http_500", "http_502_html", "html_200", "reset", "cut_json", "slow", "rate", "http_429", "busy")
PAGING = ("drift", "duplicate", "repeated_page", "total_lie")
CONTENT = ("type_drift", "unknown_field", "duplicate_key", "bad_row")
KINDS = (*TRANSPORT, *PAGING, *CONTENT)


@dataclass
class _Switch:
    probability: float
    provider: str | None
    times: int | None


class Faults:
    """The faults that are switched on.

    Kinds of transport: ``http_500``, ``http_502_html``, ``html_200``, ``reset`` (closed in mid-answer), ``cut_json``
    (cut, with a matching length), ``slow``, ``rate`` (the provider's own reply, else HTTP 429), ``http_429`` (with
    Retry-After), ``busy``. Of paging: ``drift`` (after its first page a window has other rows in front), ``duplicate``
    (a row twice in a page), ``repeated_page`` (the previous page again), ``total_lie``. Of content: ``type_drift``,
    ``unknown_field``, ``duplicate_key``, ``bad_row`` (its keys are in the call log).
    """

    def __init__(self, seed: int, rates: Mapping[str, float] | None = None) -> None:
        self._seed = seed
        self._drawn = 0
        self._switches: dict[str, _Switch] = {}
        self._lock = threading.Lock()
        for kind, probability in (rates or {}).items():
            self.set(kind, probability)

    def set(
        self, kind: str, probability: float = 1.0, *, provider: str | None = None, times: int | None = None
    ) -> None:
        """Switch a kind on, for one provider or all, at most ``times`` times."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._switches[kind] = _Switch(probability, provider, times)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._switches.clear()

    def replace(self, wanted: Mapping[str, Any]) -> None:
        """Switch exactly these on: a probability, or an object with probability, provider and times."""
        self.clear()
        for kind, how in wanted.items():
            options: dict[str, Any] = dict(how) if isinstance(how, Mapping) else {"probability": float(how)}
            self.set(kind, **options)

    def draw(self, provider: str, kinds: Sequence[str]) -> tuple[list[str], random.Random]:
        """Which of ``kinds`` strike this call, and the dice for how."""
        with self._lock:
            self._drawn += 1
            rng = random.Random(f"{self._seed}/{provider}/{self._drawn}")
            struck = []
            for kind in kinds:
                switch = self._switches.get(kind)
                if switch is None or switch.provider not in (None, provider) or switch.times == 0:
                    continue
                if rng.random() < switch.probability:
                    switch.times = None if switch.times is None else switch.times - 1
                    struck.append(kind)
            return struck, rng

    def undo(self, kind: str) -> None:
        """Give back a draw that could not strike, such as a repeated page where there is only one."""
        with self._lock:
            switch = self._switches.get(kind)
            if switch is not None and switch.times is not None:
                switch.times += 1


@dataclass
class Rendered:
    """A page's text, and what the call log says of it."""

    text: str
    rows: int
    total: int
    struck: list[str]
    bad_rows: list[str]


def render(page: Page, provider: Provider, faults: Faults) -> Rendered:
    """The page's text with the faults of paging and content worked in."""
    struck, rng = faults.draw(provider.name, (*PAGING, *CONTENT))
    offset, total = page.offset, len(page.rows)
    size = total if page.size is None else page.size
    done: list[str] = []
    if "drift" in struck and offset:
        shift = rng.randrange(1, 4) * rng.choice((-1, 1))
        offset, total = max(offset + shift, 0), max(total - shift, 0)
        done.append("drift")
    if "repeated_page" in struck and page.offset:
        offset = max(page.offset - size, 0)
        done.append("repeated_page")
    if "total_lie" in struck:
        total += rng.randrange(1, 5)
        done.append("total_lie")
    rows = list(page.rows[offset : offset + size])
    texts: list[str] = []
    bad: list[str] = []
    if rows:
        content = [kind for kind in struck if kind in ("duplicate", *CONTENT)]
        texts, bad = _garbled(rows, content, provider, rng)
        done += content
    for kind in struck:
        if kind not in done:
            faults.undo(kind)
    return Rendered(page.envelope(",".join(texts), total), len(texts), total, done, bad)


def _garbled(
    rows: Sequence[Row], kinds: list[str], provider: Provider, rng: random.Random
) -> tuple[list[str], list[str]]:
    """The rows' texts with faults of content, and the keys of rows that can not be read any more."""
    texts, bad = [row.text for row in rows], []
    if "bad_row" in kinds:
        at = rng.randrange(len(rows))
        texts[at] = _bad(texts[at], provider, rng)
        bad.append(rows[at].key)
    for kind, garble in _GARBLE.items():
        if kind in kinds:
            texts = [garble(text, provider, rng) if rng.random() < 0.4 else text for text in texts]
    if "duplicate" in kinds:
        texts.append(rng.choice([text for row, text in zip(rows, texts, strict=True) if row.key not in bad] or texts))
    return texts, bad


def _type_drift(text: str, provider: Provider, rng: random.Random) -> str:
    """A number as text, a text as number, or an int with a decimal point: the same value in another type."""

    def other(match: re.Match[str]) -> str:
        name, value = match.groups()
        if value.startswith('"'):
            return f'"{name}":{value[1:-1]}'
        if "." not in value and rng.random() < 0.5:
            return f'"{name}":{value}.0'
        return f'"{name}":"{value}"'

    return re.sub(rf'"({provider.amount_field})":("-?[0-9.]+"|-?[0-9.]+)', other, text, count=1)


def _unknown_field(text: str, _provider: Provider, rng: random.Random) -> str:
    value = rng.choice(("1.50", "[1,{}]", '"é😀"', "null"))
    return f'{text[:-1]},"newField{rng.randrange(3)}":{value}}}'


def _duplicate_key(text: str, provider: Provider, _rng: random.Random) -> str:
    found = re.search(rf'"(?:{provider.amount_field})":("-?[0-9.]+"|-?[0-9.]+)', text)
    return f"{text[:-1]},{found[0]}}}" if found else text


def _bad(text: str, provider: Provider, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return re.sub(rf'"(?:{provider.key_field})":("[^"]*"|\d+),', "", text, count=1)
    return re.sub(rf'"({provider.amount_field})":("-?[0-9.]+"|-?[0-9.]+)', r'"\1":"not a number"', text, count=1)


_GARBLE = {"type_drift": _type_drift, "unknown_field": _unknown_field, "duplicate_key": _duplicate_key}
