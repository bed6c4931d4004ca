"""The committed sample data is what its script writes, has the planted rates it states, and gives no truth away."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytestmark = pytest.mark.slow  # an audit for each test, or the whole sample data

TICKET_COLUMNS = ["id", "text", "channel", "label"]
TABLES = ["tickets.csv", "tickets_truth.csv", "machines.csv", "machines_truth.csv", "digits_truth.csv"]


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def remade(sample_data, tmp_path_factory) -> Path:
    """A folder into which the script has just written everything."""
    folder = tmp_path_factory.mktemp("remade")
    sys.path.insert(0, str(sample_data))
    try:
        importlib.import_module("make_sample_data").main(folder)
    finally:
        sys.path.remove(str(sample_data))
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_script_writes_the_committed_tables(sample_data, remade, name):
    assert (remade / name).read_text(encoding="utf-8") == (sample_data / name).read_text(encoding="utf-8")


def test_script_writes_the_committed_images(sample_data, remade):
    committed, made = (
        {file.relative_to(folder): np.asarray(Image.open(file)).tobytes() for file in folder.rglob("*.png")}
        for folder in (sample_data / "digits", remade / "digits")
    )
    assert len(committed) == 1797
    assert made == committed


@pytest.mark.parametrize("name", ["classes", "ids", "labels", "is_error"])
def test_script_writes_the_committed_arrays(sample_data, remade, name):
    committed, made = (np.load(folder / "probs" / f"{name}.npy") for folder in (sample_data, remade))
    assert made.dtype == committed.dtype
    np.testing.assert_array_equal(made, committed)


@pytest.mark.parametrize("name", ["model_a", "model_b"])
def test_script_writes_the_committed_probabilities(sample_data, remade, name):
    committed, made = (np.load(folder / "probs" / f"{name}.npy") for folder in (sample_data, remade))
    assert made.dtype == committed.dtype
    # Solvers of other scikit-learn versions may stop a step earlier or later.
    np.testing.assert_allclose(made, committed, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "n", "low", "high"), [("tickets", 900, 0.075, 0.085), ("machines", 1200, 0.055, 0.07)]
)
def test_stated_error_rates_of_the_tables(sample_data, name, n, low, high):
    truth = read(sample_data, f"{name}_truth.csv")
    wrong = truth["given_label"] != truth["true_label"]
    assert len(truth) == n
    assert (wrong == (truth["is_error"] == "1")).all()
    assert low < wrong.mean() < high


def test_stated_error_rate_of_the_digits(sample_data):
    truth = read(sample_data, "digits_truth.csv")
    wrong = truth["given_label"] != truth["true_label"]
    assert (wrong == (truth["is_error"] == "1")).all()
    assert wrong.sum() == round(0.05 * len(truth))


@pytest.mark.parametrize("name", ["tickets", "machines"])
def test_ambiguous_items_have_two_classes_and_no_error(sample_data, name):
    truth = read(sample_data, f"{name}_truth.csv")
    ambiguous = truth["is_ambiguous"] == "1"
    assert 0.05 < ambiguous.mean() < 0.09
    assert ((truth["second_label"] != "") == ambiguous).all()
    assert (truth["second_label"] != truth["true_label"]).all()
    assert not (ambiguous & (truth["is_error"] == "1")).any()


def test_errors_are_unequal_between_groups(sample_data):
    for name, column, worst in (("tickets", "channel", "phone"), ("machines", "inspector", "marek")):
        groups = read(sample_data, f"{name}.csv")[column]
        rates = (read(sample_data, f"{name}_truth.csv")["is_error"] == "1").groupby(groups).mean()
        assert rates.idxmax() == worst
        assert rates[worst] > 1.5 * rates.drop(worst).max()


def test_near_copies_point_to_their_first(sample_data):
    tickets, truth = (read(sample_data, name).set_index("id") for name in ("tickets.csv", "tickets_truth.csv"))
    copies = truth[truth["copy_of"] != ""]
    assert len(copies) == 24
    for ticket, first in copies["copy_of"].items():
        words, first_words = (set(tickets.loc[key, "text"].lower().split()) for key in (ticket, first))
        assert len(words & first_words) >= 0.3 * len(first_words)
        assert truth.loc[ticket, "true_label"] == truth.loc[first, "true_label"]


def test_data_gives_no_truth_away(sample_data):
    for name, columns in (
        ("tickets", TICKET_COLUMNS),
        ("machines", None),
    ):
        data, truth = read(sample_data, f"{name}.csv"), read(sample_data, f"{name}_truth.csv")
        label = "label" if name == "tickets" else "fault"
        assert columns is None or list(data.columns) == columns
        assert not set(data.columns) & {"given_label", "true_label", "is_error", "is_ambiguous", "second_label"}
        assert (data["id"] == truth["id"]).all()
        assert (data[label] == truth["given_label"]).all()
        # Ids count the rows, and the rows stand in random order.
        rows = np.arange(len(truth))
        for column in ("is_error", "is_ambiguous"):
            assert abs(np.corrcoef(rows, (truth[column] == "1").astype(float))[0, 1]) < 0.1


def test_digits_lie_in_the_folder_of_their_given_label(sample_data):
    truth = read(sample_data, "digits_truth.csv")
    assert (truth["file"] == truth["given_label"] + "/" + truth["id"] + ".png").all()
    files = {file.relative_to(sample_data / "digits").as_posix() for file in (sample_data / "digits").rglob("*.png")}
    assert files == set(truth["file"])
    with Image.open(sample_data / "digits" / truth["file"].iloc[0]) as image:
        assert (image.mode, image.size, image.info) == ("L", (16, 16), {})


def test_probabilities_belong_to_the_tickets(sample_data):
    classes = np.load(sample_data / "probs" / "classes.npy")
    labels = np.load(sample_data / "probs" / "labels.npy")
    truth = read(sample_data, "tickets_truth.csv")
    assert classes[labels].tolist() == truth["given_label"].tolist()
    assert np.load(sample_data / "probs" / "ids.npy").tolist() == truth["id"].tolist()
    assert (np.load(sample_data / "probs" / "is_error.npy") == (truth["is_error"] == "1")).all()
    for name in ("model_a", "model_b"):
        probs = np.load(sample_data / "probs" / f"{name}.npy")
        assert probs.shape == (900, 10)
        assert probs.dtype == np.float32
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_tickets_look_natural_and_differ(sample_data):
    text = read(sample_data, "tickets.csv")["text"]
    assert text.is_unique
    assert text.str.len().between(15, 400).all()
    assert not text.str.contains(r"[<>{}|]").any()


def test_everything_is_small(sample_data):
    files = [file for file in sample_data.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) < 3_000_000
