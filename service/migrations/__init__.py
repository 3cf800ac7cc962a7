"""How the tables came to be, one file a step; applied at start by `Database.migrate`."""
