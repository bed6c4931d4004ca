"""The contract of every engine, and what is special about processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from labelaudit.engines import ENGINES, Engine
from labelaudit.engines.local import LocalEngine
from labelaudit.errors import EngineError, ModelError

CASES = [(name, workers) for name in ENGINES.names() for workers in (1, 3)]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def engine(request) -> Engine:
    name, workers = request.param
    return ENGINES.get(name)(workers)


def later_first(task: int) -> int:
    time.sleep(0.02 * (5 - task))
    return task * task


def test_results_come_in_the_order_of_tasks_and_each_is_told_once(engine):
    told = []
    results = list(engine.map(later_first, range(5), on_done=lambda index, result: told.append((index, result))))
    assert results == [0, 1, 4, 9, 16]
    assert sorted(told) == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]


def test_no_tasks_give_no_results(engine):
    assert list(engine.map(later_first, [])) == []


def test_an_error_comes_back_as_it_was_raised(engine):
    def fail(task):
        if task == 1:
            raise ModelError("It failed.", "Mend it.")
        return task

    with pytest.raises(ModelError, match=r"It failed\. Mend it\."):
        list(engine.map(fail, range(4)))


def test_a_large_result_arrives_whole(engine):
    results = list(engine.map(lambda task: np.full((300, 1000), task), [1, 2]))
    assert [result.sum() for result in results] == [300_000, 600_000]


def test_tasks_run_with_one_thread(engine):
    def threads(task):
        from threadpoolctl import threadpool_info

        return {pool["num_threads"] for pool in threadpool_info()}

    assert all(found <= {1} for found in engine.map(threads, range(2)))


needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="closures reach other processes by forking")


@needs_fork
def test_a_killed_worker_is_an_error_that_names_memory():
    def die(task):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(EngineError, match=r"memory ran out.*--workers 1"):
        list(LocalEngine(2).map(die, range(3)))


@needs_fork
def test_a_worker_that_exits_is_an_error_with_its_exit_code():
    with pytest.raises(EngineError, match="exit code 7"):
        list(LocalEngine(2).map(lambda task: os._exit(7), range(3)))


@needs_fork
def test_a_result_that_cannot_be_pickled_is_an_error():
    with pytest.raises(EngineError, match="cannot be sent"):
        list(LocalEngine(2).map(lambda task: lambda: task, range(3)))


@needs_fork
def test_an_error_stops_running_workers_at_once():
    def work(task):
        if task == 0:
            raise ValueError(f"worker {os.getpid()}")
        time.sleep(60)

    started = time.perf_counter()
    with pytest.raises(ValueError, match="worker"):
        list(LocalEngine(3).map(work, range(3)))
    assert time.perf_counter() - started < 20


@pytest.mark.slow
@needs_fork
@pytest.mark.parametrize(("stop", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_worker_outlives_its_parent(tmp_path: Path, stop: signal.Signals, exit_code: int):
    script = textwrap.dedent(
        f"""
        import os, pathlib, time
        from labelaudit.engines.local import LocalEngine

        def work(task):
            pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()
            time.sleep(60)

        try:
            list(LocalEngine(2).map(work, range(4)))
        except KeyboardInterrupt:
            raise SystemExit(130)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    process.send_signal(stop)
    assert process.wait(timeout=20) == exit_code
    wait_until(lambda: not any(is_running(int(path.name)) for path in tmp_path.iterdir()))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # an orphan that init has not collected yet


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
