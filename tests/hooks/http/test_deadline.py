"""The deadline of a call also ends a connection that is opened at its last moment."""

from __future__ import annotations

import gc
import socket

import pytest
import requests

from airflow_betproviders.hooks.http.deadline import Deadline, DeadlineAdapter


class PassedWhileConnecting(Deadline):
    """Has time left for the connection only."""

    asked = False

    def remaining(self) -> float:
        if self.asked:
            raise TimeoutError
        self.asked = True
        return 60.0


def test_a_connection_that_comes_as_the_time_ends_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, requests.Session() as session:
        session.mount("http://", DeadlineAdapter())
        with PassedWhileConnecting(60).applied(), pytest.raises(requests.ConnectTimeout):
            session.get(f"http://127.0.0.1:{server.getsockname()[1]}/")
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(60)
            assert accepted.recv(1) == b""  # closed at the other end
    gc.collect()  # an unclosed socket would fail here
