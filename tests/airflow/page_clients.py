"""Many clients that request one route again and again until stdin ends: ``python -m tests.airflow.page_clients``.

They are a process of their own, of the lowest priority: in life they are other machines.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests


def main() -> None:
    """Print a line when each client has had an answer, and one with the number of answers by status at the end."""
    os.nice(19)
    asked: dict[str, Any] = json.loads(sys.stdin.readline())
    ended = threading.Event()
    begun = threading.Barrier(asked["clients"] + 1)

    def client(number: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {asked['token']}"
            for turn in itertools.count(number, asked["clients"]):
                params = asked["queries"][turn % len(asked["queries"])]
                answer = session.get(asked["url"], params=params, timeout=120)
                statuses[answer.status_code] += 1
                if turn == number:
                    begun.wait()
                if asked["polite"]:
                    ended.wait(float(answer.headers.get("Retry-After", 1)))
                if ended.is_set():
                    break
        return statuses

    with ThreadPoolExecutor(asked["clients"]) as pool:
        clients = [pool.submit(client, number) for number in range(asked["clients"])]
        begun.wait()
        print("begun", flush=True)  # noqa: T201 - for the process that started this one
        sys.stdin.read()
        ended.set()
        print(json.dumps(sum((each.result() for each in clients), Counter[int]())), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
