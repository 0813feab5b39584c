"""What professionals do around an offer: keep it at hand, report an error; and the editors' answers."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import favourites, freshness, notifications, queries, rules, signalements
from portal.offers.models import Offer, Signalement
from portal.offers.signalement_forms import AnswerForm, ReportForm
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import WRITERS
from portal.offers.views.life import said
from portal.offers.views.show import in_catalogue
from portal.structures.rules import catalogue_rules
from portal.web import htmx
from portal.web.access import allow, has_role, person, signed_in
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# Lists that hold the button of favourites, beside the searches.
_LISTS = frozenset({"/favoris", "/offres"})


@blueprint.get("/favoris")
@signed_in
def my_favourites() -> Any:
    """The offers that the person keeps at hand, and what became of them."""
    settings = catalogue_rules(db())
    pager = paginate(db(), favourites.of_user(person()), page_number(request.args.get("page")))
    return render_template(
        "offers/favourites.html",
        pager=pager,
        shown={offer.id for offer in pager.items if in_catalogue(offer)},
        places=current_app.extensions["offer_places"](db(), [offer.id for offer in pager.items]),
        is_stale=lambda offer: freshness.is_due(offer, settings),
        referent=has_role(Role.REFERENT),
        # For whom the offers are chosen, when one comes from somebody's file.
        beneficiaire=_uuid(request.args.get("beneficiaire")),
    )


@blueprint.post("/offres/<uuid:offer_id>/favori")
@signed_in
def keep_favourite(offer_id: uuid.UUID) -> Any:
    """Put the offer among one's favourites, or take it off."""
    kept = request.form.get("garder") == "oui"
    if kept:
        favourites.keep(db(), person(), _seen(offer_id))
    else:
        favourites.drop(db(), person(), offer_id)
    db().commit()
    if htmx.is_htmx():
        return render_template(
            "offers/_favourite.html",
            offer_id=offer_id,
            offer_nom=_name(offer_id) if "nom" in request.form else None,
            kept=kept,
            told=True,
            back=_back(),
        )
    flash(
        "L’offre est dans vos favoris." if kept else "L’offre n’est plus dans vos favoris.",
        "success",
    )
    return redirect(_back() or url_for("offers.show", offer_id=offer_id), 303)


@blueprint.get("/offres/<uuid:offer_id>/signaler")
@allow(*signalements.REPORTERS)
def report(offer_id: uuid.UUID) -> Any:
    """Say what is wrong in an offer; what one said already can be completed until it is answered."""
    offer = _published(offer_id)
    if _is_own(offer_id):
        return _to_mend(offer_id)
    mine = signalements.open_report(db(), offer_id, person())
    return render_template("offers/report.html", offer=offer, form=ReportForm(obj=mine), said=mine)


@blueprint.post("/offres/<uuid:offer_id>/signaler")
@allow(*signalements.REPORTERS)
def send_report(offer_id: uuid.UUID) -> Any:
    """Keep the report and tell the editors."""
    offer = _published(offer_id)
    if _is_own(offer_id):
        return _to_mend(offer_id)
    form = ReportForm(request.form)
    if form.validate():
        try:
            made, is_new = signalements.report(
                db(),
                offer,
                motifs=form.motifs.data or [],
                commentaire=form.commentaire.data,
                by=person(),
            )
            if is_new:
                notifications.tell_reported(
                    db(), made, offer, public_url=current_app.config["PORTAL"].public_url
                )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            offer = _published(offer_id)
        else:
            db().commit()
            flash(
                "Merci : la structure est prévenue. Sa réponse vous parviendra par courriel."
                if is_new
                else "Votre signalement est complété.",
                "success",
            )
            return redirect(url_for("offers.show", offer_id=offer_id), 303)
    mine = signalements.open_report(db(), offer_id, person())
    return make_response(render_template("offers/report.html", offer=offer, form=form, said=mine), 422)


@blueprint.get("/signalements")
@signed_in
def reports() -> Any:
    """The errors reported on the offers that the person may change, or those that the person reported."""
    both = has_role(Role.PARTENAIRE, Role.ANIMATION)
    sent = not has_role(*WRITERS) or (both and request.args.get("vue") == "envoyes")
    statement = signalements.reported_by(person()) if sent else signalements.to_answer_by(person())
    pager = paginate(db(), statement, page_number(request.args.get("page")))
    return render_template(
        "offers/reports.html",
        pager=pager,
        motifs=signalements.MOTIFS,
        sent=sent,
        both=both,
        shown={report.offer_id for report in pager.items if in_catalogue(report.offer)},
    )


@blueprint.get("/signalements/<uuid:signalement_id>")
@allow(*WRITERS)
def read_report(signalement_id: uuid.UUID) -> Any:
    """One report, with the answer to write."""
    return _report_page(_report(signalement_id), AnswerForm())


@blueprint.post("/signalements/<uuid:signalement_id>")
@allow(*WRITERS)
def answer_report(signalement_id: uuid.UUID) -> Any:
    """Answer who reported the error, and confirm the offer when it is right as it stands."""
    found = _report(signalement_id)
    form = AnswerForm(request.form)
    if form.validate():
        try:
            signalements.answer(db(), found, reponse=form.reponse.data or "", by=person())
            if form.confirmer.data:
                rules.confirm_offer(db(), found.offer, by=person())
            notifications.tell_answered(
                db(),
                found,
                found.offer,
                db().get_one(User, found.by_id),
                public_url=current_app.config["PORTAL"].public_url,
            )
        except AlreadyDone as done:
            db().rollback()
            flash(done.message, "info")
            return redirect(url_for("offers.read_report", signalement_id=signalement_id), 303)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, said(broken))
        else:
            db().commit()
            flash("Votre réponse part à la personne qui a signalé l’erreur.", "success")
            return redirect(url_for("offers.reports"), 303)
    return make_response(_report_page(_report(signalement_id), form), 422)


def _report_page(found: Signalement, form: AnswerForm) -> str:
    return render_template(
        "offers/read_report.html",
        found=found,
        form=form,
        motifs=signalements.MOTIFS,
        workplace=signalements.workplaces(db(), [found.by])[found.by_id],
    )


def _report(signalement_id: uuid.UUID) -> Signalement:
    return signalements.find_for(db(), person(), signalement_id) or abort(404)


def _published(offer_id: uuid.UUID) -> Offer:
    found: Offer | None = (
        db().execute(queries.published().where(col(Offer.id) == offer_id)).scalar_one_or_none()
    )
    return found or abort(404)


def _is_own(offer_id: uuid.UUID) -> bool:
    """Say whether the offer is the partner's own: mended, not reported."""
    statement = queries.changeable_by(person()).where(col(Offer.id) == offer_id)
    return has_role(Role.PARTENAIRE) and db().execute(statement).first() is not None


def _to_mend(offer_id: uuid.UUID) -> Any:
    flash("Cette offre est à votre structure : corrigez-la ici.", "info")
    return redirect(url_for("offers.edit", offer_id=offer_id), 303)


def _back() -> str | None:
    """Return where the button of a list leads back to: that list, never another site."""
    asked = request.form.get("retour", "")
    return asked if asked in _LISTS or asked.startswith("/offres?") else None


def _name(offer_id: uuid.UUID) -> str | None:
    name: str | None = db().execute(select(col(Offer.nom)).where(col(Offer.id) == offer_id)).scalar()
    return name


def _seen(offer_id: uuid.UUID) -> Offer:
    found: Offer | None = (
        db().execute(queries.visible_to(person()).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    )
    return found or abort(404)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
