"""Structures: who offers."""
