"""Each provider's records as bets. The expected values come from the vendors' documents and their printed samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.mapping import InvalidRow, Origin, map_to_bets
from airflow_betproviders.bets_table.schema import COLUMNS, MONEY, SCHEMA
from airflow_betproviders.declare.bet_expressions import Expression
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.registry import mapping_of
from tests.bets_table.records import READ, SLOT, bets, raw, sample_records

PROVIDERS = ("pv", "aig", "jdb", "gmag")
MONEY_COLUMNS = [name for name, (kind, _) in COLUMNS.items() if kind == MONEY]


def utc(*parts: int, ms: int = 0) -> datetime:
    return datetime(*parts, microsecond=ms * 1000, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def amounts(row: dict[str, Any]) -> dict[str, str]:
    """Return the money that is not null, as plain text."""
    return {name: format(row[name].normalize(), "f") for name in MONEY_COLUMNS if row[name] is not None}


def one(provider: str, record: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    (row,) = bets(provider, [record], **kwargs)
    return row


# ------------------------------------------------------------------ PV


def test_pv_li_become_currency_units_and_the_gain_is_the_net_result() -> None:
    """Document 1.3: bet 100000 li, gain -100000 li, credit 120589196 to 120489196 li."""
    lost, _ = bets("pv", sample_records("pv-all-history.json"), {"currency": "CNY"})
    assert amounts(lost) == {
        "stake": "100", "payout": "0", "net": "-100", "balance_before": "120589.196", "balance_after": "120489.196",
    }  # fmt: skip
    assert {name: lost[name] for name in ("bet_id", "round_id", "player_id", "game_id", "currency", "status")} == {
        "bet_id": "8234c460-481e-11f0-a82e-12cf39a4209e",
        "round_id": "1062-0-311-1744790148-0",
        "player_id": "102115212044",
        "game_id": "1062",
        "currency": "CNY",
        "status": "settled",
    }
    assert lost["placed_at"] == lost["settled_at"] == lost["updated_at"] == utc(2025, 4, 16, 7, 55, 48)
    assert lost["bet_date"] == date(2025, 4, 16)
    assert lost["rest"] == {"op_id": ""}


def test_pv_a_win_pays_the_stake_and_the_gain() -> None:
    """Document 2.1 on the amounts: bet 600000, gain 2550000, credit 7764606460 to 7767156460."""
    record = {**sample_records("pv-all-history.json")[0], "bet_amount": 600000, "gain_amount": 2550000}
    row = one("pv", {**record, "credit_before_bet": 7764606460, "credit": 7767156460})
    assert amounts(row) == {
        "stake": "600", "payout": "3150", "net": "2550", "balance_before": "7764606.46", "balance_after": "7767156.46",
    }  # fmt: skip


def test_pv_64_bits_of_li_are_exact() -> None:
    record = {
        **sample_records("pv-all-history.json")[0],
        "bet_amount": 2**63 - 1,
        "gain_amount": -(2**63 - 1),
        "credit": 1,
    }
    row = one("pv", record)
    assert (amounts(row)["stake"], amounts(row)["net"]) == ("9223372036854775.807", "-9223372036854775.807")
    assert amounts(row)["balance_after"] == "0.001"


@pytest.mark.parametrize("end", [{"end_at": None}, {"end_at": 0}])
def test_pv_without_an_end_is_open(end: dict[str, Any]) -> None:
    """PV sends no status. A bet that has not ended has no result yet; what PV sends as gain_amount is kept."""
    row = one("pv", {**sample_records("pv-all-history.json")[0], **end})
    assert (row["status"], row["settled_at"], row["updated_at"]) == ("open", None, row["placed_at"])
    assert (amounts(row)["stake"], row["payout"], row["net"]) == ("100", None, None)
    assert row["rest"] == {"op_id": "", "gain_amount": -100000}


# ------------------------------------------------------------------ AIG


def test_aig_the_samples_of_the_document() -> None:
    baccarat = one("aig", sample_records("aig-baccarat.json")[0])
    assert amounts(baccarat) == {"stake": "100", "payout": "200", "net": "100", "valid_stake": "100"}
    assert (baccarat["bet_id"], baccarat["round_id"]) == ("67453d0923c36d2571d40815", "iN95KcYR/10907/9")
    assert baccarat["placed_at"] == utc(2024, 11, 26, 3, 14, 17, ms=359)
    assert baccarat["settled_at"] == utc(2024, 11, 26, 3, 14, 41, ms=164)
    assert baccarat["updated_at"] == baccarat["placed_at"]  # as the vendor prints it
    assert baccarat["rest"] == {
        "inst_id": "iN95KcYR", "shoe_id": 10907, "round_id": 9, "bet_detail": {"Banker": 100},
        "win_detail": {"Banker": 200}, "no_comm": True, "game_result": ["Banker", "Big"],
        "open_cards": {"banker": "Spades9,Hearts5", "player": "Clubs7,Clubs7,DiamondsA"}, "status": 1,
    }  # fmt: skip
    roulette = one("aig", sample_records("aig-roulette.json")[0])
    assert amounts(roulette) == {"stake": "250", "payout": "300", "net": "50", "valid_stake": "250"}
    assert (roulette["currency"], roulette["status"]) == ("VND2", "settled")


@pytest.mark.parametrize(
    ("status", "named", "expected"),
    [
        (0, "open", {"stake": "100"}),
        (1, "settled", {"stake": "100", "payout": "200", "net": "100", "valid_stake": "100"}),
        (2, "cancelled", {"stake": "100", "payout": "100", "net": "0", "valid_stake": "0"}),
        (3, "void", {"stake": "100", "payout": "100", "net": "0", "valid_stake": "0"}),
        (4, "void", {"stake": "100", "payout": "100", "net": "0", "valid_stake": "0"}),
        (9, None, {"stake": "100"}),
    ],
)
def test_aig_statuses(status: int, named: str | None, expected: dict[str, str]) -> None:
    """Whatever the amounts beside it say: under 2, 3 and 4 the stake goes back."""
    row = one("aig", {**sample_records("aig-baccarat.json")[0], "status": status})
    assert (row["status"], amounts(row)) == (named, expected)
    derivable_columns = (
        {}
        if status == 1
        else {"win_amount": 200, "real_win_amount": 100, "valid_bet_turnover": 100, "real_bet_amount": 100}
    )
    assert {
        name: value for name, value in row["rest"].items() if "amount" in name or "turnover" in name
    } == derivable_columns


@pytest.mark.parametrize("settle", [{"settle_time": 0}, {"settle_time": None}])
def test_aig_an_open_bet_has_no_settlement(settle: dict[str, Any]) -> None:
    assert one("aig", {**sample_records("aig-baccarat.json")[0], "status": 0, **settle})["settled_at"] is None


def test_aig_text_amounts_are_exact() -> None:
    record = {**sample_records("aig-baccarat.json")[0], "bet_amount": "999999999999.9999", "win_amount": "0.00000001"}
    row = one("aig", {**record, "real_win_amount": "-999999999999.99989999"})
    assert amounts(row) == {
        "stake": "999999999999.9999", "payout": "0.00000001", "net": "-999999999999.99989999", "valid_stake": "100",
    }  # fmt: skip


def test_aig_the_net_result_is_what_the_document_says_whatever_real_win_amount_says() -> None:
    """Document: Real Win Amount = Payout Amount - Bet Amount."""
    row = one(
        "aig",
        {**sample_records("aig-baccarat.json")[0], "bet_amount": "10", "win_amount": "19.5", "real_win_amount": "9"},
    )
    assert (amounts(row)["payout"], amounts(row)["net"]) == ("19.5", "9.5")
    assert row["rest"]["real_win_amount"] == 9


@pytest.mark.parametrize("status", [0, 1])
def test_aig_a_bet_without_a_payout_has_no_net_result(status: int) -> None:
    record = {**sample_records("aig-baccarat.json")[0], "status": status, "win_amount": None, "real_win_amount": None}
    row = one("aig", record)
    assert (row["payout"], row["net"], row["status"]) == (None, None, "settled" if status else "open")


def test_aig_a_bet_without_a_time_of_placing_is_dated_by_its_settlement() -> None:
    row = one("aig", {**sample_records("aig-baccarat.json")[0], "bet_time": None, "create_time": None})
    assert (row["placed_at"], row["bet_date"]) == (None, date(2024, 11, 26))


# ------------------------------------------------------------------ JDB


def jdb() -> dict[str, dict[str, Any]]:
    return {row["bet_id"]: row for row in bets("jdb", sample_records("jdb-transactions.json"))}


JDB_AMOUNTS = {
    "0/5250145823902": {"stake": "0.4", "payout": "0.4", "net": "0", "jackpot_contribution": "0.002", "jackpot_payout": "0"},
    "0/5250228066060": {"stake": "1", "payout": "2.3", "net": "1.3", "jackpot_contribution": "0.005", "jackpot_payout": "0"},
    "7/43579741": {"stake": "62.5", "payout": "19.75", "net": "-42.75"},
    "9/5250152072553": {"stake": "90", "payout": "20", "net": "-70"},
    "9/5250152072557": {"stake": "20", "payout": "40", "net": "20"},  # the gamble round: bet 0, gambleBet -20
    "12/5250147282661": {"stake": "0.08", "payout": "0.05", "net": "-0.03"},
    "66/525056886488": {"stake": "0.05", "payout": "0", "net": "-0.05", "jackpot_contribution": "0.00025", "jackpot_payout": "0"},
    "18/5250155819867": {"stake": "2", "payout": "7.7", "net": "5.7", "valid_stake": "2", "fee": "0.3"},
    "22/5250189245682": {"stake": "50", "payout": "60", "net": "10"},
    "31/iu4541gf6v": {"stake": "4", "payout": "100", "net": "96"},
    "41/AAA-212256709": {"stake": "500", "payout": "0", "net": "-500", "valid_stake": "0"},
    "130/d9ffdc62-557a-4961-8d08-57d4e01c36cb": {"stake": "5.4", "payout": "0", "net": "-5.4"},
}  # fmt: skip


@pytest.mark.parametrize("bet_id", JDB_AMOUNTS)
def test_jdb_every_layout_of_the_document(bet_id: str) -> None:
    row = jdb()[bet_id]
    balances = ("balance_before", "balance_after")
    assert {name: text for name, text in amounts(row).items() if name not in balances} == JDB_AMOUNTS[bet_id]
    assert row["status"] == "settled"


def test_jdb_the_documents_gamble_example() -> None:
    """bet 10, win 100; then the 100 are gambled and 200 won: two bets, net 90 and 100."""
    record = sample_records("jdb-transactions.json")[3]
    first = one("jdb", {**record, "bet": -10, "gambleBet": 0, "win": 100, "total": 90, "hasGamble": 0})
    again = one("jdb", {**record, "bet": 0, "gambleBet": -100, "win": 200, "total": 100, "hasGamble": 1})
    assert [amounts(row)["stake"] for row in (first, again)] == ["10", "100"]
    assert [amounts(row)["payout"] for row in (first, again)] == ["100", "200"]
    assert [amounts(row)["net"] for row in (first, again)] == ["90", "100"]
    assert [row["rest"].get("gambleBet") for row in (first, again)] == [None, -100]


def test_jdb_times_rounds_and_the_rest() -> None:
    rows = jdb()
    fish, card, hrg = rows["7/43579741"], rows["18/5250155819867"], rows["41/AAA-212256709"]
    assert fish["placed_at"] == utc(2017, 6, 7, 20, 21, 48)  # 16:21:48 at -04:00
    assert fish["settled_at"] == fish["updated_at"] == utc(2017, 6, 7, 20, 21, 55)
    assert (fish["game_type"], fish["game_id"], fish["currency"]) == ("7", "7001", "RB")
    assert fish["rest"]["transferId"] == 100003
    assert (card["round_id"], hrg["round_id"]) == ("5558", "RND-0020107870010")
    assert card["rest"]["win"] == 6  # net of the stake, as only cards send it
    assert hrg["rest"] == {"commission": 0}
    late = one("jdb", sample_records("jdb-transactions.json")[2], utc_offset=timedelta(hours=8))
    assert late["placed_at"] == utc(2017, 6, 7, 8, 21, 48)


def test_jdb_many_fish_bets_may_share_a_transfer_and_sub_providers_a_number() -> None:
    fish = sample_records("jdb-transactions.json")[2]
    shared = [{**fish, "historyId": "1", "transferId": 7}, {**fish, "historyId": "2", "transferId": 7}]
    shared.append({**fish, "historyId": "1", "gType": 120, "transferId": 7})
    assert [row["bet_id"] for row in bets("jdb", shared)] == ["7/1", "7/2", "120/1"]


def test_jdb_a_jackpot_a_rebate_and_card_turnover() -> None:
    slot, hrg = sample_records("jdb-transactions.json")[0], sample_records("jdb-transactions.json")[17]
    won = one("jdb", {**slot, "win": 50.4, "total": 50, "jackpot": 50})
    assert amounts(won)["jackpot_payout"] == "50"
    assert amounts(won)["payout"] == "50.4"
    assert hrg["gType"] == 41
    rebate = one("jdb", {**hrg, "commission": 5, "validBet": 400})
    assert (amounts(rebate)["net"], amounts(rebate)["valid_stake"], rebate["fee"]) == ("-500", "400", None)
    assert rebate["rest"] == {"commission": 5, "validBet": 400}


def test_jdb_digits_beyond_the_eighth_are_rounded_half_to_even_and_kept_in_the_rest() -> None:
    record = sample_records("jdb-transactions.json")[11]
    row = one("jdb", {**record, "bet": -0.123456785, "total": -0.12345679})
    assert amounts(row)["stake"] == "0.12345678"
    assert amounts(row)["net"] == "-0.12345679"
    assert row["rest"]["bet"] == "-0.123456785"
    assert "total" not in row["rest"]


# ------------------------------------------------------------------ GM-Ag


def test_gmag_the_sample_of_the_document() -> None:
    row = bets("gmag", sample_records("gmag-game-history.json"))[0]
    assert amounts(row) == {
        "stake": "5", "payout": "10", "net": "5", "jackpot_contribution": "0.1235", "jackpot_payout": "5",
        "fee": "0", "balance_after": "2652.05",
    }  # fmt: skip
    assert row["bet_id"] == "1001/pt/palyerid1/583067326075"
    assert (row["game_id"], row["game_type"], row["status"]) == ("pt/bfb", "slots", "settled")
    assert row["placed_at"] == utc(2021, 8, 11, 15, 48, 23, ms=745)
    assert row["settled_at"] == row["updated_at"] == utc(2021, 8, 11, 15, 48, 24, ms=38)
    assert row["rest"] == {
        "brandId": 1001, "providerCode": "pt", "sessionId": "03d35793716348cabf5a202ef823a86f", "gameCode": "bfb",
        "platform": "web", "bonusBalanceEnd": 0, "roundType": "normal", "roundStatus": "end",
        "jpDetails": [{"id": "123124", "contribution": "0.12345", "win": "0.12345"}],
        "detailUrl": "https://extstg3-cashier01.ptstaging.eu/getgamehistory.php?ThisIsJustAutomatedTestDataOK",
    }  # fmt: skip


def gmag(**changed: Any) -> dict[str, Any]:
    amount = dict.fromkeys(("bets", "wins", "cancels", "transIn", "transOut"), 0)
    return one("gmag", {**sample_records("gmag-game-history.json")[1], **amount, **changed})


def test_gmag_the_reports_formula() -> None:
    """Public page GameReport: bets 335, wins 260, cancels 225 give ggr -150."""
    row = gmag(bets=335, wins=260, cancels=225)
    assert (amounts(row)["stake"], amounts(row)["payout"], amounts(row)["net"]) == ("335", "485", "150")
    assert row["status"] == "settled"
    assert (row["rest"]["wins"], row["rest"]["cancels"]) == (260, 225)
    assert "bets" not in row["rest"]


def test_gmag_a_round_that_was_cancelled_completely() -> None:
    row = gmag(bets=12.5, cancels=12.5)
    assert (amounts(row)["stake"], amounts(row)["payout"], amounts(row)["net"]) == ("12.5", "12.5", "0")
    assert row["status"] == "cancelled"


def test_gmag_transfers_take_the_place_of_bets_and_wins() -> None:
    row = gmag(transIn=100, transOut=130.25)
    assert (amounts(row)["stake"], amounts(row)["payout"], amounts(row)["net"]) == ("100", "130.25", "30.25")
    assert (row["rest"]["transIn"], row["rest"]["transOut"]) == (100, "130.25")


def test_gmag_bets_and_wins_count_where_transfers_come_too() -> None:
    """Public page GameReport: ggr = bets - wins - cancels, without transfers."""
    row = gmag(bets=60, wins=40, transIn=100, transOut=80)
    assert (amounts(row)["stake"], amounts(row)["payout"], amounts(row)["net"]) == ("60", "40", "-20")
    assert (row["rest"]["transIn"], row["rest"]["transOut"]) == (100, 80)


def test_gmag_a_mandatory_amount_that_is_absent_is_never_zero() -> None:
    """The document marks bets, wins and cancels as mandatory, the transfers as optional."""
    row = gmag(bets=12, wins=5, cancels=None)
    assert (amounts(row)["stake"], row["payout"], row["net"], row["status"]) == ("12", None, None, "settled")
    assert amounts(gmag(transIn=None, transOut=7))["net"] == "7"


def test_gmag_parts_of_a_key_cannot_run_into_each_other() -> None:
    ids = {gmag(playerId="a/b", roundId="c")["bet_id"], gmag(playerId="a", roundId="b/c")["bet_id"]}
    assert ids == {"1001/pt/a%2Fb/c", "1001/pt/a/b/c"}


def test_gmag_a_record_without_a_start_is_dated_by_its_end() -> None:
    row = gmag(startTime=None)
    assert (row["placed_at"], row["bet_date"]) == (None, date(2021, 8, 11))


# ------------------------------------------------------------------ all


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_names_columns_and_fields_that_there_are(provider: str) -> None:
    mapping = mapping_of(provider)
    declared = {each.name: each for each in import_module(f"airflow_betproviders.providers.{provider}.streams").STREAMS}
    assert mapping.columns.keys() <= COLUMNS.keys()
    for name in mapping.streams:
        fields = {field.name for field in declared[name].fields}
        assert {*mapping.exact_columns, *mapping.derivable_columns} <= fields
        assert not {*mapping.exact_columns} & {*mapping.derivable_columns}
    missing = {*MONEY_COLUMNS, "game_type", "currency"} - mapping.columns.keys()
    documented = import_module(f"airflow_betproviders.providers.{provider}.bets").__doc__
    assert all(f"{name}" in documented for name in (*mapping.columns, *missing))


@pytest.mark.parametrize(
    ("provider", "name"),
    [("pv", "pv-all-history.json"), ("aig", "aig-baccarat.json"), ("jdb", "jdb-transactions.json"), ("gmag", "gmag-game-history.json")],
)  # fmt: skip
def test_the_net_result_is_the_payout_less_the_stake(provider: str, name: str) -> None:
    for row in bets(provider, sample_records(name)):
        assert row["net"] == row["payout"] - row["stake"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_rows_are_no_bets(provider: str) -> None:
    assert bets(provider, []) == []


def test_unknown_fields_stay_in_the_rest_and_any_text_survives() -> None:
    odd = 'a "quoted" \\ back\nslash \x01 😀'
    record = {**sample_records("pv-all-history.json")[0], "op_id": odd, "bonus": {"kind": odd, "n": 1}, "note": None}
    row = one("pv", record)
    assert row["rest"] == {"op_id": odd, "bonus": {"kind": odd, "n": 1}, "note": None}


def table_of(provider: str, rows: list[dict[str, Any]], changed: dict[str, pa.Array]) -> pa.Table:
    """Raw rows with columns that the decoder would not let through, as an older package may have stored them."""
    table = raw(provider, rows)
    for name, column in changed.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


ORIGIN = Origin("acc", "s", SLOT, READ)


def test_an_amount_that_does_not_fit_is_an_error_that_names_the_row() -> None:
    amounts = pa.array([*map(Decimal, ("1", "2", "1" + "0" * 21, "4"))], pa.decimal128(38, 8))
    table = table_of("aig", [sample_records("aig-baccarat.json")[0]] * 4, {"bet_amount": amounts})
    with pytest.raises(InvalidRow) as caught:
        map_to_bets(table, mapping_of("aig"), ORIGIN)
    assert caught.value.row == 2


@pytest.mark.parametrize(
    ("provider", "name", "absent"),
    [
        ("pv", "pv-all-history.json", ("bet_amount", "gain_amount")),
        ("aig", "aig-baccarat.json", ("bet_amount", "win_amount")),
        ("jdb", "jdb-transactions.json", ("bet", "total")),
        ("gmag", "gmag-game-history.json", ("bets", "wins", "cancels")),
    ],
)
def test_no_absent_operand_counts_as_zero(provider: str, name: str, absent: tuple[str, ...]) -> None:
    """The decoder sends most of them to quarantine; an older package stored them."""
    for field in absent:
        plain = raw(provider, sample_records(name)[:1])
        nulls = pa.nulls(1, plain.schema.field(field).type)
        table = table_of(provider, sample_records(name)[:1], {field: nulls})
        (row,) = map_to_bets(table, mapping_of(provider), ORIGIN).to_pylist()
        assert row["net"] is None, field
        assert row["stake"] is None or row["payout"] is None, field


@dataclass(frozen=True)
class Wrong(Expression):
    """Net results of which the last is wrong."""

    last: str | None

    def evaluate(self, table: pa.Table) -> Any:
        return pa.array([Decimal(100)] * (table.num_rows - 1) + [self.last and Decimal(self.last)], MONEY)


@pytest.mark.parametrize("last", ["99", None])
def test_a_mapping_whose_net_is_not_payout_less_stake_is_refused(last: str | None) -> None:
    mapping = mapping_of("aig")
    mapping = replace(mapping, columns={**mapping.columns, "net": Wrong(last)})
    with pytest.raises(InvalidRow, match=r"67453d0923c36d2571d40815: net .* is not payout 200.* - stake 100") as caught:
        map_to_bets(raw("aig", [sample_records("aig-baccarat.json")[0]] * 3), mapping, ORIGIN)
    assert caught.value.row == 2


@given(
    bets=st.lists(st.fixed_dictionaries({n: st.none() | st.integers(-10**8, 10**8) for n in ("bets", "wins", "cancels", "transIn", "transOut")}), min_size=1)
)  # fmt: skip
@settings(deadline=None)
def test_gmag_net_is_payout_less_stake_or_null(bets: list[dict[str, int | None]]) -> None:
    table = raw("gmag", [sample_records("gmag-game-history.json")[1]] * len(bets))
    for name in bets[0]:
        column = pa.array([b[name] and Decimal(b[name]).scaleb(-4) for b in bets], table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), name, column)
    for given_, row in zip(bets, map_to_bets(table, mapping_of("gmag"), ORIGIN).to_pylist(), strict=True):
        main = [given_[name] for name in ("bets", "wins", "cancels")]
        if None in main:
            assert row["net"] is None
            continue
        stake, payout = (
            (given_["transIn"] or 0, given_["transOut"] or 0) if not any(main) else (main[0], main[1] + main[2])
        )
        assert (row["stake"], row["net"]) == (Decimal(stake).scaleb(-4), Decimal(payout - stake).scaleb(-4))


def test_a_provider_without_a_mapping_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"no installed package provides 'toy'"):
        mapping_of("toy")


def test_the_schema_is_the_designs() -> None:
    assert SCHEMA.field("stake").type.precision == 28
    assert SCHEMA.field("stake").type.scale == 8
    assert Decimal("12345678901234567890.12345678").as_tuple().exponent == -8
    assert callable(map_to_bets)
