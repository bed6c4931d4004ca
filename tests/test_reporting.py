"""Every form of the report shows the same numbers, and where errors gather."""

from __future__ import annotations

import json

import pytest

import labelaudit as la
from labelaudit.__main__ import run
from labelaudit.reporting import REPORT_FORMATS, make_report


@pytest.fixture(scope="module")
def report(sample_data):
    sources = [str(sample_data / "probs" / f"model_{name}.npy") for name in "ab"]
    dataset = la.read(sample_data / "tickets.csv", group="channel", pred_probs=sources)
    return make_report(la.audit(dataset), top=3)


@pytest.mark.parametrize("name", REPORT_FORMATS.names())
def test_each_form_shows_numbers_classes_groups_and_both_queues(report, name):
    text = REPORT_FORMATS.get(name).render(report)
    folded = text.replace("\\", "")
    named = [part.value for part in report.health.groups()["channel"]] + [part.name for part in report.health.classes]
    for word in (*named, *report.suspects.index, *report.ambiguous.index, str(report.health.suspects)):
        assert word in folded


@pytest.mark.parametrize("name", ["terminal", "markdown"])
def test_groups_are_shown_with_their_shares(report, name):
    lines = REPORT_FORMATS.get(name).render(report).splitlines()
    for part in report.health.groups()["channel"]:
        (line,) = [line for line in lines if line.strip("| ").startswith(part.value + " ")]
        assert f"{part.suspects / part.items:.1%}" in line


def test_groups_add_up_to_the_whole(report):
    parts = report.health.groups()["channel"]
    assert {part.value for part in parts} == {"email", "chat", "web", "phone"}
    assert sum(part.items for part in parts) == report.health.items
    assert sum(part.suspects for part in parts) == report.health.suspects
    assert sum(part.expected_errors for part in parts) == pytest.approx(report.health.expected_errors)


def test_json_holds_the_whole_health(report):
    shown = json.loads(REPORT_FORMATS.get("json").render(report))["health"]
    assert json.loads(json.dumps(report.health.as_dict())).items() <= shown.items()


def test_names_from_the_data_do_nothing_on_a_terminal(capsys, tmp_path):
    labels = ["\x1b[31mred[/x]", "[bold]\x1b]0;title\x07blue"] * 12
    probabilities = [[0.9, 0.1] if k % 5 else [0.45, 0.55] for k in range(24)]
    dataset = la.Dataset.from_arrays(
        labels, pred_probs=probabilities, ids=[f"\x1b[2J{k}" for k in range(24)], groups={"[/nope]\x1b[1m": labels}
    )
    audit = la.audit(dataset).save(tmp_path / "a.audit")
    text = REPORT_FORMATS.get("terminal").render(make_report(audit))
    assert run(["items", str(tmp_path / "a.audit"), "--queue", "all"]) == 0
    shown = text + capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    for name in ("[31mred[/x]", "[bold]]0;titleblue", "By [/nope][1m"):
        assert name in shown
