"""Indicators: what it amounts to."""
