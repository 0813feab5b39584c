"""A convention is renewed, and the people who are still in it go on in the next one when somebody says yes."""

import uuid
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, renewal
from portal.conventions.life_forms import RenewForm
from portal.conventions.states import ConventionState
from portal.conventions.views.actions import short_reference
from portal.conventions.views.blueprint import blueprint, visible
from portal.conventions.writing import renewal_of
from portal.errors import RuleBroken
from portal.web.access import allow, person
from portal.web.fields import new_key, posted_version
from portal.web.formats import count
from portal.web.session import db


@blueprint.route("/<uuid:convention_id>/renouveler", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def renew(convention_id: uuid.UUID) -> Any:
    """Write the draft of the convention that follows."""
    convention = visible(convention_id)
    written = amendments.of_convention(db(), convention.id)
    posted = request.method == "POST"
    first, last = renewal.next_period(convention)
    form = RenewForm(
        request.form if posted else None,
        data={
            "cle": new_key(),
            "intitule": convention.intitule,
            "date_debut": first,
            "date_fin": last,
            "montant": amendments.amount_in_the_end(convention, written),
        },
    )
    if posted and form.validate():
        try:
            made = renewal.renew(db(), convention, form.to_values(), by=person(), id=uuid.UUID(form.cle.data))
        except RuleBroken as broken:
            db().rollback()
            form.refuse("montant" if broken.field == "montant_centimes" else broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash(
                f"Le brouillon de la convention {made.numero} est prêt : relisez-le, puis signez-le.",
                "success",
            )
            return redirect(url_for("conventions.show", convention_id=made.id), 303)
    page = render_template(
        "conventions/renew.html",
        form=form,
        convention=convention,
        following=renewal_of(db(), convention.id),
    )
    return make_response(page, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/reporter", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def carry(convention_id: uuid.UUID) -> Any:
    """The people still in the convention that this one renews: who may go on, who has no room, and the yes."""
    convention = visible(convention_id)
    wrong = None
    if request.method == "POST":
        counted = posted_version("nombre")
        try:
            # A page that does not say how many it counted was not read.
            found = renewal.carry_people(
                db(), convention, by=person(), expected=-1 if counted is None else counted
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            wrong = broken.message
        else:
            number = sum(len(one.going) for one in found)
            db().commit()
            flash(
                f"{count(number, 'personne reportée', 'personnes reportées')} dans cette convention.",
                "success",
            )
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    found = renewal.people_to_carry(db(), convention)
    page = render_template(
        "conventions/carry.html",
        convention=convention,
        wrong=wrong,
        rows=[
            (
                one,
                sum(line.movement.value == "occupee" for line in one.going),
                [short_reference(line.prescription_id) for line in one.staying],
            )
            for one in found
        ],
        number=sum(len(one.going) for one in found),
        ready=convention.state is ConventionState.SIGNEE and clock.today() >= convention.date_debut,
    )
    return make_response(page, 422 if wrong else 200)
