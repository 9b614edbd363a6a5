"""What herald tells of itself in numbers: whole, true, and as Prometheus wants it."""

from __future__ import annotations

import json
import re
import subprocess
import time

from herald import REPO, Herald, exec_probe, http, service
from waiting import wait_until

VIP = "10.99.0.1/32"
# Nothing has happened here that they would tell of.
ABSENT = {"herald_brake_until_timestamp_seconds", "herald_vip_denied", "herald_vip_denied_fast", "herald_fallback_session_shut", "herald_probe_certificate_end_timestamp_seconds"}
DAMPING = {"half_life": "5m", "suppress": 9000, "reuse": 1000, "max_suppress": "30m"}


def families() -> dict[str, str]:
    """Name and type, by the page of reference."""
    page = (REPO / "packaging/doc/metrics.md").read_text()
    return dict(re.findall(r"^\| `([a-z_]+)` \| ([a-z]+) \|", page, flags=re.M))


def metrics(herald: Herald, *options: str) -> str:
    done = herald.ctl("metrics", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def value(herald: Herald, sample: str) -> float | None:
    found = re.search(f"^{re.escape(sample)} (.*)$", metrics(herald), flags=re.M)
    return float(found[1]) if found else None


def after_an_outage(region, **config) -> Herald:
    """A service that was announced, withdrawn and is announced again; forced by somebody, after a reload."""
    web = region.http_service(8080)
    herald = region.herald(services=[service("web", VIP, http(8080, name="front"), damping=DAMPING)], **config)
    herald.wait_state("web", "announced", 60)
    web.kill()
    herald.wait_state("web", "withdrawn", 60)
    web.start()
    herald.wait_state("web", "announced", 60)
    assert herald.ctl("force", "web", "--for", "1h").returncode == 0
    assert herald.ctl("reload").returncode == 0
    # A session that is established was sent the VIP.
    wait_until(lambda: "herald_vip_advertised{" in metrics(herald), "a read shows to whom it is advertised", 30)
    return herald


def test_every_family_is_told_and_promtool_has_no_finding(region):
    herald = after_an_outage(region)
    text = metrics(herald)
    told = set(re.findall(r"^# TYPE ([a-z_]+) ", text, flags=re.M))
    # Whether the kernel or an attempt was the first to tell of the server's end is a matter of milliseconds.
    assert told | {"herald_probe_nudges_total"} == set(families()) - ABSENT
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    opened = metrics(herald, "--openmetrics")
    assert opened.endswith("# EOF\n") and "# TYPE herald_service_transitions counter\n" in opened
    assert json.loads(metrics(herald, "--json"))["text"].startswith("# HELP herald_build_info ")


def test_the_numbers_are_those_of_the_outage(region):
    herald = after_an_outage(region)
    web = '{service="web"'
    assert value(herald, f'herald_service_transitions_total{web},state="withdrawn"}}') >= 1
    assert value(herald, f'herald_service_admin{web},state="force"}}') == 1
    assert value(herald, "herald_detection_seconds_count") == 1
    assert 0 < value(herald, "herald_detection_seconds_sum") < 60
    assert value(herald, 'herald_reconcile_seconds_count{lever="loopback",direction="withdraw"}') == 1
    assert value(herald, 'herald_reconcile_seconds_count{lever="loopback",direction="announce"}') == 2
    assert value(herald, f'herald_probe_failures_total{web},probe="front",reason="refused"}}') >= 1
    assert value(herald, f'herald_probe_up{web},probe="front"}}') == 1
    assert value(herald, f'herald_vip_on_interface{web},prefix="{VIP}"}}') == 1
    assert value(herald, "herald_config_last_reload_successful") == 1
    assert abs(value(herald, "herald_config_last_reload_timestamp_seconds") - time.time()) < 120
    for peer in herald.status()["router"]["peers"]:
        assert value(herald, f'herald_peer_up{{peer="{peer["address"]}"}}') == int(peer["established"])
    herald.write_config("{")
    assert herald.ctl("reload").returncode == 2
    assert value(herald, "herald_config_last_reload_successful") == 0
    # They go on over reloads.
    assert value(herald, "herald_detection_seconds_count") == 1


def test_a_thousand_services_are_told_in_pages_and_delay_no_probe(lab):
    count = 1000
    services = [service(f"s{index}", f"10.{100 + index // 250}.{index % 250}.1/32", exec_probe("/bin/true", interval="1h", fast_interval="1h"))
                for index in range(count)]
    services.append(service("often", "10.99.0.1/32", exec_probe("/bin/true", name="probe", interval="1s", fast_interval="1s", timeout="1s")))
    herald = Herald(lab, lab.namespace("nva"), "herald", {"router": {"stack": "none"}, "services": services})
    herald.start(60)
    begun = time.monotonic()
    for _ in range(5):
        text = metrics(herald)
    took = (time.monotonic() - begun) / 5
    print(f"{len(text)} bytes in {took * 1000:.0f} ms")
    assert len(re.findall(r"^herald_service_as_wanted\{", text, flags=re.M)) == count + 1
    assert len(re.findall(r"^herald_probe_duration_seconds_count\{", text, flags=re.M)) == count + 1
    assert took < 20
    often = '{service="often",probe="probe",verdict='
    passed = value(herald, f'herald_probe_attempts_total{often}"pass"}}')
    # With sanitizers on a busy machine one or two have not had their time.
    assert passed > 2 * value(herald, f'herald_probe_attempts_total{often}"inconclusive"}}')
