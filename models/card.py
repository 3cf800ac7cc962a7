"""Model cards: which weights these are, what they take and give, under which terms."""
