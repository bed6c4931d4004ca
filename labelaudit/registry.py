"""Names of plugins, and the plugins behind them, imported only when asked for.

A plugin is a module with a constant ``PLUGIN`` in one of labelaudit's plugin folders (``scores/``, ``readers/``,
``formats/``, ...), named after the file, or the same thing from an installed package that declares an entry point in
the group ``labelaudit.<kind>s``. Listing names imports nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata, util
from typing import Any, Generic, TypeVar, cast

from labelaudit.errors import UnknownNameError, UsageError

__all__ = ["Registry"]

T = TypeVar("T")


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The plugins of one kind.

    Parameters
    ----------
    kind : str
        What one plugin is called in messages, such as ``"score"``.
    package : str
        The package whose modules are plugins. A module whose name starts with ``_`` is none.
    expected : type or tuple of types, optional
        What a plugin must be an instance of; None accepts anything.
    attribute : str
        Name of the module's constant that is the plugin.
    dashed : bool
        Whether names are written with dashes, such as ``k-center``; with underscores they mean the same.

    Examples
    --------
    >>> scores: Registry[object] = Registry("score", "labelaudit.scores")
    >>> "self_confidence" in scores.names()
    True
    """

    kind: str
    package: str
    expected: Any = None
    attribute: str = "PLUGIN"
    dashed: bool = False
    _loaded: dict[str, T] = field(default_factory=dict, repr=False, compare=False)

    @property
    def group(self) -> str:
        """Entry-point group in which installed packages declare plugins of this kind."""
        return self.package

    def names(self) -> tuple[str, ...]:
        """Return all names, sorted, without importing a plugin."""
        return tuple(sorted(map(self._written, {*self._own_names, *self._entry_points})))

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Import and yield every plugin with its name, sorted by name."""
        return ((name, self.get(name)) for name in self.names())

    def get(self, name: str) -> T:
        """Import the plugin called `name`.

        Raises
        ------
        UnknownNameError
            If there is none; the message names the closest.
        UsageError
            If the plugin of an installed package does not load or is of the wrong type.
        """
        if name not in self._loaded:
            known = {self._written(each): each for each in (*self._entry_points, *self._own_names)}
            self._loaded[name] = self._import(known.get(self._written(name), name))
        return self._loaded[name]

    def _written(self, name: str) -> str:
        return name.replace("_", "-") if self.dashed else name

    def _import(self, name: str) -> T:
        if name in self._own_names:
            module = importlib.import_module(f"{self.package}.{self._own_names[name]}")
            return cast(T, getattr(module, self.attribute))
        entry_point = self._entry_points.get(name)
        if entry_point is None:
            raise UnknownNameError.among(self.kind, name, self.names())
        try:
            plugin = entry_point.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"The {self.kind} {name!r} of the installed package at {entry_point.value!r} does not load: {error}.",
                "Reinstall or remove that package.",
            ) from error
        if self.expected is not None and not isinstance(plugin, self.expected):
            raise UsageError(
                f"The {self.kind} {name!r} at {entry_point.value!r} is a {type(plugin).__name__}, no {self.kind}.",
                f"See CONTRIBUTING.md for what a {self.kind} must provide.",
            )
        return cast(T, plugin)

    @cached_property
    def _own_names(self) -> dict[str, str]:
        """Map each name to its module; `import_` is the file of `import`, which Python keeps for itself."""
        spec = util.find_spec(self.package)
        locations = spec.submodule_search_locations if spec else None
        modules = (module.name for module in pkgutil.iter_modules(locations))
        return {module.rstrip("_"): module for module in modules if not module.startswith("_")}

    @cached_property
    def _entry_points(self) -> dict[str, metadata.EntryPoint]:
        # Kept, because each search through all installed packages takes milliseconds.
        return {point.name: point for point in metadata.entry_points(group=self.group)}
