"""Bad arrays: probabilities and embeddings of the wrong shape, type or content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelaudit.chunks import ParquetProbs
from labelaudit.domain import Dataset
from labelaudit.errors import LabelsError, ProbabilityError, ReadError
from labelaudit.probabilities import check_pred_probs
from labelaudit.readers import read
from tests.bad_input.cases import Cases, table, write

case = Cases()
UNIFORM = np.full((4, 2), 0.5, dtype=np.float32)


def probabilities(folder: Path, array: Any) -> tuple[Path, dict[str, Any]]:
    np.save(folder / "m1.npy", array)
    return table(folder, pred_probs=str(folder / "m1.npy"))


@case(ProbabilityError, "pred_probs 'm1.npy' has 3 rows but there are 4 items")
def too_few_rows_of_pred_probs(folder):
    return probabilities(folder, UNIFORM[:3])


@case(LabelsError, "there are 2 classes but the probabilities have 3 columns", "--class")
def too_many_columns_of_pred_probs(folder):
    return probabilities(folder, np.full((4, 3), 1 / 3))


@case(ProbabilityError, "has 3 dimensions, shape (1, 4, 2)", "one (n, K) array for each model")
def pred_probs_in_three_dimensions(folder):
    return probabilities(folder, UNIFORM[None])


@case(ProbabilityError, "Python objects", "never unpickled")
def pred_probs_as_objects(folder):
    return probabilities(folder, UNIFORM.astype(object))


@case(ProbabilityError, "values of the type complex128")
def complex_pred_probs(folder):
    return probabilities(folder, UNIFORM.astype(complex))


@case(ProbabilityError, "m2.npy, does not exist")
def missing_pred_probs(folder):
    return table(folder, pred_probs=str(folder / "m2.npy"))


@case(ProbabilityError, "m1.npy' cannot be read", "truncated")
def truncated_pred_probs(folder):
    path, options = probabilities(folder, np.full((4, 2), 0.5))
    write(folder / "m1.npy", (folder / "m1.npy").read_bytes()[:-8])
    return path, options


@case(ProbabilityError, "archive of several arrays")
def pred_probs_in_an_archive(folder):
    np.savez(folder / "m1.npz", a=UNIFORM)
    return table(folder, pred_probs=str(folder / "m1.npz"))


@case(ProbabilityError, "has 3 columns but there are 2 classes")
def models_with_different_columns(folder):
    np.save(folder / "m1.npy", UNIFORM)
    np.save(folder / "m2.npy", np.full((4, 3), 1 / 3))
    return table(folder, pred_probs=[str(folder / "m1.npy"), str(folder / "m2.npy")])


@case(ReadError, "all 4 rows are the same vector, so they tell no item from another", "leave --embeddings out")
def embeddings_all_zero(folder):
    np.save(folder / "e.npy", np.zeros((4, 3)))
    return table(folder, embeddings=str(folder / "e.npy"))


@case(ReadError, "all 4 rows are the same vector", "Embed the items again")
def embeddings_all_alike(folder):
    np.save(folder / "e.npy", np.ones((4, 3), dtype=np.float32))
    return table(folder, embeddings=str(folder / "e.npy"))


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_arrays_of_one_vector_are_refused(value):
    with pytest.raises(LabelsError, match="All 5000 embeddings are the same vector"):
        Dataset.from_arrays(["a", "b"] * 2500, embeddings=np.full((5000, 2), value))
    last = np.full((5000, 2), value)
    last[-1] += 1
    assert len(Dataset.from_arrays(["a", "b"] * 2500, embeddings=last)) == 5000


def test_embeddings_without_a_direction_are_named(tmp_path):
    vectors = np.eye(4, 3) + 0.1
    vectors[2:] = 0
    np.save(tmp_path / "e.npy", vectors)
    path, options = table(tmp_path, embeddings=str(tmp_path / "e.npy"))
    notes = read(path, **options).origin.notes
    assert any("2 rows of embeddings 'e.npy' are all zero, the first of them row 3" in note for note in notes)


@case(ReadError, "embeddings 'e.npy', row 3: there is a NaN")
def embeddings_with_nan(folder):
    vectors = np.ones((4, 3))
    vectors[2, 1] = np.nan
    np.save(folder / "e.npy", vectors)
    return table(folder, embeddings=str(folder / "e.npy"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_too_large_to_square_are_refused(dtype, tmp_path):
    vectors = np.ones((4, 3), dtype=dtype)
    vectors[1, 2] = -1e16
    np.save(tmp_path / "e.npy", vectors)
    path, options = table(tmp_path, embeddings=str(tmp_path / "e.npy"))
    with pytest.raises(ReadError, match=r"'e\.npy', row 2: there is a number beyond 1e\+15"):
        read(path, **options)


@case(ReadError, "has 5 rows but there are 4 items")
def embeddings_of_other_length(folder):
    np.save(folder / "e.npy", np.ones((5, 3)))
    return table(folder, embeddings=folder / "e.npy")


@pytest.mark.parametrize("name", case)
def test_bad_input_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    case.check(name, tmp_path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0.9, 0.41], "row 17: the probabilities sum to 1.31."),
        ([-0.2, 1.2], "row 17: the probability of class 0 is -0.2, which is negative."),
        ([0.0, 1.5], "row 17: the probability of class 1 is 1.5, which is above 1."),
        ([np.nan, 1.0], "row 17: the probability of class 0 is NaN."),
        ([np.inf, 0.0], "row 17: the probability of class 0 is inf, which is infinite."),
        ([np.inf, -np.inf], "which is infinite."),
        ([0.0, 0.0], "row 17: the probabilities sum to 0."),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_bad_content_of_pred_probs_names_the_first_row(row, words, dtype, form, tmp_path: Path) -> None:
    array = np.full((40, 2), 0.5, dtype=dtype)
    array[[16, 30]] = row
    if form == "npy":
        np.save(tmp_path / "m1.npy", array)
        source: Any = np.load(tmp_path / "m1.npy", mmap_mode="r")
    else:
        pd.DataFrame(array, columns=["x", "y"]).to_parquet(tmp_path / "m1.parquet", row_group_size=7)
        source = ParquetProbs(tmp_path / "m1.parquet")
    with pytest.raises(ProbabilityError) as caught:
        check_pred_probs(source, 40, 2, name="pred_probs 'm1'")
    assert str(caught.value).startswith("pred_probs 'm1', ")
    assert words in str(caught.value)


def test_only_rows_that_scaling_can_mend_are_offered_it() -> None:
    with pytest.raises(ProbabilityError, match="--normalize"):
        check_pred_probs(np.array([[0.9, 0.41]]), 1, 2)
    check_pred_probs(np.array([[0.9, 0.41], [7.0, 2.0]]), 2, 2, normalize=True)
    for row in ([np.nan, 1], [-1, 2], [0, 0], [np.inf, 1]):
        with pytest.raises(ProbabilityError) as caught:
            check_pred_probs(np.array([row], dtype=float), 1, 2, normalize=True)
        assert "--normalize" not in str(caught.value)
