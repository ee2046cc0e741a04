"""Exact facts about a network on a domain: ranges, Lipschitz constants, units, equality."""
