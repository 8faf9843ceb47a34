"""Who may import whom: a part knows the floors below its own, never one above, and apps never one another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

FLOORS = (
    ("pipeline.domain", "pipeline.errors", "schemas"),
    (
        "pipeline.calculator",
        "pipeline.ids",
        "pipeline.data",
        "pipeline.records",
        "pipeline.settings",
        "pipeline.telemetry",
        "pipeline.health",
    ),
    ("pipeline.topics", "pipeline.codec", "pipeline.models"),
    ("pipeline.stages", "pipeline.cluster", "pipeline.portfolio", "pipeline.parlay"),
    ("pipeline.replay", "pipeline.training", "pipeline.local", "pipeline.lag"),
    ("producers", "processors", "gateway", "pipeline.cli"),
)
KAFKA = {"confluent_kafka", "aiokafka", "faust", "mode"}
SERVERS = {"starlette", "uvicorn", "websockets"}
#: A clock and chance would make a fold's answer more than a function of its log.
CHANCE = {"time", "random", "secrets", "uuid", "os", "socket", "asyncio", "threading"}
#: What parts must not know beside the floors above.
UNKNOWN = {
    "pipeline.domain": KAFKA | SERVERS | CHANCE,
    "schemas": KAFKA | SERVERS | CHANCE,
    "pipeline.records": KAFKA | SERVERS | CHANCE,
    "pipeline.ids": KAFKA | SERVERS | CHANCE,
    "pipeline.topics": KAFKA | SERVERS | CHANCE,
    "pipeline.codec": KAFKA | SERVERS | CHANCE,
    "pipeline.stages": KAFKA | SERVERS | CHANCE | {"pipeline.codec", "fastavro", "schemas"},
    "pipeline.portfolio": KAFKA | SERVERS | CHANCE,
    "pipeline.parlay": KAFKA | SERVERS | CHANCE,
    "pipeline.replay": {"faust", "mode", "starlette", "uvicorn"},
    "pipeline.local": {"faust", "mode", "starlette", "uvicorn"},
    "pipeline.lag": {"faust", "mode", "aiokafka"} | SERVERS,
    "gateway": {"faust", "mode", "aiokafka"},
    "producers": {"faust", "mode", "aiokafka"} | SERVERS,
}
HEIGHT = {part: height for height, parts in enumerate(FLOORS) for part in parts}
MODULES = [
    path
    for app in ("pipeline", "schemas", "producers", "processors", "gateway")
    for path in (ROOT / app).rglob("*.py")
]


def part_of(module: str) -> str | None:
    return next((part for part in HEIGHT if module == part or module.startswith(part + ".")), None)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, and what it takes from a package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    own = part_of(name_of(path))
    if own is None:
        assert name_of(path) == "pipeline", f"{name_of(path)} is on no floor"
        return
    for imported in imports(path):
        other = part_of(imported)
        if other is not None and other != own:
            allowed = HEIGHT[other] < HEIGHT[own] or HEIGHT[other] == HEIGHT[own] in (0, 1, 2, 4)
            assert allowed, f"{own} (floor {HEIGHT[own]}) imports {imported} (floor {HEIGHT[other]})"
        names = imported.split(".")
        known = {".".join(names[:depth]) for depth in (1, 2)} & UNKNOWN.get(own, set())
        assert not known, f"{own} must not know {known}"
