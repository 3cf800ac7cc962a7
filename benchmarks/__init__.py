"""One script for each figure that a page of docs/ states."""
