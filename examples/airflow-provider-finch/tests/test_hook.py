"""Finch's hash and hosts, by the vector of its document (3.1)."""

import json

import pytest
from airflow.sdk import BaseHook, Connection
from airflow_provider_finch.hook import FinchHook, signature
from airflow_provider_finch.streams import ROUNDS

from airflow_betproviders.exceptions import InvalidArgument


def test_the_vector_of_the_document():
    assert signature({"secureLogin": "demo_operator"}, "demoSecret01") == "0e8c96f33078111da036873705c6245a"


@pytest.fixture
def hook(monkeypatch):
    connection = Connection(
        conn_id="finch_default",
        conn_type="finch",
        host="https://one.finch.example",
        login="demo_operator",
        password="demoSecret01",
        extra=json.dumps({}),
    )
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    return FinchHook()


def test_a_domain_is_a_host_and_no_parameter(hook):
    request = hook.build(
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


@pytest.mark.parametrize(
    "domain",
    ["me@two.example", "two.example?", "two.example#", "two.example/..", "https://two.example", "/", "two example"],
)
def test_login_and_password_go_to_no_domain_that_is_more_than_a_host(hook, domain):
    with pytest.raises(InvalidArgument, match=r"connection finch_default: filter domain=.* must be a host"):
        hook.build(ROUNDS.endpoint, {"timepoint": 1768435200000, "dataType": "RNG", "domain": domain})
