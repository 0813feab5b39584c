"""What may go wrong in a rule, said to the person concerned."""


class RuleBroken(Exception):
    """A rule of the trade refuses; `message` is a French sentence shown as it is, which says what to do."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotAllowed(RuleBroken):
    """The act exists, but not for this person."""


class AlreadyDone(RuleBroken):
    """Somebody, often the same person pressing twice, did it already; nothing was written again."""


class NoPlaceLeft(RuleBroken):
    """Every financed place is taken; the waiting list is the way on."""


class OutOfTurn(NoPlaceLeft):
    """Places are left, for people who wait since longer; a reason lets somebody pass before them."""


class PlacesEnded(RuleBroken):
    """The convention that financed the offer is over; it may be accepted without a financed place."""


class ChangedMeanwhile(RuleBroken):
    """Somebody else saved a newer version since this one was opened; the person is shown both and chooses."""
