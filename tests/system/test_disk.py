"""What is announced, withdrawn and answered while the disk under state_dir is frozen, full or read-only: everything but what has
to be kept goes on, and nobody is told that his word was kept before it was."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from disk import Disk, disk
from herald import Herald, exec_probe, service
from namespaces import Namespace
from test_life import VIP, quiet
from waiting import wait_until

OTHER_VIP = "10.99.0.2/32"
LEASE = 3.0


class Site:
    """Two services, up as long as their files are there, on a disk of their own."""

    def __init__(self, ns: Namespace, at: Disk, herald: Herald, flags: Path) -> None:
        self.ns = ns
        self.disk = at
        self.herald = herald
        self.flags = flags

    def has(self, vip: str) -> bool:
        return ("lo", vip) in self.ns.addresses()

    def drain(self, *options: str) -> tuple[int, str, float]:
        began = time.monotonic()
        done = self.herald.ctl("drain", "web", *options)
        return done.returncode, done.stdout + done.stderr, time.monotonic() - began

    def kept(self) -> dict:
        """Whose word is on the disk."""
        file = self.herald.state_dir / "state.json"
        return json.loads(file.read_text())["admins"] if file.exists() else {}

    def writers(self) -> dict[int, str]:
        """The processes that write files in this namespace, each with its state: D is one that hangs in the kernel."""
        found = {}
        for pid in self.ns.pids():
            try:
                text = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            name, rest = text[text.index("(") + 1 :].rsplit(")", 1)
            if name == "herald-writer":
                found[pid] = rest.split()[0]
        return found


@pytest.fixture
def site(lab) -> Iterator[Site]:
    flags = lab.subdir("flags")
    announce = {"via": "loopback", "lease": f"{LEASE:g}s"}
    services = []
    for name, vip in (("web", VIP), ("api", OTHER_VIP)):
        (flags / name).touch()
        probe = exec_probe("/bin/sh", "-c", f"test -e {flags / name} || exit 2", name="flag", rise=2, fall=2)
        services.append(service(name, vip, probe, announce=announce))
    ns = lab.namespace("nva")
    herald = Herald(lab, ns, "herald", {"router": {"stack": "none"}, "services": services})
    with disk(lab.subdir("below"), herald.state_dir) as at:
        herald.start()
        herald.wait_state("web", "announced")
        herald.wait_state("api", "announced")
        yield Site(ns, at, herald, flags)
        at.thaw()
        herald.finish()
        wait_until(lambda: not herald.alive, "heraldd has ended", 10)


def test_a_frozen_disk_withdraws_nothing_and_holds_up_no_withdrawal(site):
    herald = site.herald
    site.disk.freeze()
    began = time.monotonic()
    (site.flags / "api").unlink()
    wait_until(lambda: not site.has(OTHER_VIP), "what dies is withdrawn within its usual time", 2)
    code, said, took = site.drain()
    assert code == 1 and "the disk does not answer within 2 s" in said, said
    assert 1.5 < took < 4, took
    assert herald.service("web")["admin"] == "auto"
    disk_now = herald.status()["disk"]
    assert disk_now["answers"] is False and disk_now["silent_since"]
    assert "the disk does not answer" in herald.ctl("status").stdout
    refused = herald.ctl("handover")
    assert refused.returncode == 1 and "the disk does not answer within 2 s" in refused.stderr, refused.stderr
    while time.monotonic() < began + 2 * LEASE + 1:
        assert site.has(VIP), herald.log_tail()
        time.sleep(0.05)
    assert herald.alive and herald.service("web")["state"] == "announced"
    site.disk.thaw()
    wait_until(lambda: "the disk answers again" in herald.log_text(), "it is said that the disk is back", 5, evidence=herald.log_tail)
    assert herald.log_text().count("the disk does not answer: ") == 1
    wait_until(lambda: '"withdrawn"' in (herald.state_dir / "history.jsonl").read_text(), "the history has what came meanwhile", 3)
    assert site.kept() == {} and not (herald.state_dir / "handover").exists()
    assert herald.status()["disk"] == {"answers": True, "silent_since": None}
    code, said, took = site.drain()
    assert code == 0 and took < 2, said
    assert list(site.kept()) == ["web"]
    herald.wait_state("web", "withdrawn")


def test_a_stop_does_not_wait_for_the_disk_and_nor_does_the_successor(site):
    herald = site.herald
    site.disk.freeze()
    assert site.drain()[0] == 1  # it is stuck in the writer
    (stuck,) = site.writers()
    began = time.monotonic()
    assert herald.stop() == 0, herald.log_tail()
    assert time.monotonic() - began < 5
    assert not site.has(VIP) and not site.has(OTHER_VIP)
    assert site.writers() == {stuck: "D"}
    herald.start()
    herald.wait_state("web", "announced")
    assert site.has(VIP) and stuck in site.writers()
    assert site.drain()[0] == 1
    site.disk.thaw()
    wait_until(lambda: stuck not in site.writers(), "the old writer ends when it can", 5)
    wait_until(lambda: herald.status()["disk"]["answers"], "the disk is back", 5)
    assert site.drain()[0] == 0
    assert list(site.kept()) == ["web"]
    assert herald.ctl("undrain", "web").returncode == 0
    assert site.kept() == {}


def test_a_disk_that_hangs_below_its_file_system(site):
    """What is written is taken, and never reaches the disk: the sync hangs, and not the opening of a file."""
    site.disk.hang()
    code, said, took = site.drain()
    assert code == 1 and "the disk does not answer within 2 s" in said and took < 4, said
    (site.flags / "api").unlink()
    wait_until(lambda: not site.has(OTHER_VIP), "what dies is withdrawn", 2)
    quiet(2 * LEASE)
    assert site.has(VIP) and site.herald.service("web")["admin"] == "auto"
    site.disk.thaw()
    wait_until(lambda: site.herald.status()["disk"]["answers"], "the disk is back", 5)
    wait_until(lambda: site.kept() == {}, "what was refused is not kept", 3)
    assert site.drain()[0] == 0


def test_a_refused_word_is_not_there_after_a_stop(site):
    assert site.herald.ctl("drain", "api").returncode == 0
    site.disk.freeze()
    assert site.drain()[0] == 1
    site.herald.kill()  # SIGKILL: nothing can be put right any more
    site.disk.thaw()
    wait_until(lambda: not site.writers(), "the writer goes with its heraldd", 5)
    assert list(site.kept()) == ["api"]
    site.herald.start()
    site.herald.wait_state("web", "announced")
    assert site.herald.service("api")["admin"] == "drain"


def test_a_full_disk(site):
    filler = site.disk.fill()
    code, said, took = site.drain("--reason", "x" * 200)
    assert code == 1 and "No space left on device" in said and took < 2, said
    (site.flags / "api").unlink()
    wait_until(lambda: not site.has(OTHER_VIP), "what dies is withdrawn", 2)
    assert site.has(VIP) and site.herald.service("web")["admin"] == "auto"
    filler.unlink()
    assert site.drain()[0] == 0
    assert list(site.kept()) == ["web"]


def test_a_read_only_disk(site):
    site.disk.remount("ro")
    code, said, took = site.drain()
    assert code == 1 and "Read-only file system" in said and took < 2, said
    (site.flags / "api").unlink()
    wait_until(lambda: not site.has(OTHER_VIP), "what dies is withdrawn", 2)
    assert site.has(VIP)
    site.disk.remount("rw")
    assert site.drain()[0] == 0


def test_a_writer_that_is_killed_is_followed_by_another(site):
    (first,) = site.writers()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: "another one is started" in site.herald.log_text(), "its end is noticed", 3)
    assert site.drain()[0] == 0
    assert list(site.kept()) == ["web"] and first not in site.writers()
    assert site.has(VIP) or site.herald.service("web")["admin"] == "drain"
