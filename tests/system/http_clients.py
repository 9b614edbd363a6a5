"""Clients of herald's HTTP: one that asks, and those whom nobody wants."""

from __future__ import annotations

import http.client
import subprocess
import sys
from typing import IO

from namespaces import Namespace
from waiting import LabError

PORT = 9476


class Answer:
    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.kind = reply.getheader("Content-Type", "")
        self.text = reply.read().decode()


def get(ns: Namespace, path: str, source: str = "127.0.0.1", port: int = PORT, timeout: float = 15, **headers: str) -> Answer:
    """Raises OSError or http.client.HTTPException where nobody answers."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))
    try:
        with ns.entered():
            client.connect()
        client.request("GET", path, headers=headers)
        return Answer(client.getresponse())
    finally:
        client.close()


def is_served(ns: Namespace, port: int = PORT) -> bool:
    try:
        return get(ns, "/healthz", port=port).status == 200
    except (OSError, http.client.HTTPException):
        return False


# slowloris  never finishes its request, and adds to it again and again
# huge       a header without end
# junk       paths, hosts and methods that are none, bytes that are no HTTP
# idle       connects, says nothing
# deaf       asks for the metrics and never reads
# greedy     asks for all there is again and again
MODES = ("slowloris", "huge", "junk", "idle", "deaf", "greedy")

_PROGRAM = r"""
import random, socket, sys, time
port, count, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
chance = random.Random(7)
clients = {}

def junk():
    path = bytes(chance.randrange(256) for _ in range(chance.randrange(200))).replace(b"\r", b"").replace(b"\n", b"")
    return chance.choice([
        b"GET /metrics HTTP/1.1\r\nHost: " + path + b"\r\n\r\n", b"GET /" + path + b" HTTP/1.1\r\nHost: a\r\n\r\n", path + b"\r\n\r\n",
        b"GET /why/" + path.hex().encode() + b".json HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /service/../../%00%ff%2e HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"GET * HTTP/9.9\r\n\r\n",
    ])

def word(new):
    if mode == "slowloris":
        return b"GET /metrics HTTP/1.1\r\nHost: a\r\n" if new else b"X: y\r\n"
    if mode == "huge":
        return b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " if new else b"y" * 4096
    if mode == "junk":
        return junk()
    if mode == "deaf":
        return b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" if new else b""
    if mode == "greedy":
        return b"GET " + chance.choice([b"/metrics", b"/status.json", b"/history.json", b"/service/web"]) + b" HTTP/1.1\r\nHost: a\r\n\r\n" if new else b""
    return b""

def turn(number):
    client = clients.get(number)
    new = client is None
    if new:
        client = clients[number] = socket.socket()
        if mode == "deaf":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(2)
    try:
        if new:
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
        client.send(word(new))
        if mode != "deaf" and client.recv(1 << 20) == b"":
            raise OSError
    except BlockingIOError:
        return
    except OSError:
        clients.pop(number).close()

for number in range(count):
    turn(number)
print("here", flush=True)
while True:
    for number in range(count):
        turn(number)
    time.sleep(0.05)
"""


class Strangers:
    """`count` of them, who come again when they are turned away. Ends with the block."""

    def __init__(self, ns: Namespace, count: int, mode: str, port: int = PORT) -> None:
        argv = ["nice", "prlimit", "--nofile=4096", sys.executable, "-c", _PROGRAM, str(port), str(count), mode]
        self._process = subprocess.Popen(ns.command(argv), stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Strangers:
        out: IO[str] | None = self._process.stdout
        if out is None or out.readline() != "here\n":
            raise LabError("the strangers did not come")
        return self

    def __exit__(self, *_: object) -> None:
        ended = self._process.poll() is not None
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        if ended:
            raise LabError("the strangers have gone by themselves")
