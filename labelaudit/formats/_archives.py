"""Documents inside folders and zip archives, read where they are: nothing is ever unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from labelaudit.errors import ReadError

__all__ = ["documents", "is_archive"]

_LARGEST = 1 << 30


def is_archive(path: Path) -> bool:
    """Tell whether `path` is named like a zip archive."""
    return path.suffix.lower() == ".zip"


def documents(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each document whose path ends as `pattern`: in a folder, a zip, or the file itself.

    Raises
    ------
    ReadError
        If there is none, the archive is damaged, names places outside of itself, or a document exceeds 1 GiB.
    """
    found = 0
    for name, content in _members(path, pattern):
        found += 1
        yield name, content
    if not found:
        kind = "archive" if is_archive(path) else "folder"
        raise ReadError(f"There is no {pattern} in the {kind} {path}.", "Check that it is the right export.")


def _members(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    try:
        if is_archive(path):
            yield from _zipped(path, pattern)
        elif path.is_dir():
            for file in sorted(file for file in path.rglob("*") if file.is_file()):
                if PurePosixPath(file.relative_to(path).as_posix()).match(pattern):
                    _check_size(file.name, file.stat().st_size)
                    yield file.relative_to(path).as_posix(), file.read_bytes()
        else:
            _check_size(str(path), path.stat().st_size)
            yield path.name, path.read_bytes()
    except OSError as error:
        raise ReadError(
            f"{error.filename or path} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error


def _zipped(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename.replace("\\", "/"))
                if name.is_absolute() or ".." in name.parts or name.as_posix()[1:2] == ":":
                    raise ReadError(
                        f"{path} holds the entry {member.filename!r}, which points outside of the archive.",
                        "No annotation tool writes such an archive; do not unpack it.",
                    )
                if not member.is_dir() and name.match(pattern):
                    _check_size(f"{member.filename} in {path}", member.file_size)
                    with archive.open(member) as file:
                        content = file.read(_LARGEST + 1)  # what the archive says of sizes may be a lie
                    _check_size(f"{member.filename} in {path}", len(content))
                    yield member.filename, content
    except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        # RuntimeError: encrypted; NotImplementedError: an unknown compression.
        raise ReadError(f"{path} is no readable zip archive: {error}.", "Export it again.") from error
    except OSError as error:
        if error.filename is not None:  # the file itself, not a place within it that damaged contents name
            raise
        raise ReadError(f"{path} is no readable zip archive: {error.strerror or error}.", "Export it again.") from error


def _check_size(name: str, size: int) -> None:
    if size > _LARGEST:
        raise ReadError(f"{name} has {size:,} bytes; at most {_LARGEST:,} are read.", "Export in smaller parts.")
