"""The page that an invitation's link opens. Mail readers follow links by themselves: only its button accepts."""

from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for

from portal.accounts import rules as accounts
from portal.accounts import session as sign_in_session
from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.structures import invitations
from portal.structures.forms import NewcomerForm
from portal.structures.models import Invitation, Structure
from portal.structures.queries import changeable_by
from portal.structures.views.blueprint import blueprint, is_among
from portal.web.access import person, public
from portal.web.session import db


def address_of(invitation: Invitation) -> str:
    """Return the path of an invitation's link."""
    return url_for("structures.invitation", token=invitations.link_of(invitation, _secret()))


@blueprint.get("/invitations/<token>")
@public
def invitation(token: str) -> Any:
    """Who invites to what, and how to answer."""
    try:
        found = invitations.open_link(db(), token, _secret())
    except invitations.DeadInvitation as dead:
        return _dead(dead)
    return _page(found, token, NewcomerForm())


@blueprint.post("/invitations/<token>")
@public
def accept_invitation(token: str) -> Any:
    """Join, with one's account or with the one that is opened by the same form."""
    try:
        found = invitations.open_link(db(), token, _secret(), to_use=True)
    except invitations.DeadInvitation as dead:
        return _dead(dead)
    user = person()
    if user is None:
        return _accept_as_newcomer(found, token)
    structure = db().get_one(Structure, found.structure_id)
    if user.courriel != found.courriel or invitations.refused_account(user):
        return make_response(_page(found, token, NewcomerForm()), 409)
    invitations.accept(db(), found, user)
    db().commit()
    return _welcome(structure)


def _accept_as_newcomer(found: Invitation, token: str) -> Any:
    form = NewcomerForm(request.form)
    if accounts.find_user(db(), found.courriel) is not None:
        return make_response(_page(found, token, form), 409)
    if not form.validate():
        return make_response(_page(found, token, form), 422)
    structure = db().get_one(Structure, found.structure_id)
    try:
        user = invitations.accept_as_newcomer(
            db(),
            found,
            prenom=form.prenom.data or "",
            nom=form.nom.data or "",
            password=form.mot_de_passe.data or "",
        )
    except RuleBroken as broken:
        db().rollback()
        form.refuse(broken.field, broken.message)
        return make_response(_page(found, token, form), 422)
    db().commit()
    sign_in_session.begin(user)
    return _welcome(structure)


def _welcome(structure: Structure) -> Any:
    flash(f"Vous faites maintenant partie de « {structure.nom} ».", "success")
    return redirect(url_for("structures.show", structure_id=structure.id), 303)


def _page(found: Invitation, token: str, form: NewcomerForm) -> str:
    owner = accounts.find_user(db(), found.courriel)
    user = person()
    by = db().get(User, found.invited_by_id) if found.invited_by_id else None
    return render_template(
        "structures/invitation.html",
        invitation=found,
        structure=db().get_one(Structure, found.structure_id),
        by=by,
        token=token,
        form=form,
        owner=owner,
        refused=invitations.refused_account(owner) if owner else None,
        is_theirs=user is not None and user.courriel == found.courriel,
        user=user,
    )


def _dead(dead: invitations.DeadInvitation) -> Any:
    structure = None
    if dead.invitation is not None:
        structure = db().get_one(Structure, dead.invitation.structure_id)
    page = render_template(
        "structures/invitation_ended.html",
        end=dead.end.value,
        structure=structure,
        belongs=structure is not None and is_among(changeable_by, structure.id),
        user=person(),
    )
    return make_response(page, 410)


def _secret() -> str:
    return str(current_app.config["PORTAL"].secret_key)
