"""The birdc lever: herald writes one include file, has BIRD load it, and the VIP stays on lo."""

from __future__ import annotations

import os
import shutil

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
