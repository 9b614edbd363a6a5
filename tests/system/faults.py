"""Shared by the fault servers (http_service.py, tcp_service.py, hostile_dns.py): the switch that says how to misbehave, the log
of what was asked, and the ways of sending that no honest server has. Standard library only: these run without site packages."""

import json
import os
import socket
import struct
import threading
import time

CHUNK = 16384


class Switch:
    """Reads the wanted behaviour anew for every request: the test replaces the file, the next request obeys it."""

    def __init__(self, path):
        self._path = path

    def read(self):
        with open(self._path, encoding="utf-8") as file:
            return json.load(file)


class RequestLog:
    """One JSON object a line, written at once."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, **fields):
        with self._lock:
            self._file.write(json.dumps({"time": time.time(), **fields}) + "\n")


def listen(port, address, kind=socket.SOCK_STREAM):
    """Bound to `address`, or to every address of both families when it is empty; or what is handed over (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    family = socket.AF_INET if address and ":" not in address else socket.AF_INET6
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if not address else 1)
    sock.bind((address or "::", port))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    return sock


def serve_streams(listener, handle):
    """A thread for each connection, for ever. A peer that goes away in the middle is normal here."""
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=_guarded, args=(handle, connection, peer), daemon=True).start()


def _guarded(handle, connection, peer):
    try:
        handle(connection, peer)
    except OSError:
        pass
    finally:
        connection.close()


def ready():
    """Tells the bench that requests will be answered from now on."""
    print("ready", flush=True)


def hang(connection):
    """Says nothing more until the peer gives up."""
    while connection.recv(CHUNK):
        pass


def drip(connection, data, pause):
    """One byte at a time: each read of the peer succeeds, the whole never comes in time."""
    for i in range(len(data)):
        connection.sendall(data[i : i + 1])
        time.sleep(pause)


def endless(connection, piece):
    """As much as the peer takes, until it closes."""
    while True:
        connection.sendall(piece)


def reset(connection):
    """Ends with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def garbage(size=512):
    return os.urandom(size)
