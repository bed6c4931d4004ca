"""la.score: sources of all kinds, invariance, pooling, bad input, the command."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from labelaudit.__main__ import run
from labelaudit.chunks import ParquetProbs, chunk_rows
from labelaudit.errors import ConfigError, LabelsError, ProbabilityError, ReadError, UsageError
from labelaudit.kernels import COMPILED_FROM
from labelaudit.passes import gather_evidence, walk_for_evidence
from labelaudit.pooling import mixture_weights
from labelaudit.scores import SCORES
from labelaudit.scoring import Scores, score
from labelaudit.walk import Walk

COMPILED = COMPILED_FROM // 50 + 7
"""Rows of 50 classes that the compiled kernel reduces."""


def assert_same(one, other):
    for name in (f.name for f in fields(one.rows) if f.name != "n_classes"):
        np.testing.assert_array_equal(getattr(one.rows, name), getattr(other.rows, name), err_msg=name)
    for name in ("counts", "confidence", "joint_cells", "joint_counts"):
        np.testing.assert_array_equal(getattr(one.statistics, name), getattr(other.statistics, name), err_msg=name)
    if one.members is not None:
        for name in ("weights", "total", "expected", "mutual_information"):
            np.testing.assert_array_equal(getattr(one.members, name), getattr(other.members, name), err_msg=name)


class Slices:
    """A source that gives rows by slicing and nothing else, as zarr arrays do."""

    def __init__(self, array, short_by=0):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.short_by = short_by

    def __getitem__(self, rows):
        return self.array[rows.start : max(rows.start, rows.stop - self.short_by)]


@pytest.mark.parametrize(
    ("n", "n_classes", "n_sources"),
    [(700, 6, 1), (700, 6, 3), (COMPILED, 50, 1), pytest.param(COMPILED, 50, 3, marks=pytest.mark.slow)],
)
def test_result_depends_on_neither_chunks_nor_threads(make_set, n, n_classes, n_sources):
    labels, _ = make_set(1, n=n, n_classes=n_classes)
    sources = [make_set(m, n=n, n_classes=n_classes, dtype=np.float32)[1] for m in range(n_sources)]
    first = score(labels, sources, threads=1)
    for memory, threads in (("2MB", 4), ("700KB", 2), ("90MB", 3)):
        assert_same(score(labels, sources, memory=memory, threads=threads), first)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sources_of_all_kinds_give_the_same(make_set, tmp_path, dtype):
    labels, pred_probs = make_set(4, n=900, n_classes=5, dtype=dtype)
    np.save(tmp_path / "p.npy", pred_probs)
    table = pd.DataFrame(pred_probs, columns=[f"c{k}" for k in range(5)])
    table.to_parquet(tmp_path / "p.parquet", row_group_size=70)
    expected = score(labels, pred_probs)
    for source in (
        np.load(tmp_path / "p.npy", mmap_mode="r"),
        ParquetProbs(tmp_path / "p.parquet"),
        Slices(pred_probs),
        np.asfortranarray(pred_probs),
        [pred_probs],
    ):
        assert_same(score(labels, source, memory="20KB", threads=3), expected)


def test_half_precision_is_read_as_single(make_set):
    labels, pred_probs = make_set(4, n=500, n_classes=5, dtype=np.float16)
    assert_same(score(labels, pred_probs), score(labels, pred_probs.astype(np.float32), normalize=False))


def test_half_precision_of_many_classes_is_not_refused_for_its_rounding():
    pred_probs = np.random.default_rng(0).dirichlet(np.ones(300), 40).astype(np.float16)
    labels = np.arange(40) % 300
    assert len(score(labels, pred_probs)) == 40


def test_lists_and_lists_of_arrays():
    rows = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]
    array = score([0, 1, 0], np.array(rows))
    assert_same(score([0, 1, 0], rows), array)
    assert_same(score([0, 1, 0], [np.array(row) for row in rows]), array)
    pooled = score([0, 1, 0], [np.array(rows), np.array(rows)])
    assert pooled.members is not None


def test_axes_come_from_the_ranking(make_set):
    labels, pred_probs = make_set(7, n=1000, n_classes=4)
    scores = score(labels, pred_probs)
    assert scores.suspicion.shape == scores.ambiguity.shape == scores.is_suspect.shape == (1000,)
    assert scores.expected_errors == pytest.approx(np.nansum(scores.suspicion))
    assert (scores.suggested != labels).all()
    assert scores["entropy"] is scores["entropy"]
    assert "member_disagreement" not in scores.names
    with pytest.raises(UsageError, match="needs members"):
        scores["member_disagreement"]


@pytest.mark.parametrize("n_sources", [1, 2])
@pytest.mark.parametrize("rows", [1, 2, 200])
def test_chunks_of_one_row_change_no_bit(make_set, rows, n_sources):
    sources = [make_set(m, n=201, n_classes=12)[1] for m in range(n_sources)]
    labels = make_set(0, n=201, n_classes=12)[0]
    walk = Walk.over(sources, 201, threads=1)
    whole, parts = (
        Scores(walk_for_evidence(labels, walked), walked).ranking
        for walked in (replace(walk, rows=201), replace(walk, rows=rows))
    )
    for name in ("order_score", "suspicion", "ambiguity", "suggested", "order"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)


@pytest.mark.parametrize("n_sources", [1, 2])
def test_one_thread_means_one(make_set, monkeypatch, n_sources):
    def refuse(*_):
        raise AssertionError("another thread was asked for help")

    labels, pred_probs = make_set(7, n=140_000, n_classes=3, dtype=np.float32)  # more than one block
    monkeypatch.setattr("labelaudit.threads._helpers.ask", refuse)
    scores = score(labels, [pred_probs] * n_sources, threads=1)
    assert len(scores.compute()) == len(scores.names)
    assert len(scores.ranking) == 140_000
    assert scores.flags("both").any()


def test_embeddings_may_be_what_is_no_array(make_set):
    labels, pred_probs = make_set(7, n=50, n_classes=4)
    vectors = np.random.default_rng(0).normal(size=(50, 8))
    expected = score(labels, pred_probs, embeddings=vectors)["neighbor_disagreement"]
    for form in (vectors.tolist(), pd.DataFrame(vectors)):
        np.testing.assert_array_equal(score(labels, pred_probs, embeddings=form)["neighbor_disagreement"], expected)
    with pytest.raises(LabelsError, match="no array"):
        score(labels, pred_probs, embeddings=[[1.0, 2.0], [3.0]])


def test_embeddings_add_neighbours(make_set):
    labels, pred_probs = make_set(7, n=200, n_classes=4)
    scores = score(labels, pred_probs, embeddings=np.random.default_rng(0).normal(size=(200, 8)))
    assert {"neighbor_disagreement", "information_density"} <= set(scores.names)
    assert scores["neighbor_disagreement"].shape == (200,)


def test_unlabelled_rows_are_scored_for_ambiguity_only(make_set):
    labels, pred_probs = make_set(7, n=300, n_classes=4)
    holes = labels.copy()
    holes[::7] = -1
    scores = score(holes, pred_probs)
    assert np.isnan(scores["self_confidence"][::7]).all()
    assert np.isnan(scores.suspicion[::7]).all()
    np.testing.assert_array_equal(scores["entropy"], score(labels, pred_probs)["entropy"])
    assert scores.statistics.n_unlabelled == len(holes[::7])


def test_normalize_scales_rows(make_set):
    labels, pred_probs = make_set(7, n=300, n_classes=4)
    scale = np.random.default_rng(0).uniform(0.5, 3, (300, 1))
    found, expected = score(labels, pred_probs * scale, normalize=True), score(labels, pred_probs)
    np.testing.assert_allclose(found["logit_margin"], expected["logit_margin"], atol=1e-9)
    np.testing.assert_allclose(found.statistics.thresholds, expected.statistics.thresholds, atol=1e-12)


# --- pooling ---------------------------------------------------------------------------------------------------------


def test_a_pool_is_weighted_towards_the_better_model():
    rng = np.random.default_rng(0)
    good, bad = rng.beta(8, 1, 4000), rng.beta(1, 3, 4000)
    weights = mixture_weights(np.stack([good, bad]))
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.95


def test_weights_maximise_the_likelihood():
    rng = np.random.default_rng(1)
    p_given = rng.beta(2, 1, (3, 2000))
    weights = mixture_weights(p_given)
    best = np.log(weights @ p_given).sum()
    for other in rng.dirichlet(np.ones(3), 200):
        assert np.log(other @ p_given).sum() <= best + 1e-3


def test_equal_members_weigh_alike_and_repeats_always_do(make_set):
    labels, pred_probs = make_set(3, n=400, n_classes=4)
    _, other = make_set(9, n=400, n_classes=4)
    assert gather_evidence(labels, [pred_probs] * 2).members.weights.tolist() == [0.5, 0.5]
    repeats = gather_evidence(labels, [pred_probs, other], members="repeats")
    assert repeats.members.weights.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(repeats.rows.p_top, ((pred_probs + other) / 2).max(axis=1))


def test_pooled_score_is_that_of_the_pooled_array(make_set):
    labels, first = make_set(3, n=400, n_classes=4)
    _, second = make_set(9, n=400, n_classes=4)
    pooled = score(labels, [first, second])
    weights = pooled.members.weights
    alone = score(labels, weights[0] * first + weights[1] * second)
    np.testing.assert_array_equal(pooled.rows.confident, alone.rows.confident)
    np.testing.assert_allclose(pooled["logit_margin"], alone["logit_margin"], atol=1e-12)
    np.testing.assert_array_equal(pooled.flags("both"), alone.flags("both"))


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([np.nan, 0.5, 0.25, 0.25], "class 0 is NaN"),
        ([0.5, np.inf, 0.25, 0.25], "class 1 is inf"),
        ([0.5, 0.7, 0.05, -0.25], "class 3 is -0.25"),
        ([0.5, 0.25, 0.25, 0.25], "sum to 1.25"),
    ],
)
def test_the_first_bad_row_is_named(make_set, large, row, said):
    n = COMPILED_FROM // 4 + 10 if large else 500
    labels, pred_probs = make_set(1, n=n, n_classes=4, dtype=np.float32)
    pred_probs[[n - 3, n // 2]] = row
    with pytest.raises(ProbabilityError, match=said) as error:
        score(labels, pred_probs, memory="1MB", threads=4)
    assert f"row {n // 2 + 1}:" in str(error.value)


def test_the_bad_member_is_named(make_set):
    labels, pred_probs = make_set(1, n=100, n_classes=4)
    broken = pred_probs.copy()
    broken[7] = 0
    with pytest.raises(ProbabilityError, match=r"pred_probs\[1\], row 8"):
        score(labels, [pred_probs, broken])


@pytest.mark.parametrize("labels", [[0, 1, 4], [0, 1, -2]])
def test_labels_that_are_no_column(labels):
    with pytest.raises(LabelsError, match="row 3"):
        score(np.array(labels), np.full((3, 4), 0.25))


def test_shapes_that_do_not_fit():
    with pytest.raises(ProbabilityError, match="2 rows but there are 3"):
        score([0, 1, 0], np.full((2, 4), 0.25))
    with pytest.raises(ProbabilityError, match="3 columns"):
        score([0, 1, 0], [np.full((3, 4), 0.25), np.full((3, 3), 1 / 3)])
    with pytest.raises(ProbabilityError, match="no predicted"):
        gather_evidence(np.zeros(3, np.int32), [])


def test_wrong_options():
    with pytest.raises(ConfigError, match="0 threads"):
        score([0, 1], np.full((2, 2), 0.5), threads=0)
    with pytest.raises(ConfigError, match="memory budget 'lots'"):
        score([0, 1], np.full((2, 2), 0.5), memory="lots")
    with pytest.raises(ConfigError, match="'model'"):
        score([0, 1], np.full((2, 2), 0.5), members="model")


def test_a_source_that_shrinks_while_it_is_read(make_set):
    labels, pred_probs = make_set(1, n=100, n_classes=4)
    with pytest.raises(ProbabilityError, match="changed while it was read"):
        score(labels, Slices(pred_probs, short_by=1))


def test_a_mapped_file_that_shrinks_is_refused_instead_of_killing_the_process(make_set, tmp_path):
    labels, pred_probs = make_set(1, n=5000, n_classes=4)
    np.save(tmp_path / "p.npy", pred_probs)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    with (tmp_path / "p.npy").open("r+b") as file:
        file.truncate(60_000)
    with pytest.raises(ProbabilityError, match="shrank while it was read"):
        score(labels, mapped)


def test_parquet_that_holds_no_probabilities(tmp_path):
    with pytest.raises(ReadError, match="not a readable Parquet file"):
        ParquetProbs(tmp_path / "none.parquet")
    pd.DataFrame({"a": [0.5], "b": ["x"]}).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(ReadError, match=r"Column 2 \('b'\)"):
        ParquetProbs(tmp_path / "s.parquet")


def test_chunks_stay_within_the_budget():
    for n_classes, threads in ((10, 4), (1000, 1), (50_000, 8)):
        rows = chunk_rows(n_classes, 4, memory=64_000_000, threads=threads)
        assert rows >= 1
        assert rows == 1 or rows * n_classes * 4 * threads <= 64_000_000


# --- command ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_command_writes_all_scores(make_set, tmp_path, ending):
    labels, pred_probs = make_set(1, n=200, n_classes=4)
    np.save(tmp_path / "y.npy", labels)
    np.save(tmp_path / "P.npy", pred_probs)
    out = tmp_path / f"scores.{ending}"
    arguments = ["score", "--labels", str(tmp_path / "y.npy"), "--pred-probs", str(tmp_path / "P.npy")]
    assert run([*arguments, "--out", str(out)]) == 0
    table = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    scores = score(labels, pred_probs)
    assert list(table.columns[6:]) == list(scores.names)
    np.testing.assert_allclose(table["logit_margin"], scores["logit_margin"])
    np.testing.assert_array_equal(table["is_suspect"], scores.is_suspect)


def test_command_refuses_bad_input_and_leaves_nothing(make_set, tmp_path, capsys):
    labels, pred_probs = make_set(1, n=200, n_classes=4)
    np.save(tmp_path / "y.npy", labels)
    pred_probs[3] = np.nan
    np.save(tmp_path / "P.npy", pred_probs)
    arguments = ["score", "--labels", str(tmp_path / "y.npy"), "--pred-probs", str(tmp_path / "P.npy"), "--out"]
    assert run([*arguments, str(tmp_path / "s.parquet")]) == 3
    assert "row 4" in capsys.readouterr().err
    assert run([*arguments, str(tmp_path / "s.xlsx")]) == 2
    assert run([*arguments, str(tmp_path / "s.csv"), "--score", "entropi"]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["P.npy", "y.npy"]


def test_scores_computed_together_in_blocks_are_those_computed_alone_in_one(make_set, monkeypatch):
    labels, pred_probs = make_set(8, n=700, n_classes=4)
    labels[10:20] = -1
    alone = score(labels, [pred_probs, pred_probs[::-1].copy()])
    expected = {name: SCORES.get(name).function(alone.evidence) for name in alone.names}
    monkeypatch.setattr("labelaudit.threads._ROWS", 64)
    for together in (alone.compute(), score(labels, [pred_probs, pred_probs[::-1].copy()], threads=3).compute()):
        assert list(together) == list(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(together[name], values, err_msg=name)
            assert together[name].dtype == values.dtype
    assert alone["entropy"] is alone.compute(["entropy"])["entropy"]
