"""Several prescriptions at once: made as drafts, read over on one page, sent together; and another offer instead of one."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock, geography, vocabulary
from portal.accounts.models import Role
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind, Beneficiary
from portal.catalogue import current
from portal.catalogue.criteria import Around, Criteria
from portal.catalogue.engine import Card
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import favourites
from portal.offers.places import Places
from portal.prescriptions import checks, documents, lots, rules
from portal.prescriptions.checks import Remark
from portal.prescriptions.delays import Delay
from portal.prescriptions.forms import LotForms, OneOfLotForm, PersonOfLotForm, lot_forms
from portal.prescriptions.models import Prescription
from portal.prescriptions.sensitive import Found
from portal.prescriptions.sharing import pieces_of
from portal.prescriptions.states import Act
from portal.prescriptions.views import meanwhile, telling
from portal.prescriptions.views.blueprint import BADGES, blueprint, journal
from portal.prescriptions.views.choosing import (
    EVERY_PIECE,
    USUAL_PIECES,
    delays,
    find_offers,
    find_people,
    own_draft,
    read_uuid,
)
from portal.prescriptions.views.prescribe import choice_page
from portal.web.access import allow, person
from portal.web.fields import posted_key
from portal.web.formats import count
from portal.web.session import database, db

# Offers shown for the same need, before the search.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One draft as the page of its lot shows it."""

    draft: Prescription
    form: OneOfLotForm
    shared: list[dict[str, str]]
    remarks: list[Remark]
    places: Places | None
    delay: Delay | None
    documents: list[str]
    refused: str | None


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of a lot, with the drafts made for them."""

    beneficiary: Beneficiary
    form: PersonOfLotForm
    lines: list[Line]


@blueprint.post("/lots")
@allow(Role.REFERENT)
def create_lot() -> Any:
    """Make a draft for each of the people and offers that were chosen; pressed twice, they are made once."""
    offers = find_offers(request.args.getlist("offre"))
    chosen = request.form.getlist("personne")
    key = posted_key()
    if not offers:
        abort(404)
    if key is None:
        abort(400)
    if not chosen:
        return choice_page([], "Cochez au moins une personne, puis continuez.")
    if len(chosen) * len(offers) > lots.MOST:
        # Before they are read: nobody reads over so many.
        number = len(chosen) * len(offers)
        problem = f"Cela ferait {number} prescriptions : préparez-en {lots.MOST} au plus à la fois."
        return choice_page(chosen[: lots.MOST], problem)
    people = find_people(chosen)
    if len(people) == 1 and len(offers) == 1:
        return redirect(url_for("prescriptions.new", offre=offers[0].id, beneficiaire=people[0].id), 303)
    try:
        made = lots.create_lot(
            db(), lot_id=key, people=people, offers=offers, by=person(), partage=USUAL_PIECES
        )
    except RuleBroken as broken:
        db().rollback()
        return choice_page(chosen, broken.message)
    if not made.drafts:
        db().rollback()
        name, offer, message = made.refused[0]
        return choice_page(chosen, f"{name}, « {offer} » : {message}")
    db().commit()
    for name, offer, message in made.refused:
        flash(f"{name}, « {offer} » : {message}", "warning")
    return redirect(url_for("prescriptions.lot", lot_id=key), 303)


@blueprint.route("/lots/<uuid:lot_id>", methods=["GET", "POST"])
@allow(Role.REFERENT)
def lot(lot_id: uuid.UUID) -> Any:
    """Read over what each structure will read, say who agrees, send; what cannot leave stays a draft and says why."""
    everything = _lot(lot_id)
    drafts = lots.drafts_among(everything)
    lost = meanwhile.lost_of_lot(everything) if request.method == "POST" else []
    if not drafts:
        if request.method == "POST" and not lost:
            flash("Ces prescriptions ne sont plus en brouillon : rien n’a été changé.", "info")
            return redirect(url_for("prescriptions.lot", lot_id=lot_id), 303)
        _journal(everything)
        page = render_template(
            "prescriptions/lot_sent.html", prescriptions=everything, badges=BADGES, lost=lost
        )
        return make_response(page, 409 if lost else 200)
    forms = _forms(drafts)
    if lost:
        return make_response(_page(lot_id, everything, drafts, forms, lost=lost), 409)
    if request.method == "GET":
        _journal(everything)
        return _page(lot_id, everything, drafts, forms)
    if not forms.validate():
        return make_response(_page(lot_id, everything, drafts, forms), 422)
    try:
        _save(drafts, forms)
        removed = _one_of(drafts, request.form.get("retirer"))
        if removed is not None:
            rules.cancel(db(), removed, by=person())
    except AlreadyDone:
        # One left between our look and our writing: what is there now is asked again.
        db().rollback()
        return lot(lot_id)
    except RuleBroken as broken:
        db().rollback()
        everything = _lot(lot_id)
        drafts = lots.drafts_among(everything)
        forms = _forms(drafts)
        forms.form_errors.append(broken.message)
        return make_response(_page(lot_id, everything, drafts, forms), 422)
    if request.form.get("suite") == "envoi":
        return _send(lot_id, drafts, forms)
    db().commit()
    changed = _one_of(drafts, request.form.get("modifier"))
    if changed is not None:
        return redirect(url_for("prescriptions.edit", prescription_id=changed.id), 303)
    theirs = read_uuid(request.form.get("joindre_a_toutes"))
    if theirs in {draft.beneficiary_id for draft in drafts}:
        here = url_for("prescriptions.lot_documents", lot_id=lot_id, beneficiary_id=theirs)
        return redirect(here, 303)
    joined = _one_of(drafts, request.form.get("joindre"))
    if joined is not None:
        here = url_for("prescriptions.show", prescription_id=joined.id, _anchor="documents")
        return redirect(here, 303)
    flash(
        "Ce brouillon est retiré."
        if removed
        else "Les brouillons sont enregistrés : rien n’est encore envoyé.",
        "success",
    )
    return redirect(url_for("prescriptions.lot", lot_id=lot_id), 303)


@blueprint.post("/lots/<uuid:lot_id>/garder")
@allow(Role.REFERENT)
def keep_lot(lot_id: uuid.UUID) -> Any:
    """Keep what is being typed in the drafts of a lot. Answers with the line that says so."""
    everything = _lot(lot_id)
    drafts, lost = lots.drafts_among(everything), meanwhile.lost_of_lot(everything)
    forms = _forms(drafts)
    problem = None
    if not drafts:
        problem = "ces prescriptions ne sont plus en brouillon."
    elif not forms.validate():
        problem = next(str(sentence) for field in forms for sentence in field.errors)
    else:
        try:
            _save(drafts, forms)
            db().commit()
            if lost:
                one = lost[0].prescription
                problem = f"« {one.offre_nom} », pour {one.beneficiary.full_name}. {lost[0].sentence}"
        except RuleBroken as broken:
            db().rollback()
            problem = broken.message
    return render_template(
        "prescriptions/_kept.html",
        keep_url=request.path,
        kept_at=None if problem else clock.now(),
        problem=problem,
        wording=_wording(lots.drafts_among(_lot(lot_id)), forms),
    )


@blueprint.get("/<uuid:prescription_id>/autre-offre")
@allow(Role.REFERENT)
def elsewhere(prescription_id: uuid.UUID) -> Any:
    """Another offer instead of one that came to nothing, or after it: the motive and what is shared are kept."""
    origin = own_draft(prescription_id)
    if origin.state not in lots.TAKEN_UP or origin.beneficiary.referent_id != person().id:
        abort(404)
    journal(origin.beneficiary_id, origin.id)
    kept = [
        offer
        for offer in db().execute(favourites.of_user(person()).limit(_SHOWN * 4)).scalars()
        if offer.id != origin.offer_id and rules.why_not_offered(offer, offer.structure) is None
    ][:_SHOWN]
    return render_template(
        "prescriptions/elsewhere.html", origin=origin, cards=_same_need(origin), favourites=kept
    )


def _same_need(origin: Prescription) -> list[Card]:
    """Return offers of ours that answer the same need, or one of its kind, near the person when we know where they live."""
    offer, code = origin.offer, origin.beneficiary.code_insee
    if not offer.thematiques:
        return []
    commune = geography.commune(code) if code else None
    where = Around(commune.latitude, commune.longitude, commune=commune) if commune else None
    snapshot = current.snapshot()
    kinds = {vocabulary.category_of(slug) for slug in offer.thematiques}
    for needs in (offer.thematiques, vocabulary.expand_thematiques(sorted(kinds))):
        criteria = Criteria(thematiques=frozenset(needs), professionnels=True, where=where)
        found = snapshot.search(criteria, size=_SHOWN * 4)
        cards = [
            card
            for card in snapshot.cards(db(), found.hits)
            if card.offer_id is not None and card.offer_id != origin.offer_id
        ]
        if cards:
            return cards[:_SHOWN]
    return []


def _lot(lot_id: uuid.UUID) -> list[Prescription]:
    found = lots.of_lot(db(), lot_id, person())
    if not found:
        abort(404)
    return found


def _forms(drafts: Sequence[Prescription]) -> LotForms:
    """Return the forms of these drafts: as they stand, or as typed."""
    held = {entry["piece"] for draft in drafts for entry in pieces_of(draft.beneficiary, EVERY_PIECE)}
    return lot_forms(
        drafts,
        typed=request.form if request.method == "POST" else None,
        motif=lots.common_motif(drafts),
        partage=_shared(drafts),
        pieces=sorted(held),
    )


def _shared(drafts: Sequence[Prescription]) -> set[str]:
    """Return every piece that one of these drafts shares."""
    return {slug for draft in drafts for slug in draft.partage or ()}


def _save(drafts: Sequence[Prescription], forms: LotForms) -> None:
    """Write in each draft what was typed; pieces chosen for one alone stay, unless the common choice changed."""
    chosen = forms.common.partage.data or []
    common_changed = sorted(chosen) != sorted(request.form.get("avant", "").split())
    for draft in drafts:
        motif, partage = forms.motif_of(draft.id), chosen if common_changed else draft.partage or []
        if draft.motif != motif or common_changed:
            rules.change_draft(db(), draft, by=person(), motif=motif, partage=partage)


def _send(lot_id: uuid.UUID, drafts: Sequence[Prescription], forms: LotForms) -> Any:
    agreed = {one for one, form in forms.people.items() if form.consentement.data}
    write_to = {one for one, form in forms.people.items() if form.ecrire.data}
    outcome = lots.send_lot(db(), drafts, by=person(), agreed=agreed, write_to=write_to)
    for prescription in outcome.sent:
        telling.tell(prescription, Act.ENVOYER)
    db().commit()
    if outcome.sent:
        flash(
            f"{count(len(outcome.sent), 'prescription est envoyée', 'prescriptions sont envoyées')}. "
            "Les structures sont prévenues par courriel.",
            "success",
        )
    if not outcome.refused:
        return redirect(url_for("prescriptions.lot", lot_id=lot_id), 303)
    everything = _lot(lot_id)
    left = [one for one in lots.drafts_among(everything) if one.id in outcome.refused]
    forms = _forms(left)
    reasons = {}
    for draft in left:
        broken = outcome.refused[draft.id]
        if broken.field == "consentement":
            if not forms.people[draft.beneficiary_id].consentement.errors:
                forms.people[draft.beneficiary_id].refuse("consentement", broken.message)
        elif broken.field == "motif":
            forms.drafts[draft.id].refuse("motif", broken.message)
        else:
            reasons[draft.id] = broken.message
            name = draft.beneficiary.full_name
            forms.form_errors.append(f"{name}, « {draft.offer.nom} » : {broken.message}")
    return make_response(_page(lot_id, everything, left, forms, reasons), 422)


def _page(
    lot_id: uuid.UUID,
    everything: Sequence[Prescription],
    drafts: Sequence[Prescription],
    forms: LotForms,
    reasons: dict[uuid.UUID, str] | None = None,
    lost: Sequence[meanwhile.Lost] = (),
) -> str:
    offers = {draft.offer_id: draft.offer for draft in drafts}
    known = checks.gather(db(), {draft.beneficiary_id for draft in drafts}, list(offers.values()))
    joined = documents.names_of(db(), [draft.id for draft in drafts])
    usual = delays([draft.structure_id for draft in drafts])
    people: dict[uuid.UUID, Someone] = {}
    for draft in drafts:
        one = people.setdefault(
            draft.beneficiary_id,
            Someone(draft.beneficiary, forms.people[draft.beneficiary_id], []),
        )
        beside = [d.offer for d in drafts if d.beneficiary_id == draft.beneficiary_id]
        one.lines.append(
            Line(
                draft=draft,
                form=forms.drafts[draft.id],
                shared=pieces_of(draft.beneficiary, draft.partage or ()),
                remarks=checks.said_of(known, draft.beneficiary, draft.offer, beside=beside),
                places=known.places.get(draft.offer_id),
                delay=usual.get(draft.structure_id),
                documents=joined.get(draft.id, []),
                refused=(reasons or {}).get(draft.id),
            )
        )
    return render_template(
        "prescriptions/lot.html",
        lot_id=lot_id,
        form=forms,
        people=list(people.values()),
        drafts=drafts,
        lost=lost,
        gone=[one for one in everything if one not in drafts],
        badges=BADGES,
        before=" ".join(sorted(_shared(drafts) & set(_slugs(forms)))),
        keep_url=url_for("prescriptions.keep_lot", lot_id=lot_id),
        kept_at=None,
        problem=None,
        wording=_wording(drafts, forms),
    )


def _slugs(forms: LotForms) -> list[str]:
    return [str(choice.value) for choice in forms.common.partage.iter_choices()]


def _wording(drafts: Collection[Prescription], forms: LotForms) -> list[Found]:
    """Return the sensitive subjects of all that is typed, once each."""
    found: dict[str, Found] = {}
    for draft in drafts:
        if draft.id in forms.drafts:
            for one in checks.wording(forms.motif_of(draft.id), [draft.offer]):
                found.setdefault(one.subject, one)
    return list(found.values())


def _one_of(drafts: Sequence[Prescription], text: str | None) -> Prescription | None:
    wanted = read_uuid(text)
    return next((draft for draft in drafts if draft.id == wanted), None)


def _journal(prescriptions: Sequence[Prescription]) -> None:
    """Write in the journal of each person that their prescription was read, in one transaction."""
    with database().writing() as apart:
        for prescription in prescriptions:
            beneficiary_rules.journal(
                apart,
                prescription.beneficiary_id,
                by=person(),
                kind=AccessKind.PRESCRIPTION,
                prescription_id=prescription.id,
            )
