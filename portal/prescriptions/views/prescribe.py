"""Prescribing: for whom, why, what is shared; then a page to check before it leaves."""

import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.beneficiaries.models import Beneficiary
from portal.errors import AlreadyDone, RuleBroken
from portal.offers.models import Offer
from portal.prescriptions import checks, lots, rules
from portal.prescriptions.acting import too_late
from portal.prescriptions.forms import PrescriptionForm, SendForm, offer_pieces
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import pieces_of
from portal.prescriptions.states import Act, State
from portal.prescriptions.views import meanwhile, telling
from portal.prescriptions.views.answer import own_desk
from portal.prescriptions.views.blueprint import blueprint, journal
from portal.prescriptions.views.choosing import (
    EVERY_PIECE,
    USUAL_PIECES,
    advice,
    find_offers,
    find_people,
    find_person,
    own_draft,
    read_uuid,
)
from portal.prescriptions.views.documents import board_of
from portal.web.access import allow, person
from portal.web.fields import new_key, posted_key
from portal.web.forms import clean_text
from portal.web.pagination import PAGE_SIZE, page_number, paginate
from portal.web.session import db

# A search answers on one page: to page through it would take the words into the address.
_FOUND_SHOWN = 100


@blueprint.get("/nouvelle")
@allow(Role.REFERENT)
def new() -> Any:
    """For whom, then why. Who is concerned is chosen, never typed again; a draft that was begun is taken up."""
    offers = find_offers(request.args.getlist("offre"))
    beneficiary_id = read_uuid(request.args.get("beneficiaire"))
    if not offers:
        return redirect(url_for("catalogue.search", beneficiaire=beneficiary_id), 303)
    if beneficiary_id is None or len(offers) > 1:
        chosen: dict[str, Any] = {"offre": [offer.id for offer in offers], "beneficiaire": beneficiary_id}
        return redirect(url_for("prescriptions.choose_person", **chosen), 303)
    offer, beneficiary = offers[0], find_person(beneficiary_id)
    begun = lots.draft_for(db(), by=person(), beneficiary_id=beneficiary.id, offer_id=offer.id)
    if begun is not None:
        flash("Voici le brouillon que vous aviez commencé.", "info")
        return redirect(url_for("prescriptions.edit", prescription_id=begun.id), 303)
    journal(beneficiary.id)
    origin = _origin(beneficiary)
    data = {"cle": new_key(), "partage": USUAL_PIECES}
    if origin is not None:
        data |= {"motif": origin.motif, "partage": origin.partage or []}
    return _ask(PrescriptionForm(data=data), offer, beneficiary)


@blueprint.route("/pour-qui", methods=["GET", "POST"])
@allow(Role.REFERENT)
def choose_person() -> Any:
    """Choose among the people one follows. Names looked for come by POST: no address holds one."""
    return choice_page(request.form.getlist("personne"))


def choice_page(ticked: list[str], problem: str | None = None) -> Any:
    """Return the page of the choice of people for the offers of the address; `problem`: what was not right."""
    came_from = _search_behind()
    if not request.args.getlist("offre"):
        flash("Cochez au moins une offre, puis prescrivez.", "warning")
        favourites = url_for("offers.my_favourites", beneficiaire=request.args.get("beneficiaire"))
        return redirect(came_from or favourites, 303)
    offers = find_offers(request.args.getlist("offre"))
    if not offers:
        abort(404)
    if request.method == "GET" and len(set(request.args.getlist("offre"))) > lots.MOST:
        flash(
            f"{lots.MOST} offres au plus à la fois : les premières sont gardées, les autres non.", "warning"
        )
    words = clean_text(request.form.get("q", ""))[:100]
    searched = bool(words) and problem is None
    chosen = find_people(ticked or [one for one in [request.args.get("beneficiaire")] if one])
    number = 1 if request.method == "POST" else page_number(request.args.get("page"))
    found = beneficiary_queries.portfolio_of(person(), words if searched else "")
    pager = paginate(db(), found, number, size=_FOUND_SHOWN if searched else PAGE_SIZE)
    page = render_template(
        "prescriptions/choose_person.html",
        offers=offers,
        pager=pager,
        words=words,
        searched=searched,
        chosen=chosen,
        chosen_ids={one.id for one in chosen},
        cle=posted_key() or uuid.uuid4(),
        problem=problem,
        came_from=came_from,
        recherche=request.args.get("recherche"),
    )
    return make_response(page, 422 if problem else 200)


@blueprint.post("/nouvelle")
@allow(Role.REFERENT)
def create() -> Any:
    """Keep the draft; a second press finds the first one's."""
    offer, beneficiary, form, key = _typed()
    if form.validate():
        try:
            prescription = _write(form, offer, beneficiary, key)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            offer, beneficiary = find_offers([str(offer.id)])[0], find_person(beneficiary.id)
        else:
            db().commit()
            if prescription.state is not State.BROUILLON:
                return _too_late(own_draft(prescription.id))
            return _after_draft(prescription)
    return make_response(_ask(form, offer, beneficiary), 422)


@blueprint.post("/nouvelle/garder")
@allow(Role.REFERENT)
def keep_new() -> Any:
    """Keep what is being typed in a prescription that does not exist yet: a draft. Answers with the line that says so."""
    offer, beneficiary, form, key = _typed()
    if not (form.motif.data or "").strip():
        return _kept(form, offer)
    if not form.validate():
        return _kept(form, offer, _first_error(form))
    try:
        prescription = _write(form, offer, beneficiary, key)
        if prescription.state is not State.BROUILLON:
            raise AlreadyDone(too_late(db(), prescription))
    except RuleBroken as broken:
        db().rollback()
        return _kept(form, find_offers([str(offer.id)])[0], broken.message)
    db().commit()
    return _kept(form, offer, saved=True)


@blueprint.route("/<uuid:prescription_id>/modifier", methods=["GET", "POST"])
@allow(Role.REFERENT)
def edit(prescription_id: uuid.UUID) -> Any:
    """Change a draft."""
    prescription = meanwhile.own_or_left(prescription_id)
    if prescription.state is not State.BROUILLON:
        return _too_late(prescription)
    posted = request.method == "POST"
    form = _form_of(prescription)
    if posted and form.validate():
        try:
            rules.change_draft(
                db(), prescription, by=person(), motif=form.motif.data or "", partage=form.partage.data or []
            )
        except AlreadyDone:
            db().rollback()
            return _too_late(meanwhile.own_or_left(prescription_id))
        db().commit()
        return _after_draft(prescription)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    return make_response(
        _page(form, prescription.offer, prescription.beneficiary, prescription), 422 if posted else 200
    )


@blueprint.post("/<uuid:prescription_id>/garder")
@allow(Role.REFERENT)
def keep(prescription_id: uuid.UUID) -> Any:
    """Keep what is being typed in a draft. Answers with the line that says so."""
    prescription = own_draft(prescription_id)
    form, offer = _form_of(prescription), prescription.offer
    if not (form.motif.data or "").strip():
        # An empty text is what one has between two sentences: the former one is kept.
        return _kept(form, offer)
    if not form.validate():
        return _kept(form, offer, _first_error(form))
    try:
        rules.change_draft(
            db(), prescription, by=person(), motif=form.motif.data or "", partage=form.partage.data or []
        )
    except RuleBroken as broken:
        db().rollback()
        return _kept(form, own_draft(prescription_id).offer, broken.message)
    db().commit()
    return _kept(form, offer, saved=True)


@blueprint.route("/<uuid:prescription_id>/envoi", methods=["GET", "POST"])
@allow(Role.REFERENT)
def send(prescription_id: uuid.UUID) -> Any:
    """Check what the partner will read, record the consent, send."""
    prescription = meanwhile.own_or_left(prescription_id)
    if prescription.state is not State.BROUILLON:
        return _too_late(prescription)
    posted = request.method == "POST"
    form = SendForm(
        request.form if posted else None, data={"ecrire": prescription.beneficiary.courriel_accord}
    )
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    elif form.validate():
        try:
            rules.send(
                db(),
                prescription,
                by=person(),
                consent=bool(form.consentement.data),
                write_to_person=bool(form.ecrire.data),
            )
            telling.tell(prescription, Act.ENVOYER)
        except AlreadyDone:
            db().rollback()
            return _too_late(meanwhile.own_or_left(prescription_id))
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            prescription = own_draft(prescription_id)
        else:
            db().commit()
            flash("La prescription est envoyée. La structure est prévenue par courriel.", "success")
            return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)
    page = render_template(
        "prescriptions/send.html",
        form=form,
        prescription=prescription,
        shared=pieces_of(prescription.beneficiary, prescription.partage or ()),
        documents=board_of(prescription, own_desk(prescription), before_sending=True),
        **advice(prescription.beneficiary, prescription.offer, prescription.motif),
    )
    return make_response(page, 422 if posted else 200)


def _too_late(prescription: Prescription) -> Any:
    """Answer about a draft that is one no more: what was typed is given back; where nothing was, one is led there."""
    if request.method == "GET":
        flash(meanwhile.became(prescription), "info")
        return redirect(url_for("prescriptions.show", prescription_id=prescription.id), 303)
    if "motif" not in request.form:
        # The page of sending holds what was kept before it, and nothing else.
        return meanwhile.given_back(prescription, prescription.motif, prescription.partage or ())
    return meanwhile.given_back(prescription, request.form.get("motif", ""), request.form.getlist("partage"))


def _search_behind() -> str | None:
    """Return the address of the search where the offers were ticked; None when they come from elsewhere."""
    asked = request.args.get("recherche")
    if asked is None:
        return None
    words = urlencode(parse_qsl(asked.removeprefix("?")[:2000]))
    return url_for("catalogue.search") + (f"?{words}" if words else "")


def _typed() -> tuple[Offer, Beneficiary, PrescriptionForm, uuid.UUID]:
    """Return what a form of a new prescription says; 404 for an offer or a person it may not name, 400 without key."""
    offers = find_offers(request.args.getlist("offre"))
    beneficiary_id = read_uuid(request.args.get("beneficiaire"))
    if not offers or beneficiary_id is None:
        abort(404)
    beneficiary = find_person(beneficiary_id)
    form = PrescriptionForm(request.form)
    offer_pieces(form, pieces_of(beneficiary, EVERY_PIECE))
    key = read_uuid(form.cle.data)
    if key is None:
        abort(400)
    return offers[0], beneficiary, form, key


def _form_of(prescription: Prescription) -> PrescriptionForm:
    """Return the form of a draft: as it stands, or as typed."""
    form = PrescriptionForm(
        request.form if request.method == "POST" else None,
        data={"motif": prescription.motif, "partage": prescription.partage},
    )
    offer_pieces(form, pieces_of(prescription.beneficiary, EVERY_PIECE))
    return form


def _write(form: PrescriptionForm, offer: Offer, beneficiary: Beneficiary, key: uuid.UUID) -> Prescription:
    """Write the draft that the form makes; what was kept of it while typing is brought to what it says now."""
    origin = _origin(beneficiary)
    motif, partage = form.motif.data or "", form.partage.data or []
    prescription = rules.create_prescription(
        db(),
        beneficiary=beneficiary,
        offer=offer,
        structure=offer.structure,
        by=person(),
        form_key=key,
        motif=motif,
        partage=partage,
        origine_id=origin.id if origin else None,
    )
    if prescription.state is State.BROUILLON:
        rules.change_draft(db(), prescription, by=person(), motif=motif, partage=partage)
    return prescription


def _origin(beneficiary: Beneficiary) -> Prescription | None:
    """Return the ended prescription that the address says to take up."""
    origin_id = read_uuid(request.args.get("origine"))
    if origin_id is None:
        return None
    return lots.origin_of(db(), by=person(), beneficiary_id=beneficiary.id, origin_id=origin_id)


def _ask(form: PrescriptionForm, offer: Offer, beneficiary: Beneficiary) -> str:
    offer_pieces(form, pieces_of(beneficiary, EVERY_PIECE))
    return _page(form, offer, beneficiary, None)


def _page(form: PrescriptionForm, offer: Offer, beneficiary: Beneficiary, draft: Prescription | None) -> str:
    origin = None if draft else _origin(beneficiary)
    if draft is not None:
        keep_url = url_for("prescriptions.keep", prescription_id=draft.id)
    else:
        named: dict[str, Any] = {
            "offre": offer.id,
            "beneficiaire": beneficiary.id,
            "origine": origin.id if origin else None,
        }
        keep_url = url_for("prescriptions.keep_new", **named)
    # Proposed while nothing is written: afterwards the text is the référent's own.
    blank = draft is None and origin is None and not form.motif.data
    return render_template(
        "prescriptions/prescribe.html",
        form=form,
        offer=offer,
        structure=draft.structure if draft else offer.structure,
        beneficiary=beneficiary,
        draft=draft,
        origin=origin,
        to_take_up=lots.to_take_up(db(), by=person(), beneficiary_id=beneficiary.id) if blank else None,
        keep_url=keep_url,
        kept_at=None,
        problem=None,
        **advice(beneficiary, offer, form.motif.data or ""),
    )


def _kept(form: PrescriptionForm, offer: Offer, problem: str | None = None, *, saved: bool = False) -> str:
    return render_template(
        "prescriptions/_kept.html",
        keep_url=request.full_path.rstrip("?"),
        kept_at=clock.now() if saved else None,
        problem=problem,
        wording=checks.wording(form.motif.data or "", [offer]),
    )


def _first_error(form: PrescriptionForm) -> str:
    return str(next((sentence for field in form for sentence in field.errors), ""))


def _after_draft(prescription: Prescription) -> Any:
    if request.form.get("suite") == "brouillon":
        flash("Le brouillon est enregistré : rien n’est encore envoyé.", "success")
        return redirect(url_for("prescriptions.show", prescription_id=prescription.id), 303)
    if prescription.lot_id is not None:
        return redirect(url_for("prescriptions.lot", lot_id=prescription.lot_id), 303)
    return redirect(url_for("prescriptions.send", prescription_id=prescription.id), 303)
