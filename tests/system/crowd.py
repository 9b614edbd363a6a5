"""Unprivileged users at the control socket who want more than their share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

from waiting import LabError

# idle      connects, says nothing
# half      never finishes its request
# silent    asks for the status many times and reads nothing
# greedy    asks for the status again and again
# fleeting  connects and goes, as often as it can
MODES = ("idle", "half", "silent", "greedy", "fleeting")

_PROGRAM = r"""
import select, socket, sys
path, count, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
request = b'{"method":"io.herald.Control.Status","parameters":{}}\0'
words = {"idle": b"", "half": request[:-9], "silent": request * 50, "greedy": request, "fleeting": b""}[mode]
poll = select.poll()
clients = {}

def come():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(2)
    try:
        client.connect(path)
        client.setblocking(False)
        if words:
            client.send(words)
    except OSError:
        return client.close()
    clients[client.fileno()] = client
    poll.register(client, select.POLLIN if mode == "greedy" else 0)  # POLLHUP is told in any case

def go(number):
    poll.unregister(number)
    clients.pop(number).close()

for _ in range(count):
    come()
print("here", flush=True)
while True:
    for number, events in poll.poll(20):
        if events & (select.POLLHUP | select.POLLERR):
            go(number)
            continue
        try:
            answer = clients[number].recv(1 << 20)
            if answer.endswith(b"\0"):
                clients[number].send(request)
        except BlockingIOError:
            continue
        except OSError:
            answer = b""
        if not answer:
            go(number)
    if mode == "fleeting":
        for number in list(clients):
            go(number)
    for _ in range(min(count - len(clients), 50)):
        come()
"""


class Crowd:
    """`count` connections of one user, who comes again when he is turned away. Ends with the block."""

    def __init__(self, socket: Path, count: int, mode: str, user: int = 65534) -> None:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "prlimit", "--nofile=4096", sys.executable, "-c", _PROGRAM, str(socket), str(count), mode]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Crowd:
        out: IO[str] | None = self._process.stdout
        if out is None or out.readline() != "here\n":
            raise LabError("the crowd did not come")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is not None:
            raise LabError("the crowd has gone by itself")
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
