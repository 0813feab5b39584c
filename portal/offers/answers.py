"""How the answers of an offer are read in French, section by section, for the rooms above."""

from portal.offers.views.form_page import SECTIONS, reader

__all__ = ["SECTIONS", "reader"]
