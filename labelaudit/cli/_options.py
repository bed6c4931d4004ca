"""Command-line options made from the fields of the option classes, so that each is declared and explained once."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, TypeVar

import click

from labelaudit.config import AuditConfig, ReadOptions, load_config

__all__ = ["options_of", "resolve"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Kind = TypeVar("_Kind", ReadOptions, AuditConfig)

_FLAGS = {"classes": "--class"}
"""Options whose flag is singular because it is repeated."""


def options_of(kind: type[ReadOptions] | type[AuditConfig]) -> Callable[[_Command], _Command]:
    """Give a command one option for each field of `kind`; an option that is not given arrives as None or ()."""
    hints = typing.get_type_hints(kind)

    def decorate(command: _Command) -> _Command:
        for option in reversed(fields(kind)):
            command = _click_option(option, hints[option.name])(command)
        return command

    return decorate


def _click_option(option: Field[Any], hint: Any) -> Callable[[_Command], _Command]:
    flag = _FLAGS.get(option.name, "--" + option.name.replace("_", "-"))
    text = option.metadata["help"]
    metavar = option.metadata["metavar"]
    if hint is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", option.name, default=None, help=text)
    if typing.get_origin(hint) is tuple:
        return click.option(flag, option.name, multiple=True, metavar=metavar, help=text)
    shown = "" if option.default is None else f"  [default: {option.default}]"
    kind = int if hint is int else float if float in typing.get_args(hint) else str
    return click.option(flag, option.name, type=kind, default=None, metavar=metavar, help=text + shown)


def resolve(kind: type[_Kind], given: dict[str, Any], config: str | None) -> _Kind:
    """Take the options of `kind` out of `given`; what is not given comes from the configuration file, then defaults."""
    names = [option.name for option in fields(kind)]
    taken = {name: given.pop(name) for name in names if name in given}
    table = "read" if kind is ReadOptions else "audit"
    values = load_config(config)[table] if config else {}
    values.update({name: value for name, value in taken.items() if value is not None and value != ()})
    return kind(**values)
