"""The udp probe beside real servers: chrony (NTP) and NSD (DNS in bytes), with the Route Servers as the witness."""

from __future__ import annotations

from herald import service, udp
from servers import NTP_QUERY
from waiting import wait_until

VIP = "10.99.0.1/32"
PORT = 11123
# A server's answer of version 4 whose clock is synchronised, at stratum 1 to 15.
NTP = {"send": {"hex": NTP_QUERY.hex(" ")}, "expect_matches": r"^\x24[\x01-\x0f]"}


def detail(herald, name: str) -> str:
    return herald.service(name)["probes"][0]["detail"]


def test_ntp_is_announced_and_withdrawn(region):
    chrony = region.chrony(PORT)
    mark = region.mark()
    herald = region.herald(services=[service("ntp", VIP, udp(PORT, **NTP))])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("ntp", "announced")
    assert detail(herald, "ntp").startswith("answered in ")

    mark = region.mark()
    chrony.kill()
    region.wait_withdrawn(VIP, since=mark)
    down = herald.wait_state("ntp", "withdrawn")
    assert "refused" in down["reason"] and f"query 127.0.0.1:{PORT}: Connection refused" in down["reason"]

    mark = region.mark()
    chrony.start()
    region.wait_announced(VIP, since=mark)
    herald.wait_state("ntp", "announced")

    mark = region.mark()
    chrony.process.sigstop()
    region.wait_withdrawn(VIP, since=mark)
    down = herald.wait_state("ntp", "withdrawn")
    assert "waiting for the answer, sent 2 times" in down["reason"], down
    chrony.process.sigcont()


def test_a_wrong_answer_is_told_with_its_text(region):
    region.chrony(PORT)
    stratum_1 = {**NTP, "expect_matches": r"^\x24\x01"}
    herald = region.herald(services=[service("ntp", VIP, udp(PORT, **stratum_1))])
    wait_until(lambda: "the answer does not match: " in detail(herald, "ntp"), "the failure with its text", 20)
    wait_until(lambda: herald.service("ntp")["health"] == "unhealthy", "it counts against the service", 20)


def test_dns_in_bytes(region):
    region.nsd(port=1053)
    name = b"".join(bytes([len(label)]) + label for label in (b"health", b"example", b"net", b""))
    query = bytes.fromhex("1234 0100 0001 0000 0000 0000") + name + bytes.fromhex("0001 0001")
    probe = udp(1053, send={"hex": query.hex()}, expect={"hex": "c0 00 02 01"})  # 192.0.2.1
    mark = region.mark()
    herald = region.herald(services=[service("dns", VIP, probe)])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("dns", "announced")
