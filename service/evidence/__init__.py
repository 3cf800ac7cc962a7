"""The store of originals and the log of what happened to them."""
