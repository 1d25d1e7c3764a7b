"""Switch faults on and off, and draw from the seed the calls that get them. No fault changes what truth says."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_betproviders.simulator.faults.kinds import COMMON, KINDS

__all__ = ["COMMON", "KINDS", "Faults", "Switch"]


@dataclass(kw_only=True)
class Switch:
    """One kind of fault that is on.

    Attributes:
        probability: That a call gets the fault.
        provider: The only vendor that gets it, or all.
        stream: The only stream that gets it, or all. The call is then logged and counted as the vendor answers it.
        times: How often it still applies, or without end.
        after: How many calls it still lets pass before.
        seconds: How long, for kinds that wait.
        rows: How many rows, or which share, for kinds of rows.
        field: The only field to change, for odd values.
        values: Members to put into rows, for ``odd_patch``.
    """

    probability: float = 1.0
    provider: str | None = None
    stream: str | None = None
    times: int | None = None
    after: int = 0
    seconds: float | None = None
    rows: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    field: str | None = None

    def draw(self, provider: str, stream: str | None, rng: random.Random) -> bool:
        """Draw whether a call gets the fault, and count it."""
        if self.provider not in {None, provider} or self.stream not in {None, stream} or self.times == 0:
            return False
        if rng.random() >= self.probability:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


NONE = Switch(probability=0.0)


class Faults:
    """The faults that are switched on; ``KINDS`` says what each does."""

    def __init__(self, seed: int, rates: Mapping[str, float]) -> None:
        self.seed = seed
        self._drawn = 0
        self._switches: dict[str, Switch] = {}
        self._lock = threading.Lock()
        for kind, probability in rates.items():
            self.set(kind, probability)

    def set(self, kind: str, probability: float = 1.0, **options: Any) -> None:
        """Switch a kind on, with the options of ``Switch``."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._switches[kind] = Switch(probability=probability, **options)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._switches.clear()

    def replace(self, wanted: Mapping[str, Any]) -> None:
        """Switch exactly these on: a probability, or an object with the options of ``Switch``."""
        self.clear()
        for kind, how in wanted.items():
            options: dict[str, Any] = dict(how) if isinstance(how, Mapping) else {"probability": float(how)}
            self.set(kind, **options)

    def switch(self, kind: str) -> Switch:
        """Return the options of a kind, whether it is on or off."""
        return self._switches.get(kind, NONE)

    def for_one_stream(self, kinds: Iterable[str]) -> list[str]:
        """Return the kinds that are on for a single stream."""
        return [kind for kind in kinds if self.switch(kind).stream is not None]

    def draw(self, provider: str, kinds: Iterable[str], stream: str | None = None) -> tuple[list[str], random.Random]:
        """Return the kinds of fault that this call gets, and the random numbers to make them with."""
        with self._lock:
            self._drawn += 1
            rng = random.Random(f"{self.seed}/{provider}/{self._drawn}")
            on = self._switches
            return [kind for kind in kinds if kind in on and on[kind].draw(provider, stream, rng)], rng

    def undo(self, kind: str) -> None:
        """Take back a draw that could not be applied, such as a repeated page where there is only one."""
        with self._lock:
            switch = self._switches.get(kind)
            if switch is not None and switch.times is not None:
                switch.times += 1
