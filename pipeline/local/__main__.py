"""``python -m pipeline.local``: what `make setup` runs to have a broker at hand."""

import sys

from pipeline.errors import UsageError
from pipeline.local.broker import prepare

try:
    prepare(say=print)
except UsageError as error:
    sys.exit(f"sharpline: {error}")
