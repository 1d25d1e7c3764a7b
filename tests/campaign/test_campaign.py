"""The fault campaign, shortened; ``make campaign`` runs two hundred scenarios."""

from __future__ import annotations

import pytest

from tests.campaign.__main__ import campaign
from tests.campaign.verdict import Tally


@pytest.mark.slow
@pytest.mark.s3
def test_whatever_goes_wrong_every_bet_is_there_once_as_it_is() -> None:
    total = Tally()
    for _, tally in campaign((1, 2, 113, 11)):  # AIG on S3; JDB, GM-Ag, PV in a folder
        total.add(tally)
    assert total.wrong == []
    assert total.counts["bets checked"] > 1000
    assert total.counts["attempts killed"] > 5
    assert total.counts["provider faults"] > 50
    assert total.counts["objects watched"] > 30
