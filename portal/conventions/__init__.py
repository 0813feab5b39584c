"""Conventions: with what means."""
