"""What is seen by HTTP, by whom it is served, and that neither he nor his clients reach anything else."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from herald import Herald, exec_probe, http, service
from http_clients import PORT, Strangers, get, is_served
from prometheus import Prometheus
from test_metrics import ABSENT, after_an_outage, families
from test_workers import NOISE, children_of, is_running, status_of
from waiting import wait_until

VIP = "10.99.0.1/32"
HTTP = {"listen": [f"127.0.0.1:{PORT}"]}
FRR = pytest.mark.nva("frr")


def http_of(herald: Herald) -> int:
    """The process that serves."""

    def found() -> list[int]:
        return [pid for pid in children_of(herald.process.pid) if "herald-http" in Path(f"/proc/{pid}/cmdline").read_text() and is_running(pid)]

    return wait_until(found, "heraldd has its herald-http", 10, evidence=herald.log_tail)[0]


def start_web(region, **config) -> tuple[object, Herald]:
    web = region.http_service(8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080, name="front", rise=1))], http=HTTP, **config)
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced")
    return web, herald


@FRR
def test_what_is_served_is_what_heraldctl_says(region):
    web, herald = start_web(region)
    ns = region.nva_ns
    herald.wait_status("web", "as_wanted", True, 30)
    good = get(ns, "/service/web")
    assert (good.status, good.text) == (200, "healthy, announced\n")
    assert get(ns, "/service/wbe").status == 404
    assert get(ns, "/healthz").text == "ok\n"
    assert get(ns, "/").status == 404
    status = get(ns, "/status.json")
    assert status.kind == "application/json"
    told, ctl = json.loads(status.text), herald.status()
    assert told.keys() == ctl.keys()
    assert told["services"][0].keys() == ctl["services"][0].keys()
    why = json.loads(get(ns, "/why/web.json").text)
    assert why["service"]["transitions"][-1]["to"] == "announced"
    assert 'did you mean "web"?' in get(ns, "/why/wbe.json").text
    assert json.loads(get(ns, "/history.json").text)["transitions"][0]["to"] == "started"
    web.kill()
    herald.wait_state("web", "withdrawn")
    bad = get(ns, "/service/web")
    assert (bad.status, bad.text) == (503, "unhealthy, withdrawn\n")


@FRR
def test_metrics_are_served_in_both_formats_and_promtool_has_no_finding(region):
    after_an_outage(region, http=HTTP)
    ns = region.nva_ns
    plain = get(ns, "/metrics")
    assert plain.kind == "text/plain; version=0.0.4; charset=utf-8"
    assert set(re.findall(r"^# TYPE ([a-z_]+) ", plain.text, flags=re.M)) == set(families()) - ABSENT
    checked = subprocess.run(["promtool", "check", "metrics"], input=plain.text, capture_output=True, text=True, timeout=30, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    # As Prometheus 2.42 asks.
    opened = get(ns, "/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
    assert opened.kind.startswith("application/openmetrics-text; version=1.0.0")
    assert opened.text.endswith("# EOF\n")


@FRR
def test_a_real_prometheus_has_an_answer_for_every_family(region, tmp_path):
    after_an_outage(region, http=HTTP)
    with Prometheus(region.nva_ns, tmp_path, f"127.0.0.1:{PORT}") as prometheus:
        wait_until(lambda: prometheus.query("herald_build_info"), "Prometheus has scraped", 60)
        for name, kind in families().items():
            if name not in ABSENT:
                assert prometheus.query(name + "_bucket" if kind == "histogram" else name), name
        assert prometheus.query("up == 1")
        assert prometheus.query("scrape_samples_scraped > 100")
        assert prometheus.query('herald_service_as_wanted{service="web"} == 1 or herald_service_as_wanted{service="web"} == 0')


@FRR
def test_transitions_are_told_as_they_happen(region):
    web, herald = start_web(region)
    with region.nva_ns.entered():
        client = socket.create_connection(("127.0.0.1", PORT), timeout=20)
    with client, client.makefile("rb") as stream:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        assert any(b"retry: " in line for line in iter(stream.readline, b""))
        web.kill()
        told = (json.loads(line.removeprefix(b"data: ")) for line in iter(stream.readline, b"") if line.startswith(b"data: "))
        states = next(one for one in told if one["service"] == "web" and one["to"] == "withdrawn")
        assert json.loads(get(region.nva_ns, "/history.json").text)["transitions"][-1] == states
    assert herald.alive


# ---- who serves


@FRR
def test_it_has_no_right_and_heraldd_no_socket_of_the_network(region):
    _, herald = start_web(region)
    status = status_of(http_of(herald))
    assert status["Uid"].split()[0] != "0"
    assert status["Groups"] == ""
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    sockets = region.nva_ns.run("ss", "-H", "-a", "-n", "-p", "-t", "-u").stdout
    assert f":{PORT}" in sockets and f"pid={herald.process.pid}," not in sockets


@FRR
@pytest.mark.parametrize("name", ["KILL", "STOP", "ABRT"])
def test_its_end_changes_nothing_and_another_serves(region, name):
    web, herald = start_web(region)
    former, pid, mark = http_of(herald), herald.process.pid, region.mark()
    os.kill(former, getattr(signal, f"SIG{name}"))
    wait_until(lambda: not is_running(former), "it is gone", 30, evidence=herald.log_tail)
    wait_until(lambda: is_served(region.nva_ns), "another serves", 30, evidence=herald.log_tail)
    assert http_of(herald) != former
    assert "herald-http has ended" in herald.log_text()
    region.assert_silent(mark)
    assert herald.alive and herald.process.pid == pid
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)


@FRR
def test_a_heraldd_that_hangs_is_told_of(region):
    _, herald = start_web(region)
    herald.sigstop()
    try:
        answer = get(region.nva_ns, "/healthz", timeout=30)
        assert (answer.status, answer.text) == (503, "heraldd does not answer\n")
    finally:
        herald.sigcont()
    wait_until(lambda: is_served(region.nva_ns), "it is served again", 20)


@FRR
def test_it_ends_with_heraldd_and_the_next_one_serves_at_once(region):
    _, herald = start_web(region)
    for end in (herald.stop, herald.kill):
        former = http_of(herald)
        end()
        herald.start()
        assert is_served(region.nva_ns), herald.log_tail()
        wait_until(lambda pid=former: not is_running(pid), "the former one is gone", 10)


# ---- a port that is taken


def taken(ns, port: int) -> socket.socket:
    with ns.entered():
        other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.bind(("127.0.0.1", port))
    other.listen()
    return other


def test_a_port_that_is_taken_is_an_error_at_the_start(lab):
    ns = lab.namespace("nva")
    herald = Herald(lab, ns, "herald", {"router": {"stack": "none"}, "http": HTTP, "services": []})
    with taken(ns, PORT):
        done = herald.run_to_end("--log", "text", timeout=30)
        assert done.returncode == 2
        assert f"http.listen: 127.0.0.1:{PORT}: Address already in use; who has it: ss -ltnp 'sport = :{PORT}'" in done.stderr
        assert "1 error in the configuration" in done.stderr
        assert herald.run_to_end("--check").returncode == 0  # it may be herald's own
    herald.start()
    assert is_served(ns)


@FRR
def test_who_takes_the_port_while_herald_is_restarted_withdraws_nothing(region):
    _, herald = start_web(region)
    ns, mark, former = region.nva_ns, region.mark(), http_of(herald)
    herald.process.kill()
    wait_until(lambda: not is_running(former), "nobody serves any more", 10)
    with taken(ns, PORT):
        herald.start()
        herald.wait_state("web", "announced", 20)
        wait_until(lambda: f"127.0.0.1:{PORT}: Address already in use" in herald.process.log_text(), "it is told", 20)
    wait_until(lambda: is_served(ns), "it is served again", 30)
    region.assert_silent(mark)


@FRR
def test_a_port_that_is_taken_is_an_error_at_a_reload_and_nothing_changes(region):
    _, herald = start_web(region)
    ns, mark, before = region.nva_ns, region.mark(), herald.config["services"]
    added = service("mail", "10.99.0.2/32", http(8080, rise=1))
    with taken(ns, PORT + 1):
        herald.configure(http={"listen": [f"127.0.0.1:{PORT + 1}", f"127.0.0.1:{PORT + 2}"]}, services=[*before, added])
        done = herald.ctl("reload", timeout=30)
        assert done.returncode == 2
        assert f"http.listen: 127.0.0.1:{PORT + 1}: Address already in use; who has it" in done.stderr
        assert is_served(ns)
        assert not is_served(ns, PORT + 2)
        assert [one["name"] for one in herald.status()["services"]] == ["web"]
        assert 'herald_config_last_reload_successful 0' in get(ns, "/metrics").text
    region.assert_silent(mark)
    assert herald.ctl("reload", timeout=30).returncode == 0
    assert not is_served(ns)
    assert is_served(ns, PORT + 1) and is_served(ns, PORT + 2)
    herald.wait_state("mail", "announced", 20)
    herald.configure(http=None)
    former = http_of(herald)
    assert herald.ctl("reload", timeout=30).returncode == 0
    wait_until(lambda: not is_running(former), "nobody serves any more", 10)


@FRR
def test_a_port_that_somebody_takes_meanwhile_is_tried_again(region):
    _, herald = start_web(region)
    ns, mark = region.nva_ns, region.mark()
    former = http_of(herald)
    os.kill(former, signal.SIGSTOP)  # it is replaced once it was silent for a while
    with ns.entered():
        other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def takes() -> bool:
        try:
            other.bind(("127.0.0.1", PORT))
            other.listen()
        except OSError:
            return False
        return True

    wait_until(takes, "the moment between two", 30, poll=0.0001)
    wait_until(lambda: "Address already in use" in herald.log_text(), "it is told", 20, evidence=herald.log_tail)
    region.assert_silent(mark)
    other.close()
    wait_until(lambda: is_served(ns), "it is served again", 30, evidence=herald.log_tail)


# ---- clients


def seconds_to_withdraw(region, web) -> float:
    """From the end of the service to the later of the Route Servers; afterwards it is announced again."""
    mark = region.mark()
    began = time.time()
    web.kill()
    gone = region.wait_withdrawn(VIP, since=mark, timeout=20)
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    return max(gone.values()) - began


@FRR
def test_strangers_delay_no_withdrawal_and_others_are_served(region):
    web, herald = start_web(region)
    ns, pid = region.nva_ns, http_of(herald)
    usual = [seconds_to_withdraw(region, web) for _ in range(3)]
    crowds = {"slowloris": 60, "huge": 5, "junk": 10, "idle": 300, "deaf": 30, "greedy": 5}
    with ExitStack() as stack:
        for mode, count in crowds.items():
            stack.enter_context(Strangers(ns, count, mode))
        time.sleep(3)
        besieged = [seconds_to_withdraw(region, web) for _ in range(3)]
        began = time.monotonic()
        assert get(ns, "/metrics", source="127.0.0.2").status == 200  # another client than they are
        served = time.monotonic() - began
        rss = int(status_of(pid)["VmRSS"].split()[0])
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    print(f"usually {usual}, besieged {besieged}; another client served in {served * 1000:.0f} ms; herald-http: {rss} KiB, {descriptors} descriptors")
    told = f"usually {usual}, besieged {besieged}\n{herald.log_tail()}"
    assert statistics.median(besieged) <= statistics.median(usual) + NOISE, told
    assert http_of(herald) == pid
    assert descriptors < 300
    wait_until(lambda: is_served(ns), "they are forgotten", 40)


def test_a_thousand_services_are_scraped_and_delay_no_probe(lab):
    count = 1000
    services = [service(f"s{index}", f"10.{100 + index // 250}.{index % 250}.1/32", exec_probe("/bin/true", interval="1h", fast_interval="1h"))
                for index in range(count)]
    services.append(service("often", "10.99.0.1/32", exec_probe("/bin/true", name="probe", interval="1s", fast_interval="1s", timeout="1s")))
    ns = lab.namespace("nva")
    herald = Herald(lab, ns, "herald", {"router": {"stack": "none"}, "http": HTTP, "services": services})
    herald.start(60)
    took = []
    for _ in range(10):
        time.sleep(0.3)
        began = time.monotonic()
        text = get(ns, "/metrics", timeout=60).text
        took.append(time.monotonic() - began)
    print(f"{len(text)} bytes in {min(took) * 1000:.0f} to {max(took) * 1000:.0f} ms, median {statistics.median(took) * 1000:.0f} ms; {herald.status()['lateness']}")
    assert len(re.findall(r"^herald_service_as_wanted\{", text, flags=re.M)) == count + 1
    assert len(re.findall(r"^herald_probe_duration_seconds_count\{", text, flags=re.M)) == count + 1
    assert statistics.median(took) < 20
    attempts = dict(re.findall(r'^herald_probe_attempts_total\{service="often",probe="probe",verdict="(\w+)"\} (\d+)$', text, flags=re.M))
    assert int(attempts["pass"]) > 2 * int(attempts["inconclusive"]), attempts  # one or two have not had their time
    assert len(json.loads(get(ns, "/status.json", timeout=60).text)["services"]) == count + 1
