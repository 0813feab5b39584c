"""Prescriptions: what happens."""
