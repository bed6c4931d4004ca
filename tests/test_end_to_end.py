"""Whole audits from file to folder, called as a user calls them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

import labelaudit as la
from labelaudit.__main__ import run

pytestmark = pytest.mark.slow


def audit(*arguments: object) -> la.Audit:
    """Run the command line; the last argument is the audit folder."""
    *options, out = map(str, arguments)
    assert run(["audit", *options, "--out", out]) == 0
    return la.load(out)


def precision_of(items: pd.DataFrame, truth: Path, score: str = "suspicion") -> float:
    wrong = pd.read_csv(truth, dtype={"id": str}).set_index("id").loc[items.index, "is_error"]
    return float(average_precision_score(wrong, items[score]))


def test_text(sample_data, tmp_path):
    result = audit(sample_data / "tickets.csv", tmp_path / "t.audit")
    assert result.provenance["modality"] == "text"
    assert precision_of(result.items, sample_data / "tickets_truth.csv") > 0.7
    flagged = result.items[result.items["is_suspect"]]
    assert flagged["reasons"].str.startswith("labelled ").all()
    assert set(flagged["kind"].dropna()) <= {
        "wrong_label",
        "ambiguous",
        "several_labels",
        "outlier",
        "duplicate_conflict",
    }
    assert (tmp_path / "t.audit").is_dir()
    assert not (tmp_path / "t.audit.partial").exists()


def test_table(sample_data, tmp_path):
    result = audit(sample_data / "machines.csv", "--label", "fault", tmp_path / "m.audit")
    assert result.provenance["modality"] == "table"
    assert precision_of(result.items, sample_data / "machines_truth.csv") > 0.6


def test_images(sample_data, tmp_path):
    result = audit(sample_data / "digits", tmp_path / "d.audit")
    assert result.provenance["modality"] == "image"
    truth = pd.read_csv(sample_data / "digits_truth.csv", dtype=str)
    wrong_names = set(truth.loc[truth["is_error"] == "1", "file"].map(lambda name: Path(name).name))
    wrong = result.items["preview"].map(lambda name: Path(name).name in wrong_names)
    assert average_precision_score(wrong, result.items["suspicion"]) > 0.9


def test_probabilities(sample_data, tmp_path):
    result = audit(sample_data / "probs", tmp_path / "p.audit")
    assert "member_disagreement" in result.items.columns
    assert result.items["is_suspect"].any()


def test_own_embeddings_and_groups(tmp_path):
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, 150)
    vectors = rng.normal(size=(150, 5)) + 3 * np.eye(3, 5)[true]
    labels = true.copy()
    labels[:8] = (true[:8] + 1) % 3
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(150)], "label": labels, "patient": np.arange(150) // 3})
    frame.to_csv(tmp_path / "scans.csv", index=False)
    np.save(tmp_path / "vectors.npy", vectors)
    options = ("--embeddings", tmp_path / "vectors.npy", "--id", "name", "--label", "label", "--group", "patient")
    result = audit(tmp_path / "scans.csv", *options, "--fold-group", "patient", tmp_path / "s.audit")
    assert set(result.items.head(8).index) == {f"n{i}" for i in range(8)}
    assert {"neighbor_disagreement", "group:patient"} <= set(result.items.columns)


def test_workers_change_nothing(sample_data, tmp_path):
    one = audit(sample_data / "tickets.csv", "--workers", 1, "--repeats", 2, tmp_path / "1.audit")
    four = audit(sample_data / "tickets.csv", "--workers", 4, "--repeats", 2, tmp_path / "4.audit")
    pd.testing.assert_frame_equal(one.items, four.items, check_exact=True)
    assert "member_disagreement" in one.items.columns


def test_shuffled_rows_change_nothing_but_the_row(sample_data, tmp_path):
    frame = pd.read_csv(sample_data / "tickets.csv", dtype=str)
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "shuffled.csv", index=False)
    before = audit(sample_data / "tickets.csv", tmp_path / "a.audit").items
    after = audit(tmp_path / "shuffled.csv", tmp_path / "b.audit").items
    pd.testing.assert_frame_equal(before.drop(columns="row"), after.drop(columns="row"), check_exact=True)


def command(data: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "labelaudit", "audit", str(data), "--out", str(out), "--workers", "1", *options]


def big_table(path: Path) -> Path:
    """Write a table whose folds take long enough to be interrupted."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6000, 12))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(12)])
    frame["label"] = np.where(x[:, 0] * x[:, 1] + x[:, 2] > 0, "yes", "no")
    frame.to_csv(path, index=False)
    return path


def start_and_wait_for_folds(arguments: list[str], checkpoint: Path, n: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(list(checkpoint.glob("fold-*"))) < n:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_killed_in_the_third_fold_and_resumed(tmp_path):
    data, out = big_table(tmp_path / "big.csv"), tmp_path / "k.audit"
    checkpoint = tmp_path / "k.audit.partial"
    process = start_and_wait_for_folds(command(data, out), checkpoint, 2)
    process.kill()
    process.communicate()
    assert not out.exists()
    kept = {file.name: file.stat().st_mtime_ns for file in checkpoint.glob("fold-*")}
    assert len(kept) >= 2
    resumed = audit(data, "--workers", 1, "--resume", out)
    assert not checkpoint.exists()
    undisturbed = audit(data, "--workers", 1, tmp_path / "u.audit")
    pd.testing.assert_frame_equal(resumed.items, undisturbed.items, check_exact=True)


def test_interrupted_says_how_to_go_on(tmp_path):
    data, out = big_table(tmp_path / "big.csv"), tmp_path / "i.audit"
    process = start_and_wait_for_folds(command(data, out), tmp_path / "i.audit.partial", 1)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"--resume" in message
    assert b"Traceback" not in message
    assert not out.exists()


def test_full_disk_leaves_finished_folds_alone(sample_data, tmp_path, monkeypatch, capsys):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28), str(tmp_path / ".x.audit" / "items.parquet"))

    shutil.copy(sample_data / "tickets.csv", tmp_path)
    audit = ["audit", str(tmp_path / "tickets.csv"), "--out", str(tmp_path / "x.audit")]
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        assert run(audit) == 3
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert "--resume" in message
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tickets.csv", "x.audit.partial"]
    assert run([*audit, "--resume"]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tickets.csv", "x.audit"]


def test_truncated_image_names_file_and_row(tmp_path, capsys):
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{i}.jpg")
    whole = (tmp_path / "7.jpg").read_bytes()
    (tmp_path / "7.jpg").write_bytes(whole[: len(whole) // 2])
    frame = pd.DataFrame({"image": [f"{i}.jpg" for i in range(12)], "label": ["a", "b"] * 6})
    frame.to_csv(tmp_path / "labels.csv", index=False)
    assert run(["audit", str(tmp_path / "labels.csv"), "--out", str(tmp_path / "x.audit")]) == 3
    message = capsys.readouterr().err
    assert "7.jpg" in message
    assert "row 8" in message
    assert not list(tmp_path.glob("x.audit*"))
