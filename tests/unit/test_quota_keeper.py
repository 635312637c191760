"""The quota's file and its keepers: shared where it can be, told and survived where it cannot."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import StoreError
from bethna.logic.quota_ledger import GUARD_NS, LEASE_NS, MINUTE_NS, Lane, Ledger, Shares, Terms
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.store.quota_file import (
    KEPT_S,
    MAGIC,
    QuotaBroken,
    QuotaBusy,
    QuotaFile,
    check_private_folder,
    process_lives,
    runtime_folder,
)
from bethna.store.quota_keeper import AGAIN_NS, HELD_NS, OWN_PORTION, QuotaKeeper

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners say nothing there")
START = 1_700_000_000 * NS_PER_S  # 20 s into a minute
TERMS = Terms(6000, counted=False)
ADDRESS = "binance-api.example.com:443"


class House:
    """Keepers of one address that share a folder and a clock, as so many processes would, and what they tell."""

    def __init__(self, folder: Path, terms: Terms = TERMS) -> None:
        self.folder = folder
        self.terms = terms
        self.clock = ManualClock(START)
        self.clock.advance(NS_PER_S)
        self.told: list[tuple[str, str, str]] = []
        self.path = QuotaFile(folder, ADDRESS).path

    def keeper(self, *, fleeting: bool = False) -> QuotaKeeper:
        return QuotaKeeper(
            self.terms, self.clock, random.Random(1), QuotaFile(self.folder, ADDRESS),
            lambda level, code, message: self.told.append((level, code, message)), fleeting=fleeting,
        )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "runtime" / "bethna")


def spend(keeper: QuotaKeeper, weight: int, lane: Lane = Lane.HEALING) -> int:
    asked = keeper.want(lane, weight)
    wait = keeper.ask(asked)
    if wait:
        keeper.withdraw(asked)
    else:
        keeper.settle(asked, None)
    return wait


# --- shared


def test_what_one_spends_is_spent_for_all(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    assert spend(one, 5000) == 0
    assert (two.used(), two.sharers(), two.trouble) == (5000, 2, None)
    assert spend(two, 701) == 39 * NS_PER_S + GUARD_NS
    assert spend(two, 700) == 0
    assert one.used() == 5700
    assert house.told == []


def test_who_spent_what_is_told_by_process(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    spend(one, 300)
    spend(two, 45)
    # both keepers are of this process, so they are one of its shares
    assert one.shares() == two.shares() == Shares(used=345, own=345, foreign=0, processes=1)
    house.clock.advance(60 * NS_PER_S)
    assert one.shares() == Shares(used=0, own=0, foreign=0, processes=1)


def test_a_limit_a_stop_and_the_venues_clock_are_learnt_by_all(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    assert two.limit == 6000
    one.learn_limit(1000)
    two.used()
    assert two.limit == 1000
    one.learn_clock(50 * NS_PER_S)
    assert spend(two, 950) == 0
    assert spend(two, 1) == 10 * NS_PER_S + GUARD_NS
    assert one.stop(45.0, banned=True) == 45.0
    assert spend(two, 1, Lane.ORDERS) == 45 * NS_PER_S
    assert two.banned


def test_an_answer_ends_the_flight_and_tells_what_others_used(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    asked = one.want(Lane.SNAPSHOTS, 250)
    one.settle(asked, 9999)  # it was never let go
    assert one.ask(asked) == 0
    one.settle(asked, 3000)
    assert two.used() == 3000
    house.clock.advance(MINUTE_NS)
    assert two.used() == 0


def test_a_want_is_given_up_for_all(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    assert spend(one, 5600) == 0
    want = one.want(Lane.SNAPSHOTS, 150)
    assert one.ask(want) > 0
    late = two.want(Lane.HEALING, 50)
    assert two.ask(late) == LEASE_NS
    one.withdraw(want)
    assert two.ask(late) == 0


def test_windows_are_counted_over_all_and_a_free_place_is_held(house: House) -> None:
    one = house.keeper().window("connections", 2, 10 * NS_PER_S)
    two = house.keeper().window("connections", 2, 10 * NS_PER_S)
    now = house.clock.monotonic_ns()
    assert [one.wait(now), one.wait(now), two.wait(now)] == [0, 0, 0]
    one.take(now)
    two.take(now)
    assert one.wait(now) == 10 * NS_PER_S + 1
    house.clock.advance(20 * NS_PER_S)
    one.close_until(house.clock.monotonic_ns() + NS_PER_S)
    assert two.wait(house.clock.monotonic_ns()) == NS_PER_S


def test_a_place_that_nobody_took_is_not_held_for_ever(house: House) -> None:
    window = house.keeper().window("connections", 1, 10 * NS_PER_S)
    now = house.clock.monotonic_ns()
    assert window.wait(now) == 0
    house.clock.advance(2 * NS_PER_S)
    assert window.wait(house.clock.monotonic_ns()) > 0


def test_a_keeper_without_a_file_has_the_whole_limit_to_itself() -> None:
    keeper = QuotaKeeper(TERMS, ManualClock(START), random.Random(1))
    assert spend(keeper, 5700) == 0
    assert (keeper.used(), keeper.sharers()) == (5700, 1)
    keeper.close()


# --- one process less


def test_the_last_one_out_takes_the_file_along_where_it_should(house: House) -> None:
    with house.keeper() as kept:
        spend(kept, 7)
    assert house.path.exists()
    house.clock.advance(2 * MINUTE_NS)
    one, two = house.keeper(fleeting=True), house.keeper(fleeting=True)
    spend(one, 1)
    spend(two, 1)
    one.close()
    assert house.path.exists()
    two.close()
    assert not house.path.exists()
    two.close()
    assert (two.used(), two.sharers()) == (2, 0)
    assert not house.path.exists(), "who only looks back opens nothing"
    assert spend(two, 3) == 0
    assert two.used() == 3


def test_a_file_that_was_removed_is_left_for_the_new_one(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    spend(one, 100)
    house.path.unlink()
    assert spend(two, 5) == 0
    assert one.used() == 5


def test_files_of_the_past_are_removed_and_those_in_use_are_not(house: House) -> None:
    spend(house.keeper(), 1)
    old, other = house.folder / "old.quota", house.folder / "other.txt"
    for path in (old, other):
        path.write_bytes(b"")
        at = house.path.stat().st_mtime - KEPT_S - 10
        os.utime(path, (at, at))
    spend(house.keeper(), 1)
    assert sorted(path.name for path in house.folder.iterdir()) == [house.path.name, "other.txt"]


DIES = """
import os, random, sys
from pathlib import Path
from bethna.logic.quota_ledger import Lane, Terms
from bethna.runtime.clocks import SystemClock
from bethna.store.quota_file import QuotaFile
from bethna.store.quota_keeper import QuotaKeeper
keeper = QuotaKeeper(Terms(6000, counted=False), SystemClock(), random.Random(1), QuotaFile(Path(sys.argv[1]), "x"))
assert keeper.ask(keeper.want(Lane.SNAPSHOTS, 5600)) == 0
assert keeper.ask(keeper.want(Lane.SNAPSHOTS, 200)) > 0
os.kill(os.getpid(), 9)
"""


@posix
def test_a_killed_holder_keeps_nobody_longer_than_a_lease(tmp_path: Path) -> None:
    folder = tmp_path / "bethna"
    assert subprocess.run([sys.executable, "-c", DIES, str(folder)], check=False).returncode == -9
    keeper = QuotaKeeper(TERMS, SystemClock(), random.Random(1), QuotaFile(folder, "x"))
    asked = keeper.want(Lane.HEALING, 50)
    wait = keeper.ask(asked)
    assert wait <= LEASE_NS
    assert keeper.used() in (5600, 5650, 0, 50), "what it had let go was sent, for all we know"


# --- not shared


@pytest.mark.parametrize("found", [b"something else", b"\0" * 5000, b"bethna quota 2 5 00000000\n[100]"])
def test_a_foreign_file_is_told_once_and_never_written(house: House, found: bytes) -> None:
    house.folder.mkdir(parents=True, mode=0o700)
    house.path.write_bytes(found)
    house.path.chmod(0o600)
    keeper = house.keeper()
    portion = int(5700 * OWN_PORTION)
    assert spend(keeper, portion) == 0
    assert spend(keeper, 1) > 0
    house.clock.advance(AGAIN_NS)
    assert spend(keeper, portion) == 0
    assert house.path.read_bytes() == found
    assert [(level, code) for level, code, _ in house.told] == [("warning", "quota_not_shared")]
    assert "goes on with 25% of the limit" in house.told[0][2]
    house.path.unlink()
    house.clock.advance(AGAIN_NS)
    assert spend(keeper, 5700) == 0
    assert house.told[-1][:2] == ("info", "quota_shared")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda raw: raw[:-10],
    "changed": lambda raw: raw.replace(b"5000", b"0000"),
    "no numbers": lambda _: MAGIC + b" x y\n",
    "no ledger": lambda _: MAGIC + b" 2 a3a6bf43\n{}",
    "no body": lambda _: MAGIC + b" ",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_mended_when_its_minute_is_over(house: House, damage: str) -> None:
    keeper = house.keeper()
    assert spend(keeper, 5000) == 0
    house.path.write_bytes(DAMAGES[damage](house.path.read_bytes()))
    assert spend(keeper, 1) > 0, "what was known of this minute is not forgotten"
    assert type(keeper.trouble) is QuotaBroken
    house.clock.advance(AGAIN_NS)
    assert spend(keeper, 5700) == 0
    assert house.keeper().used() == 5700
    assert [code for _, code, _ in house.told] == ["quota_not_shared", "quota_shared"]


@posix
def test_a_folder_of_somebody_else_a_link_and_a_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    check_private_folder(private)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    private.chmod(0o755)
    check_private_folder(private)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    link = tmp_path / "link"
    link.symlink_to(private)
    with pytest.raises(StoreError, match="another's, or a link"):
        check_private_folder(link)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected to keep the quota"):
        QuotaFile(tmp_path / "file", ADDRESS).visit(Ledger(1), lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    with pytest.raises(StoreError, match="another's, or a link"):
        check_private_folder(private)


@posix
def test_a_quota_that_is_a_link_or_that_others_may_write_is_refused(house: House, tmp_path: Path) -> None:
    keeper = house.keeper()
    spend(keeper, 1)
    house.path.chmod(0o644)
    other = house.keeper()
    assert spend(other, 1) == 0
    assert other.trouble is not None
    assert "another's" in other.trouble.message
    house.path.unlink()
    (tmp_path / "elsewhere").write_bytes(b"precious")
    house.path.symlink_to(tmp_path / "elsewhere")
    third = house.keeper()
    spend(third, 1)
    assert third.trouble is not None
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


@posix
def test_a_folder_that_cannot_be_written_leaves_the_process_alive(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    house = House(tmp_path / "file" / "bethna")
    keeper = house.keeper()
    assert spend(keeper, 100) == 0
    keeper.learn_limit(1200)
    assert keeper.limit == 1200
    assert keeper.stop(None, banned=False) == 60.0
    assert spend(keeper, 1) == 60 * NS_PER_S
    assert len(house.told) == 1
    keeper.close()


def test_a_full_disk_is_trouble_and_no_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = house.keeper()
    spend(keeper, 1)
    monkeypatch.setattr(os, "write", lambda _, raw: len(raw) - 1)
    assert spend(keeper, 100) == 0
    assert keeper.trouble is not None
    assert "room" in keeper.trouble.message


# --- held by somebody else


def test_who_finds_the_file_held_comes_back_in_a_moment_and_owes_the_rest(house: House) -> None:
    keeper, other = house.keeper(), house.keeper()
    asked = keeper.want(Lane.HEALING, 100)
    assert keeper.ask(asked) == 0
    window = keeper.window("connections", 1, NS_PER_S)
    held = QuotaFile(house.folder, ADDRESS)

    def while_held(_: Ledger) -> None:
        with pytest.raises(QuotaBusy):
            QuotaFile(house.folder, ADDRESS).visit(Ledger(1), lambda _: None)
        assert NS_PER_MS <= keeper.ask(keeper.want(Lane.HEALING, 1)) <= 3 * NS_PER_MS
        keeper.settle(asked, None)
        assert keeper.stop(30.0, banned=False) == 30.0
        assert NS_PER_MS <= window.wait(0) <= 3 * NS_PER_MS
        assert keeper.used() == 100

    held.visit(Ledger(1), while_held)
    house.clock.advance(10 * NS_PER_S)
    assert keeper.used() == 100  # pays what it owes
    assert spend(other, 1) == 20 * NS_PER_S
    assert house.told == []


def test_a_file_that_stays_held_is_trouble(house: House) -> None:
    keeper = house.keeper()
    spend(keeper, 10)

    def while_held(_: Ledger) -> None:
        assert spend(keeper, 1) > 0
        house.clock.advance(HELD_NS)
        assert spend(keeper, 1) == 0
        assert [code for _, code, _ in house.told] == ["quota_not_shared"]
        assert "stopped?" in house.told[0][2]

    QuotaFile(house.folder, ADDRESS).visit(Ledger(1), while_held)


def test_a_wall_clock_that_is_set_back_stops_nobody(house: House) -> None:
    one, two = house.keeper(), house.keeper()
    assert spend(one, 5700) == 0
    asked = two.want(Lane.HEALING, 1)
    wait = two.ask(asked)
    house.clock.advance_to(START - 3600 * NS_PER_S)  # wall time only
    house.clock.advance(wait)
    assert two.ask(asked) == 0


@posix
def test_a_forked_process_is_a_holder_of_its_own(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = house.keeper()
    spend(keeper, 1)
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    spend(keeper, 1)
    monkeypatch.undo()
    assert house.keeper().sharers() >= 2


# --- where


@posix
def test_processes_of_a_user_meet_in_the_sessions_folder_or_in_a_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tmp_path / "session"
    session.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    assert runtime_folder() == session / "bethna"
    session.chmod(0o755)
    others = (
        Path(f"/run/user/{os.geteuid()}/bethna"),
        Path(tempfile.gettempdir()) / f"bethna-{os.geteuid()}",
    )
    assert runtime_folder() in others
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert runtime_folder() in others
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_folder() in others


@posix
def test_whether_a_process_lives() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert [process_lives(os.getpid()), process_lives(1), process_lives(ended.pid), process_lives(0)] == [
        True,
        True,
        False,
        False,
    ]
