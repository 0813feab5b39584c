"""The blueprint both files of views share."""

from flask import Blueprint

blueprint = Blueprint("offers", "portal.offers.views")
