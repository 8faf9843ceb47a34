"""``python -m pipeline.cli`` is the command ``sharpline``."""

from pipeline.cli import main

main()
