from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate, discard_checkpoint
from labelaudit.errors import OutputError
from tests.crossval.planted import make_dataset

CONFIG = AuditConfig(folds=3, repeats=2)
DATASET = make_dataset()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def finished(tmp_path):
    """A checkpoint of a whole run, with the first fold marked so that its use can be told."""
    result = cross_validate(DATASET, CONFIG, checkpoint=tmp_path / "folds")
    path = tmp_path / "folds" / "fold-r0-f0.npz"
    with np.load(path) as file:
        content = dict(file)
    content["notes"] = np.array('["taken from the checkpoint"]')
    np.savez(path, **content)
    return tmp_path / "folds", result


def test_finished_folds_are_kept_and_used(finished):
    folder, result = finished
    assert sorted(path.name for path in folder.iterdir()) == [f"fold-r{r}-f{f}.npz" for r in (0, 1) for f in range(3)]
    again = cross_validate(DATASET, CONFIG, checkpoint=folder, resume=True)
    assert again.notes == ("taken from the checkpoint",)
    for a, b in zip(again.pred_probs, result.pred_probs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_resume_an_old_checkpoint_is_discarded(finished):
    folder, _ = finished
    assert cross_validate(DATASET, replace(CONFIG, repeats=1), checkpoint=folder).notes == ()
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("change", ["seed", "folds", "group", "data", "labels"])
def test_folds_of_another_run_are_not_used(finished, change):
    folder, _ = finished
    dataset, config = DATASET, CONFIG
    if change == "data":
        dataset = replace(dataset, text=np.append(dataset.text[:-1], "other").astype(object))
    elif change == "labels":
        dataset = replace(dataset, labels=np.append(dataset.labels[:-1], 1 - min(dataset.labels[-1], 1)).astype("i4"))
    else:
        config = replace(
            config, **{"seed": {"seed": 1}, "folds": {"folds": 4}, "group": {"fold_group": "team"}}[change]
        )
    assert cross_validate(dataset, config, checkpoint=folder, resume=True).notes == ()


def test_workers_and_repeats_do_not_make_folds_unusable(finished):
    folder, _ = finished
    config = replace(CONFIG, workers=2, repeats=3)
    assert cross_validate(DATASET, config, checkpoint=folder, resume=True).notes == ("taken from the checkpoint",)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not a zip"])
def test_a_damaged_fold_is_fitted_again(finished, content):
    folder, result = finished
    (folder / "fold-r0-f0.npz").write_bytes(content)
    again = cross_validate(DATASET, CONFIG, checkpoint=folder, resume=True)
    assert again.notes == ()
    np.testing.assert_array_equal(again.pred_probs[0], result.pred_probs[0])


def test_discarding_removes_folds_and_nothing_else(finished):
    folder, _ = finished
    (folder / "mine.txt").touch()
    discard_checkpoint(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    (folder / "mine.txt").unlink()
    discard_checkpoint(folder)
    assert not folder.exists()


def test_a_checkpoint_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="checkpoint folder"):
        cross_validate(DATASET, CONFIG, checkpoint=tmp_path / "file" / "folds")


SCRIPT = """
import os, signal
from dataclasses import replace
from labelaudit.crossval import run
from tests.crossval.test_checkpoint import CONFIG, DATASET

fit_fold = run.fit_fold

def killed_in_the_third(data, task, **options):
    if (task.repeat, task.fold) == (0, 2):
        os.kill(os.getpid(), signal.SIGKILL)
    return fit_fold(data, task, **options)

run.fit_fold = killed_in_the_third
run.cross_validate(DATASET, replace(CONFIG, workers=1), checkpoint=run.Path({folder!r}))
"""


@pytest.mark.slow
def test_a_run_killed_in_the_third_fold_resumes_to_the_same_result(tmp_path):
    folder = tmp_path / "folds"
    script = textwrap.dedent(SCRIPT).format(folder=str(folder))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in folder.iterdir()) == ["fold-r0-f0.npz", "fold-r0-f1.npz"]
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    resumed = cross_validate(DATASET, CONFIG, checkpoint=folder, resume=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    undisturbed = cross_validate(DATASET, CONFIG)
    for a, b in zip(resumed.pred_probs, undisturbed.pred_probs, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(resumed.embeddings, undisturbed.embeddings)
