"""Amounts, ETP, units and rates as fields of a form; what is typed is read by `portal.money`."""

from typing import Any

from wtforms import StringField

from portal.money import read_decimals, read_euros, show_decimals, show_euros

__all__ = [
    "DecimalsField",
    "EtpField",
    "EurosField",
    "RateField",
    "UnitsField",
    "read_decimals",
    "read_euros",
    "show_decimals",
    "show_euros",
]


class EurosField(StringField):
    """An amount typed as people do ("30 000", "30 000,50 €"); `data` is a whole number of cents, or None."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else show_euros(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the amount. Raises ValueError with what to write when it cannot be read."""
        self.data = read_euros(valuelist[0]) if valuelist and valuelist[0] else None


class DecimalsField(StringField):
    """A positive number with a few decimals at most, kept whole: with 2 decimals, "1,5" is 150."""

    data: Any
    decimals = 2
    example = "1,5"

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else show_decimals(self.data, self.decimals)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number. Raises ValueError with what to write when it cannot be read."""
        typed = valuelist[0].strip() if valuelist else ""
        self.data = read_decimals(typed, self.decimals, self.example) if typed else None


class EtpField(DecimalsField):
    """A number of ETP; `data` is in hundredths."""


class UnitsField(DecimalsField):
    """A number of units; `data` is in thousandths."""

    decimals = 3
    example = "12 ou 0,5"


class RateField(DecimalsField):
    """A rate typed as a percentage ("60", "33,33 %"); `data` is in hundredths of a percent, 10000 at most."""

    example = "60 ou 33,33"

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the rate. Raises ValueError above 100 %."""
        super().process_formdata([text.replace("%", "") for text in valuelist])
        if self.data is not None and self.data > 10_000:
            raise ValueError("Un taux va de 0 à 100 % : relisez-le.")
