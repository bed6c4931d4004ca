"""Turns to write: in the order of arrival, whoever dies or gives up on the way."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from labelaudit.store.turn import turn
from tests.store.processes import Child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere turns come in any order")


def soon():
    return time.monotonic() + 60


def come_one_by_one(file, count, served):
    def wait(number):
        with turn(file, soon()):
            served.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(count)]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        # The file counts the tickets that were drawn: the holder's, and those of all who wait.
        while int.from_bytes((file.parent / f"{file.name}.turn").read_bytes(), "big") <= number:
            time.sleep(0.001)
    return threads


def test_who_came_first_is_served_first(tmp_path):
    file, served = tmp_path / "store.sqlite", []
    with turn(file, soon()):
        threads = come_one_by_one(file, 12, served)
        assert served == []
    for thread in threads:
        thread.join(60)
    assert served == list(range(12))


def test_the_turn_of_a_killed_holder_goes_to_the_next(tmp_path):
    file = tmp_path / "store.sqlite"

    def hold(say):
        with turn(file, soon()):
            say("mine")
            time.sleep(60)

    child = Child(hold)
    child.wait_for_line()
    child.kill()
    start = time.monotonic()
    with turn(file, soon()):
        assert time.monotonic() - start < 10


def test_nobody_waits_longer_than_the_deadline(tmp_path):
    file = tmp_path / "store.sqlite"
    with turn(file, soon()):
        start = time.monotonic()
        with turn(file, start + 0.2):
            assert 0.2 <= time.monotonic() - start < 10


def test_without_a_place_for_the_file_there_are_no_turns(tmp_path):
    with turn(tmp_path / "no folder" / "store.sqlite", soon()):
        pass
