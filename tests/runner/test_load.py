"""Many clients at once: nothing is lost, nothing is done twice."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable

from jobc.backends.self_hosted.protocol import key_of
from tests.runner.serving import Server, until

CLIENTS = 50
REQUESTS = 40  # of each client


def test_2000_requests_of_50_clients_lose_nothing(serve: Callable[..., Server]) -> None:
    """Each client submits tasks, some of them twice, asks for states and forgets; the runner is full again and again."""
    server = serve("--concurrency", "4", "--queue", "40")
    with server.client() as client:
        client.send_bundle()
    answers: Counter[int] = Counter()
    accepted: list[str] = []
    problems: list[str] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        mine = []
        with server.client() as client:
            for turn in range(REQUESTS):
                if turn % 8 == 0:
                    name = f"load.{number}.{turn}"
                    answer = client.submit(name, f"echo {name}")
                    if answer.status_code in (200, 201):
                        mine.append(name)
                elif turn % 8 == 1 and mine:
                    answer = client.submit(mine[-1], f"echo {mine[-1]}")
                    if answer.status_code != 200:
                        problems.append(f"{mine[-1]} again: {answer.text}")
                elif turn % 2 and mine:
                    answer = client.get(mine[turn % len(mine)])
                    if answer.status_code != 200:
                        problems.append(f"{mine[turn % len(mine)]}: {answer.text}")
                else:
                    answer = client.http.get("/v1/runner")
                with lock:
                    answers[answer.status_code] += 1
        with lock:
            accepted.extend(mine)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[:5]
    assert answers.total() == CLIENTS * REQUESTS
    assert set(answers) <= {200, 201, 429}, answers
    assert len(accepted) == len(set(accepted)) == answers[201]
    with server.client() as client:

        def idle() -> bool:
            capacity = client.http.get("/v1/runner").json()["capacity"]
            return bool(capacity["running"] == capacity["queued"] == 0)

        until(idle, seconds=120)
        for name in accepted:
            assert client.get(name).json()["exit_code"] == 0
            assert client.output(name) == f"{name}\n"
    rows = sqlite3.connect(server.state / "journal.db").execute("SELECT key FROM tasks").fetchall()
    assert {key for (key,) in rows} == set(map(key_of, accepted))
    assert "Traceback" not in server.log()
