"""Prescribing: for whom, why, what is shared; then a page to check before it leaves."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal.accounts.models import Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.beneficiaries.models import Beneficiary
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import queries as offer_queries
from portal.offers.models import Offer
from portal.prescriptions import notifications, rules
from portal.prescriptions.forms import PrescriptionForm, SendForm, offer_pieces
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import PIECES, pieces_of
from portal.prescriptions.states import Act, State
from portal.prescriptions.views.blueprint import blueprint, journal, visible
from portal.web.access import allow, person
from portal.web.forms import clean_text
from portal.web.pagination import PAGE_SIZE, page_number, paginate
from portal.web.session import db

_ALL = [piece.slug for piece in PIECES]
# Ticked at first: what a structure nearly always needs to call the person back.
_USUAL = ["contact", "commune"]
# A search answers on one page: to page through it would take the words into the address.
_FOUND_SHOWN = 100


@blueprint.get("/nouvelle")
@allow(Role.REFERENT)
def new() -> Any:
    """For whom, then why. Who is concerned is chosen, never typed again."""
    offer = _offer(request.args.get("offre"))
    if offer is None:
        return redirect(url_for("catalogue.search", beneficiaire=request.args.get("beneficiaire")), 303)
    beneficiary_id = _uuid(request.args.get("beneficiaire"))
    if beneficiary_id is None:
        return redirect(url_for("prescriptions.choose_person", offre=offer.id), 303)
    beneficiary = _beneficiary(beneficiary_id)
    journal(beneficiary.id)
    form = PrescriptionForm(data={"cle": str(uuid.uuid4()), "partage": _USUAL})
    return _ask(form, offer, beneficiary)


@blueprint.route("/pour-qui", methods=["GET", "POST"])
@allow(Role.REFERENT)
def choose_person() -> Any:
    """Choose among the people one follows. Names looked for come by POST: no address holds one."""
    offer = _offer(request.args.get("offre")) or abort(404)
    searched = request.method == "POST"
    words = clean_text(request.form.get("q", ""))[:100] if searched else ""
    number = 1 if searched else page_number(request.args.get("page"))
    found = beneficiary_queries.portfolio_of(person(), words)
    pager = paginate(db(), found, number, size=_FOUND_SHOWN if searched else PAGE_SIZE)
    return render_template(
        "prescriptions/choose_person.html", offer=offer, pager=pager, words=words, searched=searched
    )


@blueprint.post("/nouvelle")
@allow(Role.REFERENT)
def create() -> Any:
    """Keep the draft; a second press finds the first one's."""
    offer = _offer(request.args.get("offre"))
    beneficiary_id = _uuid(request.args.get("beneficiaire"))
    if offer is None or beneficiary_id is None:
        abort(404)
    beneficiary = _beneficiary(beneficiary_id)
    form = PrescriptionForm(request.form)
    offer_pieces(form, pieces_of(beneficiary, _ALL))
    key = _uuid(form.cle.data)
    if key is None:
        abort(400)
    if form.validate():
        try:
            prescription = rules.create_prescription(
                db(),
                beneficiary=beneficiary,
                offer=offer,
                structure=offer.structure,
                by=person(),
                form_key=key,
                motif=form.motif.data or "",
                partage=form.partage.data or [],
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            offer, beneficiary = _offer(str(offer.id)), _beneficiary(beneficiary_id)
            assert offer is not None
        else:
            db().commit()
            return _after_draft(prescription)
    return make_response(_ask(form, offer, beneficiary), 422)


@blueprint.route("/<uuid:prescription_id>/modifier", methods=["GET", "POST"])
@allow(Role.REFERENT)
def edit(prescription_id: uuid.UUID) -> Any:
    """Change a draft."""
    prescription = visible(prescription_id)
    if prescription.state is not State.BROUILLON:
        flash("Cette prescription est déjà envoyée : elle ne peut plus être modifiée.", "info")
        return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)
    posted = request.method == "POST"
    form = PrescriptionForm(
        request.form if posted else None, data={"motif": prescription.motif, "partage": prescription.partage}
    )
    offer_pieces(form, pieces_of(prescription.beneficiary, _ALL))
    if posted and form.validate():
        rules.change_draft(
            db(), prescription, by=person(), motif=form.motif.data or "", partage=form.partage.data or []
        )
        db().commit()
        return _after_draft(prescription)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    offer = prescription.offer
    page = render_template(
        "prescriptions/prescribe.html",
        form=form,
        offer=offer,
        structure=prescription.structure,
        beneficiary=prescription.beneficiary,
        draft=prescription,
        places=_places(offer.id),
    )
    return make_response(page, 422 if posted else 200)


@blueprint.route("/<uuid:prescription_id>/envoi", methods=["GET", "POST"])
@allow(Role.REFERENT)
def send(prescription_id: uuid.UUID) -> Any:
    """Check what the partner will read, record the consent, send."""
    prescription = visible(prescription_id)
    if prescription.state is not State.BROUILLON:
        flash("Cette prescription est déjà envoyée.", "info")
        return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)
    posted = request.method == "POST"
    form = SendForm(request.form if posted else None)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    elif form.validate():
        try:
            rules.send(db(), prescription, by=person(), consent=bool(form.consentement.data))
        except AlreadyDone as done:
            db().rollback()
            flash(done.message, "info")
            return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            prescription = visible(prescription_id)
        else:
            notifications.tell(
                db(), prescription, Act.ENVOYER, public_url=current_app.config["PORTAL"].public_url
            )
            db().commit()
            flash("La prescription est envoyée. La structure est prévenue par courriel.", "success")
            return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)
    page = render_template(
        "prescriptions/send.html",
        form=form,
        prescription=prescription,
        shared=pieces_of(prescription.beneficiary, prescription.partage or ()),
        places=_places(prescription.offer_id),
    )
    return make_response(page, 422 if posted else 200)


def _ask(form: PrescriptionForm, offer: Offer, beneficiary: Beneficiary) -> str:
    offer_pieces(form, pieces_of(beneficiary, _ALL))
    return render_template(
        "prescriptions/prescribe.html",
        form=form,
        offer=offer,
        structure=offer.structure,
        beneficiary=beneficiary,
        draft=None,
        places=_places(offer.id),
    )


def _after_draft(prescription: Prescription) -> Any:
    if request.form.get("suite") == "brouillon":
        flash("Le brouillon est enregistré : rien n’est encore envoyé.", "success")
        return redirect(url_for("prescriptions.show", prescription_id=prescription.id), 303)
    return redirect(url_for("prescriptions.send", prescription_id=prescription.id), 303)


def _offer(text: str | None) -> Offer | None:
    offer_id = _uuid(text)
    if offer_id is None:
        if text:
            abort(404)
        return None
    found = db().execute(offer_queries.visible_to(None).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Offer)
    return found


def _beneficiary(beneficiary_id: uuid.UUID) -> Beneficiary:
    found = db().execute(beneficiary_queries.visible_to(person(), beneficiary_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Beneficiary)
    return found


def _places(offer_id: uuid.UUID) -> Any:
    return current_app.extensions["offer_places"](db(), [offer_id]).get(offer_id)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
