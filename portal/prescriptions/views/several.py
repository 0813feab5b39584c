"""Answering several prescriptions at once, from the inbox: chosen there, read over here, each done or not with why."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role
from portal.prescriptions import answers, queries, several
from portal.prescriptions.follow_forms import SEVERAL, SeveralForms, several_forms
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.sharing import name_for_partner
from portal.prescriptions.states import Act, Side
from portal.prescriptions.views import telling, turns
from portal.prescriptions.views.blueprint import BADGES, blueprint
from portal.prescriptions.views.lists import bucket_asked
from portal.web.access import allow, person
from portal.web.formats import count
from portal.web.session import db

# act → (done, one and many)
_DONE = {
    Act.ETUDIER: ("mise à l’étude", "mises à l’étude"),
    Act.ACCEPTER: ("acceptée", "acceptées"),
    Act.REFUSER: ("refusée", "refusées"),
    Act.SUIVRE: ("confiée", "confiées"),
}


@blueprint.post("/plusieurs")
@allow(Role.PARTENAIRE)
def answer_several() -> Any:
    """Ask what goes with the answer, then give it to each prescription that was chosen."""
    act = _act()
    bucket = bucket_asked(Side.PARTENAIRE, request.form.get("etat"))
    back = url_for("prescriptions.index", etat=bucket.slug if bucket else None)
    found = db().execute(queries.chosen(person(), _ids())).scalars().all()
    if not found:
        flash("Cochez au moins une prescription, puis choisissez quoi répondre.", "info")
        return redirect(back, 303)
    sure = request.form.get("confirme") == "1"
    form = several_forms(act, found, request.form if sure else None)
    members = {}
    if act is Act.SUIVRE:
        belong = queries.members_of({p.structure_id for p in found})
        members = {str(user.id): user for user in db().execute(belong).scalars()}
        form.common.offer(members.values())
    if sure and form.validate():
        outcome = several.do_each(db(), found, _verb(act, form, members), takes_places=act is Act.ACCEPTER)
        for prescription in outcome.done:
            telling.tell(prescription, act)
        if act is Act.REFUSER:
            # Somebody to whom a place was proposed may have been refused.
            turns.propose(*outcome.done)
        db().commit()
        return _told(act, outcome, back)
    page = render_template(
        "prescriptions/several.html",
        form=form,
        act=act,
        found=found,
        back=back,
        etat=bucket.slug if bucket else "",
        badges=BADGES,
        written_to=queries.written_to(db(), form.people),
        name_for_partner=name_for_partner,
    )
    return make_response(page, 422 if sure else 200)


def _verb(act: Act, form: SeveralForms, members: dict[str, Any]) -> Callable[[Prescription], object]:
    """Return what is done to each prescription."""
    by, data = person(), form.common.data
    verbs: dict[Act, Callable[[Prescription], object]] = {
        Act.ETUDIER: lambda p: answers.study(db(), p, by=by, message=data["message"]),
        Act.ACCEPTER: lambda p: answers.accept(
            db(), p, by=by, message=data["message"], message_personne=form.word_to(p)
        ),
        Act.REFUSER: lambda p: answers.refuse(
            db(),
            p,
            by=by,
            reason=RefusalReason(data["motif_refus"]),
            message=data["message"],
            message_personne=form.word_to(p),
        ),
        Act.SUIVRE: lambda p: answers.assign(db(), p, by=by, to=members.get(data["suivi_par"])),
    }
    return verbs[act]


def _told(act: Act, outcome: several.Outcome, back: str) -> Any:
    """Return the page that says what was done and what was not.

    Not a redirection: the names it holds would have to travel in an address or a cookie. Sent again, it finds
    everything done and changes nothing.
    """
    one, many = _DONE[act]
    done, refused = len(outcome.done), len(outcome.refused)
    words = [count(done, one, many)] if done else []
    if refused:
        words.append(f"{refused} non")
    return render_template(
        "prescriptions/several_done.html",
        title=", ".join(words),
        outcome=outcome,
        done_words=many if done > 1 else one,
        back=back,
        name_for_partner=name_for_partner,
    )


def _act() -> Act:
    try:
        act = Act(request.form.get("acte", ""))
    except ValueError:
        abort(404)
    if act not in SEVERAL:
        abort(404)
    return act


def _ids() -> Sequence[uuid.UUID]:
    try:
        ids = {uuid.UUID(text) for text in request.form.getlist("prescription")[: several.MOST]}
    except ValueError:
        abort(404)
    return sorted(ids)
