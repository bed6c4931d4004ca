"""Every form of the report shows the same numbers, and where errors gather."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import labelaudit as la
from labelaudit.__main__ import run
from labelaudit.health import Health
from labelaudit.reporting import REPORT_FORMATS, make_report
from labelaudit.residual import draw_check, summarize_check

FOLD = "<wbr>"
"""Where a name may be folded on a page."""


@pytest.fixture(scope="module")
def report(sample_data):
    sources = [str(sample_data / "probs" / f"model_{name}.npy") for name in "ab"]
    dataset = la.read(sample_data / "tickets.csv", group="channel", pred_probs=sources)
    return make_report(la.audit(dataset), top=3)


@pytest.mark.parametrize("name", REPORT_FORMATS.names())
def test_each_form_shows_numbers_classes_groups_and_both_queues(report, name):
    text = REPORT_FORMATS.get(name).render(report)
    folded = html.unescape(text.replace(FOLD, "")).replace("\\", "")
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


def test_names_from_the_data_do_nothing_in_markdown_that_a_terminal_shows():
    labels = ["\x1b[31mred", "a\u202eb & ~~c~~ <b>"] * 12
    dataset = la.Dataset.from_arrays(labels, pred_probs=[[0.9, 0.1] if k % 5 else [0.45, 0.55] for k in range(24)])
    text = REPORT_FORMATS.get("markdown").render(make_report(la.audit(dataset)))
    assert not {"\x1b", "\u202e"} & {*text}
    assert r"| \[31mred |" in text
    assert r"| ab &amp; \~\~c\~\~ &lt;b&gt; |" in text


def test_names_from_the_data_mention_nobody_and_touch_no_issue_in_a_pull_request(tmp_path, capsys):
    labels, turned = ["@ann fixes #7", "see !12 <img>"] * 12, ["see !12 <img>", "@ann fixes #7"] * 12
    probabilities = [[0.9, 0.1] if k % 5 else [0.45, 0.55] for k in range(24)]
    folders = []
    for name, given in (("old", labels), ("new", turned)):
        dataset = la.Dataset.from_arrays(given, pred_probs=probabilities, ids=[f"@bob|{k}" for k in range(24)])
        folders.append(str(la.audit(dataset).save(tmp_path / f"{name}.audit").path))
    assert run(["compare", *folders, "--format", "markdown"]) == 0
    for text in (capsys.readouterr().out, REPORT_FORMATS.get("markdown").render(make_report(la.load(folders[0])))):
        assert not re.search(r"(?<!&)[@#!]\w|<img", text)
        assert "@&#8203;ann fixes \\#&#8203;7" in text
        assert "@&#8203;bob\\|" in text


def test_a_file_gets_no_colours_from_the_terminal_that_the_command_runs_in(monkeypatch, report, tmp_path):
    folder = str(report.audit.save(tmp_path / "a.audit").path)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(["report", folder, "--out", str(tmp_path / "a.txt")]) == 0
    assert "\x1b" in REPORT_FORMATS.get("terminal").render(report)
    written = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert "\x1b" not in written
    assert [line.rstrip() for line in written.split("\n")] == written.split("\n")


def test_a_file_of_json_is_json_whatever_signs_end_a_line_elsewhere(tmp_path):
    labels = ["one\u2028two", "three\x85four"] * 12
    dataset = la.Dataset.from_arrays(labels, pred_probs=[[0.9, 0.1] if k % 5 else [0.3, 0.7] for k in range(24)])
    folder = str(la.audit(dataset).save(tmp_path / "a.audit").path)
    assert run(["report", folder, "--out", str(tmp_path / "a.json")]) == 0
    shown = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert {part["name"] for part in shown["health"]["classes"]} == {*labels}


class _Page(HTMLParser):
    """Collects the tags of a page, refuses what loads or runs something, and holds that all that opens is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag not in {"script", "img", "a", "iframe", "link", "b", "svg", "object"}
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href", "style"}]
        if tag not in {"meta", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_names_from_the_data_do_nothing_in_a_page():
    labels = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'] * 12
    probabilities = [[0.9, 0.1] if k % 5 else [0.45, 0.55] for k in range(24)]
    dataset = la.Dataset.from_arrays(
        labels, pred_probs=probabilities, ids=[f"</td><b>{k}" for k in range(24)], groups={"</h2><a href=x>": labels}
    )
    page = _Page()
    page.feed(REPORT_FORMATS.get("html").render(make_report(la.audit(dataset))))
    page.close()
    assert page.open == []
    assert {*labels, "By </h2><a href=x>"} <= {*page.words}
    assert any(word.startswith("</td><b>") for word in page.words)


def test_long_names_may_be_folded_on_a_page_and_sentences_keep_their_words(report):
    page = REPORT_FORMATS.get("html").render(report)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert f"payment_{FOLD}problem" in cells
    assert not [cell for cell in cells if FOLD in cell and " " in cell]


@pytest.mark.parametrize(("out", "begin"), [("a.html", "<!DOCTYPE html>"), ("a.md", "# "), ("a.json", "{")])
def test_the_ending_of_the_file_tells_the_form(out, begin, report, tmp_path, capsys):
    folder = str(report.audit.save(tmp_path / "a.audit").path)
    assert run(["report", folder, "--out", str(tmp_path / out)]) == 0
    assert (tmp_path / out).read_text(encoding="utf-8").startswith(begin)
    assert run(["report", folder, "--out", str(tmp_path / out), "--format", "terminal"]) == 0
    assert "Expected errors" in (tmp_path / out).read_text(encoding="utf-8")


def test_an_ending_that_tells_no_form_is_refused(report, tmp_path, capsys):
    folder = str(report.audit.save(tmp_path / "a.audit").path)
    assert run(["report", folder, "--out", str(tmp_path / "a.pdf")]) == 2
    assert "End it with .html, .json, .md or .txt" in capsys.readouterr().err
    assert not (tmp_path / "a.pdf").exists()
    assert run(["report", folder, "--out", str(tmp_path / "a.txt")]) == 0
    assert "Expected errors" in (tmp_path / "a.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["terminal", "html", "markdown"])
def test_a_random_check_stands_in_every_form(report, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    check = draw_check(report.audit.items["suspicion"], 200)
    wrong = np.arange(200) % 10 == 0
    summary = summarize_check(check, wrong, np.ones(200), found=7)
    whole = report_with(report, name, summary)
    low, high = (f"{end:,.0f}" for end in summary.estimate.interval)
    assert f"{low} to {high} (95% confidence interval from 200 random checks" in whole
    assert "7 found so far" in whole
    assert "no interval yet; 0 of 200" in report_with(
        report, name, summarize_check(check, wrong & False, wrong & False)
    )
    without = report_with(report, name, None)
    assert "confidence interval from" not in without
    assert ("labelaudit check" in without) == (name == "terminal")


def report_with(report, name, summary):
    text = html.unescape(REPORT_FORMATS.get(name).render(replace(report, random_check=summary)))
    return " ".join(text.replace("\\", "").split())


def test_json_has_the_numbers_of_a_random_check(report):
    check = draw_check(report.audit.items["suspicion"], 200)
    summary = summarize_check(check, np.arange(200) % 10 == 0, np.ones(200))
    shown = json.loads(REPORT_FORMATS.get("json").render(replace(report, random_check=summary)))["random_check"]
    assert shown["estimate"]["interval"] == list(summary.estimate.interval)
    assert json.loads(REPORT_FORMATS.get("json").render(report))["random_check"] is None


def test_notes_of_the_audit_stand_in_every_form(report):
    noted = replace(
        report, audit=replace(report.audit, provenance={**report.audit.provenance, "notes": ["Mind this."]})
    )
    for _, form in REPORT_FORMATS:
        assert "Mind this." in form.render(noted)


def test_the_page_begins_with_the_figures_and_the_classes_with_the_worst(report):
    page = _Page()
    page.feed(REPORT_FORMATS.get("html").render(report).replace(FOLD, ""))
    words = [word for word in page.words if word.strip()]
    health = report.health
    shown = [
        f"{health.expected_errors:,.0f}",
        f"{health.suspects:,}",
        f"{health.ambiguous:,}",
        f"{health.agreement:.1%}",
    ]
    assert [word for word in words if word in shown][:4] == shown
    names = {part.name: part.expected_errors for part in health.classes}
    told = list(dict.fromkeys(word for word in words if word in names))
    assert [names[name] for name in told] == sorted(names.values(), reverse=True)


@pytest.fixture(scope="module")
def report_with_tiny_class():
    rng = np.random.default_rng(5)
    labels = ["cat"] * 150 + ["dog"] * 150 + ["emu"]
    features = pd.DataFrame(
        {"size": np.r_[rng.normal(0, 1, 150), rng.normal(3, 1, 150), 9.0], "age": rng.normal(size=301)}
    )
    groups = {"farm": ["north"] * 300 + ["south"]}
    return make_report(la.audit(la.Dataset.from_arrays(labels, features=features, groups=groups)))


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_what_cannot_be_assessed_is_said_and_not_shown_as_a_share_of_nothing(report_with_tiny_class, name):
    health = report_with_tiny_class.health
    (emu,) = [part for part in health.classes if part.name == "emu"]
    assert (emu.items, emu.assessed, emu.share) == (1, 0, None)
    assert [part.share for part in health.groups()["farm"] if part.value == "south"] == [None]
    assert REPORT_FORMATS.get(name).render(report_with_tiny_class).count("not assessable") == 3  # count, class, slice


def test_an_audit_that_did_not_count_what_was_assessed_still_has_its_report(report):
    old = report.health.as_dict()
    for part in (*old["classes"], *old["slices"]):
        del part["assessed"]
    kept = Health.from_dict(old)
    assert [part.share_in_words for part in kept.classes] == [part.share_in_words for part in report.health.classes]


@pytest.fixture(scope="module")
def report_with_odd_names():
    probabilities = [[0.9, 0.1] if k % 5 else [0.3, 0.7] for k in range(90)]
    labels = ["a" * 300, "b"] * 45
    groups = {"shop": [f"shop {k // 3}" if k % 3 else "" for k in range(90)]}
    return make_report(la.audit(la.Dataset.from_arrays(labels, pred_probs=probabilities, groups=groups)), top=4)


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_what_a_report_leaves_out_is_said(report_with_odd_names, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = REPORT_FORMATS.get(name).render(report_with_odd_names)
    shown, kept = 10, len(report_with_odd_names.health.groups()["shop"])
    assert f"the {shown} values with most expected errors; --format json has {kept}." in text
    assert f"Most suspicious labels, 4 of {report_with_odd_names.health.suspects} flagged" in text
    assert "(empty)" in text  # the shop that has no name


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_there_is_no_empty_column_where_items_have_no_content(report, report_with_odd_names, name):
    render = REPORT_FORMATS.get(name).render
    heads = [
        len(re.findall(r"\bItem\b", re.sub(r"(?s)<style>.*</style>", "", render(r))))
        for r in (report, report_with_odd_names)
    ]
    assert heads[0] >= 2
    assert heads[1] == 0


def test_long_names_take_no_screen_and_files_get_no_blanks_at_the_ends_of_lines(report_with_odd_names, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = REPORT_FORMATS.get("terminal").render(report_with_odd_names).splitlines()
    assert lines[0].startswith("Data")
    assert lines == [line.rstrip() for line in lines]
    classes = lines[lines.index("Classes") : lines.index("Most confused pairs")]
    assert len(classes) < 15
    assert any("…" in line for line in classes)


def test_in_a_narrow_terminal_names_stay_whole_and_bars_give_way(report, monkeypatch):
    for columns, has_bars in (("80", False), ("110", True)):
        monkeypatch.setenv("COLUMNS", columns)
        text = REPORT_FORMATS.get("terminal").render(report)
        classes = text[text.index("Classes") : text.index("Most confused pairs")]
        assert all(f"{part.name} " in classes for part in report.health.classes)
        assert ("▇" in classes) == has_bars


def test_on_what_the_counts_rest_is_told_after_the_plain_sentence(report_with_tiny_class):
    health = report_with_tiny_class.health
    assert health.expected_precision_line.endswith("are expected to be wrong")
    for name, form in REPORT_FORMATS:
        text = " ".join(form.render(report_with_tiny_class).split())
        if name != "json":
            assert text.index(health.expected_precision_line) < text.index(
                "How the counts were made: labelaudit planted"
            )
    page = REPORT_FORMATS.get("html").render(report_with_tiny_class)
    assert "<details><summary>How we know</summary>How the counts were made" in page
