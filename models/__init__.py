"""Weights, their cards and the session that runs them; never what is an offence."""
