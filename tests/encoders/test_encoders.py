"""The contract of every encoder, and what each does with awkward content."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from labelaudit.domain import Dataset
from labelaudit.encoders import ENCODERS, Encoder
from labelaudit.encoders import text as text_encoder
from labelaudit.encoders._ngrams import count_terms
from labelaudit.errors import DataError, ReadError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> dict[str, Dataset]:
    """Forty items of each modality."""
    rng = np.random.default_rng(0)
    n, labels = 40, ["a", "b"] * 20
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for i in range(n):
        paths.append(str(folder / f"{i}.png"))
        Image.fromarray(rng.integers(0, 256, (9 + i, 20, 3), dtype=np.uint8)).save(paths[-1])
    words = np.array(["card", "cash", "fee", "bank", "late", "lost", "Ärger", "?"])
    frame = pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(["u", "v", None], n), "b": rng.random(n) < 0.5})
    return {
        "text": Dataset.from_arrays(labels, text=[" ".join(rng.choice(words, 6)) for _ in range(n)]),
        "image": replace(Dataset.from_arrays(labels, text=paths), text=None, images=np.array(paths, dtype=object)),
        "table": Dataset.from_arrays(labels, features=frame),
        "embedding": Dataset.from_arrays(labels, embeddings=rng.normal(size=(n, 5)).astype(np.float32)),
    }


def dense(features) -> np.ndarray:
    if isinstance(features, pd.DataFrame):
        return np.column_stack([c.cat.codes if c.dtype == "category" else c for _, c in features.items()]).astype(float)
    return features.toarray() if sparse.issparse(features) else np.asarray(features)


@pytest.mark.parametrize("name", ENCODERS.names())
def test_features_and_vectors_have_one_row_an_item_and_ignore_labels(name, contents):
    encoder = ENCODERS.get(name)
    assert isinstance(encoder, Encoder)
    dataset = contents[encoder.modality]
    features = encoder.encode(dataset)
    vectors = encoder.embed(features, seed=0)
    assert features.shape[0] == len(dataset)
    assert vectors.shape[0] == len(dataset)
    assert vectors.dtype.kind == "f"
    assert np.isfinite(vectors).all()
    flipped = replace(dataset, labels=1 - dataset.labels)
    np.testing.assert_array_equal(dense(encoder.encode(flipped)), dense(features))
    np.testing.assert_array_equal(encoder.embed(features, seed=0), vectors)


TEXTS = st.lists(st.one_of(st.text(max_size=30), st.text(alphabet="ab .!é\n_9", max_size=30)), min_size=1, max_size=12)


@given(TEXTS)
def test_hashed_counts_are_those_of_plain_python(texts):
    words, characters = count_terms(np.array(texts, dtype=object), chars=4)
    for terms, counts in zip((words, characters), zip(*map(plain_counts, texts), strict=True), strict=True):
        by_row = [sorted(terms.times[terms.row == i].astype(int)) for i in range(len(texts))]
        assert by_row == [sorted(count.values()) for count in counts]
        n_terms = len({term for count in counts for term in count})
        assert len(np.unique(terms.term)) == n_terms


def plain_counts(text: str) -> tuple[Counter, Counter]:
    tokens, word = [], ""
    for char in text.lower() + " ":
        if char.isalnum() or char == "_":
            word += char
            continue
        tokens += [word] if word else []
        word = ""
        if not (char.isspace() or not char.isprintable()):
            tokens.append(char)
    words = Counter(("word", token) for token in tokens)
    words.update(pairwise(tokens))
    grams = Counter()
    for token in tokens:
        padded = f" {token} "
        grams.update(padded[i : i + 4] for i in range(len(padded) - 3))
    return words, grams


def test_chunks_of_texts_change_nothing(monkeypatch):
    texts = np.array(["one two two", "", "two three", "four!"] * 5, dtype=object)
    whole = count_terms(texts, chars=4)
    monkeypatch.setattr("labelaudit.encoders._ngrams._CHUNK", 12)
    parts = count_terms(texts, chars=4)
    for a, b in zip(whole, parts, strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)


def test_words_are_weighted_as_in_scikit_learn():
    texts = ["red red blue", "blue green", "red green green green", "blue"]
    dataset = Dataset.from_arrays(["a", "b", "a", "b"], text=texts)
    peer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+")
    expected = peer.fit_transform(texts).toarray() / np.sqrt(2)
    found = text_encoder.encode(dataset).toarray()[:, : expected.shape[1]]
    # Columns are in the order of hashes, so they are compared as sets.
    np.testing.assert_allclose(
        found[:, np.lexsort(found.round(5))], expected[:, np.lexsort(expected.round(5))], atol=1e-6
    )


def test_only_the_most_frequent_terms_are_kept(monkeypatch):
    monkeypatch.setattr(text_encoder, "_MAX_TERMS", 2)
    dataset = Dataset.from_arrays(["a", "b"] * 3, text=["xx yy zz"] * 2 + ["xx yy"] * 2 + ["xx"] * 2)
    assert text_encoder.encode(dataset).shape == (6, 4)


@pytest.mark.parametrize("texts", [["", " ", "\n", ""], ["a", "b", "c", "d"], ["🙂🙂", "🙂", "\ud800", "漢字仮名"]])
def test_texts_with_nothing_in_common_give_vectors_all_the_same(texts):
    encoder = ENCODERS.get("text")
    features = encoder.encode(Dataset.from_arrays(["a", "b"] * 2, text=texts))
    vectors = encoder.embed(features, seed=0)
    assert vectors.shape[0] == 4
    assert np.isfinite(vectors).all()


def topics(n: int, n_terms: int, n_topics: int) -> sparse.csr_array:
    """Counts of terms whose expectation has as many dimensions as there are topics."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(n_topics, 0.3), n) @ rng.dirichlet(np.full(n_terms, 0.05), n_topics)
    return sparse.csr_array(rng.poisson(30 * shares).astype(np.float32))


def test_vectors_keep_all_where_few_dimensions_do(monkeypatch):
    monkeypatch.setattr(text_encoder, "_GRAM_ROWS", 100)  # several blocks
    rng = np.random.default_rng(0)
    parts = topics(200, 300, 5)[:60].toarray()
    features = sparse.csr_array((rng.random((200, 60)) @ parts).astype(np.float32))  # rank 60
    vectors = ENCODERS.get("text").embed(features, seed=0)
    expected = (features @ features.T).toarray()
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-4 * expected.max())


def test_vectors_keep_most_of_what_the_best_of_that_size_do(monkeypatch):
    monkeypatch.setattr(text_encoder, "_EMBEDDING_SIZE", 10)
    features = topics(300, 400, 8)
    best = (np.linalg.svd(features.toarray(), compute_uv=False)[:10] ** 2).sum()
    kept = [(ENCODERS.get("text").embed(features, seed=seed) ** 2).sum() for seed in range(3)]
    assert min(kept) > 0.8 * best
    assert max(kept) <= best * (1 + 1e-5)


def test_a_damaged_image_is_named(tmp_path, contents):
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    dataset = contents["image"]
    dataset = replace(dataset, images=np.array([str(path)] * len(dataset), dtype=object))
    with pytest.raises(ReadError, match=re.escape(str(path))):
        ENCODERS.get("image").encode(dataset)


def test_images_encoded_in_parts_are_as_if_encoded_at_once(contents):
    encoder, dataset = ENCODERS.get("image"), contents["image"]
    encode = encoder.learn(dataset)
    parts = [encode(dataset_of(dataset, slice(start, start + 16))) for start in range(0, len(dataset), 16)]
    # Products of other shapes may add in another order.
    np.testing.assert_allclose(np.concatenate(parts), encoder.encode(dataset), atol=1e-4)


def dataset_of(dataset: Dataset, rows: slice) -> Dataset:
    images = dataset.images[rows]
    return replace(Dataset.from_arrays(["a", "b"] * (len(images) // 2), text=images), text=None, images=images)


def test_a_gradient_falls_into_the_bin_of_its_direction():
    from labelaudit.encoders.image import _gradients

    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32)[None, :, None], (32, 1, 3))[None]
    across = _gradients(ramp**2).reshape(-1, 9).sum(axis=0)
    down = _gradients((ramp**2).transpose(0, 2, 1, 3)).reshape(-1, 9).sum(axis=0)
    assert across.argmax() == 0
    assert across[0] > 0.99 * across.sum()
    assert set(np.argsort(down)[-2:]) == {4, 5}  # 90° lies between two of nine directions


def test_tables_take_any_type_of_column():
    frame = pd.DataFrame(
        {
            "number": [1, 2, np.inf, 4],
            "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
            "flag": [True, False, True, True],
            "day": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-04"]),
            "mixed": ["x", 1, None, 2.5],
            "constant": ["k"] * 4,
            "empty": [None] * 4,
        }
    )
    features = ENCODERS.get("table").encode(Dataset.from_arrays(["a", "b"] * 2, features=frame))
    assert list(features.columns) == ["number", "nullable", "flag", "day", "mixed"]
    assert [str(dtype) for dtype in features.dtypes] == ["float32", "float32", "category", "float32", "category"]
    assert features.isna().sum().tolist() == [1, 1, 0, 1, 1]
    assert features["day"].diff().iloc[3] == pytest.approx(86400, rel=0.01)


def test_rare_categories_beyond_the_bins_are_one():
    values = [f"v{i}" for i in range(400)] + ["often"] * 5
    frame = pd.DataFrame({"c": values})
    column = ENCODERS.get("table").encode(Dataset.from_arrays(["a"] * 200 + ["b"] * 205, features=frame))["c"]
    assert len(column.cat.categories) == 254
    assert column.cat.categories[0] == "often"
    assert (column == "(rare)").sum() == 400 - 252


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float32_keep_their_order():
    frame = pd.DataFrame({"x": [1e300, 3e300, -2e300, np.inf], "y": [1.0, 2.0, 3.0, 4.0]})
    column = ENCODERS.get("table").encode(Dataset.from_arrays(["a", "b"] * 2, features=frame))["x"].to_numpy()
    assert column.dtype == np.float32
    assert np.isnan(column[3])  # which no model takes
    assert column[:3].argsort().tolist() == [2, 0, 1]


def test_a_table_of_constants_is_an_error():
    with pytest.raises(DataError, match="None of the 1 feature columns varies"):
        ENCODERS.get("table").encode(Dataset.from_arrays(["a", "b"], features=pd.DataFrame({"c": [1, 1]})))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.array([[0.0, 1.0], [np.nan, 1.0]]), "item '.*' holds NaN"),
        (np.array([[0.0, 1.0], [np.inf, 1.0]], dtype=np.float16), "infinite values"),
        (np.array([[0.0, 1.0], [-4e38, 1.0]]), "or numbers beyond 3e38"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.array([["a"], ["b"]]), "hold <U1"),
    ],
)
def test_unusable_embeddings_are_an_error(vectors, message):
    dataset = Dataset.from_arrays(["a", "b"], text=["x", "y"])
    with pytest.raises(DataError, match=message):
        ENCODERS.get("embedding").encode(replace(dataset, embeddings=vectors))
