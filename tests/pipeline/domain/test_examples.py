import doctest
import importlib
import pkgutil

import pytest

import pipeline.domain

MODULES = sorted(module.name for module in pkgutil.iter_modules(pipeline.domain.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_runs(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"pipeline.domain.{name}"))

    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_shows_an_example(name: str) -> None:
    module = importlib.import_module(f"pipeline.domain.{name}")
    own = [
        thing
        for label, thing in vars(module).items()
        if callable(thing)
        and not label.startswith("_")
        and getattr(thing, "__module__", "") == module.__name__
        and not isinstance(thing, type)
    ]

    assert own
    assert [thing.__name__ for thing in own if ">>>" not in (thing.__doc__ or "")] == []
