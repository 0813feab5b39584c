"""One page of a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Request, abort
from sqlalchemy import Select, func, select
from sqlmodel import Session

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class Pager:
    """`items` of page number `page` (from 1) out of `pages`; `total` rows in all."""

    items: Sequence[Any]
    page: int
    pages: int
    total: int


def page_number(text: str | None) -> int:
    """Read a page number from an address; anything but a number from 1 to 100 000 is a page that does not exist (404)."""
    if not text:
        return 1
    if not text.isdecimal() or not 1 <= len(text) <= 6 or not 1 <= int(text) <= 100_000:
        abort(404)
    return int(text)


def paginate(
    session: Session,
    statement: Select[Any],
    page: int,
    *,
    size: int = PAGE_SIZE,
    scalars: bool = True,
    total: int | None = None,
) -> Pager:
    """Run `statement` for one page, in two statements: count, then rows. A page past the end answers 404.

    `total` is how many rows there are, when somebody counted them already.
    """
    if total is None:
        bare = statement.order_by(None)
        total = session.execute(select(func.count()).select_from(bare.subquery())).scalar_one()
    pages = max(1, -(-total // size))
    if page > pages:
        abort(404)
    result = session.execute(statement.limit(size).offset((page - 1) * size))
    rows = result.scalars().all() if scalars else result.all()
    return Pager(items=rows, page=page, pages=pages, total=total)


def pages_of(request: Request) -> Callable[[int], str]:
    """Return the function that gives the address of a page of this list, its other criteria kept, empty ones dropped."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "page" and value]

    def address(number: int) -> str:
        query = urlencode(kept + ([("page", str(number))] if number > 1 else []))
        return f"{request.path}?{query}" if query else request.path

    return address


def init_app(app: Flask) -> None:
    """Give templates `pages_of(request)`."""
    app.add_template_global(pages_of)
