"""Hook points: the functions of MiniStack that this package calls or replaces."""

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

MINISTACK_VERSION = "1.5.33"


class HookVanished(Exception):
    """The installed MiniStack is not the one that the launcher was written for."""


@dataclass(frozen=True)
class HookPoint:
    """A name in a MiniStack module; for a function, with the parameters that we use."""

    module: str
    name: str
    parameters: tuple[str, ...] | None = None

    def problem(self) -> str | None:
        """The fault of this hook point in the installed MiniStack; None if it has none."""
        try:
            found = getattr(importlib.import_module(self.module), self.name)
        except (ImportError, AttributeError):
            return f"{self.module}.{self.name} does not exist"
        if self.parameters is None:
            return None
        if not callable(found):
            return f"{self.module}.{self.name} is not a function"
        actual = tuple(inspect.signature(found).parameters)
        if actual != self.parameters:
            return f"{self.module}.{self.name}{actual} was expected to take {self.parameters}"
        return None


def verify(points: Iterable[HookPoint]) -> None:
    """Raises `HookVanished`, naming every hook point that is missing or has another shape."""
    problems = [problem for point in points if (problem := point.problem())]
    version = importlib.metadata.version("ministack")
    if version != MINISTACK_VERSION:
        problems.insert(0, f"version {version} is installed, {MINISTACK_VERSION} was expected")
    if problems:
        listing = "".join(f"\n  - {problem}" for problem in problems)
        raise HookVanished(f"The launcher does not fit this MiniStack:{listing}")


def replace(module: ModuleType, name: str, replacement: Callable[..., Any]) -> None:
    """Replaces a verified function of a MiniStack module."""
    setattr(module, name, replacement)
