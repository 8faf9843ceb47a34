"""A folder of models that speaks in place of those in use, for folds that are held against theirs.

It is chosen in a context (`contextvars`) of its own, so that two sets of models serve one process and no
function that asks for a model has to be told whose.
"""

from contextvars import ContextVar
from pathlib import Path

#: None where nobody chose one: then that of ``SHARPLINE_MODELS``, else the shipped.
FOLDER: ContextVar[Path | None] = ContextVar("candidate", default=None)
