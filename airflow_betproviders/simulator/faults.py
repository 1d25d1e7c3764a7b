"""Which faults are switched on. No fault changes what truth says; each is drawn from the seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_betproviders.simulator.kinds import COMMON, KINDS

__all__ = ["COMMON", "KINDS", "Faults", "Switch"]


@dataclass
class Switch:
    """One kind of fault that is on.

    Attributes:
        probability: That it strikes a call.
        provider: The only vendor to strike, or all.
        times: How often it still strikes, or without end.
    """

    probability: float = 1.0
    provider: str | None = None
    times: int | None = None

    def strikes(self, provider: str, rng: random.Random) -> bool:
        """Draw whether it strikes a call, and count it."""
        if self.provider not in {None, provider} or self.times == 0 or rng.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults that are switched on; ``KINDS`` tells what each does."""

    def __init__(self, seed: int, rates: Mapping[str, float] | None = None) -> None:
        self._seed = seed
        self._drawn = 0
        self._switches: dict[str, Switch] = {}
        self._lock = threading.Lock()
        for kind, probability in (rates or {}).items():
            self.set(kind, probability)

    def set(
        self, kind: str, probability: float = 1.0, *, provider: str | None = None, times: int | None = None
    ) -> None:
        """Switch a kind on, for one vendor or all, at most ``times`` times."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._switches[kind] = Switch(probability, provider, times)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._switches.clear()

    def replace(self, wanted: Mapping[str, Any]) -> None:
        """Switch exactly these on: a probability, or an object with the arguments of ``set``."""
        self.clear()
        for kind, how in wanted.items():
            options: dict[str, Any] = dict(how) if isinstance(how, Mapping) else {"probability": float(how)}
            self.set(kind, **options)

    def draw(self, provider: str, kinds: Iterable[str]) -> tuple[list[str], random.Random]:
        """Return which of ``kinds`` strike this call, and the dice for how."""
        with self._lock:
            self._drawn += 1
            rng = random.Random(f"{self._seed}/{provider}/{self._drawn}")
            switches = self._switches
            return [kind for kind in kinds if kind in switches and switches[kind].strikes(provider, rng)], rng

    def undo(self, kind: str) -> None:
        """Give back a draw that could not strike, such as a repeated page where there is only one."""
        with self._lock:
            switch = self._switches.get(kind)
            if switch is not None and switch.times is not None:
                switch.times += 1
