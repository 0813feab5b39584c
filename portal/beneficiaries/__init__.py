"""Beneficiaries: for whom."""
