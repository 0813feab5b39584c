"""Exchanges: what goes in and out."""
