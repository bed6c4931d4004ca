"""Files and folders that are either whole or not there.

Everything is written beside its place and renamed at the end, so that a crash, a full disk or Ctrl-C leaves what was
there before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labelaudit.errors import OutputError

__all__ = ["atomic_file", "atomic_folder"]


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` on success.

    Parameters
    ----------
    path : path-like
        The file to create or replace. Where it is a link, the file that it leads to.
    durable : bool
        Wait until the content is on the disk. Turn it off for many files that can be made again, and are checked when
        they are used: a power failure may leave such a file empty.

    Raises
    ------
    OutputError
        If the folder does not exist, cannot be written to, or the disk is full; or `path` is a device or a pipe, which
        would be replaced by a file.
    """
    target = _real(path)
    if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
        raise OutputError(
            f"{path} is a device or a pipe, and results are written as whole files.",
            "Name a file; what goes to standard output can be piped on.",
        )
    with _os_errors_named(target):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
        os.close(descriptor)
        temporary = Path(name)
    try:
        with _os_errors_named(target):
            yield temporary
            if durable:
                _sync(temporary)
            # mkstemp makes private files; the result gets the rights any new file of the user has.
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], *, keep: tuple[str, ...] = ()) -> Iterator[Path]:
    """Give a temporary folder beside `path` to fill; put it in the place of `path` on success.

    Parameters
    ----------
    path : path-like
        The folder to create or replace. Where it is a link, the folder that it leads to.
    keep : tuple of str
        Names inside an existing `path` to carry over where the new folder has none (a review store, say).

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    target = _real(path)
    with _os_errors_named(target):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        with _os_errors_named(target):
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _sync(file)
            temporary.chmod(0o777 & ~_umask())
            _swap(temporary, target, keep)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _real(path: str | os.PathLike[str]) -> Path:
    """Return what a link leads to: renaming onto the link itself would put a file in its place."""
    plain = Path(path)
    return Path(os.path.realpath(plain)) if plain.is_symlink() else plain


def _swap(temporary: Path, target: Path, keep: tuple[str, ...]) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    # A folder cannot be replaced in one step: the old one steps aside and comes back if the rename fails.
    aside = temporary.with_name(temporary.name + ".old")
    target.rename(aside)
    try:
        for name in keep:
            if (aside / name).exists() and not (temporary / name).exists():
                (aside / name).rename(temporary / name)
        temporary.rename(target)
    except BaseException:
        for name in keep:
            if (temporary / name).exists() and not (aside / name).exists():
                (temporary / name).rename(aside / name)
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _os_errors_named(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Temporary names are absolute, the target may be relative.
        if error.filename is not None and target.parent.absolute() not in _absolute(error.filename).parents:
            raise  # an error of another file, met while this one was open
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {target}: {reason}.",
            "Nothing was changed. Free some space, or choose a folder that exists and can be written to.",
        ) from error


def _absolute(name: str | bytes | int) -> Path:
    return Path(os.fsdecode(name) if isinstance(name, str | bytes) else "").absolute()


def _sync(path: Path) -> None:
    with path.open("r+b" if os.name == "nt" else "rb") as file:  # Windows writes back only what may be written to
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
