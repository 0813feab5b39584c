"""Pages of prescriptions: prescribing (`prescribe`), reading and answering (`follow`)."""

from portal.prescriptions.views import follow, prescribe
from portal.prescriptions.views.blueprint import blueprint

__all__ = ["blueprint", "follow", "prescribe"]
