"""The command line: every command has help with examples, errors end with their status and leave nothing behind."""

from __future__ import annotations

import json
import re

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import labelaudit as la
from labelaudit.__main__ import run
from labelaudit.cli import COMMANDS, group

ALL = list(COMMANDS.names())


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """Labels and probabilities of a data set with some wrong labels, as files."""
    folder = tmp_path_factory.mktemp("arrays")
    rng = np.random.default_rng(7)
    true = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet(np.ones(3), 200) * 0.3 + 0.7 * np.eye(3)[true]
    labels = true.copy()
    labels[:12] = (true[:12] + 1) % 3
    np.save(folder / "labels.npy", labels)
    np.save(folder / "probs.npy", probabilities.astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def audited(arrays, tmp_path_factory):
    out = tmp_path_factory.mktemp("audited") / "a.audit"
    arguments = ["audit", str(arrays / "labels.npy"), "--pred-probs", str(arrays / "probs.npy"), "--out", str(out)]
    assert run(arguments) == 0
    return out


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_with_examples(name):
    command = COMMANDS.get(name)
    assert isinstance(command, click.Command)
    assert command.short_help or command.help
    result = CliRunner().invoke(group, [name, "--help"])
    assert result.exit_code == 0
    assert "labelaudit " + name in result.output
    if not isinstance(command, click.Group):
        assert "Example" in result.output


def test_audit_finds_what_is_wrong(audited):
    items = la.load(audited).items
    assert set(items.head(12)["row"]) == set(range(1, 13))
    assert items["is_suspect"].head(12).all()


def test_an_existing_audit_is_not_replaced_unasked(arrays, audited, capsys):
    arguments = ["audit", str(arrays / "labels.npy"), "--pred-probs", str(arrays / "probs.npy"), "--out", str(audited)]
    assert run(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run([*arguments, "--overwrite"]) == 0


def test_bad_input_leaves_nothing(tmp_path, capsys):
    (tmp_path / "empty.csv").touch()
    assert run(["audit", str(tmp_path / "empty.csv"), "--out", str(tmp_path / "a.audit")]) == 3
    captured = capsys.readouterr()
    assert "Error:" in captured.err
    assert "Traceback" not in captured.err
    assert [p.name for p in tmp_path.iterdir()] == ["empty.csv"]


def test_missing_output_folder(arrays, tmp_path, capsys):
    out = str(tmp_path / "no" / "where.audit")
    assert run(["audit", str(arrays / "labels.npy"), "--pred-probs", str(arrays / "probs.npy"), "--out", out]) == 2
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["audti"], 2, "Did you mean 'audit'"),
        (["audit"], 2, "Missing argument"),
        (["report", "nowhere.audit"], 3, "does not exist"),
        (["audit", "nowhere.csv"], 3, "nowhere.csv"),
        (["audit", "x.csv", "--folds", "1"], 2, "at least 2"),
        (["audit", "x.csv", "--folds", "many"], 2, "many"),
        (["audit", "x.csv", "--config", "none.toml"], 2, "no configuration file"),
    ],
)
def test_mistakes_end_with_their_status(arguments, status, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_our_own_fault_says_so(monkeypatch, capsys, audited):
    monkeypatch.setattr("labelaudit.audit_folder.load", lambda path: 1 / 0)
    assert run(["report", str(audited)]) == 4
    assert "Please report it" in capsys.readouterr().err


def test_report_forms(audited, capsys, tmp_path):
    assert run(["report", str(audited)]) == 0
    assert "Expected errors" in capsys.readouterr().out
    assert run(["report", str(audited), "--format", "json", "--top", "3"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["suspects"]) == 3
    assert content["health"]["items"] == 200
    assert run(["report", str(audited), "--format", "markdown", "--out", str(tmp_path / "h.md")]) == 0
    assert (tmp_path / "h.md").read_text().startswith("# Label health")
    assert run(["report", str(audited), "--format", "markdwon"]) == 2
    assert "Did you mean 'markdown'" in capsys.readouterr().err


def test_items_forms(audited, capsys, tmp_path):
    assert run(["items", str(audited), "--limit", "5", "--format", "jsonl"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 5
    assert records[0]["rank"] == 1
    out = tmp_path / "items.parquet"
    assert run(["items", str(audited), "--queue", "all", "--out", str(out)]) == 0
    assert len(pd.read_parquet(out)) == 200
    csv = tmp_path / "items.csv"
    assert run(["items", str(audited), "--given", "0", "--out", str(csv)]) == 0
    assert set(pd.read_csv(csv)["given_label"]) == {0}
    assert run(["items", str(audited)]) == 0
    assert re.search(r"Rank +Suspicion", capsys.readouterr().out)
    assert run(["items", str(audited), "--given", "9"]) == 2
    assert "Unknown class '9'" in capsys.readouterr().err


def test_options_in_toml(arrays, tmp_path, capsys):
    config = tmp_path / "labelaudit.toml"
    config.write_text(f'[read]\npred_probs = ["{arrays / "probs.npy"}"]\n[audit]\nseed = 5\n')
    out = tmp_path / "a.audit"
    assert run(["audit", str(arrays / "labels.npy"), "--config", str(config), "--out", str(out)]) == 0
    assert la.load(out).config.seed == 5
    again = tmp_path / "b.audit"
    arguments = ["audit", str(arrays / "labels.npy"), "--config", str(config), "--seed", "6", "--out", str(again)]
    assert run(arguments) == 0
    assert la.load(again).config.seed == 6
