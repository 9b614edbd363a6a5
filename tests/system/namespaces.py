"""Network namespaces and the veth links between them."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import interrupts
from waiting import LabError, LabTimeout

RUN_DIR = Path("/run/netns")

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# Forwarding everywhere: an NVA and a router forward by trade, and on a host with a single link it changes nothing.
# No duplicate address detection: IPv6 addresses would be tentative, and unusable, for the first second or two.
_SYSCTLS = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv4/ping_group_range": "0 2147483647",
}


class Namespace:
    """A named network namespace. The name is unique to one lab, so deleting it can never touch anything else."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        _run(["ip", "netns", "add", self.name])
        with self.entered():
            for key, value in _SYSCTLS.items():
                Path("/proc/sys/net", key).write_text(value)
        self.ip("link set dev lo up")

    def delete(self) -> None:
        _run(["ip", "netns", "del", self.name])

    def command(self, argv: Sequence[str]) -> list[str]:
        """The argv that runs `argv` in here; `ip netns exec` replaces itself, so the pid is the command's own."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, timeout: float = 10, check: bool = True) -> subprocess.CompletedProcess[str]:
        return _run(self.command(argv), timeout=timeout, check=check)

    def ip(self, *commands: str) -> None:
        """One or more `ip` commands, without the leading `ip`, in one process."""
        _run(["ip", "-n", self.name, "-batch", "-"], text_in="\n".join(commands) + "\n")

    def ip_json(self, *argv: str) -> list[dict]:
        return json.loads(_run(["ip", "-n", self.name, "-json", *argv]).stdout or "[]")

    def sysctl(self, key: str, value: str) -> None:
        """`key` below /proc/sys/net, with slashes."""
        with self.entered():
            Path("/proc/sys/net", key).write_text(value)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Moves this thread into the namespace. A socket made in here stays in it afterwards."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(RUN_DIR / self.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            yield
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def addresses(self) -> set[tuple[str, str]]:
        """(interface, prefix) of all addresses, without those that the kernel itself makes: 127.0.0.1, ::1, fe80::."""
        found = set()
        for interface in self.ip_json("addr", "show"):
            for info in interface.get("addr_info", []):
                if info["local"] not in ("127.0.0.1", "::1") and not info["local"].startswith("fe80:"):
                    found.add((interface["ifname"], f"{info['local']}/{info['prefixlen']}"))
        return found

    def pids(self) -> set[int]:
        return pids_in([self.name])


def link(a: Namespace, a_dev: str, a_addresses: Sequence[str], b: Namespace, b_dev: str, b_addresses: Sequence[str]) -> None:
    """A veth pair from `a` to `b`, addressed and up at both ends."""
    _run(["ip", "link", "add", "name", a_dev, "netns", a.name, "type", "veth", "peer", "name", b_dev, "netns", b.name])
    for ns, dev, addresses in ((a, a_dev, a_addresses), (b, b_dev, b_addresses)):
        ns.ip(*(f"addr add {address} dev {dev}" for address in addresses), f"link set dev {dev} up")


def existing(prefix: str) -> list[str]:
    """Names of namespaces that begin with `prefix`."""
    return sorted(p.name for p in RUN_DIR.glob(prefix + "*")) if RUN_DIR.is_dir() else []


def pids_in(names: Sequence[str]) -> set[int]:
    """Every process whose network namespace is one of `names`, found in a single pass over /proc."""
    wanted = set()
    for name in names:
        try:
            wanted.add(os.stat(RUN_DIR / name).st_ino)
        except FileNotFoundError:
            continue
    return {pid for pid in _all_pids() if _namespace_of(pid) in wanted}


def _all_pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _namespace_of(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:  # ended meanwhile, or a zombie, which has no namespace any more
        return None


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(
    argv: Sequence[str], timeout: float = 10, check: bool = True, text_in: str | None = None
) -> subprocess.CompletedProcess[str]:
    with interrupts.deferred():  # an `ip` left alone might make a namespace after everything has been cleared away
        try:
            done = subprocess.run(argv, input=text_in, capture_output=True, text=True, timeout=timeout, errors="replace")
        except subprocess.TimeoutExpired as expired:
            raise LabTimeout(f"{' '.join(argv)}: did not end within {timeout:g} s\n{expired.stdout}{expired.stderr}") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{text_in or ''}{done.stdout}{done.stderr}")
    return done
