"""The loop: answers come back, each once, and everything that is wrong with them is said by name."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from labelaudit.batches import QUEUES, BatchOptions, choose, keep_record, pick, records, withdraw
from labelaudit.domain import Annotation, Batch, BatchItem
from labelaudit.errors import DecisionRefusedError, ReadError, UnknownNameError, UsageError
from labelaudit.formats import FORMATS, write_batch
from labelaudit.loop import batch_status, candidates, compare, import_answers
from labelaudit.loop.answers import Answers
from labelaudit.loop.examining import examine
from labelaudit.loop.findings import Findings
from labelaudit.readers import read
from labelaudit.reviewing import Filter, open_queue, open_store
from tests.test_corrected import audit_of

TEXTS = ("good", "bad", "fine", "awful", "so so", "=1+1", "meh", "ok")
LABELS = ("pos", "neg", "pos", "neg", "pos", "neg", "pos", "neg")


@pytest.fixture
def source(tmp_path):
    with (tmp_path / "in.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "label"])
        rows.writerows([f"r{k}", text, label] for k, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)))
    return tmp_path / "in.csv"


@pytest.fixture
def audit(source, tmp_path):
    return audit_of(read(source, label="label", text=("text",), id="id"), tmp_path / "in.audit")


def sent(audit, tmp_path, form="jsonl", **options):
    """Choose all items, write them, remember the batch; return it and the path."""
    ids = read(audit.origin.path, label="label", text=("text",), id="id").ids
    items = tuple(
        BatchItem(
            item_id=item_id,
            content_hash=audit.items.loc[item_id, "content_hash"],
            text=TEXTS[int(item_id[1:])],
            given_label=audit.items.loc[item_id, "given_label"],
        )
        for item_id in ids
    )
    number = len(records(audit.path))
    batch = Batch(batch_id=f"b-{number}", audit_id=audit.audit_id, classes=audit.classes, items=items, **options)
    target = FORMATS.get(form)
    path = tmp_path / f"batch{number}{target.suffix}"
    keep_record(audit.path, batch, format=form, written=write_batch(batch, target, path), options={})
    return batch, path


def answered(path, answers):
    """Fill in a JSONL batch: a list of changes for each item id."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    done = [line | change for line in lines for change in answers.get(line["labelaudit_id"], [{}])]
    back = path.with_name("back.jsonl")
    back.write_text("".join(json.dumps(line) + "\n" for line in done))
    return back


def test_answers_become_reviews_with_person_time_and_lead_time(audit, tmp_path):
    batch, path = sent(audit, tmp_path, several=True)
    back = answered(
        path,
        {
            "r0": [{"labels": ["neg"], "annotator": "ann", "seconds": 2.5, "answered_at": "2026-03-01T12:00:00.250Z",
                    "note": "sure"}],
            "r1": [{"labels": ["neg"], "annotator": "ann"}],
            "r2": [{"labels": ["pos", "neg"], "annotator": "bob"}],
            "r3": [{"verdict": "none_fits", "annotator": "bob"}],
        },
    )  # fmt: skip
    done = import_answers(audit, back, "jsonl", person="lea")
    assert (done.recorded, done.known, done.findings, done.added) == (4, 0, (), ("ann", "bob"))
    assert done.unanswered == ("r4", "r5", "r6", "r7")
    with open_store(audit) as store:
        rows = {row.item_id: row for row in store.records.standings()}
        assert {item_id: row.outcome for item_id, row in rows.items()} == {
            "r0": "neg", "r1": "neg", "r2": "<several_fit>", "r3": "<none_fits>",
        }  # fmt: skip
        assert rows["r1"].verdict == "keep"
        assert json.loads(rows["r2"].labels) == ["pos", "neg"]
        assert (rows["r0"].person, rows["r0"].note) == ("ann", "sure")
        event = next(event for event in store.records.history(viewer="lea") if event.item_id == "r0")
        assert event.active_ms == 2500
        after = json.loads(event.after)
        assert (after["batch"], after["answered_at"]) == (batch.batch_id, 1_772_366_400_250)
        store.verify()


def test_importing_three_times_changes_nothing_after_the_first(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    back = answered(path, {f"r{k}": [{"labels": ["neg"], "annotator": "ann"}] for k in range(5)})
    assert import_answers(audit, back, "jsonl", person="lea").recorded == 5
    with open_store(audit) as store:
        before = store.verify()
    for _ in range(2):
        again = import_answers(audit, back, "jsonl", person="lea")
        assert (again.recorded, again.known, again.findings) == (0, 5, ())
    with open_store(audit) as store:
        assert store.verify() == before


def test_a_dry_run_writes_nothing_and_says_the_same(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    back = answered(path, {"r0": [{"labels": ["neg"], "annotator": "ann"}], "r1": [{"labels": ["nge"]}]})
    seen = import_answers(audit, back, "jsonl", person="lea", dry_run=True)
    assert not (tmp_path / "in.audit" / "reviews").exists()
    done = import_answers(audit, back, "jsonl", person="lea")
    assert (seen.recorded, seen.known, seen.findings, seen.people, seen.added) == (
        done.recorded, done.known, done.findings, done.people, done.added,
    )  # fmt: skip
    assert seen.is_dry
    assert not done.is_dry
    assert import_answers(audit, back, "jsonl", person="lea", dry_run=True).known == 1


def test_people_who_differ_wait_for_a_lead(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    both = [{"labels": ["neg"], "annotator": "ann"}, {"labels": ["pos"], "annotator": "bob"}]
    same = [{"labels": ["neg"], "annotator": "ann"}, {"labels": ["neg"], "annotator": "bob"}]
    done = import_answers(audit, answered(path, {"r0": both, "r1": same}), "jsonl", person="lea")
    assert (done.recorded, done.findings) == (4, ())
    queue = open_queue(audit, Filter(queue="conflicts"), person="lea")
    assert [card.item_id for card in queue.page()] == ["r0"]
    assert queue.where(Filter(queue="all")).counts().decided == 1
    queue.close()
    status = batch_status(audit)[0]
    assert (status.answered, status.decided, status.waiting, status.people) == (2, 1, 1, ("ann", "bob"))


def test_an_answer_changed_in_the_tool_replaces_the_one_imported_before(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    import_answers(audit, answered(path, {"r0": [{"labels": ["neg"], "annotator": "ann"}]}), "jsonl", person="lea")
    later = answered(path, {"r0": [{"labels": ["pos"], "annotator": "ann"}]})
    assert import_answers(audit, later, "jsonl", person="lea").recorded == 1
    with open_store(audit) as store:
        assert [row.outcome for row in store.records.standings()] == ["pos"]


def test_what_was_changed_here_since_is_not_undone_by_importing_again(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    back = answered(path, {"r0": [{"labels": ["neg"], "annotator": "lea"}]})
    import_answers(audit, back, "jsonl", person="lea")
    queue = open_queue(audit, Filter(queue="all"), person="lea")
    queue.undo()
    queue.close()
    again = import_answers(audit, back, "jsonl", person="lea")
    assert (again.recorded, again.counts) == (0, {"changed since": 1})
    assert "took it back" in again.findings[0].message


def test_a_lead_has_the_last_word(audit, tmp_path):
    from labelaudit.reviewing import Decision, Verdict, new_id

    _, path = sent(audit, tmp_path)
    queue = open_queue(audit, Filter(queue="all"), person="lea")
    queue.adjudicate([Decision(id=new_id(), item_id="r0", verdict=Verdict.RELABEL, labels=("neg",))]).raise_refused()
    queue.close()
    done = import_answers(audit, answered(path, {"r0": [{"labels": ["pos"]}]}), "jsonl", person="lea", annotator="ann")
    assert (done.recorded, done.counts) == (0, {"refused": 1})
    assert "adjudicated" in done.findings[0].message


def test_only_a_lead_brings_new_people(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    queue = open_queue(audit, person="lea")
    queue.store.team.set_person("rex", "reviewer", by="lea")
    queue.close()
    back = answered(path, {"r0": [{"labels": ["neg"], "annotator": "stranger"}]})
    with pytest.raises(DecisionRefusedError):
        import_answers(audit, back, "jsonl", person="rex")
    assert import_answers(audit, back, "jsonl", person="rex", people={"stranger": "rex"}).recorded == 1


def test_items_out_in_a_batch_are_not_sent_again(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    settled = candidates(audit).settled
    assert (len(settled), candidates(audit).gold) == (8, frozenset())
    import_answers(audit, answered(path, {"r0": [{"verdict": "ambiguous"}]}), "jsonl", person="lea")
    assert candidates(audit).settled == settled
    with pytest.raises(UsageError, match="No item is left"):
        choose(audit, BatchOptions(size=2), decided=settled)


def test_a_batch_that_is_taken_back_gives_its_items_free_and_is_still_known(audit, tmp_path):
    batch, path = sent(audit, tmp_path)
    with pytest.raises(UnknownNameError, match="Unknown batch"):
        withdraw(audit.path, "b-7")
    withdraw(audit.path, batch.batch_id)
    assert candidates(audit).settled == frozenset()
    assert [each.record.withdrawn for each in batch_status(audit)] == [True]
    assert import_answers(audit, answered(path, {"r0": [{"labels": ["pos"]}]}), "jsonl", person="lea").recorded == 1
    assert candidates(audit).settled == {"r0"}


def test_disagreements_are_left_to_a_lead_unless_their_queue_is_asked_for(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    both = [{"labels": ["neg"], "annotator": "ann"}, {"labels": ["pos"], "annotator": "bob"}]
    said = {"r0": both, "r1": both[:1], "r2": [{"verdict": "skip", "annotator": "ann"}]}
    import_answers(audit, answered(path, said), "jsonl", person="lea")
    assert {"r0", "r1", "r2"} <= candidates(audit).settled
    asked = {queue: candidates(audit, queue=queue) for queue in QUEUES}
    assert asked["conflicts"].only == {"r0"}
    assert asked["skipped"].only == {"r2"}
    assert "r0" not in asked["conflicts"].settled
    assert "r2" not in asked["skipped"].settled
    assert asked["flagged"].only == asked["suspects"].only | asked["ambiguous"].only
    left = asked["conflicts"]
    again = pick(
        audit.items,
        BatchOptions(size=5, queue="conflicts"),
        classes=audit.classes,
        decided=left.settled,
        only=left.only,
    )
    assert audit.items.index[again.places].tolist() == ["r0"]


def test_a_batch_follows_what_decisions_taught(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    import_answers(audit, answered(path, {"r0": [{"labels": ["pos"]}]}), "jsonl", person="lea")
    with open_store(audit) as store:
        store.rescore({"r3": 0.875})
    left = candidates(audit).suspicion
    assert left["r3"] == 0.875
    assert "r0" not in left
    others = {item_id: value for item_id, value in left.items() if item_id != "r3"}
    assert others == audit.items.loc[list(others), "suspicion"].to_dict()


# ---- what can be wrong with an answer


FINDINGS = {
    "unknown batch": {"batch_id": "b-7"},
    "unknown item": {"item_id": "r99"},
    "unknown label": {"labels": ("pso",)},
    "unknown verdict": {"labels": (), "verdict": "ambigous"},
    "several choices": {"labels": ("pos", "neg")},
    "edited": {"content": "good enough"},
    "empty": {"labels": ()},
    "skipped": {"labels": (), "verdict": "skip"},
}


def examined_of(annotations, known):
    """Examine answers; return what was found of them, and the places of those that count, by person."""
    findings = Findings(Path("unused"))
    with Answers() as answers:
        examine(annotations, known, answers, findings, only=None, people={}, nameless="lea")
        return findings.first, {person: [given.where for given in block] for person, _, block in answers.blocks()}


@pytest.mark.parametrize("kind", FINDINGS)
def test_each_kind_of_finding_names_item_place_and_reason(audit, tmp_path, kind):
    batch, _ = sent(audit, tmp_path)
    good = Annotation(item_id="r0", labels=("pos",), annotator="ann", batch_id=batch.batch_id, where="line 3")
    wrong = Annotation(**{**vars(good), **FINDINGS[kind]})
    found, counted = examined_of([wrong], records(audit.path))
    assert [(each.kind, each.item_id, each.where) for each in found] == [(kind, wrong.item_id, "line 3")]
    assert len(counted) == found[0].is_recorded == (kind in {"skipped", "several choices"})
    assert not examined_of([good], records(audit.path))[0]


def test_double_answers_count_once_and_the_later_one(audit, tmp_path):
    batch, _ = sent(audit, tmp_path)

    def said(label, at, where):
        return Annotation(item_id="r0", labels=(label,), annotator="ann", batch_id=batch.batch_id, at=at, where=where)

    answers = [said("pos", 5, "line 1"), said("pos", 5, "line 2"), said("neg", 3, "line 3"), said("neg", 9, "line 4")]
    found, counted = examined_of(answers, records(audit.path))
    assert [each.kind for each in found] == ["duplicate", "replaced", "replaced"]
    assert counted == {"ann": ["line 4"]}


@pytest.mark.parametrize(("mangled", "likely"), [("7", "007"), ("100000", "1e5"), ("1.00E+05", "1e5"), ("4.03", None)])
def test_ids_that_a_spreadsheet_changed_are_recognised(mangled, likely):
    from labelaudit.batches import BatchRecord

    items = tuple(BatchItem(item_id=item_id, content_hash="0", text="x") for item_id in ("007", "1e5", "x-3"))
    batch = Batch(batch_id="b-1", audit_id="a", classes=("x", "y"), items=items)
    record = BatchRecord(batch=batch, format="csv", path="b.csv", created="", checksum="", options={})
    answer = Annotation(item_id=mangled, labels=("x",), batch_id="b-1")
    found, _ = examined_of([answer], {"b-1": record})
    assert "A spreadsheet may have changed the id." in found[0].message
    assert (likely is None) or f"It may have been {likely!r}." in found[0].message


def test_formats_without_a_batch_id_need_to_be_told_which_of_several(audit, tmp_path):
    sent(audit, tmp_path, "doccano")
    sent(audit, tmp_path, "doccano")
    back = tmp_path / "back.jsonl"
    back.write_text(json.dumps({"text": "good", "label": ["neg"], "labelaudit_id": "r0"}) + "\n")
    with pytest.raises(UsageError, match="b-0, b-1"):
        import_answers(audit, back, "doccano", person="lea")
    assert import_answers(audit, back, "doccano", person="lea", batch_id="b-1").recorded == 1
    with pytest.raises(UnknownNameError, match="Unknown batch 'b-2'"):
        import_answers(audit, back, "doccano", person="lea", batch_id="b-2")


def test_a_file_that_is_not_there(audit, tmp_path):
    with pytest.raises(UsageError, match="has no batch"):
        import_answers(audit, tmp_path / "nowhere", "jsonl", person="lea")
    sent(audit, tmp_path)
    with pytest.raises(ReadError, match="no file or folder"):
        import_answers(audit, tmp_path / "nowhere", "jsonl", person="lea")


HEALTH = {"items": 8, "assessed": 8, "suspects": 2, "ambiguous": 1, "expected_errors": 2.0, "agreement": 0.5}


def test_compare_counts_what_was_found(source, audit, tmp_path):
    changed = source.read_text().replace("r0,good,pos", "r0,good,neg").replace("r1,bad", "r1,worse") + "r9,new,pos\n"
    (tmp_path / "new.csv").write_text(changed)
    later = audit_of(read(tmp_path / "new.csv", label="label", text=("text",), id="id"), tmp_path / "new.audit")
    old, new = (one.__class__(**{**vars_of(one), "health": HEALTH}) for one in (audit, later))
    found = compare(old, new)
    assert (found.common, found.added, found.removed, found.edited) == (7, 1, 0, 1)
    assert [(move.item_id, move.label_before, move.label_after) for move in found.relabelled] == [("r0", "pos", "neg")]
    assert found.before["expected_error_rate"] == 0.25
    assert not found.moved


def test_audits_of_other_data_are_not_compared(source, audit, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(source.read_text().replace("\nr", "\nx"))
    with pytest.raises(UsageError, match="no item in common: 'r"):
        compare(audit, audit_of(read(other, label="label", text=("text",), id="id"), tmp_path / "other.audit"))


def test_compare_names_items_that_moved_and_none_that_moved_too_little_to_see(audit):
    moved = audit.items["suspicion"].copy()
    moved.loc["r3"], moved.loc["r4"] = moved.loc["r3"] + 0.004, moved.loc["r4"] - 0.2
    old = audit.__class__(**{**vars_of(audit), "health": HEALTH})
    new = audit.__class__(**{**vars_of(old), "items": audit.items.assign(suspicion=moved)})
    assert [move.item_id for move in compare(old, new).moved] == ["r4"]


def vars_of(audit):
    from dataclasses import fields

    return {each.name: getattr(audit, each.name) for each in fields(audit)}


def test_items_whose_answers_say_nothing_have_no_answer(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    answers = {
        "r0": [{"labels": ["neg"]}],
        "r1": [{"verdict": "skip"}],
        "r2": [{"labels": []}],
        "r3": [{"labels": ["?"]}],
    }
    answers["r4"] = [{"verdict": "skip", "annotator": "ann"}, {"labels": ["pos"], "annotator": "bob"}]
    done = import_answers(audit, answered(path, answers), "jsonl", person="lea", dry_run=True)
    assert done.unanswered == ("r1", "r2", "r3", "r5", "r6", "r7")
