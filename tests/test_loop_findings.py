"""What is to be said about answers is said in full, whatever their number, in bounded memory."""

from __future__ import annotations

import csv
import json
import tempfile
import tracemalloc

import pytest

from labelaudit.__main__ import run
from labelaudit.errors import OutputError, ReadError, UsageError
from labelaudit.loop import import_answers
from labelaudit.loop.findings import AT_HAND, Finding, Findings
from tests.test_loop import answered, audit, sent, source

__all__ = ["audit", "source"]

MANY = AT_HAND + 5


@pytest.fixture
def back(audit, tmp_path):
    """Answers of which one is given many times too often, and one with a formula for an item."""
    _, path = sent(audit, tmp_path)
    strange = {"labelaudit_id": "=1+1", "labels": ["neg"], "annotator": "ann"}
    good = {"labels": ["neg"], "annotator": "ann"}
    return answered(path, {"r0": [good] * (MANY + 1), "r1": [strange], "r2": [{"labels": ["pos"], "annotator": "bob"}]})


def listed(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("is_dry", [True, False])
def test_all_findings_are_counted_the_first_shown_and_all_listed_beside_the_file(audit, back, is_dry):
    done = import_answers(audit, back, "jsonl", person="lea", dry_run=is_dry)
    assert done.counts == {"duplicate": MANY, "unknown item": 1}
    assert [each.kind for each in done.findings] == ["duplicate"] * AT_HAND + ["unknown item"]
    assert done.recorded == 2
    assert done.findings_table == back.with_name("back.jsonl.findings.csv")
    rows = listed(done.findings_table)
    assert [row["finding"] for row in rows] == ["duplicate"] * MANY + ["unknown item"]
    assert [row["place"] for row in rows] == [f"line {k}" for k in range(2, MANY + 3)]
    assert {row["recorded"] for row in rows[:MANY]} == {"yes"}
    assert (rows[-1]["item"], rows[-1]["recorded"]) == ("'=1+1", "no")
    assert "has no item '=1+1'" in rows[-1]["message"]


def test_a_table_of_findings_is_written_only_where_there_are_many_or_where_it_is_asked_for(audit, tmp_path):
    _, path = sent(audit, tmp_path)
    few = answered(path, {"r0": [{"labels": ["neg"]}] * AT_HAND})
    done = import_answers(audit, few, "jsonl", person="lea", dry_run=True)
    assert (done.counts, done.findings_table) == ({"duplicate": AT_HAND - 1}, None)
    asked = import_answers(audit, few, "jsonl", person="lea", dry_run=True, findings=tmp_path / "all.csv")
    assert asked.findings_table == tmp_path / "all.csv"
    assert len(listed(tmp_path / "all.csv")) == AT_HAND - 1
    assert not list(tmp_path.glob("*.findings.csv"))


def test_a_broken_file_leaves_no_table(audit, back):
    back.write_text(back.read_text() + '{"labelaudit_id": ')
    with pytest.raises(ReadError, match="broken JSON"):
        import_answers(audit, back, "jsonl", person="lea")
    assert [file.name for file in back.parent.iterdir() if "findings" in file.name] == []


def test_where_the_table_cannot_be_written_nothing_is_recorded_and_the_way_out_is_named(audit, back, tmp_path):
    with pytest.raises(OutputError, match=r"nowhere.*--findings"):
        import_answers(audit, back, "jsonl", person="lea", findings=tmp_path / "nowhere" / "x.csv")
    assert not (tmp_path / "in.audit" / "reviews").exists()


def test_the_answers_are_never_replaced_by_what_was_found(audit, back):
    before = back.read_bytes()
    with pytest.raises(UsageError, match="is the file of answers itself"):
        import_answers(audit, back, "jsonl", person="lea", findings=back)
    assert back.read_bytes() == before


def test_where_answers_cannot_be_set_aside_nothing_is_recorded(audit, tmp_path, monkeypatch):
    _, path = sent(audit, tmp_path)
    back = answered(path, {"r0": [{"labels": ["neg"], "note": "x" * 100_000}]})
    monkeypatch.setattr("labelaudit.loop.answers._IN_MEMORY", 1_000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="TMPDIR"):
        import_answers(audit, back, "jsonl", person="lea")
    assert not (tmp_path / "in.audit" / "reviews").exists()


def test_the_command_says_where_all_findings_are(audit, back, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    assert run(["import", str(audit.path), str(back), "--format", "jsonl", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert f"duplicate: {MANY}\n" in out
    assert "  … and 5 more\n" in out
    assert f"All of them are listed in {back}.findings.csv" in out


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_wrong(audit, tmp_path, monkeypatch):
    """Duplicates, other answers of the same person and unknown items, of which only the table grows."""
    monkeypatch.setattr("labelaudit.loop.answers._IN_MEMORY", 1_000)
    monkeypatch.setattr("labelaudit.formats._json._BLOCK", 1 << 14)
    _, path = sent(audit, tmp_path)
    line = json.loads(path.read_text().splitlines()[0]) | {"annotator": "ann"}

    def peak(n):
        with (tmp_path / "many.jsonl").open("w") as file:
            for k in range(n):
                labels, item = ["neg" if k % 3 else "pos"], "r0" if k % 4 else f"zz{k}"
                file.write(json.dumps(line | {"labelaudit_id": item, "labels": labels}) + "\n")
        tracemalloc.start()
        done = import_answers(audit, tmp_path / "many.jsonl", "jsonl", person="lea", dry_run=True)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sum(done.counts.values()) == n - 1
        assert len(listed(done.findings_table)) == n - 1
        return used

    peak(100)  # what is imported and compiled once
    assert peak(5_000) < peak(1_000) + 200_000


def test_every_finding_is_at_hand_or_listed(tmp_path):
    with Findings(tmp_path / "t.csv") as findings:
        for k in range(3 * AT_HAND):
            findings.add(Finding(kind="ab"[k % 2], item_id=f"\ud800{k}", where="line 1", message="m"))
    assert [each.item_id for each in findings.first] == [f"\ud800{k}" for k in range(2 * AT_HAND)]
    assert [row["item"] for row in listed(tmp_path / "t.csv")] == [f"\\ud800{k}" for k in range(3 * AT_HAND)]
