"""The simulator's side of each signature, against the vendors' printed examples and independently made vectors."""

import base64

import pytest

from airflow_betproviders.simulator.aig.api import sign as aig_sign
from airflow_betproviders.simulator.gmag.api import hash_of
from airflow_betproviders.simulator.jdb.cipher import decrypt
from airflow_betproviders.simulator.pv.api import sign as pv_sign

AIG_DOC_KEY = "l4gnD61pz4arJyv8"
JDB_KEY, JDB_IV = "0123456789abcdef", "fedcba9876543210"
ACTION_64 = {
    "action": 64,
    "ts": 1447452951820,
    "parent": "testag",
    "starttime": "08-12-2016 17:45:00",
    "endtime": "08-12-2016 17:46:00",
    "gTypes": [0, 7],
}
SPACES = (
    "RtdsIoI3qmMsH2jOOzUnTPMYW9-3nt51tpdcWTh0ikWsEdMaLFzcc00uFphO1pTDQJIcJ2A95fLTNLYViy7FxPyk7KefYpABTQMJZFFlG_Nm60EK"
    "Y26ro6CIaA3O2hOqkgDiPi9OIVCBiv_hfzSyW0RcARrwtIBUplzLNJGLI3-VAy2GlIz-CmgSgLse-b22"
)
NULS = SPACES[: -len("VAy2GlIz-CmgSgLse-b22")] + "ZGdjK5JuzS8M1_RjmFxW0"
EXTRA_BLOCK = (
    "F_vdUxcYxCK1ZQv0y0-I2_Vl6oVam3t3FUkRaKRS5N2ndTOhvU4dok8nfyZdx9aKtTIf-wQjS5pmvNXNrFYepN35_Xr0YyCaccxYpD1BUJc"
)


@pytest.mark.parametrize(
    ("data", "ts", "key", "expected"),
    [
        ({"game_id": 1011, "draw_id": "1011-12312-1232131"}, 1742452087, "x" * 15, "301cd03daee708de2d1bb6fe35dd2bc9"),
        ({}, 1742452087, "pv-test-key-0001", "95d184d0fbe976d4992fe0158dd7f1d3"),
        (
            {"time_start": 1744790400, "time_end": 1744794000, "page_size": 2000, "page": 1, "game_ids": [2000, 3015]},
            1744790400,
            "pv-test-key-0001",
            "5a73e8c4d13ca4a176ac790fdfb2f3a2",
        ),
        (
            {"op_id": "玩家-é-😀", "time_start": 1744790400, "time_end": 1744794000},
            1744790400,
            "pv-test-key-0001",
            "4f3b02de3e3a6c055c1a2fcf54a04827",
        ),
    ],
)
def test_pv_sign(data, ts, key, expected):
    assert pv_sign(data, ts, key) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            {
                "agent_id": "agent001",
                "start_time": "1732589000000",
                "end_time": "1732600000000",
                "start_index": "0",
                "page_size": "100",
                "timestamp": "1734417699302",
            },
            "60694d77140617133bb4143311c25e09",  # printed in the vendor's curl example
        ),
        (
            {
                "agent_id": "agent001",
                "platform": "h5",
                "language": "en-US",
                "currency": "USD",
                "amount": "1000.12",
                "callback": "https://h5-uat.aig1234.com/home",
                "timestamp": "1756885800474",
                "remark": "",
                "sign": "not signed itself",
            },
            "3c57d95200588cab08ae29100f30636a",  # printed in the vendor's guest login page
        ),
    ],
)
def test_aig_sign(params, expected):
    assert aig_sign(params, AIG_DOC_KEY) == expected


@pytest.mark.parametrize("x", [SPACES, NULS, SPACES + "="], ids=["spaces", "nuls", "equals sign"])
def test_jdb_action_is_decrypted(x):
    assert decrypt(x, JDB_KEY, JDB_IV) == ACTION_64


def test_jdb_a_complete_block_of_spaces_is_accepted():
    assert decrypt(EXTRA_BLOCK, JDB_KEY, JDB_IV)["action"] == 49


@pytest.mark.parametrize(
    "x", ["", "a", "not/url+safe", base64.urlsafe_b64encode(b"x" * 16).decode(), SPACES[:-4]], ids=str
)
def test_jdb_refuses_what_it_can_not_decrypt(x):
    with pytest.raises(ValueError, match=r".*"):
        decrypt(x, JDB_KEY, JDB_IV)


@pytest.mark.parametrize(
    ("body", "key", "expected"),
    [
        ({"param1": 1, "param3": ["a1", "a2"], "param2": "param2"}, "1234", "9fa215989adc0ebf9e0e83b17b977c94"),
        (
            {
                "requestId": "requestId1234",
                "brandId": "1001",
                "startTime": "2021-06-10 10:00:00",
                "endTime": "2021-06-10 10:05:00",
                "size": 1000,
                "page": 1,
            },
            "gm-test-secret",
            "b97513b422ad17d9697e3a88acac778e",
        ),
        (
            {"requestId": "r", "brandId": 1001, "list": ["http://a/b", "玩家"]},
            "gm-test-secret",
            "ad308f843419d1ecdee13db01f8cdc3a",
        ),
        (
            {"requestId": "r", "brandId": 1001, "hash": "must-not-count"},
            "gm-test-secret",
            "2948154588c81971055130a633984524",
        ),
    ],
)
def test_gmag_hash(body, key, expected):
    assert hash_of(body, key) == expected


@pytest.mark.parametrize("value", [True, None, 1.0, {"a": 1}], ids=str)
def test_gmag_values_whose_rendering_is_disputed_are_refused(value):
    with pytest.raises(ValueError, match="no agreed rendering"):
        hash_of({"k": value}, "secret")
