"""Rowan's signature and bodies, by the vectors of its document (1.2)."""

import pytest
from airflow_provider_rowan.hook import signed_headers

from airflow_betproviders.hooks.http.request import ApiRequest

SECRETS = {"operator_token": "demo-operator-01", "secret_key": "demo-secret-01"}
VECTORS = [
    (
        {"count": 1500, "bet_type": 1, "row_version": 1768435200000, "hands_status": 0},
        "operator_token=demo-operator-01&secret_key=demo-secret-01&count=1500&bet_type=1&row_version=1768435200000&hands_status=0",
        "cd7b9311a16d822942f783a8031dee7f038b5f7aec975616ffb1cc3177eb3fbe",
        "9e4ba28e2e175a66fdb91001b6a6acd101215dc4b703245d7164d8dc0f685e4c",
    ),
    (
        {"count": 5000, "bet_type": 1, "from_time": 1768435200000, "to_time": 1768438800000},
        "operator_token=demo-operator-01&secret_key=demo-secret-01&count=5000&bet_type=1&from_time=1768435200000&to_time=1768438800000",
        "664c2162d6a34ca417956d3099674806d6fdfb0c4eef3d904fcc390a35398605",
        "122b421e113c131a98beddbf47616e0fb4ebd5b1642ec8a2587eaec4d1d67215",
    ),
]


@pytest.mark.parametrize(("fields", "body", "content", "signature"), VECTORS)
def test_a_vector_of_the_document(fields, body, content, signature):
    request = ApiRequest.of("POST", "https://api.rowan.example/data", {**SECRETS, **fields}, "form")
    assert request.body == body.encode()
    headers = signed_headers(
        request.body, host=request.host, day="20260115", token="demo-operator-01", salt="demo-salt-01"
    )
    assert headers == {
        "x-date": "20260115",
        "x-content-sha256": content,
        "Authorization": "RWN-HMAC-SHA256 Credential=20260115/demo-operator-01/rwn/v1,"
        f"SignedHeaders=host;x-content-sha256;x-date,Signature={signature}",
    }
