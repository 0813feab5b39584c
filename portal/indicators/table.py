"""What every figure of the dashboard is: the page draws it, the CSV holds it; each costs a bounded number of statements."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A figure: its name in addresses, its title, how it is counted, its columns and rows; `notes` are said with it."""

    name: str
    title: str
    definition: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    notes: dict[str, Any] = field(default_factory=dict)
