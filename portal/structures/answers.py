"""How the answers of a structure are read in French, for the rooms above."""

from portal.structures.views.form_page import reader

__all__ = ["reader"]
