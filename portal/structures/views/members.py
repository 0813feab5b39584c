"""Who belongs to a structure: members and their levels, invitations, requests to join."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.structures import invitations, notifications, queries
from portal.structures import members as membership
from portal.structures.forms import InviteForm, LevelForm
from portal.structures.models import Invitation, JoinRequest, Membership, MembershipLevel, Structure
from portal.structures.views.blueprint import WRITERS, blueprint, is_among, public_url, the_structure
from portal.structures.views.invitation import address_of
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.session import db


@blueprint.get("/structures/<uuid:structure_id>/membres")
@allow(*WRITERS)
def members(structure_id: uuid.UUID) -> Any:
    """Who belongs to the structure, who is invited, who asks to join."""
    return _page(_managed(structure_id), _blank())


@blueprint.post("/structures/<uuid:structure_id>/invitations")
@allow(*WRITERS)
def invite(structure_id: uuid.UUID) -> Any:
    """Invite somebody by e-mail; a second press finds the first one's."""
    structure = _managed(structure_id)
    form = InviteForm(request.form)
    if form.validate():
        try:
            invitation = invitations.invite(
                db(),
                structure,
                courriel=form.courriel.data or "",
                level=MembershipLevel(form.level.data),
                by=person(),
                id=form.key(),
            )
        except AlreadyDone:
            db().rollback()
            return _back(structure_id)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            _send(invitation, structure)
            db().commit()
            flash(f"L’invitation part à l’adresse {invitation.courriel}.", "success")
            return _back(structure_id)
    return make_response(_page(_managed(structure_id), form), 422)


@blueprint.post("/structures/<uuid:structure_id>/invitations/<uuid:invitation_id>/renvoyer")
@allow(*WRITERS)
def resend_invitation(structure_id: uuid.UUID, invitation_id: uuid.UUID) -> Any:
    """Send a new link; the former one opens nothing any more."""
    structure, invitation = _invitation(structure_id, invitation_id)
    try:
        invitations.resend(db(), invitation)
    except RuleBroken as broken:
        return _refused(broken, structure_id)
    _send(invitation, structure)
    db().commit()
    flash(f"Un nouveau lien part à l’adresse {invitation.courriel} ; l’ancien ne sert plus.", "success")
    return _back(structure_id)


@blueprint.post("/structures/<uuid:structure_id>/invitations/<uuid:invitation_id>/annuler")
@allow(*WRITERS)
def cancel_invitation(structure_id: uuid.UUID, invitation_id: uuid.UUID) -> Any:
    """Call an invitation off."""
    _, invitation = _invitation(structure_id, invitation_id)
    try:
        invitations.cancel(db(), invitation)
    except RuleBroken as broken:
        return _refused(broken, structure_id)
    db().commit()
    flash("L’invitation est annulée : son lien ne sert plus.", "success")
    return _back(structure_id)


@blueprint.post("/structures/<uuid:structure_id>/demandes/<uuid:request_id>/accepter")
@allow(*WRITERS)
def accept_request(structure_id: uuid.UUID, request_id: uuid.UUID) -> Any:
    """Let in somebody who asked."""
    return _answer(structure_id, request_id, accepts=True)


@blueprint.post("/structures/<uuid:structure_id>/demandes/<uuid:request_id>/refuser")
@allow(*WRITERS)
def refuse_request(structure_id: uuid.UUID, request_id: uuid.UUID) -> Any:
    """Say no to somebody who asked."""
    return _answer(structure_id, request_id, accepts=False)


@blueprint.post("/structures/<uuid:structure_id>/membres/<uuid:membership_id>/niveau")
@allow(*WRITERS)
def set_level(structure_id: uuid.UUID, membership_id: uuid.UUID) -> Any:
    """Give a member another level."""
    structure = _managed(structure_id)
    form = LevelForm(request.form)
    if not form.validate():
        abort(400)
    level = MembershipLevel(form.level.data)
    try:
        membership.set_level(db(), structure, membership_id, level)
    except RuleBroken as broken:
        return _refused(broken, structure_id)
    db().commit()
    return _after_members_change(structure_id, "Le niveau est changé.")


@blueprint.post("/structures/<uuid:structure_id>/membres/<uuid:membership_id>/retirer")
@allow(*WRITERS)
def remove_member(structure_id: uuid.UUID, membership_id: uuid.UUID) -> Any:
    """End somebody's membership."""
    structure = _managed(structure_id)
    try:
        membership.leave(db(), structure, membership_id)
    except RuleBroken as broken:
        return _refused(broken, structure_id)
    db().commit()
    return _after_members_change(structure_id, "Cette personne ne fait plus partie de la structure.")


@blueprint.post("/structures/<uuid:structure_id>/quitter")
@allow(Role.PARTENAIRE)
def quit_structure(structure_id: uuid.UUID) -> Any:
    """Leave the structure, if somebody else remains to answer for it."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    mine = (
        db()
        .execute(queries.members_of(structure_id).where(col(Membership.user_id) == person().id))
        .scalar_one()
    )
    try:
        membership.leave(db(), structure, mine.id)
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("structures.show", structure_id=structure_id), 303)
    db().commit()
    flash(f"Vous ne faites plus partie de « {structure.nom} ».", "success")
    return redirect(url_for("structures.index"), 303)


def _answer(structure_id: uuid.UUID, request_id: uuid.UUID, *, accepts: bool) -> Any:
    structure = _managed(structure_id)
    asked = db().get(JoinRequest, request_id)
    if asked is None or asked.structure_id != structure.id:
        abort(404)
    user = db().get_one(User, asked.user_id)
    form = LevelForm(request.form)
    level = MembershipLevel(form.level.data) if form.validate() else MembershipLevel.MEMBRE
    try:
        if accepts:
            invitations.accept_request(db(), asked, level=level, by=person())
        else:
            invitations.refuse_request(db(), asked, by=person())
    except RuleBroken as broken:
        return _refused(broken, structure_id)
    notifications.tell_decided(db(), asked, structure, user, public_url=public_url())
    db().commit()
    if accepts:
        flash(
            f"{user.full_name} fait maintenant partie de la structure, et en est averti par e-mail.",
            "success",
        )
    else:
        flash(f"La demande de {user.full_name} est refusée ; un e-mail le lui dit.", "success")
    return _back(structure_id)


def _managed(structure_id: uuid.UUID) -> Structure:
    return the_structure(queries.managed_by(person()), structure_id)


def _invitation(structure_id: uuid.UUID, invitation_id: uuid.UUID) -> tuple[Structure, Invitation]:
    structure = _managed(structure_id)
    found = db().get(Invitation, invitation_id)
    if found is None or found.structure_id != structure.id:
        abort(404)
    return structure, found


def _send(invitation: Invitation, structure: Structure) -> None:
    notifications.send_invitation(
        db(), invitation, structure, by=person(), address=public_url() + address_of(invitation)
    )


def _blank() -> InviteForm:
    return InviteForm(data={"cle": new_key(), "level": MembershipLevel.MEMBRE.value})


def _page(structure: Structure, form: InviteForm) -> str:
    return render_template(
        "structures/members.html",
        structure=structure,
        form=form,
        members=db().execute(queries.members_of(structure.id)).scalars().all(),
        invited=db().execute(queries.open_invitations(structure.id)).scalars().all(),
        asking=db().execute(queries.requests_to(structure.id)).scalars().all(),
        levels=list(MembershipLevel),
        now=clock.now(),
    )


def _refused(broken: RuleBroken, structure_id: uuid.UUID) -> Any:
    db().rollback()
    form = _blank()
    form.refuse(None, broken.message)
    return make_response(_page(_managed(structure_id), form), 422)


def _back(structure_id: uuid.UUID) -> Any:
    return redirect(url_for("structures.members", structure_id=structure_id), 303)


def _after_members_change(structure_id: uuid.UUID, message: str) -> Any:
    if not is_among(queries.managed_by, structure_id):
        flash("Vous ne gérez plus les membres de cette structure.", "success")
        return redirect(url_for("structures.index"), 303)
    flash(message, "success")
    return _back(structure_id)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
