"""Proves the bench itself, without herald: what the other tests rely on is true of real routers and servers here."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import namespaces
import pytest
from lab import FRR_RUN_DIRS, Lab, sweep_stale
from namespaces import Namespace
from onprem import make_onprem
from region import Region, make_region, make_regions
from routers import NvaOptions
from servers import HostileDns, HttpService, Nginx, Nsd, TcpService, fetch, make_certificate
from waiting import LabError, LabTimeout, wait_until

PR_SET_CHILD_SUBREAPER = 36
VIP, VIP6 = "10.99.0.1/32", "fd00:99::1/128"
EXTRA_MAPS = """
route-map MARKED permit 10
 set as-path prepend 65001 65001
 set metric 200
 set community 65001:100 graceful-shutdown
 set large-community 65001:1:2
exit
"""


def milliseconds(times: dict[str, float], start: float) -> str:
    return " ".join(f"{name} {(at - start) * 1000:.1f}" for name, at in times.items())


# -- routers and witnesses


def test_sessions_are_established(region: Region) -> None:
    assert region.rs1.established() and region.rs2.established()
    assert region.nva.established() == {"10.1.1.4", "10.1.1.132"}
    assert region.announced(VIP) == set() and region.vips() == set()


def test_nva_takes_nothing_in(region: Region) -> None:
    """The Route Servers offer the VNet; the kernel of the NVA must not get it."""
    for rs in region.route_servers.values():
        assert "10.1.0.0/16" in rs.bird.ask("show route export nva").text

    def taken_in() -> list[object]:
        return [r for r in region.nva_ns.ip_json("route") if r.get("protocol") in ("bgp", "bird")]

    # A test before this one may have let it in, and bgpd takes its time.
    wait_until(lambda: not taken_in(), "nothing of it in the kernel", timeout=10, poll=0.1)


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_vip_by_hand(region: Region, vip: str) -> None:
    for _ in range(3):
        mark = region.mark()
        region.add_vip(vip)
        up = region.wait_announced(vip, since=mark)
        assert region.announced(vip) == {"rs1", "rs2"}
        assert region.nva.advertised_to(vip) == {"10.1.1.4", "10.1.1.132"}
        event = region.rs1.events(mark.at["rs1"], vip)[-1]
        assert event.as_path == (65001,) and event.next_hop == ("fd00:1::4" if ":" in vip else "10.1.0.4")

        gone_mark = region.mark()
        region.del_vip(vip)
        down = region.wait_withdrawn(vip, since=gone_mark)
        assert region.announced(vip) == set()
        print(f"{region.stack} {vip} ms to UPDATE: add {milliseconds(up, mark.time)}, del {milliseconds(down, gone_mark.time)}")


def test_every_update_is_counted(region: Region) -> None:
    mark = region.mark()
    region.add_vip(VIP)
    region.wait_announced(VIP, since=mark)
    region.assert_silent(region.mark())

    again = region.mark()
    if region.stack == "frr":
        region.nva.vtysh("clear bgp ipv4 unicast * soft out")
    else:
        for rs in region.route_servers.values():  # by a route refresh, in BIRD 3's words or BIRD 2's
            assert rs.bird.ask("reload bgp in nva").ok or rs.bird.ask("reload in nva").ok

    def heard() -> list[tuple[str, ...]]:
        return [update.announced for update in region.updates_since(again)["rs1"] if not update.end_of_rib]

    wait_until(heard, "a duplicate: no change to the Route Server, yet seen", timeout=10, evidence=region.evidence)
    assert heard() == [(VIP,)]
    with pytest.raises(AssertionError, match="should have seen nothing"):
        region.assert_silent(again)


@pytest.mark.nva("frr", lever="vtysh", extra=EXTRA_MAPS)
def test_attributes_are_read(region: Region) -> None:
    mark = region.mark()
    region.nva.vtysh("configure terminal", "router bgp 65001", "address-family ipv4 unicast", f"network {VIP} route-map MARKED")
    region.wait_announced(VIP, since=mark)
    event = region.rs2.events(mark.at["rs2"], VIP)[-1]
    assert event.as_path == (65001, 65001, 65001)
    assert event.med == 200
    assert set(event.communities) == {"65001:100", "65535:0", "65001:1:2"}
    assert re.search(r"(BGP\.as_path|bgp_path): 65001 65001 65001", region.rs2.bird.route(VIP))  # BIRD 2 and 3


def test_death_of_the_router_is_a_withdrawal(region: Region) -> None:
    region.add_vip(VIP)
    region.wait_announced(VIP)
    mark = region.mark()
    region.nva.kill()
    region.wait_withdrawn(VIP, since=mark)
    assert region.announced(VIP) == set()
    mark = region.mark()
    region.nva.start()
    back = region.wait_announced(VIP, since=mark, timeout=20)
    print(f"{region.stack} start to first UPDATE, ms: {milliseconds(back, mark.time)}")


@pytest.mark.nva("frr", graceful_restart=True)
def test_frr_default_keeps_a_dead_routers_routes(region: Region) -> None:
    """Why the lab, and every NVA, disables graceful restart: FRR's OPEN makes a Route Server that is a helper wait for 120 s."""
    region.add_vip(VIP)
    region.wait_announced(VIP)
    mark = region.mark()
    region.nva.bgpd.kill()
    log = region.rs1.bird.log
    wait_until(lambda: "Neighbor graceful restart detected" in log.read_text(), "the Route Server as helper", timeout=5)
    region.assert_silent(mark)
    assert region.announced(VIP) == {"rs1", "rs2"}


def test_frozen_router_is_silent(region: Region) -> None:
    processes = [region.nva.zebra, region.nva.bgpd] if region.stack == "frr" else [region.nva.bird.process]
    for process in processes:
        process.sigstop()
    mark = region.mark()
    region.add_vip(VIP)
    time.sleep(0.3)
    region.assert_silent(mark)
    for process in processes:
        process.sigcont()
    region.wait_announced(VIP, since=mark)


def test_one_route_server_can_be_cut_off(region: Region) -> None:
    mark = region.mark()
    with region.cut("rs1"):
        region.add_vip(VIP)
        region.rs2.wait_for("announce", VIP, mark.at["rs2"])
        assert region.rs1.events(mark.at["rs1"]) == []
    region.rs1.wait_for("announce", VIP, mark.at["rs1"], timeout=20)  # by TCP's retransmission


def test_one_session_can_be_ended(region: Region) -> None:
    region.add_vip(VIP)
    region.wait_announced(VIP)
    mark = region.mark()
    region.rs1.disable_session()
    region.rs1.wait_for("withdraw", VIP, mark.at["rs1"])
    assert region.announced(VIP) == {"rs2"}


@pytest.mark.nva("frr")
def test_reset_mends_everything_frr(region: Region) -> None:
    region.add_vip(VIP)
    region.wait_announced(VIP)
    region.http_service(port=8081)
    region.nva.vtysh("configure terminal", "router bgp 65001", "no neighbor 10.1.1.4", "end", "write memory")
    region.nva.restart()
    region.nva.zebra.kill()
    region.nva.zebra.start()  # alone: bgpd's redistribution is lost now, whatever the configuration says
    region.rs2.stop()
    region.reset()
    region.wait_ready()
    check_as_new(region)


@pytest.mark.nva("bird")
def test_reset_mends_everything_bird(region: Region) -> None:
    region.add_vip(VIP)
    region.wait_announced(VIP)
    region.http_service(port=8081)
    region.nva.include.write_text(f"protocol static left_over {{ ipv4; route {VIP} unreachable; }}\n")
    region.nva.birdc("configure")
    region.nva.birdc("disable rs1")
    region.nva.bird.process.sigstop()
    region.rs2.bird.process.kill()
    region.reset()
    region.wait_ready()
    check_as_new(region)


def check_as_new(region: Region) -> None:
    with pytest.raises(OSError):
        fetch(region.nva_ns, "127.0.0.1", 8081)
    assert region.vips() == set() and region.announced(VIP) == set()
    mark = region.mark()
    region.add_vip(VIP)
    region.wait_announced(VIP, since=mark)


def test_failed_wait_shows_the_logs(region: Region) -> None:
    with pytest.raises(LabTimeout, match=r"announce of 10\.99\.0\.1/32 at a-rs1(.|\n)*bird\.log"):
        region.wait_announced(VIP, timeout=0.05)


# -- the network


def test_route_servers_are_two_hops_away(region: Region) -> None:
    """The router between takes one from the TTL: a packet with TTL 1, as plain eBGP sends, does not arrive."""
    for rs in region.route_servers.values():
        with pytest.raises(OSError):
            connect_with_ttl(region.nva_ns, rs.plan.address, ttl=1)
        connect_with_ttl(region.nva_ns, rs.plan.address, ttl=2)


def connect_with_ttl(ns: Namespace, address: str, ttl: int) -> None:
    with ns.entered():
        sock = socket.socket()
    with sock:
        sock.settimeout(0.5)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sock.connect((address, 179))


@pytest.mark.parametrize("stack", ["frr", "bird"])
def test_multihop_is_needed(lab: Lab, stack: str) -> None:
    """One Route Server configured with it, one without: only the first session comes up."""
    region = make_region(lab, stack, options=NvaOptions(multihop=(True, False)), wait=False)
    wait_until(region.rs1.established, "the session with multihop", timeout=20, evidence=region.evidence)
    time.sleep(2)  # both sides have tried again by then
    assert "Connecting to" in region.rs2.bird.log.read_text()
    assert not region.rs2.established()
    assert region.nva.established() == {"10.1.1.4"}


def test_client_is_led_to_the_best_region(lab: Lab) -> None:
    regions = make_regions(lab, {"a": "frr", "b": "bird"})
    onprem = make_onprem(lab, regions)
    for region in regions:
        region.http_service(8080, body=region.name)
        region.add_vip(VIP)
        region.add_vip(VIP6)
    for vip in (VIP, VIP6):
        address = vip.split("/")[0]
        onprem.wait_region_of(address, "a")
        assert fetch(onprem.client, address, 8080) == (200, "a")
        start = time.time()
        regions[0].del_vip(vip)
        onprem.wait_region_of(address, "b")
        print(f"{vip} moved to the other region after {(time.time() - start) * 1000:.0f} ms")
        assert fetch(onprem.client, address, 8080) == (200, "b")
        regions[1].del_vip(vip)
        onprem.wait_region_of(address, None)


# -- servers


@pytest.fixture
def host(lab: Lab) -> Namespace:
    return lab.namespace("host")


@pytest.fixture
def web(lab: Lab, host: Namespace) -> HttpService:
    web = HttpService(lab, host, "http", 8080)
    web.start()
    return web


def test_http_answers(web: HttpService, host: Namespace) -> None:
    before = time.time()
    assert fetch(host, "127.0.0.1", 8080) == (200, "ok\n")
    assert fetch(host, "::1", 8080, "/other") == (200, "ok\n")
    assert [r["path"] for r in web.requests(since=before)] == ["/healthz", "/other"]
    web.status(503, body="down\n")
    assert fetch(host, "127.0.0.1", 8080) == (503, "down\n")
    web.set("short")
    assert fetch(host, "127.0.0.1", 8080) == (200, "ok\n")
    web.set("close")
    with pytest.raises(OSError, match="not an HTTP response: b''"):
        fetch(host, "127.0.0.1", 8080)
    web.set("garbage")
    with pytest.raises(OSError, match="not an HTTP response"):
        fetch(host, "127.0.0.1", 8080)
    web.set("reset")
    with pytest.raises(ConnectionResetError):
        fetch(host, "127.0.0.1", 8080)
    web.ok()
    assert fetch(host, "127.0.0.1", 8080) == (200, "ok\n")


@pytest.mark.parametrize(
    "mode, least, most", [("hang", 0, 0), ("drip", 1, 10), ("endless", 200_000, 10**12), ("endless_headers", 200_000, 10**12)]
)
def test_http_never_ends(web: HttpService, host: Namespace, mode: str, least: int, most: int) -> None:
    web.set(mode)
    with host.entered():
        sock = socket.create_connection(("127.0.0.1", 8080))
    with sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert least <= bytes_within(sock, seconds=0.4) <= most
    web.ok()
    assert fetch(host, "127.0.0.1", 8080) == (200, "ok\n"), "the other connections must not suffer"


def bytes_within(sock: socket.socket, seconds: float) -> int:
    """How much comes in that time on a connection that has to stay open."""
    count, deadline = 0, time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(65536)
        except TimeoutError:
            break
        assert data, "the server has ended the connection"
        count += len(data)
    return count


def test_http_killed_and_stopped(web: HttpService, host: Namespace) -> None:
    web.kill()
    with pytest.raises(ConnectionRefusedError):
        fetch(host, "127.0.0.1", 8080)
    web.start()
    web.sigstop()
    with pytest.raises(TimeoutError):
        fetch(host, "127.0.0.1", 8080, timeout=0.2)
    web.sigcont()
    assert fetch(host, "127.0.0.1", 8080) == (200, "ok\n")


def test_http_over_tls(lab: Lab, host: Namespace) -> None:
    cert, key = make_certificate(lab.dir, ["127.0.0.1"])
    HttpService(lab, host, "https", 8443, tls=(cert, key)).start()
    assert fetch(host, "127.0.0.1", 8443, tls=cert) == (200, "ok\n")


def test_tcp_service(lab: Lab, host: Namespace) -> None:
    service = TcpService(lab, host, "tcp", 7000)
    service.start()
    assert talk(host, 7000) == b"ready\n"
    service.set("reply", text="you said {}")
    assert talk(host, 7000, b"hello") == b"you said hello"
    service.set("close")
    assert talk(host, 7000) == b""
    service.set("reset")
    with pytest.raises(ConnectionResetError):
        talk(host, 7000)
    service.set("silent")
    with pytest.raises(TimeoutError):
        talk(host, 7000, timeout=0.3)
    assert len(service.requests()) == 5


def talk(ns: Namespace, port: int, send: bytes = b"", timeout: float = 2) -> bytes:
    with ns.entered():
        sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    with sock:
        sock.sendall(send)
        return sock.recv(1000)


def test_nginx(lab: Lab, host: Namespace) -> None:
    nginx = Nginx(lab, host, "nginx", 8080)
    nginx.start()
    assert fetch(host, "::1", 8080) == (200, "ok\n")
    nginx.kill()
    with pytest.raises(ConnectionRefusedError):
        fetch(host, "127.0.0.1", 8080)
    assert host.pids() == set()


QUERY = struct.pack("!HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + b"\x06health\x07example\x03net\x00" + struct.pack("!HH", 1, 1)


def ask(ns: Namespace, port: int, tcp: bool = False, timeout: float = 2) -> bytes:
    """The first reply to QUERY."""
    with ns.entered():
        sock = socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        sock.sendall((struct.pack("!H", len(QUERY)) if tcp else b"") + QUERY)
        return sock.recv(2 + 65535)[2:] if tcp else sock.recv(65535)


def head(reply: bytes) -> tuple[int, int, int]:
    """Id, rcode, answer count."""
    id_, flags, _, answer_count = struct.unpack_from("!HHHH", reply)
    return id_, flags & 0xF, answer_count


def test_nsd(lab: Lab, host: Namespace) -> None:
    nsd = Nsd(lab, host, "nsd", "example.net", 53)
    nsd.start()
    for tcp in (False, True):
        assert head(ask(host, 53, tcp)) == (4711, 0, 1)
        assert bytes([192, 0, 2, 1]) in ask(host, 53, tcp)
    nsd.write_zone(serial=2, address="192.0.2.99")
    nsd.sighup()
    wait_until(lambda: bytes([192, 0, 2, 99]) in ask(host, 53), "the new zone", timeout=10, poll=0.05)
    nsd.kill()
    with pytest.raises(ConnectionRefusedError):
        ask(host, 53)
    assert host.pids() == set()


def test_hostile_dns(lab: Lab, host: Namespace) -> None:
    dns = HostileDns(lab, host, "dns", 53)
    dns.start()
    assert head(ask(host, 53)) == head(ask(host, 53, tcp=True)) == (4711, 0, 1)
    for mode, rcode in (("empty", 0), ("servfail", 2), ("nxdomain", 3), ("refused", 5)):
        dns.set(mode)
        assert head(ask(host, 53)) == (4711, rcode, 0)
    dns.set("wrong_id")
    assert head(ask(host, 53))[0] != 4711
    dns.set("wrong_question")
    assert QUERY[12:] not in ask(host, 53)
    dns.set("echo")
    assert ask(host, 53) == QUERY
    dns.set("truncated")
    assert struct.unpack_from("!H", ask(host, 53), 2)[0] & 0x0200
    assert head(ask(host, 53, tcp=True)) == (4711, 0, 1)
    for mode in ("junk", "short", "pointer_loop", "false_counts", "huge", "spoofed_first"):
        dns.set(mode)
        assert ask(host, 53) and ask(host, 53, tcp=True)
    dns.set("tcp_endless")
    assert struct.unpack_from("!H", ask(host, 53), 2)[0] & 0x0200 and ask(host, 53, tcp=True)


def test_hostile_dns_that_does_not_answer(lab: Lab, host: Namespace) -> None:
    dns = HostileDns(lab, host, "dns", 53, mode="silent")
    dns.start()
    for tcp in (False, True):
        with pytest.raises(TimeoutError):
            ask(host, 53, tcp, timeout=0.3)
    dns.set("wrong_source")  # a connected socket does not take it
    with pytest.raises(TimeoutError):
        ask(host, 53, timeout=0.3)
    dns.set("right", lose_every_second=True)
    with pytest.raises(TimeoutError):
        ask(host, 53, timeout=0.3)
    assert head(ask(host, 53)) == (4711, 0, 1)
    assert [r["name"] for r in dns.requests()] == ["health.example.net."] * 5


# -- nothing is left behind

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from lab import Lab
from region import make_region
with Lab() as lab:
    print(lab.prefix, flush=True)
    region = make_region(lab, {stack!r})
    region.http_service(8080)
    print("up", flush=True)
    import time
    time.sleep(60)
"""


class Victim:
    """A lab in a process of its own."""

    def __init__(self, stack: str) -> None:
        script = SCRIPT.format(here=str(Path(__file__).resolve().parent), stack=stack)
        self.process = subprocess.Popen([sys.executable, "-B", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout
        self._lines = self.process.stdout
        self.prefix = self._lines.readline().strip()

    def wait_up(self) -> None:
        assert self._lines.readline() == "up\n"

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=20)
        self._lines.close()

    def leftovers(self) -> list[str]:
        """Everything on this machine that carries the prefix."""
        found = [f"namespace {name}" for name in namespaces.existing(self.prefix)]
        for parent in (*FRR_RUN_DIRS, Path(tempfile.gettempdir()), Path("/run")):
            found += [str(path) for path in parent.glob(f"*{self.prefix}*")]
        return found + [f"process {pid}" for pid in self.pids()]

    def pids(self) -> list[int]:
        """Daemons and servers of the lab: all have its prefix in their arguments."""
        found = []
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if self.prefix.encode() in cmdline.read_bytes():
                    found.append(int(cmdline.parent.name))
            except OSError:
                continue
        return found


@pytest.mark.parametrize("stack", ["frr", "bird"])
def test_nothing_is_left_after_sigterm(stack: str) -> None:
    victim = Victim(stack)
    victim.wait_up()
    assert len(victim.leftovers()) > 8
    crash_buffers = set(Path("/var/tmp/frr").glob("*.*"))
    victim.end(signal.SIGTERM)
    assert victim.leftovers() == []
    gone = crash_buffers - set(Path("/var/tmp/frr").glob("*.*"))
    assert len(gone) == (2 if stack == "frr" else 0)


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.3, 0.8])
def test_nothing_is_left_when_set_up_is_interrupted(moment: float) -> None:
    victim = Victim("frr")
    time.sleep(moment)
    victim.end(signal.SIGTERM)
    assert victim.leftovers() == []


def test_next_lab_clears_away_a_killed_one() -> None:
    victim = Victim("frr")
    victim.wait_up()
    assert victim.prefix not in sweep_stale(), "its owner lives"
    orphans = victim.pids()
    assert len(orphans) == 5
    with adopted(orphans):
        victim.end(signal.SIGKILL)
        with Lab():  # or one that another worker has just made, and that is at it
            wait_until(lambda: not victim.leftovers(), "nothing is left of it", timeout=10, poll=0.05)


@contextmanager
def adopted(orphans: list[int]) -> Iterator[None]:
    """Orphans become ours and are waited for: in a container nobody else may do so."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
        for pid in orphans:
            os.waitpid(pid, 0)
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_failed_setup_leaves_nothing() -> None:
    with pytest.raises(LabError), Lab() as lab:
        prefix = lab.prefix
        ns = lab.namespace("host")
        assert os.path.exists(f"/run/netns/{prefix}-host")
        ns.ip("address nonsense")
    assert namespaces.existing(prefix) == [] and not lab.dir.exists()
