"""What an audit remembers of its batches: one file each in the folder ``batches`` of the audit.

Nothing that a format cannot carry is lost: reasons, inclusion probabilities and the content as it was shown are here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelaudit.atomic import atomic_file
from labelaudit.domain import Batch, BatchItem
from labelaudit.errors import AuditFolderError, OutputError, UnknownNameError, UsageError
from labelaudit.hashing import json_checksum
from labelaudit.locks import held

__all__ = ["BatchRecord", "choosing", "keep_record", "records", "withdraw"]

_FOLDER = "batches"
_VERSION = 1
_OWN_CHECKSUM = "record_checksum"


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """A batch that was written.

    Attributes
    ----------
    batch : Batch
        The batch.
    format : str
        Name of the format.
    path : str
        Where it was written, in full; empty if it is answered on the review page only.
    created : str
        When (UTC, ISO 8601).
    checksum : str
        SHA-256 of the written files, 64 hexadecimal digits.
    options : mapping
        How it was chosen.
    lost : tuple of str
        What the format has no place for.
    withdrawn : bool
        Whether nobody is expected to answer it any more.
    """

    batch: Batch
    format: str
    path: str
    created: str
    checksum: str
    options: dict[str, Any]
    lost: tuple[str, ...] = ()
    withdrawn: bool = False


def choosing(
    folder: str | os.PathLike[str], *, waiting: Callable[[], None] = lambda: None
) -> AbstractContextManager[None]:
    """Keep others from choosing a batch of the audit `folder`, from looking what is out to keeping the record.

    Without it two who choose at the same moment would send the same items. The lock is on ``audit.json`` itself, so
    that nothing is left behind; see :func:`labelaudit.locks.held` for where there is none.

    Parameters
    ----------
    folder : path-like
        The audit.
    waiting : callable
        Called once where somebody else is choosing, before waiting for them.
    """
    return held(Path(folder) / "audit.json", busy=waiting)


def keep_record(
    folder: str | os.PathLike[str],
    batch: Batch,
    *,
    format: str,
    written: Sequence[Path],
    options: dict[str, Any],
    lost: Sequence[str] = (),
) -> BatchRecord:
    """Remember in the audit `folder` that `batch` was written, or with no files that it is answered on the page.

    Raises
    ------
    OutputError
        If the audit cannot be written to.
    """
    record = BatchRecord(
        batch=batch,
        format=format,
        path=str(written[0].absolute()) if written else "",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        checksum=_checksum(written),
        options=options,
        lost=tuple(lost),
    )
    _write(record, Path(folder))
    return record


def withdraw(folder: str | os.PathLike[str], batch_id: str) -> BatchRecord:
    """Note in the audit `folder` that nobody will answer a batch any more, so that its items may be chosen again.

    Answers that come all the same are still known and can be imported.

    Raises
    ------
    UnknownNameError
        If there is no such batch.
    OutputError
        If the audit cannot be written to.
    """
    known = records(folder)
    if batch_id not in known:
        raise UnknownNameError.among("batch", batch_id, known)
    record = replace(known[batch_id], withdrawn=True)
    _write(record, Path(folder))
    return record


def _write(record: BatchRecord, folder: Path) -> None:
    place = folder / _FOLDER
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The batch {record.batch.batch_id} cannot be noted in {place}: {error.strerror or error}.",
            "Make the audit a folder that can be written to, and write the batch again: answers to a batch that the "
            "audit does not know cannot be imported.",
        ) from error
    with atomic_file(place / f"{record.batch.batch_id}.json") as file:
        values = {"version": _VERSION, **asdict(record)}
        values[_OWN_CHECKSUM] = json_checksum(values)
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
        file.write_text(text + "\n", encoding="utf-8")


def records(folder: str | os.PathLike[str]) -> dict[str, BatchRecord]:
    """Return the batches of the audit `folder` by their id, oldest first.

    Raises
    ------
    AuditFolderError
        If a record is damaged or was written by a newer version.
    """
    found = [_read(file) for file in sorted((Path(folder) / _FOLDER).glob("b-*.json"))]
    return {record.batch.batch_id: record for record in sorted(found, key=lambda record: record.created)}


def _read(file: Path) -> BatchRecord:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["version"] > _VERSION:
            raise UsageError(
                f"{file} was written by a newer labelaudit.", "Update it: pip install --upgrade labelaudit"
            )
        own = values.pop(_OWN_CHECKSUM, None)
        is_changed = own is not None and own != json_checksum(values)
        del values["version"]
        batch = values.pop("batch")
        items = tuple(BatchItem(**item) for item in batch.pop("items"))
        lost = tuple(values.pop("lost"))
        whole = Batch(**{**batch, "classes": tuple(batch["classes"])}, items=items)
        record = BatchRecord(batch=whole, lost=lost, **values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AuditFolderError(
            f"{file} cannot be read ({type(error).__name__}: {error}).", "Restore it from a copy of the audit."
        ) from error
    if is_changed:
        raise AuditFolderError(f"{file} was changed after it was written.", "Restore it from a copy of the audit.")
    return record


def _checksum(written: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(written):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
