"""How many random examples tests draw: `make test` draws all, `make test-quick` a quarter."""

from __future__ import annotations

from hypothesis import settings

ALL = 100  # hypothesis's own number for a test that names none
FEWEST = 5

# No deadline: a pause of the machine makes no test fail.
settings.register_profile("all", deadline=None, max_examples=ALL)
settings.register_profile("quick", deadline=None, max_examples=ALL // 4)
settings.load_profile("all")


def examples(count: int) -> int:
    """Return how many of a test's examples to draw under the loaded profile."""
    return max(FEWEST, count * settings.default.max_examples // ALL)
