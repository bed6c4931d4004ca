"""Random checks: drawn once, answered blind, looked at twice in part, and counted with an interval that holds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from labelaudit.__main__ import run
from labelaudit.audit_folder import load
from labelaudit.batches import keep_record, records, withdraw
from labelaudit.errors import UsageError
from labelaudit.formats import FORMATS, write_batch
from labelaudit.loop import (
    candidates,
    check_price,
    check_standing,
    draw_random_check,
    draw_second_looks,
    import_answers,
    withdraw_other_checks,
)
from labelaudit.readers import read
from labelaudit.reviewing import Decision, Filter, Undo, Verdict, new_id, open_queue
from tests.test_corrected import audit_of

CLASSES = ("axe", "bow", "cog", "dye")
N = 600
RNG = np.random.default_rng(5)
TRUTH = {f"r{k:04d}": CLASSES[label] for k, label in enumerate(RNG.integers(0, 4, N))}
ERRORS = frozenset(RNG.choice(sorted(TRUTH), 60, replace=False))
GIVEN = TRUTH | {item_id: CLASSES[(CLASSES.index(TRUTH[item_id]) + 1) % 4] for item_id in ERRORS}


@pytest.fixture
def audit(tmp_path):
    """An audit of 600 items of which 60 are wrong; suspicion knows half of that."""
    with (tmp_path / "in.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "label"])
        rows.writerows([item_id, f"text of {item_id}", label] for item_id, label in GIVEN.items())
    found = audit_of(read(tmp_path / "in.csv", label="label", text=("text",), id="id"), tmp_path / "in.audit")
    rng = np.random.default_rng(8)
    wrong = found.items.index.isin(sorted(ERRORS))
    suspicion = 1 / (1 + np.exp(2.5 - 2.0 * wrong - rng.normal(0, 1, len(found))))
    return replace(found, items=found.items.assign(suspicion=suspicion)).save(tmp_path / "in.audit")


def sent(audit, tmp_path, batch_and_options):
    """Write a batch as JSON lines and keep it; return the batch and the path."""
    batch, options = batch_and_options
    path = tmp_path / f"{batch.batch_id}.jsonl"
    written = write_batch(batch, FORMATS.get("jsonl"), path)
    keep_record(audit.path, batch, format="jsonl", written=written, options=options)
    return batch, path


def answer(audit, path, person, *, slips=0.0, only=None, seed=1, **more):
    """Answer a batch by the truth, with slips to other classes, and import it."""
    rng = np.random.default_rng(seed)
    done = []
    for line in map(json.loads, path.read_text().splitlines()):
        right = TRUTH[line["labelaudit_id"]]
        said = CLASSES[(CLASSES.index(right) + rng.integers(1, 4)) % 4] if rng.random() < slips else right
        if only is None or line["labelaudit_id"] in only:
            done.append({**line, "labels": [said], "annotator": person, **more})
    path.write_text("".join(json.dumps(line) + "\n" for line in done))
    return import_answers(audit, path, "jsonl", person="lea")


def decide(audit, item_id, verdict, *labels, person="lea", rule=False):
    queue = open_queue(audit, Filter(queue="all"), person=person)
    try:
        decision = Decision(id=new_id(), item_id=item_id, verdict=verdict, labels=labels)
        (queue.adjudicate if rule else queue.decide)([decision]).raise_refused()
    finally:
        queue.close()


def test_a_check_with_slips_and_second_looks_holds_the_truth(audit, tmp_path):
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 200))
    assert batch.blind
    assert {"given_label", "suggested_label", "suspicion"}.isdisjoint(json.loads(path.read_text().splitlines()[0]))
    assert answer(audit, path, "ann", slips=0.05).recorded == 200
    once = check_standing(audit).summary
    assert (once.answered, once.looked_at_twice, once.population) == (200, 0, N)
    assert "every verdict taken as right" in once.errors_in_words
    again, path = sent(audit, tmp_path, draw_second_looks(audit))
    assert {item.item_id for item in again.items} < {item.item_id for item in batch.items}
    assert check_standing(audit).to_look_again == ()
    assert len(check_standing(audit).out_again) == len(again)
    assert answer(audit, path, "bob", slips=0.05, seed=2).recorded == len(again)
    standing = check_standing(audit)
    low, high = standing.summary.estimate.interval
    assert low <= len(ERRORS) <= high
    assert once.estimate.errors > standing.summary.estimate.errors
    assert standing.summary.looked_at_twice == len(again)
    assert standing.summary.estimate.remaining == pytest.approx(
        standing.summary.estimate.errors - standing.summary.found
    )
    assert standing.summary.estimate.slip_rates[0] == pytest.approx(0.05, abs=0.04)
    assert (standing.out_again, standing.people) == ((), ("ann", "bob"))


def test_the_interval_of_a_whole_population_is_a_point(audit, tmp_path):
    _, path = sent(audit, tmp_path, draw_random_check(audit, 10_000))
    answer(audit, path, "ann")
    summary = check_standing(audit).summary
    assert summary.drawn == summary.population == N
    assert summary.estimate.interval == (60, 60)
    assert (summary.found, summary.estimate.remaining_interval) == (60, (0, 0))


def test_the_draw_is_random_within_strata_and_does_not_depend_on_the_order_of_rows(audit, tmp_path):
    batch, options = draw_random_check(audit, 100, seed=3)
    turned = replace(audit, items=audit.items.iloc[::-1])
    assert draw_random_check(turned, 100, seed=3)[0].items == batch.items
    assert draw_random_check(audit, 100, seed=4)[0].batch_id != batch.batch_id
    chances = {item.item_id: item.inclusion_probability for item in batch.items}
    assert sum(options["random_check"]["sizes"]) == N
    # The sum of 1 / chance over a sample estimates the size of its population (Horvitz and Thompson).
    assert sum(1 / chance for chance in chances.values()) == pytest.approx(N)
    assert {item.why for item in batch.items} == {"drawn at random"}


def test_decisions_on_the_page_are_no_looks_and_count_as_found(audit, tmp_path):
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 40))
    first = batch.items[0].item_id
    decide(audit, first, Verdict.NONE_FITS)
    wrong = next(iter(sorted(ERRORS - {item.item_id for item in batch.items})))
    decide(audit, wrong, Verdict.RELABEL, TRUTH[wrong])
    summary = check_standing(audit).summary
    assert (summary.answered, summary.found, summary.estimate) == (0, 2, None)
    assert "no interval yet; 0 of 40" in summary.errors_in_words
    answer(audit, path, "ann", only={first})
    decide(audit, first, Verdict.KEEP, person="ann")  # a changed mind after the suggestion was seen
    found = check_standing(audit)
    assert found.summary.answered == 1
    assert found.to_look_again == (first,)


def test_an_interval_comes_with_half_of_the_answers(audit, tmp_path):
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 41))
    ids = [item.item_id for item in batch.items]
    whole = path.read_text()
    answer(audit, path, "ann", only=set(ids[:20]))
    assert check_standing(audit).summary.estimate is None
    path.write_text(whole)
    answer(audit, path, "ann", only={ids[20]}, verdict="exclude", labels=[])
    assert check_standing(audit).summary.estimate is None, "an exclusion says neither right nor wrong"
    path.write_text(whole)
    answer(audit, path, "ann", only=set(ids[21:22]))
    assert "from 21 random checks" in check_standing(audit).summary.errors_in_words


def test_looks_are_those_of_different_people(audit, tmp_path):
    _, path = sent(audit, tmp_path, draw_random_check(audit, 40))
    whole = path.read_text()
    answer(audit, path, "ann")
    again, second = sent(audit, tmp_path, draw_second_looks(audit))
    answer(audit, second, "ann")
    standing = check_standing(audit)
    assert (standing.summary.looked_at_twice, len(standing.out_again)) == (0, len(again))
    path.write_text(whole)
    answer(audit, path, "bob")
    standing = check_standing(audit)
    assert (standing.summary.looked_at_twice, standing.out_again, standing.to_look_again) == (40, (), ())
    with pytest.raises(UsageError, match="No item of the random check waits"):
        draw_second_looks(audit)


def test_later_answers_get_second_looks_of_their_own(audit, tmp_path):
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 60))
    ids, whole = [item.item_id for item in batch.items], path.read_text()
    answer(audit, path, "ann", only=set(ids[:30]))
    one, _ = sent(audit, tmp_path, draw_second_looks(audit))
    path.write_text(whole)
    answer(audit, path, "ann", only=set(ids[30:]))
    two, _ = sent(audit, tmp_path, draw_second_looks(audit))
    assert {item.item_id for item in one.items} <= set(ids[:30])
    assert {item.item_id for item in two.items} <= set(ids[30:])
    assert one.batch_id != two.batch_id


def test_an_answer_that_was_taken_back_is_none(audit, tmp_path):
    _, path = sent(audit, tmp_path, draw_random_check(audit, 20))
    answer(audit, path, "ann")
    queue = open_queue(audit, Filter(queue="all"), person="lea")
    event = next(event for event in queue.history() if event.person == "ann")
    assert queue.decide([Undo(id=new_id(), target=event.id)]).outcomes[0].status == "acknowledged"
    queue.close()
    assert check_standing(audit).summary.answered == 19


def test_what_a_lead_has_settled_is_not_in_the_population(audit, tmp_path):
    settled = sorted(ERRORS)[:3]
    for item_id in settled:
        decide(audit, item_id, Verdict.RELABEL, TRUTH[item_id], rule=True)
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 10_000))
    assert not {item.item_id for item in batch.items} & set(settled)
    done = answer(audit, path, "ann")
    assert (done.recorded, done.counts) == (N - 3, {})
    summary = check_standing(audit).summary
    assert (summary.population, summary.found, summary.estimate.errors) == (N - 3, 57, 57)


def test_an_audit_has_one_check_at_a_time(audit, tmp_path):
    first, _ = sent(audit, tmp_path, draw_random_check(audit, 40))
    with pytest.raises(UsageError, match="already") as refused:
        draw_random_check(audit, 40, seed=1)
    assert "--again" in refused.value.fix
    with pytest.raises(UsageError, match="was drawn before"):
        draw_random_check(audit, 40, again=True)
    other, _ = sent(audit, tmp_path, draw_random_check(audit, 40, seed=1, again=True))
    withdraw_other_checks(audit, other.batch_id)
    assert [record.withdrawn for record in records(audit.path).values()].count(True) == 1
    assert check_standing(audit).record.batch.batch_id == other.batch_id
    assert {item.item_id for item in first.items} - candidates(audit).out
    withdraw(audit.path, other.batch_id)
    assert check_standing(audit) is None


def test_a_check_belongs_to_the_audit_it_was_drawn_from(audit, tmp_path):
    batch, path = sent(audit, tmp_path, draw_random_check(audit, 40))
    assert check_standing(load(audit.path)).record.batch == batch
    answer(audit, path, "ann")
    later = replace(audit, fingerprint="another").save(audit.path)
    assert check_standing(later) is None
    assert check_price(replace(audit, fingerprint="one more").save(tmp_path / "new.audit"), 50).items == 50


def test_without_a_check_or_a_folder_that_is_said(audit):
    with pytest.raises(UsageError, match="no random check"):
        draw_second_looks(audit)
    with pytest.raises(UsageError, match="not saved"):
        check_standing(replace(audit, path=None))
    nothing = replace(audit, items=audit.items.assign(suspicion=np.nan))
    with pytest.raises(UsageError, match="cannot be drawn from 0 assessable items"):
        draw_random_check(nothing, 20)


def test_the_price_follows_from_suspicion_and_the_measured_pace(audit, tmp_path):
    price = check_price(audit, 100)
    assert price.minutes is None
    _, path = sent(audit, tmp_path, draw_random_check(audit, 100))
    answer(audit, path, "ann", only={json.loads(path.read_text().splitlines()[0])["labelaudit_id"]}, seconds=6)
    timed = check_price(audit, 100)
    assert (timed.items, timed.population) == (100, N)
    assert timed.minutes == pytest.approx((100 + price.second_looks) / 10)


def test_the_command_from_the_draw_to_the_interval(audit, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments, status=0):
        found = run([str(each) for each in arguments])
        said = capsys.readouterr()
        assert found == status, said.err
        return said.out + said.err

    here = audit.path
    assert "A check of 200 items costs 200 answers and about" in call("check", here)
    assert json.loads(call("check", here, "--format", "json")) is None
    assert "needs --format and --out" in call("check", here, "--size", "60", status=2)
    assert "not 'csv'" in call("check", here, "--format", "csv", status=2)
    assert "--out needs --size" in call("check", here, "--out", "x.csv", status=2)
    assert "either --size or" in call("check", here, "--size", "60", "--second-looks", status=2)
    first, second = tmp_path / "check.csv", tmp_path / "again.csv"
    out = call("check", here, "--size", "120", "--format", "csv", "--out", first)
    assert "Random check b-" in out
    assert "120 of 600 items that can be assessed" in out
    assert "already" in call("check", here, "--size", "120", "--format", "csv", "--out", second, status=2)
    assert not second.exists()
    assert "no interval yet; 0 of 120" in call("check", here)
    fill_in(first, "ann")
    assert "120 answers" in call("import", here, first, "--format", "csv")
    assert "should be looked at by somebody else" in call("check", here)
    call("check", here, "--second-looks", "--format", "csv", "--out", second)
    fill_in(second, "bob")
    call("import", here, second, "--format", "csv")
    shown = json.loads(call("check", here, "--format", "json"))
    low, high = shown["estimate"]["interval"]
    assert low <= len(ERRORS) <= high
    assert "Slips of one look: about" in call("check", here)
    replaced = call(
        "check", here, "--size", "50", "--again", "--seed", "9", "--format", "csv", "--out", tmp_path / "n.csv"
    )
    assert "50 of 600 items" in replaced
    assert "(withdrawn)" in call("status", here)
    assert "0 of 50" in call("check", here)


def fill_in(path, person):
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"given_label", "suggested_label", "suspicion"}.isdisjoint(rows[0])
    for row in rows:
        row |= {"answer": TRUTH[row["labelaudit_id"]], "annotator": person}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
