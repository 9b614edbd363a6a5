"""Nobody who may only look is in the way of those who may change things, however many he is and whatever he does."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

import pytest

from crowd import MODES, Crowd
from herald import Herald, service, tcp
from lab import Lab

SERVICES = int(os.environ.get("HERALD_CROWD_SERVICES", "200"))
# A drain is a program that starts, a file that is synced and an answer; CI's machines are slow and busy with the crowd itself.
GENEROUS = 3.0


def start_with_many(lab: Lab) -> Herald:
    many = [service(f"s{number}", f"10.97.{number // 250}.{number % 250}/32", tcp(9, interval="5s", down_interval="5s", fast_interval="5s")) for number in range(SERVICES)]
    herald = Herald(lab, lab.namespace("nva"), "herald", {"router": {"stack": "none"}, "services": many})
    herald.start()
    return herald


def slowest_order(herald: Herald) -> float:
    """Of some drains and what ends them, in seconds: each has to succeed."""
    slowest = 0.0
    for number in range(4):
        for word in ("drain", "undrain"):
            begun = time.monotonic()
            done = herald.ctl(word, f"s{number}", timeout=30)
            assert done.returncode == 0, (word, done.stderr, herald.log_tail())
            slowest = max(slowest, time.monotonic() - begun)
    return slowest


@pytest.mark.parametrize("mode", MODES)
def test_a_crowd_of_one_user_locks_nobody_out(lab, mode, record_property):
    herald = start_with_many(lab)
    alone = slowest_order(herald)
    with Crowd(herald.socket, 300, mode):
        crowded = slowest_order(herald)
    late = herald.status()["lateness"]
    record_property("figures", f"{mode}: alone {alone:.3f} s, crowded {crowded:.3f} s, loop late {late}")
    print(f"\n{mode}: alone {alone:.3f} s, among 300 {crowded:.3f} s; lateness {late}")
    assert crowded < 10 * alone + GENEROUS


def test_a_thousand_connections_of_several_users_lock_nobody_out(lab):
    herald = start_with_many(lab)
    alone = slowest_order(herald)
    with ExitStack() as crowds:
        for user, mode in enumerate(("silent", "greedy", "half", "fleeting")):
            crowds.enter_context(Crowd(herald.socket, 250, mode, 60000 + user))
        crowded = slowest_order(herald)
        assert herald.descriptors() < 400
        rss = herald.rss_kb()
    print(f"\nseveral users: alone {alone:.3f} s, among 1,000 {crowded:.3f} s; {rss} kB; lateness {herald.status()['lateness']}")
    assert crowded < 10 * alone + GENEROUS
