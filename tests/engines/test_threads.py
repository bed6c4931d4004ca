"""A task runs with one BLAS and OpenMP thread, also when it is the first to load these libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from labelaudit.engines.local import LocalEngine

def threads(_):
    import scipy.linalg, sklearn.utils.extmath
    from threadpoolctl import threadpool_info
    return [library["num_threads"] for library in threadpool_info()]

if __name__ == "__main__":
    print(json.dumps(list(LocalEngine(int(sys.argv[1])).map(threads, [0, 1]))))
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_one_thread_for_libraries_that_the_task_loads(workers, tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, str(program), str(workers)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert len(found) == 2
    for libraries in found:
        assert len(libraries) >= 2
        assert set(libraries) == {1}
