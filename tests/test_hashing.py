from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.domain import Dataset
from labelaudit.errors import ReadError
from labelaudit.hashing import content_hashes


def table(**columns) -> Dataset:
    frame = pd.DataFrame(columns)
    return Dataset.from_arrays(["x"] * len(frame), features=frame)


@given(st.lists(st.tuples(st.text(max_size=4), st.sampled_from("xyz")), min_size=1, max_size=25), st.randoms())
def test_ids_are_unique_and_follow_their_rows_when_shuffled(rows, random) -> None:
    before = Dataset.from_arrays([label for _, label in rows], text=[text for text, _ in rows])
    assert len(set(before.ids)) == len(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    after = Dataset.from_arrays([rows[i][1] for i in order], text=[rows[i][0] for i in order])
    pairs = {(item, rows[i]) for i, item in enumerate(before.ids)}
    assert pairs == {(item, rows[order[i]]) for i, item in enumerate(after.ids)}


def test_ids_stay_when_rows_come_and_go() -> None:
    before = Dataset.from_arrays(["x", "y", "x"], text=["one", "two", "three"])
    after = Dataset.from_arrays(["w", "x", "x", "y"], text=["four", "three", "one", "two"])
    assert set(before.ids) < set(after.ids)
    assert before.ids[0] == after.ids[2]


def test_equal_content_has_one_hash_whatever_its_label_and_id() -> None:
    dataset = Dataset.from_arrays(["x", "y"], text=["same", "same"], ids=["a", "b"])
    assert dataset.content_hashes[0] == dataset.content_hashes[1]
    derived = Dataset.from_arrays(["y", "x"], text=["same", "same"]).ids
    assert derived[0] == f"{derived[1]}-2"


def test_table_rows_are_equal_across_storage_types_and_column_orders() -> None:
    whole = table(a=[3, 4], b=["u", "v"])
    assert whole.content_hashes.tolist() == table(b=["u", "v"], a=[3.0, 4.0]).content_hashes.tolist()
    # With a word among them, a column of numbers is read as text: rows that stay the same keep their hash.
    assert whole.content_hashes[0] == table(a=["3", "many"], b=["u", "v"]).content_hashes[0]
    missing = {table(a=values).content_hashes[0] for values in ([None, "x"], [np.nan, 1.0], [pd.NA, "x"])}
    assert len(missing) == 1


def test_cells_do_not_run_into_each_other() -> None:
    hashes = table(a=["ab", "a", ""], b=["c", "bc", "abc"]).content_hashes
    assert len(set(hashes)) == 3
    joined = Dataset.from_arrays(["x"], text=["ab"], features=pd.DataFrame({"a": ["c"]}))
    other = Dataset.from_arrays(["x"], text=["a"], features=pd.DataFrame({"a": ["bc"]}))
    assert joined.content_hashes[0] != other.content_hashes[0]


def test_missing_is_neither_empty_nor_a_word() -> None:
    assert len(set(table(a=[None, "", "None", "nan", "\x00"]).content_hashes)) == 5


def test_arrays_count_where_there_is_nothing_else() -> None:
    vectors = np.arange(6, dtype=np.float64).reshape(3, 2)
    dataset = Dataset.from_arrays(["x", "y", "x"], embeddings=vectors)
    reversed_ = Dataset.from_arrays(["x", "y", "x"], embeddings=np.asfortranarray(vectors[::-1]).astype(np.float32))
    assert dataset.content_hashes.tolist() == reversed_.content_hashes.tolist()[::-1]
    probs = Dataset.from_arrays([0, 1], pred_probs=[np.eye(2), np.array([[0.5, 0.5]] * 2)])
    assert len(set(probs.content_hashes)) == 2


def test_text_that_no_encoding_can_hold_has_a_hash_too() -> None:
    assert len(set(Dataset.from_arrays(["x", "y"], text=["\ud83d", "?"]).content_hashes)) == 2


def test_an_image_that_went_away_is_named() -> None:
    dataset = Dataset(
        ids=np.array(["a"], dtype=object),
        labels=np.zeros(1, dtype=np.int32),
        classes=("x",),
        images=np.array(["gone.png"], dtype=object),
        rows=np.zeros(1, dtype=np.int64),
    )
    with pytest.raises(ReadError, match=r"gone\.png cannot be read: No such file"):
        content_hashes(dataset)
