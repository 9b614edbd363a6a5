"""A TCP server that can fail. Run by servers.TcpService; see faults.py.

The switch file: {"mode": "banner", "text": "ready\\n", "delay": 0} or one of the other modes below."""

import argparse
import time

import faults


class Handler:
    def __init__(self, switch, log):
        self._switch = switch
        self._log = log

    def __call__(self, connection, peer):
        self._log.write(peer=peer[0], port=peer[1])
        wanted = self._switch.read()
        time.sleep(wanted.get("delay", 0))
        MODES[wanted["mode"]](connection, wanted)


def banner(connection, wanted):
    """Greets and stays."""
    connection.sendall(wanted.get("text", "ready\n").encode("latin-1"))
    faults.hang(connection)


def reply(connection, wanted):
    """Says nothing until spoken to, then answers each piece it gets: `text` with {} for what came."""
    while data := connection.recv(faults.CHUNK):
        connection.sendall(wanted.get("text", "{}").replace("{}", data.decode("latin-1")).encode("latin-1"))


def silent(connection, wanted):
    faults.hang(connection)


def drip(connection, wanted):
    faults.drip(connection, wanted.get("text", "ready\n").encode("latin-1"), wanted.get("pause", 0.1))


def endless(connection, wanted):
    faults.endless(connection, wanted.get("text", "x" * 10000).encode("latin-1"))


def garbage(connection, wanted):
    connection.sendall(faults.garbage())


def close(connection, wanted):
    """Accepts and ends at once."""


def reset(connection, wanted):
    faults.reset(connection)


MODES = {mode.__name__: mode for mode in (banner, reply, silent, drip, endless, garbage, close, reset)}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--address", default="")
    options.add_argument("--switch", required=True)
    options.add_argument("--requests", required=True)
    args = options.parse_args()
    handler = Handler(faults.Switch(args.switch), faults.RequestLog(args.requests))
    listener = faults.listen(args.port, args.address)
    faults.ready()
    faults.serve_streams(listener, handler)


if __name__ == "__main__":
    main()
