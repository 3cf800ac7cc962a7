"""Events, evidence, review, cases, documents, web, commands: where the others meet."""
