"""Readings are written in a journal during a GET here too, and must outlive it."""

from tests.beneficiaries.conftest import _readings_undo_nothing

__all__ = ["_readings_undo_nothing"]
