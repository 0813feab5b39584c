"""Pages of the animator's room: the desk, the queue, twins, messages to partners, structures that close."""

from portal.referencement.views import closing, desk, doublons, messages, queue  # noqa: F401  (their routes)
from portal.referencement.views.blueprint import blueprint

__all__ = ["blueprint"]
