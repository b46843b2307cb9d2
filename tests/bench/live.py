"""The live feed: what the hub delivers against bare ASGI `send`, what telling it costs, and how soon a pushed post is on every screen.

`python -m tests.bench.live` prints all three. Servers and browsers are processes of their own: each function starts and ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.push import percentile_ms

ROOT = Path(__file__).parents[2]
TEXT = "x" * 1000  # about what a frame of ten mentions holds, and what the floor is known for
BURST = 10  # frames made between two looks at the event loop; well below the 100 that a connection queues


# --- The hub against its floor ------------------------------------------------------------------------------------------


def deliveries(clients: int = 200, seconds: float = 2.0, rounds: int = 5) -> dict[str, Any]:
    """Deliveries a second of 1 KB texts at saturation, by one real uvicorn process to `clients` real websockets in another process:
    from a loop over bare ASGI `send`, and from the desk's own application and hub. The two alternate, so that what else the machine
    does meets both; the ratio is the median of the pairs' ratios. CPU: microseconds of the server's for one delivery."""
    pairs = [(_saturate("floor", clients, seconds), _saturate("hub", clients, seconds)) for _ in range(rounds)]
    return {
        "clients": clients,
        "floor_per_second": round(statistics.median(floor["per_second"] for floor, _ in pairs)),
        "hub_per_second": round(statistics.median(hub["per_second"] for _, hub in pairs)),
        "floor_cpu_us": round(statistics.median(floor["cpu_us"] for floor, _ in pairs), 2),
        "hub_cpu_us": round(statistics.median(hub["cpu_us"] for _, hub in pairs), 2),
        "ratio": round(statistics.median(hub["per_second"] / floor["per_second"] for floor, hub in pairs), 3),
        "ratio_by_cpu": round(statistics.median(floor["cpu_us"] / hub["cpu_us"] for floor, hub in pairs), 3),
        "target_ratio": 0.6,
    }


def _saturate(mode: str, clients: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        command = [sys.executable, "-m", "tests.bench.live", "serve", mode, str(clients)]
        environment = {**os.environ, "SOCIALDESK_DATA": folder, "DJANGO_SETTINGS_MODULE": "socialdesk.settings", "PYTHONWARNINGS": "ignore"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            environment.pop(name, None)
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            said = json.loads(server.stdout.readline())
            command = [sys.executable, "-m", "tests.bench.live", "read", str(said["port"]), str(clients), str(seconds), str(server.pid)]
            reader = subprocess.run([*command, said["cookie"]], cwd=ROOT, capture_output=True, text=True, check=True, timeout=seconds + 60)
            result: dict[str, float] = json.loads(reader.stdout)
            return result
        finally:
            server.kill()
            server.wait()


def _serve(mode: str, clients: int) -> None:
    """In the server's process: prints its port, and sends as fast as it can once all clients are there."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from profiles.models import Agent
    from socialdesk.management.commands.desk import Server, listen

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(Agent.objects.create_user("reader"), backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    listener = listen("127.0.0.1", "0")

    def announce() -> None:
        print(json.dumps({"port": listener.getsockname()[1], "cookie": cookie}), flush=True)
        tasks.append(asyncio.get_running_loop().create_task(driver()))

    tasks: list[asyncio.Task[None]] = []
    if mode == "floor":
        sends: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                return
            await receive()
            await send({"type": "websocket.accept"})
            sends.append(send)
            await receive()

        async def driver() -> None:
            while len(sends) < clients:
                await asyncio.sleep(0.01)
            message = {"type": "websocket.send", "text": TEXT}
            while True:
                for send in sends:
                    await send(message)
                await asyncio.sleep(0)

        server = Server(application, announce)
    else:
        from listening.consumers import process_hub
        from socialdesk.asgi import application as desk

        async def driver() -> None:
            hub = process_hub()
            while len(hub._connections) < clients:
                await asyncio.sleep(0.01)
            while True:
                for _ in range(BURST):
                    hub._broadcast({"type": "bench", "text": TEXT})
                await asyncio.sleep(0)

        server = Server(desk, announce)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve([listener]))


def _read(port: int, clients: int, seconds: float, server: int, cookie: str) -> None:
    """In the browsers' process: reads as fast as it can without looking, and prints what came within the time."""
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        selector.register(_open_websocket(port, f"Cookie: {cookie}"), selectors.EVENT_READ)
    buffer = bytearray(1 << 20)

    def receive_for(duration: float) -> tuple[int, float, float]:
        received, started, cpu = 0, time.perf_counter(), _cpu_seconds(server)
        while time.perf_counter() - started < duration:
            for key, _ in selector.select(0.1):
                received += key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
        return received, time.perf_counter() - started, _cpu_seconds(server) - cpu

    receive_for(1.0)  # until every buffer on the way is full
    received, duration, cpu = receive_for(seconds)
    frames = received / (len(TEXT) + 4)  # a frame's header has 4 bytes; the hub's few more of JSON are not credited to it
    print(json.dumps({"per_second": frames / duration, "cpu_us": cpu / frames * 1e6}))


def _cpu_seconds(process: int) -> float:
    """What that process has used of the CPU so far, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _open_websocket(port: int, *headers: str, receive_buffer: int = 0) -> socket.socket:
    """A connected websocket as a bare socket: a library's client would cost more than the server that is measured."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", port))
    lines = [
        "GET /ws/desk/ HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(1)  # not a byte of the first frame
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return connection


# --- What it costs to tell the hubs -------------------------------------------------------------------------------------


def publishes(count: int = 3000) -> dict[str, Any]:
    """Milliseconds that one event costs whoever publishes it, and until a real Redis has taken it; one at a time, by another process."""
    from tests.servers import redis

    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder, redis() as url:
        environment = {**os.environ, "SOCIALDESK_DATA": folder, "REDIS_URL": url, "DJANGO_SETTINGS_MODULE": "socialdesk.settings"}
        command = [sys.executable, "-m", "tests.bench.live", "publish", str(count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _publish(count: int) -> None:
    """In the publisher's process."""
    import django

    django.setup()
    from socialdesk.lib import live

    cost, taken = [], []
    for number in range(count + 100):
        started = time.perf_counter()
        live.publish(live.MentionsStored(ids=[number], conversations=[]))
        cost.append(time.perf_counter() - started)
        assert live.wait_until_sent(5)
        taken.append(time.perf_counter() - started)
    figures: dict[str, Any] = {"events": count}
    for name, seconds in (("publisher", cost), ("redis", taken)):
        ordered = sorted(seconds[100:])  # the first ones connect
        figures[f"{name}_p50_ms"] = round(statistics.median(ordered) * 1000, 3)
        figures[f"{name}_p99_ms"] = round(ordered[int(count * 0.99)] * 1000, 3)
    print(json.dumps(figures))


# --- From a push to every screen ----------------------------------------------------------------------------------------


def stream(seconds: float = 60.0, rate: int = 200, clients: int = 100) -> dict[str, Any]:
    """`rate` posts a second, pushed through POST /api/mentions/ in lists of 20 and then one by one, into a real desk that `clients`
    websockets listen to; each also with one more that never reads. Once on PostgreSQL and Redis, where one process serves the web, and
    once on SQLite, where the same process does everything."""
    from tests.servers import postgres, redis

    with postgres() as database, redis() as broker, _running_desk(DATABASE_URL=database, REDIS_URL=broker) as desk:
        distributed = _stream_into(desk, seconds, rate, clients)
    with _running_desk() as desk:
        embedded = _stream_into(desk, seconds, rate, clients)
    given = {"seconds": seconds, "rate": rate, "clients": clients, "target_p99_ms": 1000}
    return {**given, "postgresql": distributed, "sqlite": embedded}


def _stream_into(desk: dict[str, str], seconds: float, rate: int, clients: int) -> dict[str, dict[str, Any]]:
    parts = [
        ("in lists", 20, 0),
        ("in lists, one stuck", 20, 1),
        ("single", 1, 0),
        ("single, one stuck", 1, 1),
    ]
    for batch in (20, 1):  # connections, caches, matchers
        _stream_once(desk, seconds=3, rate=rate, clients=5, batch=batch, stuck=0, first=10**9 * (batch + 1))
    return {
        name: _stream_once(desk, seconds=seconds, rate=rate, clients=clients, batch=batch, stuck=stuck, first=number * 10**8)
        for number, (name, batch, stuck) in enumerate(parts)
    }


def _stream_once(desk: dict[str, str], *, seconds: float, rate: int, clients: int, batch: int, stuck: int, first: int) -> dict[str, Any]:
    """Milliseconds from the time that a post was due to be pushed to the arrival of its id, over all posts and clients. `missing` counts
    ids that a client neither got nor was told to fetch. `late` is how long after its time a request began: where that is much, the
    pushing process was starved and the other figures say more of the machine than of the desk. `load`: the machine's, over a minute."""
    port = int(desk["url"].rsplit(":", 1)[1])
    stopped = [_open_websocket(port, f"Authorization: Token {desk['token']}", receive_buffer=4096) for _ in range(stuck)]
    command = [sys.executable, "-m", "tests.bench.live", "listen", desk["url"], desk["token"], str(clients)]
    listener = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert listener.stdin is not None
    assert listener.stdout is not None
    try:
        assert listener.stdout.readline() == b"listening\n"
        started, cpu = time.monotonic(), _cpu_seconds(int(desk["pid"]))
        command = [sys.executable, "-m", "tests.bench.push", desk["url"], desk["token"], *map(str, (seconds, rate, batch, first))]
        pushed = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=seconds + 60).stdout)
        duration, cpu = time.monotonic() - started, _cpu_seconds(int(desk["pid"])) - cpu
        time.sleep(2)  # the last ones may be late
        listener.stdin.close()
        heard = json.load(listener.stdout)
    finally:
        listener.kill()
        listener.wait()
        for connection in stopped:
            connection.close()
    due = {int(pk): at for pk, at in pushed.pop("ids").items()}
    delays, missing, told = [], 0, 0
    for client in heard:
        told += client["resyncs"]
        arrived = {pk: at for at, ids in client["frames"] for pk in ids}
        delays += [arrived[pk] - at for pk, at in due.items() if pk in arrived]
        if not client["resyncs"]:
            missing += sum(pk not in arrived for pk in due)
    return {
        "posts": len(due),
        "p50_ms": percentile_ms(delays, 0.5),
        "p99_ms": percentile_ms(delays, 0.99),
        "max_ms": percentile_ms(delays, 1),
        "missing": missing,
        "resyncs": told,
        **pushed,
        "server_cpu": round(cpu / duration, 2),
        "load": round(os.getloadavg()[0], 1),
    }


@contextlib.contextmanager
def _running_desk(**environment: str) -> Iterator[dict[str, str]]:
    """`manage.py desk` with a token of an admin and fifty topics."""
    from tests.bench.intake import fifty_topics

    script = "from profiles.models import Agent; from listening.models import Topic; Agent.objects.create_user('bench', role='admin'); "
    script += f"[Topic.objects.create(name=name, query=query) for name, query in {fifty_topics()!r}.items()]"
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        given = {**kept, "SOCIALDESK_DATA": folder, "DEMO": "0", "PORT": "0", **environment}
        server = subprocess.Popen([sys.executable, "manage.py", "desk"], cwd=ROOT, env=given, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            url = next(line.split("running on ")[1].split()[0] for line in server.stdout if "running on" in line)
            subprocess.run([sys.executable, "manage.py", "shell", "-c", script], cwd=ROOT, env=given, check=True, capture_output=True)
            command = [sys.executable, "manage.py", "create_token", "bench"]
            token = subprocess.run(command, cwd=ROOT, env=given, check=True, capture_output=True, text=True).stdout.strip()
            yield {"url": url, "token": token, "pid": str(server.pid)}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)


async def _listen(url: str, token: str, clients: int) -> None:
    """In the browsers' process: what came when, for each websocket, until standard input ends."""
    from websockets.asyncio.client import connect

    address = url.replace("http", "ws") + "/ws/desk/"
    heard: list[dict[str, Any]] = [{"frames": [], "resyncs": 0} for _ in range(clients)]
    greeted = asyncio.Semaphore(0)

    async def listen_once(record: dict[str, Any]) -> None:
        async with connect(address, additional_headers={"Authorization": f"Token {token}"}, compression=None) as socket_:
            seq = json.loads(await socket_.recv())["seq"]
            greeted.release()
            async for text in socket_:
                frame = json.loads(text)
                record["resyncs"] += frame["type"] == "resync" or frame["seq"] != seq + 1
                seq = frame["seq"]
                if frame["type"] == "mentions.stored":
                    record["frames"].append((time.monotonic(), frame["ids"]))

    tasks = [asyncio.create_task(listen_once(record)) for record in heard]
    for _ in range(clients):
        await greeted.acquire()
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(json.dumps(heard), flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["serve", mode, clients]:
            _serve(mode, int(clients))
        case ["read", port, clients, seconds, server, cookie]:
            _read(int(port), int(clients), float(seconds), int(server), cookie)
        case ["publish", count]:
            _publish(int(count))
        case ["listen", url, token, clients]:
            asyncio.run(_listen(url, token, int(clients)))
        case ["stream", seconds]:
            print(json.dumps(stream(float(seconds)), indent=2))
        case _:
            print(json.dumps({"deliveries": deliveries(), "publishes": publishes(), "stream": stream()}, indent=2))


if __name__ == "__main__":
    main()
