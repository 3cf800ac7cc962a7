"""Evidence bundles: what leaves an installation so that a stranger can verify it without us."""
