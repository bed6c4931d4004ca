"""``labelaudit score``: labels and probabilities in, scores out, without a data set around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from labelaudit.passes import MemberKind
    from labelaudit.scoring import Scores

__all__ = ["command"]


@click.command(
    short_help="Score labels against probabilities, arrays alone.",
    epilog="""\b
Examples:
  labelaudit score --labels y.npy --pred-probs P.npy --out scores.parquet
  labelaudit score --labels y.npy --pred-probs a.npy --pred-probs b.npy --out scores.csv
  labelaudit score --labels y.npy --pred-probs P.npy --score entropy --score logit_margin --out scores.parquet
  labelaudit score --labels y.npy --pred-probs huge.npy --memory 200MB --out scores.parquet""",
)
@click.option("--labels", required=True, type=click.Path(), metavar="FILE", help="Class indices as .npy (n,).")
@click.option(
    "--pred-probs",
    required=True,
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Out-of-sample probabilities (n, K) as .npy, .parquet or .zarr; repeat for several models.",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="File to write: .parquet or .csv.")
@click.option("--score", "names", multiple=True, metavar="NAME", help="Only this score; repeat for several.")
@click.option("--embeddings", type=click.Path(), metavar="FILE", help="Embeddings as .npy (n, d), for neighbours.")
@click.option("--repeats", is_flag=True, help="Several sources are repeats of one model, so they count alike.")
@click.option("--normalize", is_flag=True, help="Scale rows of probabilities that do not sum to 1.")
@click.option("--memory", default="512MB", metavar="SIZE", help="Memory budget for chunks.  [default: 512MB]")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads.  [default: all cores]")
def command(
    labels: str,
    pred_probs: tuple[str, ...],
    out: str,
    names: tuple[str, ...],
    embeddings: str | None,
    repeats: bool,
    normalize: bool,
    memory: str,
    threads: int | None,
) -> None:
    """Score labels against predicted probabilities, one row for each item in their order.

    Columns: given and suggested class, suspicion, ambiguity, flags, and every score that what is given allows. Arrays
    stay on disk while they are read, so they may be larger than memory.
    """
    from pathlib import Path

    from labelaudit.cli._console import messages
    from labelaudit.readers._arrays import open_npy, open_pred_probs
    from labelaudit.scores import SCORES
    from labelaudit.scoring import score

    target = _target(out)
    for name in names:
        SCORES.get(name)  # a wrong name is reported before the work, not after it
    given = open_npy(Path(labels), "labels")
    members: MemberKind = "repeats" if repeats else "models"
    scores = score(
        given,
        open_pred_probs([Path(path) for path in pred_probs], n=len(given)),
        memory=memory,
        threads=threads,
        normalize=normalize,
        embeddings=None if embeddings is None else open_npy(Path(embeddings), "embeddings"),
        members=members,
    )
    _write(_table(scores, names or scores.names), target)
    messages().print(
        f"{len(scores):,} items, {int(scores.is_suspect.sum()):,} suspects, "
        f"about {scores.expected_errors:,.0f} label errors: {target}",
        soft_wrap=True,
    )


def _target(out: str) -> Path:
    from pathlib import Path

    from labelaudit.errors import UsageError

    target = Path(out)
    if target.suffix not in {".parquet", ".csv"}:
        raise UsageError(f"The ending of {target} is neither .parquet nor .csv.", "Give --out one of these endings.")
    return target


def _table(scores: Scores, names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    axes = {
        "given": scores.rows.given,
        "suggested": scores.suggested,
        "suspicion": scores.suspicion,
        "ambiguity": scores.ambiguity,
        "is_suspect": scores.is_suspect,
        "is_ambiguous": scores.ranking.is_ambiguous,
    }
    return pd.DataFrame(axes | {name: scores[name] for name in names})


def _write(table: pd.DataFrame, target: Path) -> None:
    from labelaudit.atomic import atomic_file

    with atomic_file(target) as path:
        if target.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
