"""The alert rules that are shipped: promtool accepts them, and each fires for what it says, and not for what is near it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from herald import REPO
from test_metrics import families

RULES = REPO / "packaging" / "prometheus" / "herald.rules.yml"
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
NVA = {"instance": "nva", "job": "herald"}
WEB = {**NVA, "service": "web"}
VIP = {**WEB, "prefix": "10.99.0.1/32"}
DAY = 86400


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    """`values` is promtool's: "0x9" is ten times 0, a minute apart."""
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{text}}}", "values": values}


def vip(name: str, values: str, **labels: str) -> dict[str, str]:
    return series(f"herald_vip_{name}", values, **{**VIP, **labels})


def admin(state: str, since: int) -> list[dict[str, str]]:
    return [*(series("herald_service_admin", f"{int(one == state)}x2000", **WEB, state=one) for one in ("auto", "drain", "force")),
            series("herald_service_order_timestamp_seconds", f"{since}x2000", **WEB)]


# What is there, after how many minutes, and the labels of what fires then; none: nothing does.
FIRES = {
    "HeraldDown": ([series("up", "0x9", **NVA)], 5, NVA),
    "HeraldServiceNotAsWanted": ([series("herald_service_as_wanted", "0x9", **WEB), *admin("auto", 0)], 5, WEB),
    "HeraldVipNowhere": ([vip("wanted", "0x9"), vip("advertised", "0x9", peer="10.1.1.4")], 5, {"prefix": "10.99.0.1/32"}),
    "HeraldVipOnLastAnnouncer": ([vip("wanted", "1x9"), vip("wanted", "0x9", instance="other")], 6, {"prefix": "10.99.0.1/32"}),
    "HeraldStaleRoute": ([vip("wanted", "0x9"), vip("advertised", "1x9", peer="10.1.1.4")], 5,
                         {"instance": "nva", "service": "web", "prefix": "10.99.0.1/32"}),
    "HeraldPeerDown": ([series("herald_peer_up", "0x9", **NVA, peer="10.1.1.4")], 5, {**NVA, "peer": "10.1.1.4"}),
    "HeraldAllPeersDown": ([series("herald_peer_up", "0x9", **NVA, peer=peer) for peer in ("10.1.1.4", "10.1.1.132")], 5, {"instance": "nva"}),
    "HeraldRouterUnreachable": ([series("herald_router_up", "0x9", **NVA, stack="frr")], 5, {**NVA, "stack": "frr"}),
    "HeraldForced": (admin("force", 0), 61, {**WEB, "state": "force"}),
    "HeraldDrainForgotten": (admin("drain", 0), 1441, {**WEB, "state": "drain"}),
    "HeraldFlapping": ([series("herald_service_transitions_total", "0+1x20", **WEB, state="withdrawn")], 15, {**WEB, "state": "withdrawn"}),
    "HeraldBrakeHolding": ([series("herald_brake_holding", "1x9", **NVA)], 1, NVA),
    "HeraldReloadFailed": ([series("herald_config_last_reload_successful", "0x9", **NVA)], 1, NVA),
    "HeraldHealthUnknown": ([series("herald_service_health", "1x9", **WEB, state="unknown")], 5, {**WEB, "state": "unknown"}),
    "HeraldCertificateEnds": ([series("herald_probe_certificate_end_timestamp_seconds", f"{10 * DAY}x9", **WEB, probe="front")], 1,
                              {**WEB, "probe": "front"}),
}
QUIET = {
    "HeraldDown": ([series("up", "1x9", **NVA), series("up", "0x9", instance="nva", job="node")], 5),
    "HeraldServiceNotAsWanted": ([series("herald_service_as_wanted", "0x9", **WEB), *admin("drain", 0)], 5),
    "HeraldVipNowhere": ([vip("wanted", "0x9"), vip("wanted", "1x9", instance="other")], 5),
    "HeraldVipOnLastAnnouncer": ([vip("wanted", "1x9")], 6),  # which is alone by its nature
    "HeraldStaleRoute": ([vip("wanted", "1x9"), vip("advertised", "1x9", peer="10.1.1.4")], 5),
    "HeraldPeerDown": ([series("herald_peer_up", "1x9", **NVA, peer="10.1.1.4")], 5),
    "HeraldAllPeersDown": ([series("herald_peer_up", "0x9", **NVA, peer="10.1.1.4"), series("herald_peer_up", "1x9", **NVA, peer="10.1.1.132")], 5),
    "HeraldRouterUnreachable": ([series("herald_router_up", "1x9", **NVA, stack="frr")], 5),
    "HeraldForced": (admin("force", 0), 59),
    "HeraldDrainForgotten": (admin("drain", 0), 1439),
    "HeraldFlapping": ([series("herald_service_transitions_total", "0x4 1x15", **WEB, state="withdrawn")], 15),
    "HeraldBrakeHolding": ([series("herald_brake_holding", "0x9", **NVA)], 1),
    "HeraldReloadFailed": ([series("herald_config_last_reload_successful", "1x9", **NVA)], 1),
    "HeraldHealthUnknown": ([series("herald_service_health", "0x9", **WEB, state="unknown")], 5),
    "HeraldCertificateEnds": ([series("herald_probe_certificate_end_timestamp_seconds", f"{20 * DAY}x9", **WEB, probe="front")], 1),
}


def said(text: str, labels: dict[str, str]) -> str:
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)
    return text.replace("{{ $value | humanizeDuration }}", "9d 23h 59m 0s")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)


def check(folder: Path, alert: str, there: list[dict[str, str]], minutes: int, labels: dict[str, str] | None) -> None:
    rule = ALERTS[alert]
    expected = [] if labels is None else [{"exp_labels": {**labels, **rule["labels"]},
                                           "exp_annotations": {key: said(text, labels) for key, text in rule["annotations"].items()}}]
    test = folder / "test.yml"
    test.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": [
        {"interval": "1m", "input_series": there, "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": expected}]}]}))
    done = promtool("test", "rules", str(test))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules_and_each_has_its_scenarios():
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(ALERTS) == set(FIRES) == set(QUIET)


def test_the_rules_ask_for_nothing_that_is_not_told():
    names = set(re.findall(r"\bherald_[a-z_]+", " ".join(rule["expr"] for rule in ALERTS.values())))
    assert len(names) > 10 and names - set(families()) == set()
    for alert, rule in ALERTS.items():
        assert set(rule["annotations"]) == {"summary", "runbook"} and rule["annotations"]["runbook"].endswith("."), alert


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_fires_for_what_it_says_and_not_for_what_is_near_it(alert, tmp_path):
    check(tmp_path, alert, *FIRES[alert])
    check(tmp_path, alert, *QUIET[alert], None)
