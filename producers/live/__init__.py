"""Sources that are asked while games are on: what to ask, when, at what price, and what comes of it."""
