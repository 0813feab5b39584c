"""What goes out (`exports`) and what comes in (`imports`)."""

from portal.exchanges.views import exports, imports
from portal.exchanges.views.blueprint import blueprint

__all__ = ["blueprint", "exports", "imports"]
