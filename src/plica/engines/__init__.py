"""Engines: each answers one question, for one dimension of the domain."""
