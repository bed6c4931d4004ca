"""The registry: names without imports, suggestions, plugins of installed packages."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.registry import Registry

FORMATS: Registry[object] = Registry("report format", "labelaudit.reporting")


def test_names_come_from_files_and_import_nothing():
    code = (
        "import sys; from labelaudit.registry import Registry; "
        "names = Registry('report format', 'labelaudit.reporting').names(); "
        "assert 'terminal' in names, names; assert 'labelaudit.reporting.terminal' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_suggests_the_closest():
    with pytest.raises(UnknownNameError, match=r"Unknown report format 'markdwon'\. Did you mean 'markdown'\?"):
        FORMATS.get("markdwon")


def test_a_plugin_is_imported_once():
    assert FORMATS.get("json") is FORMATS.get("json")


def entry_point(monkeypatch, value: str) -> None:
    point = metadata.EntryPoint(name="extra", value=value, group="labelaudit.reporting")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "labelaudit.reporting" else [])


def test_an_installed_package_adds_a_plugin(monkeypatch):
    entry_point(monkeypatch, "labelaudit.reporting.json:PLUGIN")
    registry: Registry[object] = Registry("report format", "labelaudit.reporting")
    assert "extra" in registry.names()
    assert registry.get("extra") is registry.get("json")


def test_a_broken_plugin_is_named(monkeypatch):
    entry_point(monkeypatch, "no_such_package.module:PLUGIN")
    with pytest.raises(UsageError, match=r"'extra'.*no_such_package"):
        Registry("report format", "labelaudit.reporting").get("extra")


def test_a_plugin_of_the_wrong_kind_is_refused(monkeypatch):
    from labelaudit.reporting import ReportFormat

    entry_point(monkeypatch, "labelaudit.errors:LabelAuditError")
    with pytest.raises(UsageError, match="no report format"):
        Registry("report format", "labelaudit.reporting", ReportFormat).get("extra")
