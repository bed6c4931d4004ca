from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import LabelsError
from labelaudit.labels import check_auditable, encode_labels, parse_written_labels


def row(position: int) -> str:
    return f"row {position + 1}"


@pytest.mark.parametrize(
    ("values", "codes", "classes"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        ([10, 9, 10], [1, 0, 1], ("9", "10")),
        ([True, False, None], [1, 0, -1], ("False", "True")),
        ([-1, 1, 1], [0, 1, 1], ("-1", "1")),
        ([1.0, 2.0, float("nan")], [0, 1, -1], ("1", "2")),
        ([1, 2.0, 1], [0, 1, 0], ("1", "2")),
        ([" a", "a ", "", "  ", None], [0, 0, -1, -1, -1], ("a",)),
        (np.array(["x", "y", "x"]), [0, 1, 0], ("x", "y")),
        (np.array([3, 1, 3], dtype=np.uint8), [1, 0, 1], ("1", "3")),
        (np.array([True, False]), [1, 0], ("False", "True")),
        (np.array([np.int64(4), "x"], dtype=object)[:1], [0], ("4",)),
        (pd.Series(["x", pd.NA, "y"], dtype=object), [0, -1, 1], ("x", "y")),
        ([], [], ()),
    ],
)
def test_labels_of_any_kind_become_indices(values, codes, classes) -> None:
    found, names = encode_labels(values)
    assert found.dtype == np.int32
    assert found.tolist() == codes
    assert names == classes


def test_integers_are_indices_where_columns_or_classes_say_so() -> None:
    assert encode_labels([0, 2, -1], n_columns=3)[0].tolist() == [0, 2, -1]
    assert encode_labels([0, 1], classes=["cat", "dog"])[1] == ("cat", "dog")
    # Integers that are themselves names are names.
    assert encode_labels([7, 5], classes=["5", "7"])[0].tolist() == [1, 0]
    assert encode_labels(["b"], classes=["b", "a"]) == (np.array([0]), ("b", "a"))


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([0.5, 1.0], {}, "The labels, row 1: 0.5 is a fraction"),
        (["a", "a", 1], {}, "'a' (str) in row 1, 1 (int) in row 3"),
        ([True, 1], {}, "True (bool) in row 1, 1 (int) in row 2"),
        ([1, True, 1.0], {}, "1 (int) in row 1, True (bool) in row 2, 1.0 (float) in row 3"),
        ([["a"], "b"], {}, "row 1: ['a'] is a list"),
        ([b"a", b"b"], {}, "b'a' is a bytes"),
        (np.zeros((2, 2)), {}, "their shape is (2, 2)"),
        ([0, 3], {"n_columns": 3}, "row 2: the label 3 is not between 0 and 2"),
        ([0, 1], {"n_columns": 3, "classes": ["a", "b"]}, "there are 2 classes but the probabilities have 3 columns"),
        ([0, 1], {"n_columns": 2, "classes": ["a", "a"]}, "The class 'a' is named twice."),
        (["a", "b"], {"n_columns": 3}, "there are 2 classes but the probabilities have 3 columns"),
        (["a"], {"classes": ["a", "b"], "n_columns": 3}, "there are 2 classes but the probabilities have 3"),
        (["a", "c"], {"classes": ["a", "b"]}, "row 2: Unknown class 'c'"),
        (["a"], {"classes": ["a", "a"]}, "The class 'a' is named twice"),
    ],
)
def test_what_is_no_label_is_refused_with_its_row(values, options, words) -> None:
    with pytest.raises(LabelsError) as caught:
        encode_labels(values, **options)
    assert words in str(caught.value)
    assert caught.value.fix


def test_messages_name_the_place_in_the_file() -> None:
    with pytest.raises(LabelsError, match=r"^Column 'y', line 12: 0.5 is a fraction"):
        encode_labels([1, 1, 0.5], where="Column 'y'", locate=lambda position: f"line {position + 10}")


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30))
def test_each_label_keeps_its_name(values) -> None:
    codes, classes = encode_labels(values)
    assert list(classes) == sorted(classes)
    for value, code in zip(values, codes, strict=True):
        assert (classes[code] if code >= 0 else "") == (value or "").strip()


@given(st.lists(st.integers(-3, 30), min_size=1, max_size=30), st.randoms())
def test_the_order_of_rows_changes_no_code(values, random) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    codes, classes = encode_labels(values)
    shuffled, same = encode_labels([values[i] for i in order])
    assert same == classes
    assert shuffled.tolist() == codes[order].tolist()
    assert encode_labels(np.array(values))[0].tolist() == codes.tolist()


@pytest.mark.parametrize(
    ("cells", "parsed"),
    [
        (["2", "10", None], [2, 10, None]),
        (["-1", "1"], [-1, 1]),
        (["01", "1"], ["01", "1"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["NA", "None", "null"], ["NA", "None", "null"]),
        (["1", "x"], ["1", "x"]),
        (["true", "false"], ["true", "false"]),
        (["1.5", "x"], ["1.5", "x"]),
        ([None, " "], [None, " "]),
        (["²", "³"], ["²", "³"]),
    ],
)
def test_written_labels_keep_their_form(cells, parsed) -> None:
    assert parse_written_labels(cells, where="The labels", locate=row) == parsed


@pytest.mark.parametrize("cells", [["0.5", "1"], ["1e-3", "2"], [".5", "NA", "?", "3"], ["nan", "-2.5"]])
def test_written_measurements_are_no_labels(cells) -> None:
    with pytest.raises(LabelsError, match="is a fraction"):
        parse_written_labels(cells, where="The labels", locate=row)


def test_labels_in_which_no_error_can_be_found_are_refused() -> None:
    for labels, words in (([-1, -1], "missing"), ([0, 0, -1], "one class only, 'a'"), ([0, 1, -1], "different")):
        with pytest.raises(LabelsError, match=words):
            check_auditable(np.array(labels), ("a", "b"))
    check_auditable(np.array([0, 1, 1]), ("a", "b"))


def test_probabilities_can_judge_single_items() -> None:
    check_auditable(np.array([0, 1]), ("a", "b"), has_probs=True)
    check_auditable(np.array([0, 0]), ("a", "b"), has_probs=True)
    with pytest.raises(LabelsError, match="one class only"):
        check_auditable(np.array([0, 0]), ("a",), has_probs=True)


def test_numbers_too_long_for_numbers_stay_names() -> None:
    long = "9" * 5000
    assert parse_written_labels([long, "2"], where="Labels", locate=row) == [long, "2"]


def test_class_names_are_strings_whatever_they_were_given_as() -> None:
    assert encode_labels([0, 1], classes=np.array([3, 4]))[1] == ("3", "4")
