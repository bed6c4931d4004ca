"""Write support tickets from the phrases in ``ticket_phrases.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

TYPO_RATE = {"email": 0.15, "chat": 0.4, "web": 0.25, "phone": 0.0}
FRAME_RATE = {
    "email_greeting": 0.85,
    "email_closing": 0.8,
    "chat_greeting": 0.5,
    "chat_closing": 0.35,
    "phone_greeting": 0.9,
    "phone_closing": 0.5,
    "web_greeting": 0.0,  # a form asks for neither
    "web_closing": 0.0,
}

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of `options`, all equally likely."""
    return options[int(rng.integers(len(options)))]


class TicketWriter:
    """Writes tickets from phrases.

    Parameters
    ----------
    phrases : mapping
        The parsed ``ticket_phrases.toml``.
    rng : numpy.random.Generator
        Source of all choices.
    """

    KINDS = ("electronics", "gadget", "appliance", "clothing", "home", "furniture")

    def __init__(self, phrases: Mapping[str, Any], rng: np.random.Generator) -> None:
        self.phrases = phrases
        self.rng = rng
        self.classes = [name for name, part in phrases.items() if "confusable" in part]

    def cores(self, templates: Sequence[str], count: int) -> Iterator[str]:
        """Yield `count` templates so that each is used about equally often, in random order."""
        for start in range(0, count, len(templates)):
            order = self.rng.permutation(len(templates))[: count - start]
            yield from (templates[i] for i in order)

    def two_subjects(self) -> tuple[str, list[str]]:
        """Return a template about two subjects, and the two classes that fit it."""
        first = pick(self.rng, self.classes)
        pair = [first, pick(self.rng, self.phrases[first]["confusable"])]
        one, other = (pick(self.rng, self.phrases[label]["core"]) for label in pair)
        return f"{one} {pick(self.rng, self.phrases['two_subjects']['between'])} {other}", pair

    def write(self, core: str, label: str, channel: str) -> tuple[str, str]:
        """Return a ticket around the template `core` in the manner of `channel`, and its body without the frame."""
        sentences = self._sentences(core, label, channel)
        slots = self._slots(" ".join(sentences))
        body = " ".join(sentence_case(self._fill(sentence, slots)) for sentence in sentences)
        return self._framed(body, channel, slots), body

    def write_again(self, body: str, channel: str) -> str:
        """Return a near-copy: the same body sent once more, with a word before it, another frame and a typo."""
        words = pick(self.rng, self.phrases["around"]["again"])
        return self._framed(f"{words} {with_typo(self.rng, body)}", channel, self._slots(""))

    def _sentences(self, core: str, label: str, channel: str) -> list[str]:
        around = self.phrases["around"]
        context = {"order_change": "lately", "account_access": "unordered", "product_question": "unordered"}
        talkative = {"chat": 0.5, "phone": 0.8}.get(channel, 1.0)
        sentences = [core]
        if self.rng.random() < 0.55 * talkative:
            self._add(sentences, around[context.get(label, "ordered")], first=self.rng.random() < 0.5)
        if self.rng.random() < 0.6 * talkative:
            self._add(sentences, self.phrases[label]["aside"], first=False)
        if self.rng.random() < 0.4 * talkative:
            self._add(sentences, around["elsewhere"], first=False)
        if self.rng.random() < 0.45 * talkative:
            self._add(sentences, around["ask"], first=False)
        return sentences

    def _add(self, sentences: list[str], options: Sequence[str], *, first: bool) -> None:
        # A slot that is spoken of already would make two sentences contradict or repeat each other.
        used = self._topics(" ".join(sentences))
        free = [option for option in options if not used & self._topics(option)]
        if free:
            sentences.insert(0 if first else len(sentences), pick(self.rng, free))

    def _topics(self, template: str) -> set[str]:
        return {"item" if name in self.KINDS else name for name in re.findall(r"<(\w+)>", template)}

    def _slots(self, template: str) -> dict[str, str]:
        values = {name: pick(self.rng, options) for name, options in self.phrases["slots"].items()}
        kind = next((kind for kind in self.KINDS if f"<{kind}>" in template), pick(self.rng, self.KINDS))
        return values | {"item": values[kind], "order": str(self.rng.integers(210_000, 990_000))}

    def _fill(self, template: str, slots: Mapping[str, str]) -> str:
        chosen = re.sub(r"\{([^{}]*)\}", lambda match: pick(self.rng, match[1].split("|")), template)
        return re.sub(r"<(\w+)>", lambda match: slots[match[1]], chosen)

    def _framed(self, body: str, channel: str, slots: Mapping[str, str]) -> str:
        opening = self._frame_part(f"{channel}_greeting", slots)
        closing = self._frame_part(f"{channel}_closing", slots)
        if opening and opening[-1] not in ".?!":
            body = without_capital(body)
        text = " ".join(part for part in (opening, body, closing) if part)
        if channel == "chat" and self.rng.random() < 0.5:
            text = text.lower().rstrip(".")
        return with_typo(self.rng, text) if self.rng.random() < TYPO_RATE[channel] else text

    def _frame_part(self, part: str, slots: Mapping[str, str]) -> str:
        if self.rng.random() >= FRAME_RATE[part]:
            return ""
        return self._fill(pick(self.rng, self.phrases["around"][part]), slots)


def sentence_case(text: str) -> str:
    """Return `text` with its sentences' first letters in upper case."""
    return re.sub(r"(^|[.?!] )([a-z])", lambda match: match[1] + match[2].upper(), text)


def without_capital(text: str) -> str:
    """Return `text` with a small first letter, unless its first word is "I" or a name in capitals."""
    first = text.split(maxsplit=1)[0]
    keeps = first[:2] in ("I", "I'") or first[:2].isupper()
    return text if keeps else text[0].lower() + text[1:]


def with_typo(rng: np.random.Generator, text: str) -> str:
    """Return `text` with two letters swapped, one left out or one doubled in a word of five letters or more."""
    words = list(re.finditer(r"[A-Za-zé]{5,}", text))
    if not words:
        return text
    word = pick(rng, words)
    at = word.start() + 1 + int(rng.integers(len(word[0]) - 2))
    a, b = text[at], text[at + 1]
    return text[:at] + pick(rng, [b + a, a, a + a + b]) + text[at + 2 :]
