"""Bad inputs by name: how to make one, the error it gets, and words that its message must have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelaudit.errors import LabelAuditError
from labelaudit.readers import read

GOOD = "id,text,label\na,the red one,x\nb,the blue one,y\nc,a red hat,x\nd,a blue hat,y\n"

Build = Callable[[Path], tuple[Path, dict[str, Any]]]


class Cases(dict[str, tuple[Build, type[LabelAuditError], tuple[str, ...]]]):
    """Bad inputs; calling it registers one."""

    def __call__(self, error: type[LabelAuditError], *words: str) -> Callable[[Build], Build]:
        def register(build: Build) -> Build:
            assert build.__name__ not in self
            self[build.__name__] = (build, error, words)
            return build

        return register

    def check(self, name: str, folder: Path) -> None:
        """Read the input: one clear error that says what, where, and how to mend it, and nothing is left behind."""
        build, error, words = self[name]
        path, options = build(folder)
        before = sorted(folder.rglob("*"))
        with pytest.raises(error) as caught:
            read(path, **options)
        for word in words:
            assert word in str(caught.value)
        assert caught.value.fix, "the message must say how to mend it"
        assert caught.value.exit_code in {2, 3}
        assert sorted(folder.rglob("*")) == before


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(folder: Path, content: str | bytes = GOOD, **options: Any) -> tuple[Path, dict[str, Any]]:
    return write(folder / "data.csv", content), options


def labels(folder: Path, *cells: str, **options: Any) -> tuple[Path, dict[str, Any]]:
    rows = "".join(f"r{i},words of item {i},{cell}\n" for i, cell in enumerate(cells))
    return table(folder, f"id,text,label\n{rows}", **options)
