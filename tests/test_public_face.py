"""What `import labelaudit` offers, and what it must not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labelaudit as la
from labelaudit.errors import UsageError

HEAVY = ("pandas", "sklearn", "streamlit", "dask", "scipy", "numba", "pyarrow", "plotly", "sqlalchemy", "cleanlab")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_every_name_is_there():
    assert {name for name in la.__all__ if getattr(la, name, None) is None} == set()


def test_dir_is_the_public_face():
    assert dir(la) == sorted(la.__all__)


def test_import_loads_nothing_heavy():
    assert run(f"import sys, labelaudit; print([m for m in {HEAVY} if m in sys.modules])").strip() == "[]"


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from labelaudit.__main__ import run; status = run(['--help']); "
        f"print(status, [m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "0 []"
    assert "audit" in done.stdout


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: la.audit("tickets.csv"), "Read it first: labelaudit.audit(labelaudit.read('tickets.csv'))."),
        (lambda: la.audit({"label": ["a", "b"]}), "this is a dict. Read a file with labelaudit.read"),
        (lambda: la.audit(la.Dataset.from_arrays(["a", "b"], text=["x", "y"]), {"folds": 3}), "AuditConfig(folds=10"),
        (lambda: la.read({"label": ["a", "b"]}), "this is a dict. What is in memory"),
        (
            lambda: la.audit(la.Dataset.from_arrays(["a", "b"], text=["x", "y"]), judged="tickets.audit"),
            "this is a str. Take it from the reviews of an earlier audit",
        ),
    ],
)
def test_what_is_no_dataset_is_told_so(call, message):
    with pytest.raises(UsageError) as caught:
        call()
    assert message in str(caught.value)
