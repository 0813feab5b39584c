"""Pages of prescriptions: prescribing (`prescribe`), lists (`lists`), one of them (`detail`), answering (`answer`)."""

from portal.prescriptions.views import answer, detail, lists, prescribe
from portal.prescriptions.views.blueprint import blueprint

__all__ = ["answer", "blueprint", "detail", "lists", "prescribe"]
