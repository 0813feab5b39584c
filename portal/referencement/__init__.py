"""Référencement: the animator's desk, over the whole catalogue."""
