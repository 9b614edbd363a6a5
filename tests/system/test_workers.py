"""Probes run in processes of their own: what a target does to one of them, or what becomes of it, moves no other service."""

from __future__ import annotations

import os
import pwd
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from herald import Herald, _program, dns, exec_probe, http, service
from processes import Process
from region import Region
from servers import SlowHandshake
from waiting import LabError, wait_until

VIP = "10.99.0.1/32"
OTHERS = [f"10.99.0.{number}/32" for number in (2, 3, 4, 5)]

# A service that hangs is found out after three attempts of 300 ms each.
VICTIM = {"interval": "400ms", "fast_interval": "100ms", "timeout": "300ms", "rise": 1}

# Beside the 100 ms that are promised: what the attackers take of this machine's two cores by themselves, and whatever else runs
# on it. Before there were workers, the service stayed announced for 20 s and more.
PROMISED = 0.1
NOISE = 0.9

FRR = pytest.mark.nva("frr")


def start_victim(region: Region, **config: Any) -> tuple[Any, Herald]:
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080, **VICTIM))], **config)
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced")
    return web, herald


def seconds_to_withdraw(region: Region, web: Any, timeout: float = 20) -> float:
    """From the moment on when the service hangs, to the later of the Route Servers; afterwards it is announced again."""
    mark = region.mark()
    began = time.time()
    web.set("hang")
    gone = region.wait_withdrawn(VIP, since=mark, timeout=timeout)
    mark = region.mark()
    web.ok()
    region.wait_announced(VIP, since=mark, timeout=20)
    return max(gone.values()) - began


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # ended meanwhile
        return []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def prober_of(herald: Herald) -> int:
    def probers() -> list[int]:  # none for a moment, between its fork and its exec
        return [pid for pid in children_of(herald.process.pid) if "herald-prober" in Path(f"/proc/{pid}/cmdline").read_text()]

    wait_until(lambda: len(probers()) == 1, "heraldd has its prober", 5)
    (prober,) = probers()
    return prober


def workers_of(herald: Herald) -> list[int]:
    return sorted(pid for pid in children_of(prober_of(herald)) if is_running(pid))


def wait_workers(herald: Herald, other_than: Sequence[int] = ()) -> list[int]:
    """Both of them (the tests' configuration says two), none of them one of those."""

    def probe() -> list[int]:
        found = workers_of(herald)
        return found if len(found) >= 2 and not set(found) & set(other_than) else []

    return wait_until(probe, "two workers, both new", 20, poll=0.02, evidence=herald.log_tail)


# ---- what targets do

# As often as a prober asks that wants to know it soon.
OFTEN = {"interval": "500ms", "fast_interval": "250ms", "timeout": "500ms"}


def endless_chunk(region: Region) -> list[dict[str, Any]]:
    region.http_service(port=8090).set("endless_chunk")
    return [http(8090, **OFTEN, expect={"body_contains": "never said"}) for _ in range(2)]


def pointer_chains(region: Region) -> list[dict[str, Any]]:
    region.hostile_dns(port=5300).set("pointer_chains")
    return [dns("health.example.net A", 5300, **OFTEN, transport="tcp", expect={"answers": ["192.0.2.1"]}) for _ in range(4)]


def slow_handshake(region: Region) -> list[dict[str, Any]]:
    region._service(SlowHandshake(region.lab, region.nva_ns, region._label("tls"), 8443))
    tls = {**http(8443, **OFTEN), "url": "https://127.0.0.1:8443/", "tls": {"verify": False}}
    return [{**tls, "expect": {"body_contains": "never said"}} for _ in range(2)]


@FRR
@pytest.mark.parametrize("attack", [endless_chunk, pointer_chains, slow_handshake])
def test_what_one_target_burns_makes_no_other_late(region, attack: Callable[[Region], list[dict[str, Any]]]):
    """A service that hangs is withdrawn as soon as without the attack, which is measured first."""
    web, herald = start_victim(region, workers={"processes": 2})
    usual = [seconds_to_withdraw(region, web) for _ in range(3)]

    attackers = [service(f"bad{i}", OTHERS[i], probe) for i, probe in enumerate(attack(region))]
    herald.configure(services=[*herald.config["services"], *attackers])
    reloaded = herald.ctl("reload", timeout=30)
    assert reloaded.returncode == 0, reloaded.stderr

    time.sleep(5)  # the attack is at its height
    attacked = [seconds_to_withdraw(region, web) for _ in range(5)]
    print(f"{attack.__name__}: usually {usual}, attacked {attacked}")  # pytest -s
    told = f"usually {usual}, attacked {attacked}"
    assert statistics.median(attacked) <= statistics.median(usual) + PROMISED + NOISE, told
    assert max(attacked) <= max(usual) + 3, told
    began = time.monotonic()
    bad = [herald.service(f"bad{i}") for i in range(len(attackers))]
    assert time.monotonic() - began < 2 * len(attackers)
    assert [one["state"] for one in bad] == ["withdrawn"] * len(bad), herald.log_tail()


# ---- who is late himself


@contextmanager
def stopped_again_and_again(process: Process, stopped: float, running: float) -> Iterator[None]:
    over = threading.Event()

    def torment() -> None:
        while not over.is_set():
            process.sigstop()
            time.sleep(stopped)
            process.sigcont()
            over.wait(running)

    thread = threading.Thread(target=torment)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        process.sigcont()


@FRR
@pytest.mark.parametrize("stopped, running", [(0.25, 0.25), (0.5, 0.5)])
def test_heraldd_that_hardly_runs_withdraws_a_service_that_hangs(region, stopped: float, running: float):
    web, herald = start_victim(region)
    with stopped_again_and_again(herald.process, stopped, running):
        time.sleep(2)
        mark = region.mark()
        web.set("hang")
        region.wait_withdrawn(VIP, since=mark, timeout=15)
    herald.wait_state("web", "withdrawn")


# ---- what becomes of a worker


@FRR
def test_a_worker_that_is_killed_is_followed_by_another_and_nothing_flaps(region):
    web, herald = start_victim(region, workers={"processes": 2})
    before = wait_workers(herald)
    mark = region.mark()
    for worker in before:
        kill(worker, "KILL")
        time.sleep(1)
    after = wait_workers(herald, other_than=before)
    time.sleep(2)
    region.assert_silent(mark)
    assert herald.service("web")["state"] == "announced"

    mark = region.mark()
    for worker in after:  # both at once, and the service dies meanwhile
        kill(worker, "KILL")
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    wait_workers(herald, other_than=after)


@FRR
def test_a_worker_that_hangs_is_ended_and_nothing_flaps(region):
    web, herald = start_victim(region, workers={"processes": 2})
    before = wait_workers(herald)
    mark = region.mark()
    for worker in before:  # one after the other: who has no attempt in flight is not found out
        kill(worker, "STOP")
        time.sleep(4)
    assert any(not is_running(worker) for worker in before), herald.log_tail()
    region.assert_silent(mark)
    assert herald.service("web")["state"] == "announced"
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)


@FRR
def test_all_workers_hang_and_the_service_dies(region):
    web, herald = start_victim(region, workers={"processes": 2})
    for worker in wait_workers(herald):
        kill(worker, "STOP")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=20)


@FRR
def test_the_parent_of_the_workers_is_killed(region):
    web, herald = start_victim(region, workers={"processes": 2})
    before, prober = wait_workers(herald), prober_of(herald)
    mark = region.mark()
    kill(prober, "KILL")
    wait_until(lambda: not any(is_running(pid) for pid in [prober, *before]), "all of them gone", 10, evidence=herald.log_tail)
    wait_until(lambda: prober not in children_of(herald.process.pid), "it is reaped", 10)
    wait_until(lambda: children_of(herald.process.pid), "another", 10)
    wait_workers(herald)
    time.sleep(1)
    region.assert_silent(mark)
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    descendants = [herald.process.pid, prober_of(herald), *workers_of(herald)]
    assert herald.stop() == 0
    wait_until(lambda: not any(is_running(pid) for pid in descendants), "all ended with heraldd", 10)


def kill(pid: int, name: str) -> None:
    os.kill(pid, getattr(signal, f"SIG{name}"))


# ---- what a worker may


def probes_user() -> tuple[int, int]:
    for name in ("herald-probe", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, user.pw_gid
    raise LabError("there is neither a user herald-probe nor nobody")


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


# Whatever an exec probe may do, a worker may: it is its child. What succeeds is named in the result.
SCRIPT = """#!/bin/sh
exec 2> /dev/null
can=
cat "$STATE/state.json" > /dev/null && can="$can state"
cat "$STATE/accepted.json" > /dev/null && can="$can accepted"
touch "$STATE/mine" && can="$can state_dir"
"$HERALDCTL" --socket "$SOCKET" drain web > /dev/null && can="$can drain"
test -w "$INCLUDE" && can="$can include"
ip addr add 10.99.0.77/32 dev lo && can="$can address"
kill -0 "$(cat "$PID")" && can="$can kill"
echo "uid=$(id -u) groups=$(id -G) caps=$(grep -c '^Cap.*:.*[1-9a-f]' /proc/self/status) can=[$can]"
exit 1
"""


@pytest.mark.nva("bird", lever="birdc")
def test_a_worker_has_no_right_that_a_probe_does_not_need(region):
    uid, gid = probes_user()
    region.http_service(port=8080)
    herald = region.herald(start=False)
    script, pid_file = herald.dir / "tries", herald.dir / "pid"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (herald.dir / "bin").mkdir()
    tool = herald.dir / "bin" / "heraldctl"  # where any user finds it
    tool.write_bytes(Path(_program("heraldctl")).read_bytes())
    tool.chmod(0o755)
    env = {"STATE": str(herald.state_dir), "SOCKET": str(herald.socket), "HERALDCTL": str(tool), "INCLUDE": str(region.nva.include), "PID": str(pid_file)}
    herald.configure(services=[
        service("web", VIP, http(8080), announce={"via": "birdc"}),
        service("tries", OTHERS[0], exec_probe(str(script), env=env, interval="5s", timeout="5s"), announce={"via": "birdc"}),
    ])
    mark = region.mark()
    herald.start()
    pid_file.write_text(str(herald.process.pid))
    region.wait_announced(VIP, since=mark, timeout=20)
    assert herald.ctl("drain", "tries").returncode == 0  # so that there is a state.json; and root may
    assert (herald.state_dir / "state.json").exists()
    time.sleep(1)

    herald.wait_health("tries", "unhealthy", timeout=20)
    detail = wait_until(lambda: d if "can=[" in (d := herald.service("tries")["probes"][0]["detail"]) else "", "the script's word", 10)
    assert f"uid={uid} groups={gid} caps=0 can=[]" in detail, detail
    assert herald.service("web")["state"] == "announced"

    for pid in [prober_of(herald), *wait_workers(herald)]:
        status = status_of(pid)
        assert status["Uid"].split() == [str(uid)] * 4 and status["Gid"].split() == [str(gid)] * 4
        assert status["Groups"] == "" and status["NoNewPrivs"] == "1"
        assert [status[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [""] * 5
