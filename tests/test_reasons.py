"""Reasons follow from the terms of the score, and from nothing else."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from labelaudit.kernels.member_statistics import MemberStatistics
from labelaudit.kernels.reference import reduce_rows
from labelaudit.neighbors import find_neighbors, neighbor_statistics
from labelaudit.reasons import Grounds, explain, explain_all

CLASSES = ("card_arrival", "refund", "top_up")


@pytest.fixture
def grounds() -> Grounds:
    """The first of twelve items is labelled refund; ten of its neighbours are not, one is."""
    probs = np.tile([0.97, 0.02, 0.01], (12, 1))
    probs[0] = [0.91, 0.02, 0.07]
    probs[11] = [0.01, 0.98, 0.01]
    labels = np.array([1, *[0] * 10, 1], dtype=np.int32)
    angle = np.append(np.arange(11) * 0.01, 0.095)
    vectors = np.column_stack([np.cos(angle), np.sin(angle)])
    rows = reduce_rows(labels, probs, np.full(3, 0.5))
    zero = np.zeros(12)
    first = zero.copy()
    first[0] = 2.0
    return Grounds(
        classes=CLASSES,
        rows=rows,
        terms={"margin": first, "neighbors": first, "confusion": zero, "tail": zero},
        suggested=rows.other,
        is_suspect=first > 0,
        is_ambiguous=np.zeros(12, dtype=bool),
        neighbors=neighbor_statistics(find_neighbors(vectors), labels, 3, duplicates_within=0.0),
    )


def with_terms(grounds: Grounds, **terms: float) -> Grounds:
    return replace(grounds, terms={name: np.full(12, value) for name, value in terms.items()})


def test_the_sentence_of_a_wrong_label(grounds):
    assert explain(0, grounds) == (
        "labelled refund; the model gives refund 2% and card_arrival 91%; "
        "9 of its 10 nearest neighbours are card_arrival"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("none", "'none'"),
        ("No fault", "'No fault'"),
        ("5", "'5'"),
        ("Ärger", "Ärger"),
        ("late_2", "late_2"),
        ("nonet", "nonet"),
    ],
)
def test_a_class_that_would_read_as_a_part_of_the_sentence_is_in_quotes(grounds, name, written):
    named = replace(grounds, classes=(name, "refund", "top_up"))
    assert explain(0, named) == (
        f"labelled refund; the model gives refund 2% and {written} 91%; 9 of its 10 nearest neighbours are {written}"
    )


def test_what_is_not_flagged_needs_no_reason(grounds):
    assert explain(3, grounds) == ""


def test_a_term_that_adds_nothing_is_not_named(grounds):
    assert explain(0, with_terms(grounds, margin=2.0, neighbors=-1.0)) == (
        "labelled refund; the model gives refund 2% and card_arrival 91%"
    )
    assert explain(0, with_terms(grounds, margin=0.0, neighbors=0.5)) == (
        "labelled refund; 9 of its 10 nearest neighbours are card_arrival"
    )
    assert explain(0, with_terms(grounds, margin=np.nan)) == "labelled refund"


def test_neighbours_that_do_not_back_the_suggestion_are_counted_for_the_given_label(grounds):
    other = replace(grounds, suggested=np.full(12, 2, dtype=np.int32))
    assert "; only 1 of its 10 nearest neighbours is refund" in explain(0, other)
    alone = replace(other, neighbors=replace(other.neighbors, given_fraction=np.zeros(12)))
    assert "; none of its 10 nearest neighbours is refund" in explain(0, alone)


def test_a_pair_that_is_rarely_confused_is_given_with_its_frequency(grounds):
    told = with_terms(grounds, confusion=1.0)
    assert explain(0, told) == "labelled refund"  # one confusion among three pairs proves nothing
    said = {0.0: "nowhere else", 0.01: "less than a tenth", 0.26: "a quarter", 0.5: "half", 0.6: "two thirds"}
    for lift, part in said.items():
        words = f"only {part} as often as the average pair" if lift else part
        counted = replace(told)
        counted.__dict__["pair_lift"] = np.full(12, lift)
        assert explain(0, counted) == (
            f"labelled refund; the model mixes up these two classes {words}, so this is hardly a slip of the model"
        )
    often = replace(told)
    often.__dict__["pair_lift"] = np.full(12, 4.0)
    assert explain(0, often) == "labelled refund"


def test_the_lift_is_that_counted_one_by_one():
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 5, 300).astype(np.int32)
    rows = reduce_rows(labels, rng.dirichlet(np.ones(5), 300), np.full(5, 0.5))
    found = Grounds(
        classes=tuple("abcde"),
        rows=rows,
        terms={},
        suggested=rows.other,
        is_suspect=labels >= 0,
        is_ambiguous=labels >= 0,
    ).pair_lift
    confused = [(i, {g, t}) for i, (g, t) in enumerate(zip(labels, rows.top, strict=True)) if g >= 0 and g != t]
    for row in range(300):
        pair = {labels[row], rows.other[row]}
        elsewhere = sum(i != row and mixed == pair for i, mixed in confused)
        expected = elsewhere * 10 / len(confused) if labels[row] >= 0 else np.nan
        np.testing.assert_allclose(found[row], expected)


def test_a_diffuse_alternative_is_said_where_no_class_stands_out(grounds):
    diffuse = replace(grounds.rows, p_other=np.full(12, 0.3), p_top=np.full(12, 0.3))
    told = explain(0, replace(with_terms(grounds, margin=1.0, tail=1.0), rows=diffuse))
    assert told.endswith("; several other classes share the rest")
    assert "several other" not in explain(0, with_terms(grounds, margin=1.0, tail=1.0))


def test_an_ambiguous_item_says_between_what_and_why(grounds):
    split = MemberStatistics(
        total=np.full(12, 0.6),
        expected=np.full(12, 0.1),
        mutual_information=np.full(12, 0.5),
        weights=np.array([0.5, 0.5]),
    )
    undecided = replace(
        grounds, is_suspect=np.zeros(12, dtype=bool), is_ambiguous=np.ones(12, dtype=bool), members=split
    )
    assert explain(0, undecided) == (
        "labelled refund; the model is undecided between card_arrival 91% and top_up 7%; "
        "the models disagree with each other"
    )
    agreed = replace(split, expected=np.full(12, 0.5), mutual_information=np.full(12, 0.1))
    assert explain(0, replace(undecided, members=agreed, member_name="repeats")).endswith(
        "; each of the repeats is undecided by itself"
    )


def test_copies_outliers_and_what_cannot_be_assessed_are_named(grounds):
    near = replace(
        grounds.neighbors,
        conflict=np.ones(12, dtype=bool),
        conflict_label=np.full(12, 2, dtype=np.int32),
        outlier=np.full(12, 0.999),
    )
    assert explain(0, replace(grounds, neighbors=near)).endswith(
        "; a near-identical item is labelled top_up; it is far from all other items"
    )
    why = np.full(12, "", dtype=object)
    why[[0, 4]] = "its class has one member"
    told = explain_all(np.arange(12), replace(grounds, not_assessable=why))
    assert told[[0, 4]].tolist() == ["not assessable: its class has one member"] * 2
    assert (told[[1, 2, 3, *range(5, 12)]] == "").all()


def test_unlabelled_items_are_called_so(grounds):
    rows = reduce_rows(np.full(12, -1, dtype=np.int32), np.tile([0.5, 0.4, 0.1], (12, 1)), np.full(3, 0.5))
    told = explain(0, replace(grounds, rows=rows, terms={}, neighbors=None, is_ambiguous=np.ones(12, dtype=bool)))
    assert told == "unlabelled; the model is undecided between card_arrival 50% and refund 40%"


def test_many_are_explained_as_each_is_and_fast(grounds):
    every = [explain(row, grounds) for row in range(12)]
    many = np.tile(np.arange(12), 2000)
    all_suspect = replace(grounds, is_suspect=np.ones(12, dtype=bool))
    started = time.process_time()
    explain_all(np.tile(np.arange(12), 8334), all_suspect)
    assert time.process_time() - started < 5.0  # 100,000 flagged items
    np.testing.assert_array_equal(explain_all(many, grounds), np.tile(np.array(every, dtype=object), 2000))


def test_no_such_row(grounds):
    with pytest.raises(IndexError):
        explain(12, grounds)
