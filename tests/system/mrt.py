"""Reads the MRT file in which a BIRD records every BGP message that it receives (RFC 6396), and decodes UPDATEs.

BIRD's log cannot serve for this: its packet lines are rate-limited (a line `...` stands for what was left out), and a withdrawal
of an unknown prefix leaves no trace there. The MRT file is complete, but stamps whole seconds only."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct("!IHHI")
_BGP4MP = 16
_MESSAGE_SUBTYPES = {1: 2, 4: 4}  # subtype -> bytes in each AS number
_OPEN, _UPDATE = 1, 2
_MP_REACH, _MP_UNREACH = 14, 15
_EXTENDED_LENGTH = 0x10


@dataclass(frozen=True)
class Update:
    """One BGP UPDATE message, as received."""

    second: int
    peer: str
    announced: tuple[str, ...]
    withdrawn: tuple[str, ...]

    @property
    def end_of_rib(self) -> bool:
        return not self.announced and not self.withdrawn


@dataclass(frozen=True)
class Open:
    """An OPEN: a new session begins."""

    second: int
    peer: str


def messages(data: bytes) -> tuple[list[Open | Update], int]:
    """The OPENs and UPDATEs in `data`, which has to begin at a record, and how much of it was complete records: one that is still
    being written at the end is left for the next time."""
    found: list[Open | Update] = []
    at = 0
    while at + _HEADER.size <= len(data):
        second, kind, subtype, length = _HEADER.unpack_from(data, at)
        body = data[at + _HEADER.size : at + _HEADER.size + length]
        if len(body) < length:
            break
        at += _HEADER.size + length
        if kind == _BGP4MP and subtype in _MESSAGE_SUBTYPES:
            message = _message(second, body, _MESSAGE_SUBTYPES[subtype])
            found += [message] if message else []
    return found, at


def _message(second: int, body: bytes, as_size: int) -> Open | Update | None:
    at = 2 * as_size + 2  # both AS numbers, interface index
    (family,) = struct.unpack_from("!H", body, at)
    size = 4 if family == 1 else 16
    peer = str(ipaddress.ip_address(body[at + 2 : at + 2 + size]))
    bgp = body[at + 2 + 2 * size :]
    if bgp[18] == _OPEN:
        return Open(second, peer)
    return _update(second, peer, bgp[19:]) if bgp[18] == _UPDATE else None


def _update(second: int, peer: str, body: bytes) -> Update:
    (withdrawn_size,) = struct.unpack_from("!H", body, 0)
    withdrawn = list(_prefixes(body[2 : 2 + withdrawn_size], 4))
    (attributes_size,) = struct.unpack_from("!H", body, 2 + withdrawn_size)
    attributes_at = 4 + withdrawn_size
    announced = list(_prefixes(body[attributes_at + attributes_size :], 4))
    for code, value in _attributes(body[attributes_at : attributes_at + attributes_size]):
        if code == _MP_REACH:
            nlri_at = 4 + value[3] + 1  # AFI, SAFI, next hop with its length, a reserved byte
            announced += _prefixes(value[nlri_at:], _address_size(value))
        elif code == _MP_UNREACH:
            withdrawn += _prefixes(value[3:], _address_size(value))
    return Update(second, peer, tuple(announced), tuple(withdrawn))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        flags, code = data[at], data[at + 1]
        if flags & _EXTENDED_LENGTH:
            (size,) = struct.unpack_from("!H", data, at + 2)
            at += 4
        else:
            size = data[at + 2]
            at += 3
        yield code, data[at : at + size]
        at += size


def _address_size(mp_attribute: bytes) -> int:
    return 4 if mp_attribute[:2] == b"\x00\x01" else 16


def _prefixes(data: bytes, address_size: int) -> Iterator[str]:
    at = 0
    while at < len(data):
        bits = data[at]
        size = (bits + 7) // 8
        address = data[at + 1 : at + 1 + size].ljust(address_size, b"\0")
        yield f"{ipaddress.ip_address(address)}/{bits}"
        at += 1 + size
