"""One module for each source of odds or games: what its answers look like, and the records they make."""
