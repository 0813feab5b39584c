"""Posts that the convention with the State pays for. ETP are in hundredths; a post never says who holds it."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import checks, history
from portal.budget.models import Nature, StateConvention
from portal.budget.spending_models import Expense, Post
from portal.errors import RuleBroken
from portal.money import etp

FIELDS = ("intitule", "nature", "etp", "date_debut", "date_fin")
_GONE = "Ce poste n’est plus dans la convention : quelqu’un d’autre l’a ôté."


def of(session: Session, convention: StateConvention) -> list[Post]:
    """Return the posts of a convention, by nature, then by title."""
    posts = session.exec(
        select(Post)
        .where(col(Post.convention_id) == convention.id)
        .order_by(col(Post.intitule), col(Post.id))
    )
    order = list(Nature)
    return sorted(posts, key=lambda post: order.index(post.nature))


def engineering_on(posts: Iterable[Post], day: date) -> int:
    """Return the hundredths of ETP of engineering on a day."""
    return sum(post.etp for post in posts if post.nature is Nature.INGENIERIE and _runs(post, day))


def peak(posts: Collection[Post]) -> tuple[int, date | None]:
    """Return the most hundredths of ETP of engineering on one day, and the first day they are reached (None: none)."""
    # The sum only grows on a day that a post begins.
    days = sorted({post.date_debut for post in posts if post.nature is Nature.INGENIERIE})
    most: tuple[int, date | None] = (0, None)
    for day in days:
        here = engineering_on(posts, day)
        if here > most[0]:
            most = (here, day)
    return most


def write(
    session: Session,
    convention: StateConvention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> Post:
    """Add a post from `values` (intitule, nature, etp, date_debut, date_fin or None).

    `id` is made with the form: a second press returns the post already written. Raises NotAllowed; RuleBroken, with its
    field, when the convention is not open, when the period is upside down, or when engineering would be above the
    convention's cap on some day.
    """
    checks.check_officer(by)
    written = checks.written_before(session, Post, id, convention.id)
    if written is not None:
        return written
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    post = Post(convention_id=convention.id, **{name: values[name] for name in FIELDS})
    post.nature = Nature(post.nature)
    if id is not None:
        post.id = id
    _check(convention, post, of(session, convention))
    written = checks.add_once(session, post, convention.id)
    if written is not post:
        return written
    history.record(session, convention, f"Poste ajouté : {post.intitule[:150]}", by=by, detail=_detail(post))
    return post


def change(
    session: Session,
    post: Post,
    convention: StateConvention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Give the post these values. Raises as `write` does, ChangedMeanwhile, AlreadyDone; RuleBroken when an expense of the post
    would fall outside its period, or be of another nature.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    post = checks.present(session, post, _GONE)
    told = {name: values[name] for name in FIELDS}
    told["nature"] = Nature(told["nature"])
    changes = history.changed(post, told)
    if not changes:
        return
    checks.check_version(post, version)
    wished = Post(id=post.id, convention_id=convention.id, **told)
    _check(convention, wished, of(session, convention))
    _check_expenses(session, wished)
    for name, value in told.items():
        setattr(post, name, value)
    post.version += 1
    session.flush()
    history.record(session, convention, f"Poste modifié : {post.intitule[:150]}", by=by, detail=changes)


def remove(
    session: Session,
    post: Post,
    convention: StateConvention,
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Take a post away. Raises NotAllowed, ChangedMeanwhile, AlreadyDone, and RuleBroken when expenses are tied to it."""
    checks.check_officer(by)
    # An expense may be tied to it at this very moment.
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    post = checks.present(session, post, _GONE)
    checks.check_version(post, version)
    tied = session.exec(select(Expense.annee).where(col(Expense.post_id) == post.id).limit(1)).first()
    if tied is not None:
        raise RuleBroken(
            f"Des dépenses de {tied} sont celles de ce poste : donnez-lui plutôt un dernier jour.",
            field="date_fin",
        )
    gone = {name: (old, None) for name, (_, old) in _detail(post).items()}
    session.delete(post)
    session.flush()
    history.record(session, convention, f"Poste ôté : {post.intitule[:150]}", by=by, detail=gone)


def _runs(post: Post, day: date) -> bool:
    return post.date_debut <= day and (post.date_fin is None or day <= post.date_fin)


def _check(convention: StateConvention, post: Post, known: list[Post]) -> None:
    if not 1 <= post.etp <= 10_000:
        raise RuleBroken("Écrivez un nombre d’ETP entre 0,01 et 100.", field="etp")
    if post.date_fin is not None and post.date_fin < post.date_debut:
        raise RuleBroken("Le dernier jour vient avant le premier : relisez les deux.", field="date_fin")
    cap = convention.etp_ingenierie_max
    if cap is None or post.nature is not Nature.INGENIERIE:
        return
    others = [other for other in known if other.id != post.id]
    together = [*others, post]
    # Only the days of this post are its matter.
    for day in sorted({post.date_debut} | {o.date_debut for o in others if _runs(post, o.date_debut)}):
        here = engineering_on(together, day)
        if here > cap:
            raise RuleBroken(
                f"L’ingénierie est limitée à {etp(cap)} ETP par la convention : avec ce poste, elle en aurait "
                f"{etp(here)} le {day:%d/%m/%Y}, soit {etp(here - cap)} de trop.",
                field="etp",
            )


def _check_expenses(session: Session, post: Post) -> None:
    for expense in session.exec(select(Expense).where(col(Expense.post_id) == post.id)):
        if expense.nature is not post.nature:
            raise RuleBroken(
                f"La dépense « {expense.objet} » de ce poste est de nature « {expense.nature.label} » : "
                "changez-la d’abord.",
                field="nature",
            )
        if not (_runs(post, expense.date_debut) and _runs(post, expense.date_fin)):
            raise RuleBroken(
                f"La dépense « {expense.objet} » de ce poste va du {expense.date_debut:%d/%m/%Y} au "
                f"{expense.date_fin:%d/%m/%Y} : gardez ces jours dans sa période.",
                field="date_debut" if expense.date_debut < post.date_debut else "date_fin",
            )


def _detail(post: Post) -> dict[str, tuple[Any, Any]]:
    return {name: (None, value) for name in FIELDS if (value := getattr(post, name)) is not None}
