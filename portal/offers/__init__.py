"""Offers: what is offered."""
