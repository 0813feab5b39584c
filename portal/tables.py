"""Every table, imported once: used by the application, the migrations and the tests."""

import portal.accounts.models
import portal.beneficiaries.models
import portal.budget.bilan_models
import portal.budget.models
import portal.budget.spending_models
import portal.catalogue.models
import portal.conventions.engagements
import portal.conventions.models
import portal.exchanges.models
import portal.offers.models
import portal.prescriptions.models
import portal.programme.models
import portal.referencement.models
import portal.structures.models  # noqa: F401
from portal.db import metadata

__all__ = ["metadata"]
