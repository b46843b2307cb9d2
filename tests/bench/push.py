"""Pushes posts through `POST /api/mentions/` on a timetable, as a process of its own, and says how well it kept to it.

`python -m tests.bench.push URL TOKEN SECONDS RATE BATCH FIRST` prints one JSON object: `ids`, when the request that carried each mention
was due; and how late requests began and how long their answers took. RATE 0: as fast as sixteen programs can that wait for each answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

POSTS = Path(__file__).parents[2] / "fixtures" / "demo" / "posts.jsonl"
AUTHORS = 5000
PROGRAMS = 16  # that push as fast as they can
PATIENCE = 30.0  # seconds for one answer
IDLE = 3.0  # seconds after which a connection is not used again: the server hangs up after five

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pusher:
    """Begins each request when it is due, however slow the earlier ones are: on a connection that is free, else on a new one."""

    def __init__(self, url: str, token: str, batch: int, first: int) -> None:
        self.ids: dict[int, float] = {}  # mention id: when its request was due, monotonic seconds
        self.late: list[float] = []  # seconds from the time that a request was due to its beginning
        self.took: list[float] = []  # and from there to its answer
        address = urlsplit(url)
        self._address = (address.hostname, address.port)
        head = [
            "POST /api/mentions/ HTTP/1.1",
            f"Host: {address.netloc}",
            f"Authorization: Token {token}",
            "Content-Type: application/json",
        ]
        self._head = "\r\n".join(head)
        self._batch, self._first = batch, first
        self._free: list[tuple[float, Line]] = []  # since when
        self._texts = [json.loads(line)["text"] for line in POSTS.read_text(encoding="utf-8").splitlines()]

    async def keep_to(self, seconds: float, rate: float) -> None:
        """`rate` posts a second for `seconds`."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as requests:
            for number in range(int(seconds * rate / self._batch)):
                due = started + number * self._batch / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                requests.create_task(self._push(number, due))

    async def hurry(self, seconds: float) -> None:
        end, numbers = time.monotonic() + seconds, itertools.count()

        async def push_on() -> None:
            while (now := time.monotonic()) < end:
                await self._push(next(numbers), now)

        await asyncio.gather(*(push_on() for _ in range(PROGRAMS)))

    async def _push(self, number: int, due: float) -> None:
        posts = list(self._make_posts(number))
        body = json.dumps(posts[0] if self._batch == 1 else posts).encode()
        line = await self._find_line()
        began = time.monotonic()
        answer = await asyncio.wait_for(self._ask(line, body), PATIENCE)
        self.took.append(time.monotonic() - began)
        self.late.append(began - due)
        self.ids.update(dict.fromkeys(answer["ids"].values(), due))
        self._free.append((time.monotonic(), line))

    async def _find_line(self) -> Line:
        while self._free:
            used, line = self._free.pop()
            if time.monotonic() - used < IDLE:
                return line
            line[1].close()
        return await asyncio.open_connection(*self._address)

    async def _ask(self, line: Line, body: bytes) -> dict[str, Any]:
        reader, writer = line
        writer.write(f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        text = await reader.readexactly(length)
        if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
            raise RuntimeError(f"{head.decode()}{text.decode()}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _make_posts(self, number: int) -> Iterator[dict[str, Any]]:
        for one in range(self._first + number * self._batch, self._first + (number + 1) * self._batch):
            yield {
                "network": "mastodon",
                "external_id": f"bench-{one}",
                "text": f"{self._texts[one % len(self._texts)]} {one}",
                "author": {"external_id": f"bench-{one % AUTHORS}", "username": f"bench{one % AUTHORS}"},
                "posted_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }


def percentile_ms(values: list[float], share: float) -> float:
    """Of seconds, in milliseconds."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000, 1)


def main() -> None:
    url, token, seconds, rate, batch, first = sys.argv[1:]
    pusher = Pusher(url, token, int(batch), int(first))
    started = time.monotonic()
    asyncio.run(pusher.keep_to(float(seconds), float(rate)) if float(rate) else pusher.hurry(float(seconds)))
    took = time.monotonic() - started
    report = {
        "ids": pusher.ids,
        "requests": len(pusher.took),
        "requests_per_second": round(len(pusher.took) / took, 1),
        "late_p99_ms": percentile_ms(pusher.late, 0.99),
        "late_max_ms": percentile_ms(pusher.late, 1),
        "answer_p50_ms": percentile_ms(pusher.took, 0.5),
        "answer_p99_ms": percentile_ms(pusher.took, 0.99),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
