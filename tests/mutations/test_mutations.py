"""The mutations fit the code; ``make mutations`` tries them."""

from __future__ import annotations

import pytest

from tests.mutations.__main__ import broken
from tests.mutations.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_changes_text_that_is_there_and_still_compiles(mutation: Mutation) -> None:
    compile(broken(mutation), mutation.file, "exec")
