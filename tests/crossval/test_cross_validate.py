from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate, run
from labelaudit.domain import Dataset
from labelaudit.encoders import ENCODERS
from labelaudit.errors import ConfigError, LabelsError, UnknownNameError, UsageError
from tests.crossval.planted import make_dataset

CONFIG = AuditConfig(folds=3)


def permuted(dataset: Dataset, order: np.ndarray) -> Dataset:
    return replace(
        dataset,
        ids=dataset.ids[order],
        labels=dataset.labels[order],
        rows=dataset.rows[order],
        text=None if dataset.text is None else dataset.text[order],
        images=None if dataset.images is None else dataset.images[order],
        features=None if dataset.features is None else dataset.features.iloc[order].reset_index(drop=True),
        embeddings=None if dataset.embeddings is None else dataset.embeddings[order],
        groups={name: values[order] for name, values in dataset.groups.items()},
    )


def test_every_row_has_probabilities_and_labelled_rows_are_assessable(dataset):
    result = cross_validate(dataset, CONFIG)
    (pred_probs,) = result.pred_probs
    assert pred_probs.shape == (90, 3)
    assert pred_probs.dtype == np.float32
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(result.assessable, dataset.labels >= 0)
    assert result.reasons_not[:4].tolist() == ["unlabelled"] * 3 + [""]
    assert result.embeddings.shape[0] == 90
    assert (pred_probs.argmax(axis=1) == dataset.labels)[3:].mean() > 0.75


def test_permuting_rows_permutes_the_result_exactly(dataset):
    order = np.random.default_rng(1).permutation(len(dataset))
    plain = cross_validate(dataset, CONFIG)
    moved = cross_validate(permuted(dataset, order), CONFIG)
    np.testing.assert_array_equal(moved.pred_probs[0], plain.pred_probs[0][order])
    np.testing.assert_array_equal(moved.embeddings, plain.embeddings[order])
    np.testing.assert_array_equal(moved.folds[0], plain.folds[0][order])


def test_reordering_classes_reorders_columns(dataset):
    other = replace(dataset, classes=("c", "a", "b"), labels=np.array([1, 2, 0, -1], np.int32)[dataset.labels])
    plain = cross_validate(dataset, CONFIG).pred_probs[0]
    np.testing.assert_allclose(cross_validate(other, CONFIG).pred_probs[0][:, [1, 2, 0]], plain, atol=2e-3)


def test_workers_and_processes_change_nothing(dataset, monkeypatch):
    here = cross_validate(dataset, CONFIG)
    monkeypatch.setattr("labelaudit.crossval.run._PROCESS_SECONDS", 0)
    for workers in (1, 4):
        elsewhere = cross_validate(dataset, replace(CONFIG, workers=workers))
        assert elsewhere.pred_probs[0].tobytes() == here.pred_probs[0].tobytes()
        assert elsewhere.embeddings.tobytes() == here.embeddings.tobytes()


def test_warnings_of_folds_on_threads_become_one_note(dataset, monkeypatch):
    fit_fold = run.fit_fold

    def warned(data, task, *, isolated):
        assert not isolated
        warnings.warn("it did not converge\nsee the manual", RuntimeWarning, stacklevel=2)
        return fit_fold(data, task, isolated=isolated)

    monkeypatch.setattr(run, "fit_fold", warned)
    filters = list(warnings.filters)
    notes = cross_validate(dataset, replace(CONFIG, workers=3)).notes
    assert len(notes) == 1
    assert notes[0].endswith(": it did not converge")
    assert warnings.filters == filters


def test_repeats_use_other_folds_and_the_first_stays():
    dataset = make_dataset()
    once = cross_validate(dataset, CONFIG)
    thrice = cross_validate(dataset, replace(CONFIG, repeats=3))
    np.testing.assert_array_equal(thrice.pred_probs[0], once.pred_probs[0])
    assert len(thrice.pred_probs) == len(thrice.folds) == 3
    assert (thrice.folds[0] != thrice.folds[1]).any()
    assert (thrice.pred_probs[1] != thrice.pred_probs[2]).any()


def test_a_class_without_an_honest_probability_is_not_assessable():
    dataset = make_dataset()
    text = dataset.text.copy()
    text[[4, 5]] = "an equal text"
    labels = dataset.labels.copy()
    labels[3], labels[[4, 5]], labels[[6, 7]] = 3, 4, 5
    groups = {"team": np.where(np.arange(90) < 8, "x", dataset.groups["team"]).astype(object)}
    rare = replace(
        dataset, text=text, labels=labels, groups=groups, classes=("a", "b", "c", "lone", "copied", "grouped", "unused")
    )
    result = cross_validate(rare, replace(CONFIG, fold_group="team"))
    assert result.reasons_not[3:8].tolist() == [
        "class 'lone' has one member",
        *["all 2 members of class 'copied' have the same content"] * 2,
        *["all 2 members of class 'grouped' are in one group"] * 2,
    ]
    assert result.assessable.sum() == 90 - 3 - 5
    assert result.pred_probs[0].shape == (90, 7)
    assert (result.pred_probs[0][:, 6] == 0).all()
    held_out_with_lone = result.folds[0] == result.folds[0][3]
    assert (result.pred_probs[0][held_out_with_lone, 3] == 0).all()
    assert (result.pred_probs[0][~held_out_with_lone, 3] > 0).all()
    for team in set(groups["team"]):
        assert len(set(result.folds[0][groups["team"] == team])) == 1


def test_one_class_in_training_is_predicted_with_certainty():
    dataset = Dataset.from_arrays(["a", "a", "a", "b"], text=["one two", "two three", "three one", "four"])
    result = cross_validate(dataset, AuditConfig(folds=2))
    held_out_with_b = result.folds[0] == result.folds[0][3]
    np.testing.assert_array_equal(result.pred_probs[0][held_out_with_b], [[1, 0]] * held_out_with_b.sum())
    assert result.reasons_not[3] == "class 'b' has one member"


def test_copies_with_different_labels_do_not_leak():
    dataset = make_dataset()
    text = dataset.text.copy()
    text[50:60] = text[40:50]
    labels = dataset.labels.copy()
    labels[50:60] = (labels[40:50] + 1) % 3
    result = cross_validate(replace(dataset, text=text, labels=labels), CONFIG)
    np.testing.assert_array_equal(result.folds[0][50:60], result.folds[0][40:50])
    np.testing.assert_array_equal(result.pred_probs[0][50:60], result.pred_probs[0][40:50])


def test_without_neighbours_there_are_no_embeddings():
    assert cross_validate(make_dataset(), replace(CONFIG, neighbors=0)).embeddings is None


def test_progress_goes_from_nothing_to_all():
    steps = []
    dataset = make_dataset()
    cross_validate(dataset, CONFIG, progress=lambda done, total, what: steps.append((done, total, what)))
    n = len(dataset)
    assert steps == [(0, n, "Encoding"), (n, n, "Encoding"), *((fold, 3, "Fitting") for fold in range(4))]


def test_an_encoder_may_take_the_items_in_parts(monkeypatch):
    dataset = make_dataset()
    vectors = np.random.default_rng(0).normal(size=(len(dataset), 6)).astype(np.float32)
    dataset = replace(dataset, text=None, features=None, embeddings=vectors)
    whole = cross_validate(dataset, CONFIG)
    plugin = replace(ENCODERS.get("embedding"), at_once=50)
    monkeypatch.setattr("labelaudit.crossval.models.ENCODERS", {"embedding": plugin})
    steps = []
    parts = cross_validate(dataset, CONFIG, progress=lambda done, total, what: steps.append((done, total, what)))
    assert [step for step in steps if step[2] == "Encoding"] == [
        *((start, len(dataset), "Encoding") for start in range(0, len(dataset), 50)),
        (len(dataset), len(dataset), "Encoding"),
    ]
    assert parts.pred_probs[0].tobytes() == whole.pred_probs[0].tobytes()


@pytest.mark.slow
def test_images_are_the_same_whatever_the_order_and_the_workers(tmp_path):
    random = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.png") for i in range(270)]  # more than are encoded at once
    for path, pixels in zip(paths, random.integers(0, 256, (len(paths), 8, 8, 3), dtype=np.uint8), strict=True):
        Image.fromarray(pixels).save(path)
    dataset = Dataset.from_arrays(["a", "b"] * 135, text=paths, ids=[f"{i:03d}" for i in range(270)])
    dataset = replace(dataset, text=None, images=np.array(paths, dtype=object))
    alone, beside = (cross_validate(dataset, replace(CONFIG, workers=workers)) for workers in (1, 3))
    assert alone.pred_probs[0].tobytes() == beside.pred_probs[0].tobytes()
    order = random.permutation(270)
    moved = cross_validate(permuted(dataset, order), CONFIG)
    np.testing.assert_array_equal(moved.pred_probs[0], alone.pred_probs[0][order])
    np.testing.assert_array_equal(moved.embeddings, alone.embeddings[order])


def test_what_encodes_parts_is_learned_once_from_all_items(monkeypatch):
    dataset = make_dataset()
    vectors = np.random.default_rng(0).normal(size=(len(dataset), 6)).astype(np.float32)
    dataset = replace(dataset, text=None, features=None, embeddings=vectors)
    learned_from = []

    def learn(items):
        learned_from.append(len(items))
        center = items.embeddings.mean(axis=0)
        return lambda part: np.abs(part.embeddings - center)

    plugin = replace(ENCODERS.get("embedding"), at_once=None, encode=lambda items: learn(items)(items))
    monkeypatch.setattr("labelaudit.crossval.models.ENCODERS", {"embedding": plugin})
    whole = cross_validate(dataset, CONFIG)
    plugin = replace(plugin, encode=None, learn=learn, at_once=7)
    monkeypatch.setattr("labelaudit.crossval.models.ENCODERS", {"embedding": plugin})
    for workers in (1, 3):
        learned_from.clear()
        parts = cross_validate(dataset, replace(CONFIG, workers=workers))
        assert learned_from == [len(dataset)]
        assert parts.pred_probs[0].tobytes() == whole.pred_probs[0].tobytes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classifier": "texts"}, UnknownNameError, "Did you mean 'text'"),
        ({"classifier": "table"}, UsageError, r"needs table content.*Classifiers for this data: text"),
        ({"fold_group": "teams"}, UnknownNameError, "Did you mean 'team'"),
        ({"engine": "locals"}, UnknownNameError, "Did you mean 'local'"),
        ({"folds": 100}, ConfigError, "90 distinct items for 100 folds"),
    ],
)
def test_options_that_do_not_fit_are_errors(options, error, message):
    with pytest.raises(error, match=message):
        cross_validate(make_dataset(), AuditConfig(**options))


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(UsageError, match="nothing to learn from"):
        cross_validate(Dataset.from_arrays(["a", "b", "a", "b"]), CONFIG)
    unlabelled = replace(make_dataset(), labels=np.full(90, -1, np.int32))
    with pytest.raises(LabelsError, match="Fewer than two"):
        cross_validate(unlabelled, CONFIG)


@pytest.mark.slow
def test_banking77_ranks_planted_errors(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "banking77/noisy.csv")
    is_error = pd.read_csv(shared_data / "banking77/noisy_truth.csv").is_error.to_numpy()
    dataset = Dataset.from_arrays(table.label.tolist(), text=table.text.to_numpy(object), ids=table.id.to_numpy())
    p = cross_validate(dataset, AuditConfig(neighbors=0)).pred_probs[0].astype(float)
    rows = np.arange(len(p))
    given = p[rows, dataset.labels]
    p[rows, dataset.labels] = 0
    assert average_precision_score(is_error, p.max(axis=1) - given) >= 0.83
