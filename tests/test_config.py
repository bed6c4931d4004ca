"""Options: the same in Python, TOML and on the command line, and checked everywhere."""

from __future__ import annotations

import json

import pytest

from labelaudit.config import AuditConfig, ReadOptions, load_config, parse_memory
from labelaudit.errors import ConfigError, UnknownNameError


def test_defaults_are_valid():
    assert AuditConfig().folds == 5
    assert ReadOptions().encoding == "utf-8"


def test_round_trip_through_json():
    config = AuditConfig(folds=3, repeats=2, fold_group="customer")
    assert AuditConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "'folds' is 1.*at least 2"),
        ({"folds": "five"}, "'folds' is 'five'.*a whole number"),
        ({"flag_above": 1.5}, "'flag_above' is 1.5.*a number from 0 to 1"),
        ({"flag_above": float("nan")}, "'flag_above' is nan"),
        ({"folds": True}, "'folds' is True"),
        ({"seed": -1}, "'seed' is -1"),
        ({"memory": "lots"}, "'lots' is not a size"),
        ({"memory": "0MB"}, "is not a size"),
        ({"model": "a:b", "classifier": "text"}, "Both"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        AuditConfig(**options)


def test_where_it_runs_changes_no_result():
    assert AuditConfig(workers=1).result_options() == AuditConfig(workers=4, memory="1GB").result_options()
    assert AuditConfig(seed=1).result_options() != AuditConfig().result_options()


def test_toml(tmp_path):
    file = tmp_path / "labelaudit.toml"
    file.write_text(
        '[read]\ntext = ["subject", "body"]\nlabel = "intent"\n[audit]\nfolds = 3\nfold-group = "customer"\n'
    )
    options = load_config(file)
    assert ReadOptions(**options["read"]).text == ("subject", "body")
    assert AuditConfig(**options["audit"]).fold_group == "customer"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("[audit]\nfold = 3\n", UnknownNameError, "Did you mean 'folds'"),
        ("[audits]\nfolds = 3\n", UnknownNameError, "Did you mean 'audit'"),
        ("audit = 3\n", ConfigError, "'audit' is 3, no table"),
        ("[audit\n", ConfigError, "line 1"),
    ],
)
def test_bad_toml_is_named(tmp_path, content, error, message):
    file = tmp_path / "labelaudit.toml"
    file.write_text(content)
    with pytest.raises(error, match=message):
        load_config(file)


def test_missing_toml(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize(("size", "expected"), [("1", 1), ("1kb", 1000), ("1.5 GB", 1_500_000_000), ("2KiB", 2048)])
def test_memory(size, expected):
    assert parse_memory(size) == expected


@pytest.mark.parametrize("size", ["", "many", "0", "0.4", "-1GB", "1 GB MB", "9" * 400])
def test_no_memory(size):
    with pytest.raises(ConfigError, match="is not a size"):
        parse_memory(size)
