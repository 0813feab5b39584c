"""Writing to the partners concerned: choose, preview, send; and what was sent."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import User
from portal.errors import AlreadyDone, RuleBroken
from portal.referencement import messages
from portal.referencement.forms import MessageForm
from portal.referencement.models import Audience, Campaign
from portal.referencement.views.blueprint import KEEPERS, as_ids, blueprint, public_url
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.formats import count
from portal.web.pagination import page_number, paginate
from portal.web.session import db

_SHOWN = 3
_NAMES = ",".join(f'"{audience.value}"' for audience in Audience)
PREVIEW, SEND, BACK = "apercu", "envoyer", "corriger"

_ABOUT = {
    Audience.PERIMEES: "Une offre au moins attend d’être confirmée, ou est suspendue faute de réponse.",
    Audience.SANS_OFFRE: "La fiche de la structure est publiée, et aucune de ses offres ne l’est.",
    Audience.ADRESSE: "L’adresse de la structure ou d’une offre manque, ou n’est placée qu’au centre de la commune.",
    Audience.COURRIEL: "Le dernier message envoyé à une adresse de la structure a été refusé.",
}


@blueprint.get("/referencement/messages")
@allow(*KEEPERS)
def campaigns() -> Any:
    """Whom to write to, and what was sent."""
    pager = paginate(db(), messages.campaigns(), page_number(request.args.get("page")), scalars=False)
    numbers = messages.counts(db())
    return render_template(
        "referencement/messages.html",
        audiences=[(audience, _ABOUT[audience], numbers[audience]) for audience in Audience],
        pager=pager,
    )


@blueprint.get(f"/referencement/messages/<any({_NAMES}):name>")
@allow(*KEEPERS)
def write(name: str) -> Any:
    """The structures concerned, all ticked, and the text proposed."""
    audience = Audience(name)
    objet, texte = messages.ready(audience, public_url())
    form = MessageForm(data={"cle": new_key(), "objet": objet, "texte": texte})
    targets = messages.targets(db(), audience)
    ticked = {target.structure.id for target in targets if target.recipients}
    return _write_page(audience, form, targets, ticked)


@blueprint.post(f"/referencement/messages/<any({_NAMES}):name>")
@allow(*KEEPERS)
def send(name: str) -> Any:
    """Show the real messages, then send them when asked."""
    audience = Audience(name)
    form = MessageForm(request.form)
    key = form.key()
    if db().get(Campaign, key) is not None:
        return redirect(url_for("referencement.campaign", campaign_id=key), 303)
    ticked = set(as_ids(request.form.getlist("structure")))
    act = request.form.get("acte", PREVIEW)
    targets = messages.targets(db(), audience)
    if act == BACK:
        return _write_page(audience, form, targets, ticked)
    if not form.validate():
        return make_response(_write_page(audience, form, targets, ticked), 422)
    chosen = [target for target in targets if target.structure.id in ticked and target.recipients]
    try:
        letters = messages.letters(form.objet.data or "", form.texte.data or "", chosen)
        if not letters:
            raise RuleBroken("Personne à qui écrire : cochez au moins une structure.")
        if act == SEND:
            campaign = messages.send(
                db(),
                audience=audience,
                objet=form.objet.data or "",
                texte=form.texte.data or "",
                structure_ids=ticked,
                by=person(),
                id=key,
            )
    except AlreadyDone:
        db().rollback()
        return redirect(url_for("referencement.campaign", campaign_id=key), 303)
    except RuleBroken as broken:
        db().rollback()
        form.refuse(broken.field, broken.message)
        targets = messages.targets(db(), audience)
        return make_response(_write_page(audience, form, targets, ticked), 422)
    if act == SEND:
        db().commit()
        flash(f"{count(len(letters), 'message part', 'messages partent')} : leur état se lit ici.", "success")
        return redirect(url_for("referencement.campaign", campaign_id=campaign.id), 303)
    return render_template(
        "referencement/preview.html",
        audience=audience,
        form=form,
        chosen=chosen,
        letters=letters[:_SHOWN],
        total=len(letters),
        gone=len(ticked) - len(chosen),
        send=SEND,
        back=BACK,
    )


@blueprint.get("/referencement/messages/envois/<uuid:campaign_id>")
@allow(*KEEPERS)
def campaign(campaign_id: uuid.UUID) -> Any:
    """What was sent, to whom, and where each message stands."""
    found = db().get(Campaign, campaign_id) or abort(404)
    pager = paginate(
        db(),
        messages.messages_of(campaign_id),
        page_number(request.args.get("page")),
        size=100,
        scalars=False,
    )
    return render_template(
        "referencement/campaign.html",
        campaign=found,
        author=db().get(User, found.sent_by_id) if found.sent_by_id else None,
        pager=pager,
        lines=[(message, structure, messages.state_of(mail)) for message, structure, mail in pager.items],
    )


def _write_page(
    audience: Audience, form: MessageForm, targets: list[messages.Target], ticked: set[uuid.UUID]
) -> str:
    return render_template(
        "referencement/write.html",
        audience=audience,
        about=_ABOUT[audience],
        form=form,
        targets=targets,
        ticked=ticked,
        hint="Dans chaque message, "
        + " et ".join(f"{{{name}}} est remplacé par {text}" for name, text in messages.PLACEHOLDERS.items())
        + ".",
        preview=PREVIEW,
    )
