"""An item as one piece of HTML, for the page without script: one element is sent and drawn faster than twenty."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from labelaudit.reasons import spoken_probability

if TYPE_CHECKING:
    from labelaudit.reviewing import Card

__all__ = ["plain_card"]

_IMAGE_SIDE = 420
_QUIET = "opacity:.8;font-size:.9rem"
_TEXT = "font-size:1.25rem;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate"
_SIDE_BY_SIDE = "display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1.5rem"
_CELL = "padding:.05rem .8rem .05rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere"


def plain_card(card: Card, shown: dict[str, Any]) -> str:
    """Return an item, its labels and why it is here as HTML in which nothing of the data is markup.

    Parameters
    ----------
    card : Card
        The item as the queue has it.
    shown : dict
        What :meth:`labelaudit.viewing.Viewer.card` says of it.
    """
    left = _content(shown["content"]) + _line(f"id {card.item_id}", quiet=True)
    right = _line(f"given: {card.given_label or 'no label'}", bold=True)
    below = ""
    if card.blind:
        right += _line("This item is judged without the suggestion.", quiet=True)
    else:
        right += _suggestion(card, shown["reasons"])
        below = "".join(_neighbors(side) for side in shown["neighbors"] if side["items"])
    sides = f'<div style="{_SIDE_BY_SIDE}"><div>{left}</div><div>{right}</div></div>'
    return f'<div data-plain="{escape(card.item_id)}">{sides}<div style="{_SIDE_BY_SIDE}">{below}</div></div>'


def _suggestion(card: Card, reasons: str) -> str:
    lines = ""
    if card.suggested_label is not None:
        chance = card.suggested_probability
        spoken = "" if chance is None else f" ({spoken_probability(chance)})"
        lines += _line(f"suggested: {card.suggested_label}{spoken}", bold=True)
    return lines + (_line(f"Why it is here: {reasons}.") if reasons else "")


def _line(text: str, *, quiet: bool = False, bold: bool = False) -> str:
    style = _QUIET if quiet else "font-weight:600" if bold else ""
    return f'<p dir="auto" style="margin:.35rem 0;overflow-wrap:anywhere;{style}">{escape(text)}</p>'


def _content(content: dict[str, Any]) -> str:
    if content["kind"] == "text":
        body = f'<div dir="auto" style="{_TEXT}">{escape(content["text"])}</div>'
    elif content["kind"] == "image":
        scale = min(_IMAGE_SIDE / content["width"], _IMAGE_SIDE / content["height"], 8.0)
        size = f'width="{round(content["width"] * scale)}" height="{round(content["height"] * scale)}"'
        body = f'<img src="{escape(content["src"])}" alt="{escape(content["name"])}" {size}>'
    elif content["kind"] == "table":
        body = f"<table>{''.join(map(_row, content['cells']))}</table>"
    else:
        body = _line(content["message"])
    return body + "".join(_line(note, quiet=True) for note in content["notes"])


def _row(cell: dict[str, Any]) -> str:
    value = "<i>missing</i>" if cell["value"] is None else escape(cell["value"])
    why = f"unusual: {escape(cell['why'])}" if cell["why"] else ""
    weight = "font-weight:600" if cell["why"] else ""
    return (
        f'<tr><th scope="row" style="{_CELL};white-space:nowrap;font-weight:400">{escape(cell["name"])}</th>'
        f'<td dir="auto" style="{_CELL};min-width:9.5rem;{weight}">{value}</td>'
        f'<td style="{_CELL};{_QUIET}">{why}</td></tr>'
    )


def _neighbors(side: dict[str, Any]) -> str:
    heading = f'<p style="margin:.6rem 0 .2rem;{_QUIET}">nearest labelled “{escape(side["name"])}”</p>'
    entries = "".join(map(_neighbor, side["items"]))
    return f'<div>{heading}<ul style="margin:0;padding:0;list-style:none">{entries}</ul></div>'


def _neighbor(item: dict[str, Any]) -> str:
    text = escape(item["text"])
    if "src" in item:
        return f'<img src="{escape(item["src"])}" alt="{text}" height="64" style="margin-right:.4rem">'
    return f'<li dir="auto" style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap">{text}</li>'
