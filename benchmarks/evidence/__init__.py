"""What the log, the bundles and their verification cost."""
