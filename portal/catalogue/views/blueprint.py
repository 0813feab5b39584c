"""The blueprint of the room; apart so that each module of views can hang on it."""

from flask import Blueprint

blueprint = Blueprint("catalogue", __name__)
