"""An HTTP server that can fail in every way a health check has to survive. Run by servers.HttpService; see faults.py.

The switch file: {"mode": "answer", "status": 200, "body": "ok\\n", "headers": {}, "delay": 0} or one of the other modes below."""

import argparse
import socket
import ssl
import time

import faults

REASONS = {200: "OK", 204: "No Content", 301: "Moved Permanently", 302: "Found", 404: "Not Found", 503: "Service Unavailable"}
MAX_HEAD = 65536


class Handler:
    def __init__(self, switch, log):
        self._switch = switch
        self._log = log

    def __call__(self, connection, peer):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        while True:
            request, rest = read_request(connection, rest)
            if request is None:
                return
            self._log.write(peer=peer[0], port=peer[1], **request)
            wanted = self._switch.read()
            time.sleep(wanted.get("delay", 0))
            if not MODES[wanted["mode"]](connection, request, wanted):
                return


def read_request(connection, data):
    """The next request and what was read beyond it; (None, b"") at the end of the connection."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(faults.CHUNK)
        if not more or len(data) > MAX_HEAD:
            return None, b""
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, version = (first.split(" ") + ["", ""])[:3]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    size = int(headers.get("content-length", 0))
    while len(rest) < size:
        more = connection.recv(faults.CHUNK)
        if not more:
            return None, b""
        rest += more
    request = {"method": method, "path": path, "version": version, "headers": headers, "body": rest[:size].decode("latin-1")}
    return request, rest[size:]


def response(wanted, extra_length=0):
    """A whole response; `extra_length` is promised in Content-Length but not sent."""
    status = wanted.get("status", 200)
    body = wanted.get("body", "ok\n").encode("latin-1")
    headers = {"Content-Type": "text/plain", "Content-Length": str(len(body) + extra_length), **wanted.get("headers", {})}
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", body


# Each mode answers one request and says whether the connection goes on.


def answer(connection, request, wanted):
    head, body = response(wanted)
    connection.sendall(head + (b"" if request["method"] == "HEAD" else body))
    return request["version"] == "HTTP/1.1" and request["headers"].get("connection", "").lower() != "close"


def hang(connection, request, wanted):
    """The connection is accepted and read, and no answer ever comes."""
    faults.hang(connection)


def drip(connection, request, wanted):
    head, body = response(wanted)
    faults.drip(connection, head + body, wanted.get("pause", 0.1))


def endless(connection, request, wanted):
    """A body without length and without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    faults.endless(connection, b"ok " * 5000)


def endless_headers(connection, request, wanted):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    faults.endless(connection, b"X-Padding: " + b"x" * 1000 + b"\r\n")


def endless_chunk(connection, request, wanted):
    """A chunk whose extension never ends: a client that reads it sees no byte of a body, and has no reason to stop."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    faults.endless(connection, b"x" * faults.CHUNK)


def garbage(connection, request, wanted):
    connection.sendall(faults.garbage())


def short(connection, request, wanted):
    """Less body than Content-Length says."""
    connection.sendall(b"".join(response(wanted, extra_length=1000)))


def close(connection, request, wanted):
    """No answer, an orderly end."""


def reset(connection, request, wanted):
    faults.reset(connection)


MODES = {
    mode.__name__: mode for mode in (answer, hang, drip, endless, endless_headers, endless_chunk, garbage, short, close, reset)
}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--address", default="")
    options.add_argument("--switch", required=True)
    options.add_argument("--requests", required=True)
    options.add_argument("--cert")
    options.add_argument("--key")
    args = options.parse_args()
    handler = Handler(faults.Switch(args.switch), faults.RequestLog(args.requests))
    listener = faults.listen(args.port, args.address)
    faults.ready()
    if not args.cert:
        faults.serve_streams(listener, handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)
    # The handshake belongs to the connection's thread: a client that never finishes it must not block the others.
    faults.serve_streams(listener, lambda connection, peer: handler(context.wrap_socket(connection, server_side=True), peer))


if __name__ == "__main__":
    main()
