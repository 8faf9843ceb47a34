"""The Avro contract: every released schema, under the id that travels in each message.

``catalogue.json`` is append-only: an id, once used, means its bytes for ever. A new version of a
subject gets a new file and a new id.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FOLDER = files(__name__)


@dataclass(frozen=True, slots=True)
class Released:
    """One released schema: ``subject`` is ``<topic>-value``; ``sha256`` is of the file's bytes."""

    id: int
    subject: str
    version: int
    file: str
    sha256: str

    @property
    def text(self) -> str:
        """The schema as it was released, JSON."""
        return (FOLDER / self.file).read_text()

    @property
    def schema(self) -> dict[str, Any]:
        """The schema, parsed as JSON."""
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


@cache
def catalogue() -> tuple[Released, ...]:
    """Every released schema, oldest id first."""
    return tuple(Released(**entry) for entry in json.loads((FOLDER / "catalogue.json").read_text()))


@cache
def newest(subject: str) -> Released:
    """The newest version of a subject. Raises KeyError where the subject is unknown."""
    versions = [released for released in catalogue() if released.subject == subject]
    if not versions:
        raise KeyError(subject)
    return max(versions, key=lambda released: released.version)
