"""The birdc lever: herald writes one include file, has BIRD load it, and the VIP stays on lo."""

from __future__ import annotations

import os
import shutil

import pytest

from lever_tests import *  # noqa: F403  # what both levers have to show
from herald import http
from lever_tests import VIP, routed, start_announced
from waiting import wait_until

OTHER = "10.99.0.2/32"

pytestmark = pytest.mark.nva("bird", lever="birdc")


def test_bird_killed_and_restarted(region):
    _, herald = start_announced(region)
    region.nva.kill()
    herald.wait_problem("web", "bird does not answer")
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.start()
    region.wait_announced(VIP, since=mark, timeout=25)
    herald.wait_state("web", "announced", timeout=20)


def test_a_broken_file_of_the_operators_is_told_as_theirs_and_a_withdrawal_goes_out_all_the_same(region):
    web, herald = start_announced(region)
    conf = region.nva.bird.conf
    good = conf.read_text()
    conf.write_text(good + "protocol nonsense;\n")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    wait_until(lambda: "not herald's file" in herald.status()["router"]["error"], "the operator's error is told as theirs", 15)
    conf.write_text(good)
    wait_until(lambda: not herald.status()["router"].get("error"), "it is mended", 20)
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


def start_two(region):
    """Two services that share everything but their VIP and what is probed."""
    web, other = region.http_service(port=8080), region.http_service(port=8081)
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080)), routed(region, "other", OTHER, http(8081))])
    for name, vip in (("web", VIP), ("other", OTHER)):
        region.wait_announced(vip, since=mark)
        herald.wait_state(name, "announced")
    return web, other, herald


def test_of_two_services_the_one_that_dies_is_withdrawn_under_an_operators_error_and_comes_back(region):
    web, _, herald = start_two(region)
    conf = region.nva.bird.conf
    good = conf.read_text()
    conf.write_text(good + "protocol nonsense;\n")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn", timeout=20)
    assert region.announced(OTHER) == {"rs1", "rs2"}
    wait_until(lambda: "not herald's file" in herald.status()["router"]["error"], "the operator's error is told as theirs", 15)
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    mark = region.mark()
    conf.write_text(good)
    region.nva.bird.must("configure")
    wait_until(lambda: herald.status()["router"].get("error", "") == "", "all is well again", 20, evidence=region.evidence)
    web.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)
    assert all(not seen for seen in region.events(mark, OTHER).values())


def wait_trial(herald) -> None:
    wait_until(lambda: "`configure timeout`" in herald.status()["router"]["error"], "the trial is told", 15)


def unconfirmed(region) -> bool:
    return "unconfirmed" in region.nva.bird.must("configure status")


def test_an_operators_trial_is_left_to_them_and_a_service_that_dies_meanwhile_is_withdrawn(region):
    web, other, herald = start_two(region)
    region.nva.bird.must("configure timeout 300")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    wait_trial(herald)
    assert unconfirmed(region)
    assert region.announced(OTHER) == {"rs1", "rs2"}
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    assert unconfirmed(region)
    mark = region.mark()
    other.kill()
    region.wait_withdrawn(OTHER, since=mark)
    assert unconfirmed(region)
    region.nva.bird.must("configure confirm")
    wait_until(lambda: "`configure timeout`" not in herald.status()["router"].get("error", ""), "the end of the trial is seen", 15)
    mark = region.mark()
    other.start()
    region.wait_announced(OTHER, since=mark, timeout=20)
    for name in ("web", "other"):
        herald.wait_state(name, "announced", timeout=20)


@pytest.mark.parametrize("ended", ["undo", "timeout"])
def test_what_an_undo_brings_back_is_withdrawn_again(region, ended):
    """By hand, or by BIRD once the time is over: the configuration before has the route of the dead service."""
    web, _, herald = start_two(region)
    region.nva.bird.must("configure timeout 12" if ended == "timeout" else "configure timeout 300")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    wait_trial(herald)
    mark = region.mark()
    if ended == "undo":
        region.nva.bird.must("configure undo")
    region.wait_announced(VIP, since=mark, timeout=20)
    region.wait_withdrawn(VIP, since=mark, timeout=10)
    herald.wait_state("web", "withdrawn", timeout=20)
    for events in region.events(mark, VIP).values():
        assert [event.kind for event in events] == ["announce", "withdraw"]
        assert (events[1].time - events[0].time) < 5, events


def test_the_include_file_emptied_by_somebody_is_written_again(region):
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.include.write_text("")
    region.nva.bird.must("configure")
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


def test_withdraw_by_root_overwrites_nothing_that_another_user_links_to(region, tmp_path):
    """The owner of the include's directory may put a link there; what is behind it is written with the owner's rights, or not."""
    _, herald = start_announced(region)
    herald.kill()
    secret = tmp_path / "secret"
    secret.write_text("root's own\n")
    secret.chmod(0o600)
    link = tmp_path / "theirs" / "herald.conf"
    link.parent.mkdir()
    link.symlink_to(secret)
    shutil.chown(link.parent, "nobody")
    os.lchown(link, link.parent.stat().st_uid, -1)
    router = herald.config["router"]
    herald.configure(router={**router, "bird": {**router["bird"], "include": str(link)}})
    done = herald.withdraw()
    assert done.returncode == 1 and "Permission denied" in done.stderr, done.stderr
    assert secret.read_text() == "root's own\n" and not secret.is_symlink()
