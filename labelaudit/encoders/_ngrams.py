"""Counts of words, word pairs and character n-grams by hashing whole arrays of characters at once.

A vocabulary built term by term in Python costs more than all the model fits of a cross-validation together. Here a
term is a polynomial hash computed for all positions of all texts by array operations: about ten times as fast, and the
order of columns (by hash) does not depend on the order of rows. A hash keeps 42 bits, so that it fits into one integer
with the place of its text, and counting is a plain sort. Among a million distinct terms two share a hash in about one
data set of ten; they are then counted as one term, which no model notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.threads import on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Terms", "count_terms"]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 100_000  # characters hashed at once on a thread: temporaries of 8 MB in all, each near the cache
_THREADS = 2  # with more, each of many short steps waits for the interpreter's lock
_PLACE_BITS = np.uint64(22)  # a chunk has no more texts than that: each counts as one character at least
_SPACE = 32


class Terms(NamedTuple):
    """Distinct terms of each text.

    Attributes
    ----------
    row : (t,) int32
        Text that holds the term.
    term : (t,) uint64
        Hash of the term, below 2⁴²; a row holds it once.
    times : (t,) float32
        How often the text holds it.
    """

    row: NDArray[np.int32]
    term: NDArray[np.uint64]
    times: NDArray[np.float32]


def count_terms(texts: NDArray[np.object_], *, chars: int) -> tuple[Terms, Terms]:
    """Count the words and word pairs, and the character n-grams inside words, of each text.

    Letter case does not count. A word is a run of letters, digits and underscores; any other character that is no
    space is a word of its own. An n-gram may begin or end with the border of its word but does not cross it.

    Parameters
    ----------
    texts : (n,) object array of str
        Texts.
    chars : int
        Length of the character n-grams.

    Returns
    -------
    words, characters : Terms
        Sorted by text, then by hash.
    """
    blocks = list(on_threads(partial(_count_chunk, texts, chars=chars), _chunks(texts), _THREADS))
    words, characters = zip(*blocks, strict=True) if blocks else ((_EMPTY,), (_EMPTY,))
    return _joined(words), _joined(characters)


_EMPTY = Terms(np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0, np.float32))


def _chunks(texts: NDArray[np.object_]) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts of at most `_CHUNK` characters together, or of one text that is longer."""
    ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
    start = taken = 0
    while start < len(texts):
        stop = max(int(np.searchsorted(ends, taken + _CHUNK, side="right")), start + 1)
        yield start, stop
        start, taken = stop, int(ends[stop - 1])


def _count_chunk(texts: NDArray[np.object_], chunk: tuple[int, int], chars: int) -> tuple[Terms, Terms]:
    lowered = [text.lower() for text in texts[slice(*chunk)]]
    codes = np.frombuffer((" ".join(lowered) + " ").encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, lowered), dtype=np.int64, count=len(lowered)) + 1
    row = np.repeat(np.arange(len(lowered), dtype=np.int32), lengths)
    in_word, is_space = _character_kinds(codes)
    # A token starts where a word does and at every symbol.
    starts = ~is_space & ~(in_word & np.concatenate([[False], in_word[:-1]]))
    kept = np.flatnonzero(~is_space)
    if len(kept) == 0:
        return _EMPTY, _EMPTY
    token = np.cumsum(starts)[kept] - 1
    wide, row = codes[kept].astype(np.uint64), row[kept]
    words = _words(wide, token, row)
    characters = _characters(wide, token, row, chars)
    return _counted(*words, chunk[0]), _counted(*characters, chunk[0])


def _character_kinds(codes: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell for each code point whether it belongs to a word and whether it is a space."""
    kinds = np.zeros(int(codes.max()) + 1, dtype=np.uint8)
    present = np.flatnonzero(np.bincount(codes, minlength=len(kinds)))
    for code in present:
        char = chr(code)
        kinds[code] = 1 if char.isalnum() or char == "_" else 2 if char.isspace() or not char.isprintable() else 0
    kind = kinds[codes]
    return kind == 1, kind == 2


def _words(
    codes: NDArray[np.uint64], token: NDArray[np.intp], row: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Hash words and pairs of neighbouring words of the same text."""
    start = np.flatnonzero(np.diff(token, prepend=-1))
    place = np.arange(len(codes)) - start[token]
    powers = np.cumprod(np.full(int(place.max()) + 1, _BASE, dtype=np.uint64))
    word = np.add.reduceat(_mixed(codes) * powers[place], start)
    word_row = row[start]
    pairs = np.flatnonzero(word_row[1:] == word_row[:-1])
    pair = _mixed(word[pairs]) * _BASE + word[pairs + 1]
    return np.concatenate([word_row, word_row[pairs]]), np.concatenate([word, pair])


def _characters(
    codes: NDArray[np.uint64], token: NDArray[np.intp], row: NDArray[np.int32], length: int
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Hash all windows of `length` characters that lie in one token with a space on either side."""
    n_tokens = int(token[-1]) + 1
    stream = np.full(len(codes) + n_tokens + 1, _SPACE, dtype=np.uint64)
    place = np.arange(len(codes)) + token + 1
    stream[place] = codes
    n_windows = len(stream) - length + 1
    if n_windows < 1:
        return np.empty(0, np.int32), np.empty(0, np.uint64)
    inside = np.ones(n_windows, dtype=bool)
    gram = np.zeros(n_windows, dtype=np.uint64)
    for offset in range(length):
        part = stream[offset : offset + n_windows]
        gram = gram * _BASE + part
        if 0 < offset < length - 1:
            inside &= part != _SPACE
    # The second character of a window is never a border, so it tells the text.
    stream_row = np.zeros(len(stream), dtype=np.int32)
    stream_row[place] = row
    window = np.flatnonzero(inside)
    # A character at the end has touched the lowest bits only, which are dropped.
    return stream_row[window + 1], _mixed(gram[window])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (finalizer of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _counted(place: NDArray[np.int32], term: NDArray[np.uint64], first_row: int) -> Terms:
    """Merge equal (place, term) pairs; texts are counted from `first_row`."""
    hash_bits = np.uint64(64) - _PLACE_BITS
    pairs = (place.astype(np.uint64) << hash_bits) | (term >> _PLACE_BITS)
    pair, times = np.unique(pairs, return_counts=True)
    row = (pair >> hash_bits).astype(np.int32) + np.int32(first_row)
    return Terms(row, pair & ((np.uint64(1) << hash_bits) - np.uint64(1)), times.astype(np.float32))


def _joined(blocks: tuple[Terms, ...]) -> Terms:
    return Terms(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
