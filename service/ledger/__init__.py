"""What makes the log provable: numbered entries, their tree, signed checkpoints, keys.

It stands below the database, which numbers what a transaction did and waits for the seal.
"""
