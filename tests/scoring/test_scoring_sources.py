"""`labelaudit score` reads every kind of source that the API does, with the same result."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from labelaudit.__main__ import run

FORMATS = ["npy", "parquet", "zarr"]


def save(pred_probs, path):
    if path.suffix == ".npy":
        np.save(path, pred_probs)
    elif path.suffix == ".parquet":
        pd.DataFrame(pred_probs, columns=[f"class {k}" for k in range(pred_probs.shape[1])]).to_parquet(
            path, row_group_size=70
        )
    else:
        import zarr

        array = zarr.create_array(str(path), shape=pred_probs.shape, dtype=pred_probs.dtype, chunks=(70, 3))
        array[:] = pred_probs


def score_command(folder, source):
    arguments = ["--labels", folder / "y.npy", "--pred-probs", source, "--out", folder / "scores.parquet"]
    return run(["score", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path, make_set):
    labels, pred_probs = make_set(4, n=300, n_classes=5, dtype=np.float32)
    np.save(tmp_path / "y.npy", labels)
    for ending in FORMATS:
        save(pred_probs, tmp_path / f"P.{ending}")
    return tmp_path


def test_all_sources_give_the_same_scores(folder):
    tables = []
    for ending in FORMATS:
        assert score_command(folder, folder / f"P.{ending}") == 0
        tables.append(pd.read_parquet(folder / "scores.parquet"))
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


@pytest.mark.parametrize("ending", FORMATS)
def test_a_source_that_is_missing_or_broken_is_named(folder, ending, capsys):
    assert score_command(folder, folder / f"none.{ending}") == 3
    assert f"none.{ending}" in capsys.readouterr().err
    (folder / f"broken.{ending}").write_bytes(b"nothing of the kind")
    assert score_command(folder, folder / f"broken.{ending}") == 3
    assert f"broken.{ending}" in capsys.readouterr().err
    assert not (folder / "scores.parquet").exists()


def test_without_zarr_it_says_what_to_install(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "zarr", None)  # which makes "import zarr" fail
    assert score_command(folder, folder / "P.zarr") == 2
    assert "pip install 'labelaudit[zarr]'" in capsys.readouterr().err
