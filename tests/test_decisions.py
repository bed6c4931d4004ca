"""The rules of reviewing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.decisions import (
    GOLD,
    RULING,
    Action,
    Decision,
    ItemState,
    Opinion,
    Refusal,
    Role,
    Rules,
    Status,
    Verdict,
    active_milliseconds,
    admit,
    carries_over,
    check_opinion,
    may,
    opinions_needed,
    outcome,
    resolve,
)

CLASSES = ("cat", "dog", "eel")


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (("keep",), False),
        (("relabel", "dog"), True),
        (("none_fits",), True),
        (("ambiguous",), False),
        (("several_fit",), False),
        (("several_fit", "cat", "dog"), False),
        (("several_fit", "dog", "eel"), True),
        (("exclude",), None),
        (("skip",), None),
    ],
)
def test_which_opinions_call_the_judged_label_wrong(said, wrong):
    assert opinion(*said).calls_wrong is wrong


def opinion(verdict, *labels, given_label="cat", note=""):
    return Opinion(verdict=Verdict(verdict), labels=labels, given_label=given_label, note=note)


opinions = st.builds(
    lambda verdict, label: opinion(verdict, *([label] if verdict == "relabel" else [])),
    st.sampled_from([str(verdict) for verdict in Verdict]),
    st.sampled_from(["dog", "eel"]),
)
people = st.dictionaries(st.sampled_from(["ann", "bob", "eve", "joe"]), opinions)


@given(people, st.integers(1, 3))
def test_resolution_does_not_depend_on_the_order_of_opinions(given_opinions, needed):
    turned = dict(reversed(given_opinions.items()))
    first, second = resolve(given_opinions, needed), resolve(turned, needed)
    assert first.status == second.status
    assert (first.opinion and outcome(first.opinion)) == (second.opinion and outcome(second.opinion))


@given(people, st.integers(1, 3))
def test_an_item_is_open_exactly_while_opinions_are_missing(given_opinions, needed):
    counted = [one for one in given_opinions.values() if one.verdict is not Verdict.SKIP]
    assert (resolve(given_opinions, needed).status is Status.OPEN) == (len(counted) < needed)


@given(people, opinions, st.integers(1, 3))
def test_a_ruling_decides_whatever_others_said(given_opinions, ruling, needed):
    resolution = resolve({**given_opinions, RULING: ruling, GOLD: opinion("keep")}, needed)
    assert resolution.status is Status.DECIDED
    assert resolution.opinion == ruling


@pytest.mark.parametrize(
    ("given_opinions", "needed", "status"),
    [
        ([], 1, Status.OPEN),
        ([opinion("skip")], 1, Status.OPEN),
        ([opinion("keep")], 1, Status.DECIDED),
        ([opinion("keep"), opinion("skip")], 2, Status.OPEN),
        ([opinion("keep"), opinion("keep")], 2, Status.DECIDED),
        ([opinion("keep"), opinion("relabel", "dog")], 2, Status.CONFLICT),
        ([opinion("keep"), opinion("keep"), opinion("relabel", "dog")], 3, Status.CONFLICT),
        ([opinion("several_fit", "cat", "dog"), opinion("several_fit", "dog", "cat")], 2, Status.DECIDED),
        ([opinion("several_fit", "cat", "dog"), opinion("several_fit", "dog", "eel")], 2, Status.CONFLICT),
    ],
)
def test_resolution(given_opinions, needed, status):
    assert resolve(dict(zip("abcd", given_opinions, strict=False)), needed).status is status


def test_a_keep_of_the_corrected_label_agrees_with_who_corrected_it():
    before = Opinion(verdict=Verdict.RELABEL, labels=("dog",), given_label="cat")
    after = Opinion(verdict=Verdict.KEEP, given_label="dog")
    assert resolve({"ann": before, "bob": after}, 1).status is Status.DECIDED
    several = [
        Opinion(verdict=Verdict.SEVERAL_FIT, labels=labels, given_label="cat") for labels in (("cat",), ("dog",))
    ]
    assert resolve(dict(zip("ab", several, strict=True)), 1).status is Status.CONFLICT


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (opinion("relabel"), "exactly one"),
        (opinion("relabel", "dog", "eel"), "exactly one"),
        (opinion("relabel", "doog"), "no class 'doog'. Did you mean 'dog'"),
        (opinion("several_fit", "dog"), "at least two"),
        (opinion("several_fit", "dog", "dog"), "at least two"),
        (opinion("several_fit", "dog", "ele"), "no class 'ele'"),
        (opinion("none_fits", "dog"), "new class"),
        (opinion("none_fits", "fox", "owl"), "new class"),
        (opinion("keep", "dog"), "takes no label"),
        (opinion("exclude", "dog"), "takes no label"),
        (opinion("keep", given_label=None), "no label to keep"),
        (opinion("keep", note="x" * 10_001), "10001 characters"),
        (opinion("keep", note="nul\0"), "no database can store"),
        (opinion("none_fits", "\ud800"), "no database can store"),
    ],
)
def test_opinions_that_make_no_sense_are_refused(asked, word):
    refusal = check_opinion(asked, CLASSES)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "invalid"
    assert word in refusal.message


@pytest.mark.parametrize(
    "asked", [opinion("none_fits"), opinion("none_fits", "fox"), opinion("several_fit"), opinion("skip")]
)
def test_opinions_that_make_sense_are_kept_as_they_are(asked):
    assert check_opinion(asked, CLASSES) == asked


def test_a_relabel_to_the_given_label_is_a_keep():
    assert check_opinion(opinion("relabel", "cat", note="sure"), CLASSES) == opinion("keep", note="sure")


@given(opinions)
def test_opinions_survive_their_plain_form(one):
    assert Opinion.from_dict(one.as_dict()) == one


def item(*, needed=1, version=3, **slots):
    return ItemState(item_id="i1", content_hash="h", given_label="cat", version=version, needed=needed, opinions=slots)


def decision(**changes):
    return Decision(**{"id": "1", "item_id": "i1", "verdict": Verdict.KEEP, **changes})


@pytest.mark.parametrize(
    ("state", "asked", "holds", "claimed_by", "code"),
    [
        (None, decision(), False, (), "gone"),
        (item(), decision(content_hash="other"), True, (), "changed"),
        (item(), decision(version=2), False, (), "changed"),
        (item(**{RULING: opinion("keep")}), decision(), True, (), "decided"),
        (item(eve=opinion("keep")), decision(), False, (), "decided"),
        (item(), decision(), False, ("eve",), "claimed"),
        (item(needed=2, eve=opinion("keep")), decision(), False, ("joe",), "claimed"),
        (item(), decision(), False, (), None),
        (item(), decision(version=2), True, (), None),
        (item(needed=2, eve=opinion("keep")), decision(), False, (), None),
        (item(eve=opinion("skip")), decision(), False, (), None),
        (item(bob=opinion("keep")), decision(), False, ("eve",), None),
        (item(**{GOLD: opinion("keep")}, eve=opinion("keep")), decision(), False, (), None),
    ],
)
def test_admission(state, asked, holds, claimed_by, code):
    refusal = admit(state, asked, "bob", holds_claim=holds, claimed_by=claimed_by)
    assert (refusal and refusal.code) == code


def test_leads_do_everything_reviewers_judge_and_viewers_look():
    assert all(may(Role.LEAD, action) for action in Action)
    assert {action for action in Action if may(Role.REVIEWER, action)} == {Action.DECIDE, Action.UNDO, Action.REDO}
    assert not any(may(Role.VIEWER, action) for action in Action)


def test_the_overlap_is_a_stable_share_of_the_items():
    rules = Rules(opinions=3, overlap=0.2)
    needed = [opinions_needed(f"i{k}", rules) for k in range(5000)]
    assert set(needed) == {1, 3}
    assert needed.count(3) / 5000 == pytest.approx(0.2, abs=0.02)
    assert opinions_needed("i1", Rules(opinions=3)) == 3


@pytest.mark.parametrize(
    ("resolved", "judged", "now", "expected"),
    [
        (opinion("keep"), "cat", "cat", True),
        (opinion("relabel", "dog"), "cat", "dog", True),
        (opinion("relabel", "dog"), "cat", "cat", True),
        (opinion("relabel", "dog"), "cat", "eel", False),
        (None, "cat", "dog", False),
    ],
)
def test_opinions_carry_over_while_the_question_is_the_same(resolved, judged, now, expected):
    assert carries_over(resolved, judged, now) is expected


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ([], 0),
        ([(0, True), (60_000, True)], 60_000),
        ([(0, True), (60_001, True)], 0),
        ([(0, True), (1_000, False), (9_000, True), (9_500, True)], 1_500),
        ([(5_000, True), (4_000, True), (4_500, True)], 500),
    ],
)
def test_idle_and_hidden_time_is_not_counted(signs, expected):
    assert active_milliseconds(signs) == expected
