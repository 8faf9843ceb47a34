"""What the gateway serves over HTTP: a function each, from what was asked to a struct that is told."""
