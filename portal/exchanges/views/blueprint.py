"""The room's blueprint; its addresses begin in two ways, which each file says."""

from flask import Blueprint

blueprint = Blueprint("exchanges", __name__)
