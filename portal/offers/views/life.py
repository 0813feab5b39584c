"""The life of offers: the list of one's own, confirm, withdraw, put away, take up, look back."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, case, func
from sqlmodel import col, select

from portal import clock, links, vocabulary
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import freshness, queries, rules, saisies, sessions, signalements, states
from portal.offers.models import Offer, OfferState, OfferTemplate
from portal.offers.record import WANTED_SCORE, as_record
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import (
    WRITERS,
    again,
    find_offer,
    refuse,
    saved_form,
    the_offer,
)
from portal.structures import queries as structure_queries
from portal.structures.models import Act, Structure
from portal.structures.rules import catalogue_rules
from portal.web.access import allow, person, public
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# tab -> its words; the order is that of the page
TABS: dict[str, str] = {
    "a-confirmer": "À confirmer",
    "brouillons": "Brouillons",
    "en-attente": "En attente de validation",
    "publiees": "Publiées",
    "suspendues": "Suspendues",
    "archivees": "Archivées",
}
_STATES = {
    "brouillons": (OfferState.BROUILLON,),
    "en-attente": (OfferState.A_VALIDER,),
    "publiees": (OfferState.PUBLIEE,),
    "suspendues": (OfferState.SUSPENDUE,),
    "archivees": (OfferState.ARCHIVEE,),
}
_SHOWN = frozenset({OfferState.BROUILLON, OfferState.A_VALIDER, OfferState.PUBLIEE, OfferState.SUSPENDUE})


@blueprint.get("/mes-offres")
@allow(*WRITERS)
def mine() -> Any:
    """The offers that the person may change: their state, their quality, what is to be done."""
    user = person()
    words = request.args.get("q", "")[:200]
    tab = request.args.get("etat", "") if request.args.get("etat") in TABS else ""
    mine_now = queries.changeable_by(user, words)
    settings = catalogue_rules(db())
    counts = _counts(user, settings.confirmation_mois)
    statement = mine_now.where(_in_tab(tab, settings.confirmation_mois))
    pager = paginate(db(), statement, page_number(request.args.get("page")))
    own = user.role is Role.PARTENAIRE
    structures = db().execute(structure_queries.changeable_by(user)).scalars().all() if own else []
    due = {o.id: freshness.due_on(o, settings) for o in pager.items if o.state is OfferState.PUBLIEE}
    late = {offer_id for offer_id, day in due.items() if day <= clock.today()}
    return render_template(
        "offers/mine.html",
        pager=pager,
        words=words,
        tab=tab,
        tabs=[(name, label, counts[name]) for name, label in TABS.items() if counts[name] or name == tab],
        own=own,
        structures=structures,
        unfinished=_unfinished(user),
        reported=signalements.count_open(db(), user),
        behind=_behind(pager.items),
        scores={offer.id: vocabulary.quality(as_record(offer)).score for offer in pager.items},
        wanted=WANTED_SCORE,
        due=due,
        to_confirm=late | {offer.id for offer in pager.items if offer.state is OfferState.SUSPENDUE},
        today=clock.today(),
    )


@blueprint.post("/offres/<uuid:offer_id>/retirer")
@allow(*WRITERS)
def withdraw(offer_id: uuid.UUID) -> Any:
    """Take the offer out of the catalogue."""
    return _act(
        offer_id,
        lambda offer: rules.withdraw_offer(db(), offer, by=person()),
        "L’offre n’est plus visible. Elle redevient un brouillon : rien n’est effacé.",
    )


@blueprint.post("/offres/<uuid:offer_id>/archiver")
@allow(*WRITERS)
def archive(offer_id: uuid.UUID) -> Any:
    """Put the offer away."""
    return _act(
        offer_id,
        lambda offer: rules.archive_offer(db(), offer, by=person()),
        "L’offre est archivée : elle n’est plus visible, et rien n’est effacé.",
    )


@blueprint.post("/offres/<uuid:offer_id>/reprendre")
@allow(*WRITERS)
def resume(offer_id: uuid.UUID) -> Any:
    """Take an archived offer up again."""
    return _act(
        offer_id,
        lambda offer: rules.resume_offer(db(), offer, by=person()),
        "L’offre est de nouveau un brouillon.",
    )


@blueprint.post("/offres/<uuid:offer_id>/toujours-valable")
@allow(*WRITERS)
def confirm(offer_id: uuid.UUID) -> Any:
    """Say that nothing has changed: the offer is up to date again."""
    offer = the_offer(offer_id)
    name = offer.nom
    try:
        rules.confirm_offer(db(), offer, by=person())
    except RuleBroken as broken:
        db().rollback()
        form = saved_form(the_offer(offer_id))
        refuse(form, broken)
        return again(form, offer_id=offer_id, saved=True)
    db().commit()
    flash(f"« {name} » est à jour.", "success")
    return _back(offer_id)


@blueprint.post("/mes-offres/confirmer")
@allow(*WRITERS)
def confirm_many() -> Any:
    """Confirm every offer that is ticked; those that cannot be are named with the reason."""
    confirmed, refused = 0, []
    for offer_id in _ticked():
        offer = find_offer(offer_id)
        if offer is None:
            continue
        try:
            with db().begin_nested():
                rules.confirm_offer(db(), offer, by=person())
            confirmed += 1
        except RuleBroken as broken:
            db().refresh(offer)
            refused.append(f"« {offer.nom} » : {said(broken)}")
    db().commit()
    if confirmed:
        flash(f"{confirmed} offre{'s sont' if confirmed > 1 else ' est'} à jour.", "success")
    for sentence in refused:
        flash(sentence, "warning")
    if not confirmed and not refused:
        flash("Cochez d’abord les offres à confirmer.", "warning")
    return redirect(url_for("offers.mine", etat=request.form.get("etat") or None), 303)


@blueprint.post("/offres/<uuid:offer_id>/dupliquer")
@allow(*WRITERS)
def duplicate(offer_id: uuid.UUID) -> Any:
    """Begin a draft with the same answers."""
    offer = the_offer(offer_id)
    values = {name: getattr(offer, name) for name in rules.FIELDS} | {"nom": f"{offer.nom[:140]} (copie)"}
    copy = rules.create_offer(db(), offer.structure, values, by=person())
    sessions.set_sessions(db(), copy, sessions.as_rows(sessions.of_offer(db(), offer_id, to_come=True)))
    db().commit()
    flash("Voici une copie : changez ce qui doit l’être, puis publiez-la.", "success")
    return redirect(url_for("offers.edit", offer_id=copy.id), 303)


@blueprint.get("/offres/toujours-valable/<token>")
@public
def still_valid(token: str) -> Any:
    """The page behind the link of an e-mail: one button, which the script presses; a GET never writes."""
    offer, _user, problem = _linked(token)
    return make_response(
        render_template("offers/still_valid.html", offer=offer, token=token, problem=problem, done=False),
        410 if problem else 200,
    )


@blueprint.post("/offres/toujours-valable/<token>")
@public
def say_still_valid(token: str) -> Any:
    """Confirm the offer of the link, in the name of its reader."""
    offer, user, problem = _linked(token)
    status, done = 410 if problem else 200, False
    if offer is not None and problem is None:
        try:
            rules.confirm_offer(db(), freshness.lock(db(), offer.id), by=user)
            db().commit()
            done = True
        except RuleBroken as broken:
            db().rollback()
            problem, status = said(broken), 422
            offer = _linked(token)[0]
    return make_response(
        render_template(
            "offers/still_valid.html",
            offer=offer,
            token=token,
            problem=problem,
            done=done,
            to_mend=status == 422,
        ),
        status,
    )


def said(broken: RuleBroken) -> str:
    """Return what a broken rule says, each point to mend included."""
    points = broken.problems.values() if isinstance(broken, rules.Incomplete) else ()
    return " ".join([broken.message, *points])


def _linked(token: str) -> tuple[Offer | None, User | None, str | None]:
    """The offer and the person of a link, and what keeps it from being used."""
    try:
        link = freshness.read_link(current_app.config["PORTAL"].secret_key, token)
    except links.DeadLink as dead:
        if dead.expired:
            return None, None, "Ce lien a plus de deux mois : connectez-vous pour confirmer vos offres."
        return None, None, "Ce lien n’est pas complet : recopiez-le en entier, ou connectez-vous."
    user = db().get(User, link.user_id)
    offer = db().execute(queries.all_offers().where(col(Offer.id) == link.offer_id)).scalar_one_or_none()
    if offer is None or user is None or not user.is_active or not _may_change(user, offer):
        return None, None, "Vous n’avez plus à confirmer cette offre : quelqu’un d’autre s’en occupe."
    if offer.date_maj != link.date_maj:
        return offer, user, "C’est déjà fait : l’offre a été confirmée ou modifiée depuis ce message."
    if not states.possible(offer.state, Act.CONFIRMATION):
        return offer, user, f"Cette offre n’est plus à confirmer : elle est {offer.state.label.lower()}."
    return offer, user, None


def _may_change(user: User, offer: Offer) -> bool:
    statement = queries.changeable_by(user).where(col(Offer.id) == offer.id)
    return db().execute(statement).first() is not None


def _act(offer_id: uuid.UUID, act: Callable[[Offer], None], sentence: str) -> Any:
    try:
        act(the_offer(offer_id))
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return _back(offer_id)
    db().commit()
    flash(sentence, "success")
    return _back(offer_id)


def _back(offer_id: uuid.UUID) -> Any:
    if request.form.get("retour") == "liste":
        return redirect(url_for("offers.mine", etat=request.form.get("etat") or None), 303)
    return redirect(url_for("offers.show", offer_id=offer_id), 303)


def _ticked() -> list[uuid.UUID]:
    found = []
    for text in request.form.getlist("offre")[:200]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _in_tab(tab: str, months: int) -> ColumnElement[bool]:
    if tab == "a-confirmer":
        return _due(months)
    if tab:
        return col(Offer.state).in_(_STATES[tab])
    return col(Offer.state).in_(_SHOWN)


def _due(months: int) -> ColumnElement[bool]:
    """Published offers whose day has come, for each rhythm: month arithmetic is done here, once a rhythm."""
    today = clock.today()
    rhythm = func.coalesce(col(Offer.confirmation_mois), months)
    late = [(rhythm == n) & (col(Offer.date_maj) <= freshness.latest_due(today, n)) for n in range(1, 13)]
    condition = late[0]
    for other in late[1:]:
        condition = condition | other
    return (col(Offer.state) == OfferState.PUBLIEE) & condition


def _counts(user: User, months: int) -> dict[str, int]:
    statement = (
        select(col(Offer.state), func.count(), func.sum(_as_number(_due(months))))
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(structure_queries.may_change(user))
        .group_by(col(Offer.state))
    )
    by_state: dict[OfferState, int] = {}
    due = 0
    for state, number, late in db().execute(statement):
        by_state[state] = number
        due += int(late or 0)
    return {"a-confirmer": due} | {
        name: sum(by_state.get(state, 0) for state in wanted) for name, wanted in _STATES.items()
    }


def _as_number(condition: ColumnElement[bool]) -> Any:
    return case((condition, 1), else_=0)


def _unfinished(user: User) -> list[tuple[Any, str, str]]:
    """What the person began and did not save: its saisie, its name, where to go on."""
    begun = saisies.of_user(db(), user)
    if not begun:
        return []
    statement = queries.changeable_by(user).where(col(Offer.id).in_([saisie.offer_id for saisie in begun]))
    offers = {offer.id: offer for offer in db().execute(statement).scalars()}
    found = []
    for saisie in begun:
        offer = offers.get(saisie.offer_id)
        address = (
            url_for("offers.edit", offer_id=offer.id)
            if offer
            else url_for("offers.new", structure_id=saisie.structure_id, saisie=saisie.offer_id)
        )
        name = saisies.answer(saisie, "nom") or (offer.nom if offer else "Offre sans nom")
        found.append((saisie, name, address))
    return found


def _behind(offers: Sequence[Offer]) -> set[uuid.UUID]:
    """Those of these offers whose template changed since they were compared with it."""
    open_ones = [offer for offer in offers if offer.modele_id and offer.state in states.OPEN]
    templates = {offer.modele_id for offer in open_ones}
    if not templates:
        return set()
    versions = dict(
        db()
        .execute(
            select(col(OfferTemplate.id), col(OfferTemplate.version)).where(
                col(OfferTemplate.id).in_(templates)
            )
        )
        .all()
    )
    return {offer.id for offer in open_ones if (offer.modele_version or 0) < versions.get(offer.modele_id, 0)}
