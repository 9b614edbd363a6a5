"""The birdc lever: herald writes one include file, has BIRD load it, and the VIP stays on lo."""

from __future__ import annotations

import pytest

from lever_tests import *  # noqa: F403  # what both levers have to show
from lever_tests import VIP, start_announced

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
    web.start()
    herald.wait_health("web", "healthy")
    herald.wait_problem("web", "not herald's file")
    conf.write_text(good)
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


def test_the_include_file_emptied_by_somebody_is_written_again(region):
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.include.write_text("")
    region.nva.bird.must("configure")
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)
