"""Accounts: who may be here."""
