"""``labelaudit audit``: from a labelled data set to a ranked audit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._options import options_of, resolve
from labelaudit.cli._review import me, person_option, store_option
from labelaudit.config import AuditConfig, ReadOptions

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset
    from labelaudit.verdicts import Judgement

__all__ = ["command"]


@click.command(
    short_help="Find suspect labels and ambiguous items in a data set.",
    epilog="""\b
Examples:
  labelaudit audit tickets.csv
  labelaudit audit tickets.csv --label intent --text subject --text body --out tickets.audit
  labelaudit audit photos/                                  one folder per class
  labelaudit audit loans.csv --label status --drop customer_number
  labelaudit audit labels.npy --pred-probs model_a.npy --pred-probs model_b.npy
  labelaudit audit scans.csv --group patient --fold-group patient --repeats 3
  labelaudit audit tickets.csv --config labelaudit.toml --resume
  labelaudit audit tickets.clean.csv --after tickets.audit""",
)
@click.argument("data", type=click.Path())
@click.option("--out", type=click.Path(), help="Audit folder to write.  [default: the data's name with .audit, here]")
@click.option("--overwrite", is_flag=True, help="Replace an earlier audit at --out.")
@click.option("--resume", is_flag=True, help="Go on after an interruption: finished folds are not repeated.")
@click.option(
    "--after",
    type=click.Path(),
    metavar="AUDIT",
    help="Earlier audit of this data: read it the same way and take its decisions along. Nobody is asked twice, and"
    " counts learn from what was decided.",
)
@person_option
@store_option
@click.option("--config", type=click.Path(), metavar="FILE", help="TOML file with options in [read] and [audit].")
@options_of(ReadOptions)
@options_of(AuditConfig)
def command(
    data: str,
    out: str | None,
    overwrite: bool,
    resume: bool,
    after: str | None,
    person: str | None,
    url: str | None,
    config: str | None,
    **given: Any,
) -> None:
    """Audit the labels of DATA and write the result as a folder.

    DATA is a CSV, TSV, JSONL or Parquet file, a folder of Parquet shards or of images by class, a Hugging Face dataset
    saved on disk, or NumPy labels. Columns are recognised where they are unmistakable.

    Without probabilities of your own (--pred-probs), labelaudit trains a classifier by cross-validation, so that each
    item is judged by a model that has not seen it. With both --pred-probs and --classifier or --model, it does so as
    well, and all sources are pooled.
    """
    from labelaudit.cli._console import messages, progress
    from labelaudit.pipeline import audit
    from labelaudit.previews import printable
    from labelaudit.readers import read

    read_options = resolve(ReadOptions, given, config)
    audit_config = resolve(AuditConfig, given, config)
    if after is not None:
        read_options = _read_as_before(after, read_options)
    target = _target(data, out, overwrite=overwrite)
    if after is not None:
        _check_carry(after, target, me(person), url)
    checkpoint = target.with_name(target.name + ".partial")
    say = messages()
    with progress() as move:
        move(0, 1, "Reading")
        dataset = read(data, read_options, progress=move)
        move(1, 1, "Reading")
        for line in (_recognised(dataset), *(dataset.origin.notes if dataset.origin else ())):
            say.print(printable(line), style="quiet", soft_wrap=True, markup=False)
        with _alone(target, checkpoint), _checkpoint_in(checkpoint):
            _target(data, out, overwrite=overwrite)  # another run may have written it while the data was read
            judged = None if after is None else _judged(after, dataset, url)
            result = audit(dataset, audit_config, judged=judged, progress=move, checkpoint=checkpoint, resume=resume)
            result.save(target)
            _remove(checkpoint)
    _summarize(result, target)
    if after is not None:
        _carry(after, target, me(person), url)


def _read_as_before(after: str, options: ReadOptions) -> ReadOptions:
    """Take what is not given from the earlier audit; corrected data has columns beside those that it was read by."""
    from dataclasses import replace

    from labelaudit.audit_folder import load

    origin = load(after).origin
    before = ReadOptions() if origin is None else ReadOptions.from_dict(origin.options)
    plain = ReadOptions()
    taken = {name: getattr(before, name) for name in _KEPT_OPTIONS if getattr(options, name) == getattr(plain, name)}
    return replace(options, **taken)


_KEPT_OPTIONS = ("label", "text", "image", "id", "features", "group", "classes", "encoding", "delimiter", "normalize")


def _check_carry(after: str, target: Path, person: str, url: str | None) -> bool:
    from labelaudit.reviewing import check_carry_over

    return check_carry_over(after, target, person=person, store=url)


def _judged(after: str, dataset: Dataset, url: str | None) -> dict[str, Judgement]:
    from labelaudit.reviewing import judged_before

    return judged_before(after, dataset, store=url)


def _carry(after: str, target: Path, person: str, url: str | None) -> None:
    """Take the decisions of the earlier audit along, if there are any."""
    from labelaudit.reviewing import carry_over

    if not _check_carry(after, target, person, url):
        click.echo(f"Nobody has decided anything in {after} yet.")
        return
    done = carry_over(after, target, person=person, store=url)
    click.echo(f"{done.kept} judged items carried over; {done.set_aside} changed or are gone.")


def _target(data: str, out: str | None, *, overwrite: bool) -> Path:
    from labelaudit.audit_folder import check_replaceable
    from labelaudit.errors import OutputError, UsageError

    # Links keep their name: what they lead to may have one that says nothing.
    name = Path(os.path.abspath(data)).name or "data"  # noqa: PTH100
    target = Path(out) if out else Path(name).with_suffix(".audit")
    if not target.name:
        raise UsageError(f"{target} names no folder to write.", "Give one with a name: --out NAME.audit")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists.", "Choose another --out, or replace it with --overwrite.")
    check_replaceable(target)
    parent = Path(os.path.realpath(target)).parent  # unlike resolve() it bears a link to itself
    if not parent.is_dir():
        raise UsageError(f"There is no folder {parent} for {target.name}.", "Create it or choose another --out.")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"The folder {parent} cannot be written to.", "Choose another --out.")
    return target


def _alone(target: Path, checkpoint: Path) -> AbstractContextManager[None]:
    """Keep a second run off what a first one is making: each would take the other's finished folds away."""
    from labelaudit.errors import OutputError
    from labelaudit.locks import held

    def refuse() -> None:
        raise OutputError(
            f"{target} is being written by another run of labelaudit.",
            "Wait until it has finished, or give this one another --out.",
        )

    return held(checkpoint / "lock", busy=refuse, create=True)


@contextlib.contextmanager
def _checkpoint_in(checkpoint: Path) -> Iterator[None]:
    """Keep finished folds for another run; not after an error of options, data or model, which would come again."""
    from labelaudit.errors import DataError, UsageError

    kept = f"Finished folds are kept in {checkpoint}; go on by adding --resume to the same command."
    try:
        yield
    except (UsageError, DataError):
        _remove(checkpoint)
        raise
    except KeyboardInterrupt:
        said = kept if _holds_folds(checkpoint) else "Nothing was written."
        raise KeyboardInterrupt(f"Interrupted. {said}") from None
    except Exception:  # of whatever kind: it goes on, and only what is kept is said
        if _holds_folds(checkpoint):
            click.echo(kept, err=True)
        raise


def _holds_folds(checkpoint: Path) -> bool:
    """Tell whether a fold was finished; what holds none is removed."""
    holds = any(checkpoint.rglob("fold-*.npz"))
    if not holds:
        _remove(checkpoint)
    return holds


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _recognised(dataset: Dataset) -> str:
    from labelaudit.domain import UNLABELLED

    origin = dataset.origin
    if origin is None:
        return f"{len(dataset):,} items"
    used = ", ".join(
        f"{name} {_listed(origin.options[name])}"
        for name in ("label", "text", "image", "id", "embeddings", "pred_probs", "group")
        if origin.options.get(name)
    )
    unlabelled = int((dataset.labels == UNLABELLED).sum())
    items = f"{len(dataset):,} items" + (f" ({unlabelled:,} unlabelled)" if unlabelled else "")
    return f"{origin.path}: {items}, {dataset.n_classes} classes, {dataset.modality}" + (f" ({used})" if used else "")


def _listed(value: Any) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _summarize(result: Audit, target: Path) -> None:
    from labelaudit.health import Health

    health = Health.from_dict(result.health)
    among = f"{health.items:,}" + (f" ({health.not_assessable:,} not assessable)" if health.not_assessable else "")
    precision = f", {health.suspects_in_words}," if health.suspects else ""
    click.echo(
        f"{health.suspects:,} suspect label{_s(health.suspects)}{precision} and {health.ambiguous:,} "
        f"ambiguous item{_s(health.ambiguous)} among {among}."
    )
    errors = f"{health.expected_errors:,.0f}"
    click.echo(f"About {errors} {'label is' if errors == '1' else 'labels are'} expected to be wrong in all.")
    if health.caution:
        click.echo(health.caution)
    click.echo(f"Wrote {target}  ·  see it with: labelaudit report {target}")
