"""Finch's hash and hosts, by the vector of its document (3.1)."""

import json

from airflow.sdk import BaseHook, Connection
from airflow_provider_finch.hook import FinchHook, signature
from airflow_provider_finch.streams import ROUNDS


def test_the_vector_of_the_document():
    assert signature({"secureLogin": "demo_operator"}, "demoSecret01") == "0e8c96f33078111da036873705c6245a"


def test_a_domain_is_a_host_and_no_parameter(monkeypatch):
    connection = Connection(
        conn_id="finch_default",
        conn_type="finch",
        host="https://one.finch.example",
        login="demo_operator",
        password="demoSecret01",
        extra=json.dumps({}),
    )
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    request = FinchHook().build(
        ROUNDS.endpoint, {"timepoint": 1768435200000, "dataType": "RNG", "domain": "two.finch.example"}
    )
    assert request.url == "https://two.finch.example/feeds/v3/rounds/finished/"
    assert request.query == {
        "login": "demo_operator",
        "password": "demoSecret01",
        "options": "addRoundDetails",
        "timepoint": 1768435200000,
        "dataType": "RNG",
    }
