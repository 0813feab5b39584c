"""What the operator of `exchanges import` sees: refused records on the standard output, the rest beside it."""

import sys
from types import TracebackType
from typing import Any

import click

from portal.exchanges.national.loading import Refusal, Report, Told

_CLEAR_LINE = "\r\033[2K"


class Console:
    """One line for each refused record; a progress bar on a terminal, a line at the end of each step elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""
        self._done = 0
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> "Console":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def refusal(self, refusal: Refusal) -> None:
        """Tell a refused record: file and line, id, field, reason, between tabs ("-" when unknown)."""
        if self._bar is not None:
            click.echo(_CLEAR_LINE, nl=False, err=True)
        cells = (f"{refusal.file}:{refusal.line}", refusal.id or "-", refusal.field or "-", refusal.reason)
        click.echo("\t".join(_on_one_line(cell) for cell in cells))

    def progress(self, what: str, done: int, total: int) -> None:
        """Tell how far the step `what` is."""
        if not self._terminal:
            if done >= total:
                click.echo(f"{what}: done", err=True)
            return
        if what != self._what:
            self._close()
            self._what, self._done = what, 0
            self._bar = click.progressbar(length=total, label=what, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def report(self, report: Report, *, wet: bool) -> None:
        """Tell the counts, and whether anything was written."""
        self._close()
        for name, told in (("structures", report.structures), ("services", report.services)):
            click.echo(f"{name}: {_counts(told)}", err=True)
        if report.written:
            click.echo("written" if report.changes else "nothing to write: all was already there", err=True)
        elif wet:
            click.echo(
                "nothing was written: records were refused (--keep-good keeps the good ones)", err=True
            )
        else:
            click.echo("nothing was written: dry run (--wet-run writes)", err=True)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _counts(told: Told) -> str:
    compared = told.compared
    return (
        f"{compared.new} new, {compared.changed} changed, {compared.unchanged} unchanged, "
        f"{told.removed} removed, {told.refused} refused, {told.set_aside} set aside"
    )


def _on_one_line(cell: str) -> str:
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in cell)
