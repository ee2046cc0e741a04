"""Oracles and networks that the tests of all engines share."""
