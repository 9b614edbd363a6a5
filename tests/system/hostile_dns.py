"""A DNS server (UDP and TCP on one port) that can answer right, wrong, or with an attack. Run by servers.HostileDns; see
faults.py.

The switch file: {"mode": "right", "answers": ["192.0.2.1"], "delay": 0} or one of the other modes below. Messages are packed by
hand, because no library would let us send most of these."""

import argparse
import ipaddress
import itertools
import socket
import struct
import threading
import time

import faults

QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5
A, AAAA, TXT = 1, 28, 16
OTHER_NAME = b"\x05other\x07invalid\x00"


class Query:
    """The parts of a query that an answer needs. Raises on what is no query; the thread then ends without an answer."""

    def __init__(self, data):
        self.id, self.flags, count = struct.unpack_from("!HHH", data)
        end = 12
        while data[end]:
            end += data[end] + 1
        end += 1
        self.name = data[12:end]
        self.type, self.class_ = struct.unpack_from("!HH", data, end)
        self.question = data[12 : end + 4]

    def text(self):
        labels, at = [], 0
        while self.name[at]:
            labels.append(self.name[at + 1 : at + 1 + self.name[at]].decode("latin-1"))
            at += self.name[at] + 1
        return ".".join(labels) + "."


def message(query, flags=0, rcode=0, records=(), question=None, id=None, counts=None):
    """A response. `counts` overrides the four section counts, to lie about them."""
    question = query.question if question is None else question
    head_flags = QR | (query.flags & RD) | RA | flags | rcode
    four = counts or (1 if question else 0, len(records), 0, 0)
    return struct.pack("!HHHHHH", query.id if id is None else id, head_flags, *four) + question + b"".join(records)


def record(type, data, name=b"\xc0\x0c", ttl=60):
    return name + struct.pack("!HHIH", type, 1, ttl, len(data)) + data


def answers(query, wanted):
    """A or AAAA records of the switch's `answers`, as far as they fit the question."""
    packed = [ipaddress.ip_address(text) for text in wanted.get("answers", ["192.0.2.1", "2001:db8::1"])]
    return [record(A if ip.version == 4 else AAAA, ip.packed) for ip in packed if query.type == (A if ip.version == 4 else AAAA)]


# Each mode returns the datagrams, or TCP messages, to send, in order.


def right(query, wanted, tcp):
    return [message(query, AA if wanted.get("authoritative") else 0, records=answers(query, wanted))]


def empty(query, wanted, tcp):
    """NOERROR without an answer."""
    return [message(query)]


def servfail(query, wanted, tcp):
    return [message(query, rcode=SERVFAIL)]


def nxdomain(query, wanted, tcp):
    return [message(query, rcode=NXDOMAIN)]


def refused(query, wanted, tcp):
    return [message(query, rcode=REFUSED)]


def silent(query, wanted, tcp):
    return []


def wrong_id(query, wanted, tcp):
    return [message(query, id=query.id ^ 0x5555, records=answers(query, wanted))]


def wrong_question(query, wanted, tcp):
    """An answer to something else, as a spoofer who guessed the id would send."""
    other = OTHER_NAME + struct.pack("!HH", query.type, query.class_)
    return [message(query, question=other, records=answers(query, wanted))]


def spoofed_first(query, wanted, tcp):
    """Two forgeries before the right answer: a client has to go on listening."""
    return wrong_id(query, wanted, tcp) + wrong_question(query, wanted, tcp) + right(query, wanted, tcp)


def echo(query, wanted, tcp):
    """The query itself, which is not a response."""
    return [struct.pack("!HHHHHH", query.id, query.flags, 1, 0, 0, 0) + query.question]


def truncated(query, wanted, tcp):
    """TC over UDP, the whole answer over TCP."""
    return right(query, wanted, tcp) if tcp else [message(query, TC)]


def truncated_hang(query, wanted, tcp):
    """TC over UDP, and nothing over TCP."""
    return [] if tcp else [message(query, TC)]


def junk(query, wanted, tcp):
    return [faults.garbage(200)]


def short(query, wanted, tcp):
    """Ends in the middle of the answer record."""
    return [right(query, wanted, tcp)[0][:-3]]


def pointer_loop(query, wanted, tcp):
    """The answer's name is a compression pointer to itself."""
    at = 12 + len(query.question)
    return [message(query, records=[record(A, b"\xc0\0\x02\x01", name=struct.pack("!H", 0xC000 | at))])]


def pointer_chains(query, wanted, tcp):
    """As large as a message may be, and nothing but the longest chain of compression pointers with records at its end, each of
    which is a walk along all of it."""
    if not tcp:
        return [message(query, TC)]
    at = 12 + len(query.question) + 2 + 10  # where the data of the first record begins
    targets = [12, *range(at, 0x4000 - 2, 2)]  # the question's name, and then each the one before it
    chain = b"".join(struct.pack("!H", 0xC000 | target) for target in targets[:-1])
    records = [record(65280, chain)]  # a type that nobody looks into
    walk = record(65280, b"", name=struct.pack("!H", 0xC000 | targets[-1]))
    return [message(query, records=records + [walk] * ((65535 - at - len(chain)) // len(walk)))]


def false_counts(query, wanted, tcp):
    """Promises 65535 records in each section."""
    return [message(query, records=answers(query, wanted), counts=(1, 65535, 65535, 65535))]


def huge(query, wanted, tcp):
    """As large as a message may be."""
    texts = [record(TXT, b"\xff" + b"x" * 255) for _ in range(235 if tcp else 15)]
    return [message(query, records=answers(query, wanted) + texts)]


MODES = {
    mode.__name__: mode
    for mode in (
        right, empty, servfail, nxdomain, refused, silent, wrong_id, wrong_question, spoofed_first, echo, truncated,
        truncated_hang, junk, short, pointer_loop, pointer_chains, false_counts, huge,
    )
}  # fmt: skip


class Server:
    def __init__(self, switch, log, udp):
        self._switch = switch
        self._log = log
        self._udp = udp
        self._asked = itertools.count()

    def _judge(self, data, peer, tcp):
        """Logs the query; the wanted behaviour and the query."""
        query = Query(data)
        self._log.write(peer=peer[0], port=peer[1], tcp=tcp, name=query.text(), type=query.type, id=query.id)
        wanted = self._switch.read()
        time.sleep(wanted.get("delay", 0))
        return query, wanted

    def serve_udp(self):
        while True:
            data, peer = self._udp.recvfrom(65535)
            threading.Thread(target=self._datagram, args=(data, peer), daemon=True).start()

    def _datagram(self, data, peer):
        try:
            query, wanted = self._judge(data, peer, tcp=False)
        except (IndexError, struct.error):
            return
        if wanted.get("lose_every_second") and next(self._asked) % 2 == 0:  # clients have to ask again
            return
        if wanted["mode"] == "wrong_source":  # the right answer, from another port than was asked
            self._send_elsewhere(right(query, wanted, False)[0], peer)
            return
        mode = truncated if wanted["mode"].startswith("tcp_") else MODES[wanted["mode"]]  # lure the client to TCP
        for datagram in mode(query, wanted, False):
            self._udp.sendto(datagram, peer)

    def _send_elsewhere(self, datagram, peer):
        with socket.socket(self._udp.family, socket.SOCK_DGRAM) as other:
            other.sendto(datagram, peer)

    def stream(self, connection, peer):
        while True:
            size = connection.recv(2, socket.MSG_WAITALL)
            if len(size) < 2:
                return
            data = connection.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL)
            query, wanted = self._judge(data, peer, tcp=True)
            if wanted["mode"] == "tcp_endless":  # never stops talking, message after message
                faults.endless(connection, _framed(message(query, id=query.id ^ 0x5555)))
            elif wanted["mode"] == "tcp_drip":  # the whole answer, a byte at a time
                faults.drip(connection, _framed(right(query, wanted, True)[0]), wanted.get("pause", 0.1))
            elif wanted["mode"] == "tcp_reset":
                return faults.reset(connection)
            else:
                self._answer_stream(connection, query, wanted)

    def _answer_stream(self, connection, query, wanted):
        replies = MODES[wanted["mode"]](query, wanted, True)
        if not replies:
            faults.hang(connection)
        for reply in replies:
            connection.sendall(_framed(reply))


def _framed(data):
    return struct.pack("!H", len(data)) + data


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--address", default="")
    options.add_argument("--switch", required=True)
    options.add_argument("--requests", required=True)
    args = options.parse_args()
    listener = faults.listen(args.port, args.address)
    udp = faults.listen(args.port, args.address, socket.SOCK_DGRAM)
    server = Server(faults.Switch(args.switch), faults.RequestLog(args.requests), udp)
    threading.Thread(target=server.serve_udp, daemon=True).start()
    faults.ready()
    faults.serve_streams(listener, server.stream)


if __name__ == "__main__":
    main()
