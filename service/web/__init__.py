"""The officers' pages: FastAPI routes, Jinja2 templates, own ES modules."""
