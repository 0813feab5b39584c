"""The queue: what partners submitted, read on one page each, validated or sent back with a remark."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal import vocabulary
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import answers as offer_answers
from portal.offers import notifications as offer_notifications
from portal.offers import queries as offer_queries
from portal.offers import rules as offer_rules
from portal.offers import twins
from portal.offers.models import Offer
from portal.offers.record import as_record, dora_reasons, missing_to_publish
from portal.referencement import queries, rules
from portal.referencement.forms import ReviewForm
from portal.referencement.views.blueprint import KEEPERS, blueprint, public_url
from portal.structures import answers as structure_answers
from portal.structures import history
from portal.structures import notifications as structure_notifications
from portal.structures import rules as structure_rules
from portal.structures.models import Revision, Structure
from portal.web.access import allow, person
from portal.web.fields import posted_version, read_version
from portal.web.formats import count
from portal.web.pagination import page_number, paginate
from portal.web.session import db

_MOST_STRUCTURES = 50


@blueprint.get("/referencement/file")
@allow(*KEEPERS)
def queue() -> Any:
    """Everything that waits, the first to come ahead."""
    structures: Sequence[Structure] = (
        db().execute(queries.structures_to_read().limit(_MOST_STRUCTURES)).scalars().all()
    )
    pager = paginate(db(), queries.offers_to_read(), page_number(request.args.get("page")))
    return render_template(
        "referencement/queue.html",
        structures=structures,
        pager=pager,
        who=queries.submitted_by(db(), [*structures, *pager.items]),
    )


@blueprint.post("/referencement/file/valider")
@allow(*KEEPERS)
def validate_many() -> Any:
    """Validate every offer that is ticked, in the version that was listed; those that cannot be are named."""
    read = _ticked()
    validated, refused = rules.validate_many(db(), read, by=person())
    for offer in validated:
        offer_notifications.tell_reviewed(db(), offer, public_url=public_url())
    db().commit()
    if validated:
        flash(
            f"{count(len(validated), 'offre est validée', 'offres sont validées')}. Les partenaires sont prévenus.",
            "success",
        )
    for name, sentence in refused:
        flash(f"« {name} » : {sentence}", "warning")
    gone = len(read) - len(validated) - len(refused)
    if gone:
        flash(
            f"{count(gone, 'offre n’attendait', 'offres n’attendaient')} plus de réponse : quelqu’un d’autre "
            "s’en est occupé.",
            "info",
        )
    if not read:
        flash("Cochez d’abord les offres à valider.", "warning")
    return redirect(url_for("referencement.queue"), 303)


@blueprint.get("/referencement/file/structures/<uuid:structure_id>")
@allow(*KEEPERS)
def structure(structure_id: uuid.UUID) -> Any:
    """All there is to judge a structure."""
    found = _structure(structure_id)
    if not rules.is_structure_to_read(found):
        flash("Cette structure n’attend pas de réponse.", "info")
        return redirect(url_for("structures.show", structure_id=structure_id), 303)
    return _structure_page(found, ReviewForm(data={"version": str(found.version)}))


@blueprint.post("/referencement/file/structures/<uuid:structure_id>/valider")
@allow(*KEEPERS)
def validate_structure(structure_id: uuid.UUID) -> Any:
    """The structure is public; its people are told."""
    return _validated(_STRUCTURE, structure_id)


@blueprint.post("/referencement/file/structures/<uuid:structure_id>/renvoyer")
@allow(*KEEPERS)
def send_back_structure(structure_id: uuid.UUID) -> Any:
    """The structure goes back to its people with a remark."""
    return _sent_back(_STRUCTURE, structure_id)


@blueprint.get("/referencement/file/offres/<uuid:offer_id>")
@allow(*KEEPERS)
def offer(offer_id: uuid.UUID) -> Any:
    """All there is to judge an offer."""
    found = _offer(offer_id)
    if not rules.is_to_read(found):
        flash("Cette offre n’attend pas de réponse.", "info")
        return redirect(url_for("offers.show", offer_id=offer_id), 303)
    return _offer_page(found, ReviewForm(data={"version": str(found.version)}))


@blueprint.post("/referencement/file/offres/<uuid:offer_id>/valider")
@allow(*KEEPERS)
def validate_offer(offer_id: uuid.UUID) -> Any:
    """The offer is public and read; its editors are told."""
    return _validated(_OFFER, offer_id)


@blueprint.post("/referencement/file/offres/<uuid:offer_id>/renvoyer")
@allow(*KEEPERS)
def send_back_offer(offer_id: uuid.UUID) -> Any:
    """The offer goes back to its editors with a remark."""
    return _sent_back(_OFFER, offer_id)


def _structure(structure_id: uuid.UUID) -> Structure:
    return db().get(Structure, structure_id) or abort(404)


def _offer(offer_id: uuid.UUID) -> Offer:
    statement = offer_queries.all_offers().where(col(Offer.id) == offer_id)
    found: Offer | None = db().execute(statement).scalar_one_or_none()
    return found or abort(404)


@dataclass(frozen=True)
class _Kind:
    """What tells the reading of an offer from that of a structure."""

    find: Callable[[uuid.UUID], Any]
    page: Callable[[Any, ReviewForm], str]
    # (session, the row, by=, version=), and the remark as `note=` for the second.
    validate: Callable[..., Any]
    send_back: Callable[..., Any]
    tell: Callable[..., None]
    told: str


def _validated(kind: _Kind, id: uuid.UUID) -> Any:
    return _answered(kind, id, "est validée", kind.validate)


def _sent_back(kind: _Kind, id: uuid.UUID) -> Any:
    form = ReviewForm(request.form)
    if not form.validate():
        return make_response(kind.page(kind.find(id), form), 422)
    return _answered(kind, id, "est renvoyée avec votre remarque", kind.send_back, note=form.note.data or "")


def _answered(kind: _Kind, id: uuid.UUID, outcome: str, act: Callable[..., Any], **answer: str) -> Any:
    """Do it, tell its people, and go back to the queue; or show the page again when it cannot be done."""
    found = kind.find(id)
    try:
        act(db(), found, by=person(), version=posted_version(), **answer)
    except AlreadyDone as done:
        db().rollback()
        flash(done.message, "info")
        return redirect(url_for("referencement.queue"), 303)
    except RuleBroken as broken:
        db().rollback()
        found = kind.find(id)
        # What was typed stays; what is read next is the version that stands.
        form = ReviewForm(request.form)
        form.version.data = str(found.version)
        form.refuse(broken.field, rules.said(broken))
        return make_response(kind.page(found, form), 409)
    kind.tell(db(), found, public_url=public_url())
    db().commit()
    flash(f"« {found.nom} » {outcome}. {kind.told}", "success")
    return redirect(url_for("referencement.queue"), 303)


def _structure_page(found: Structure, form: ReviewForm) -> str:
    lines: Sequence[Revision] = db().execute(history.of_structure(found.id)).scalars().all()
    now = history.snapshot(found, structure_rules.FIELDS)
    changes = queries.since_last_reading(now, lines)
    say = structure_answers.reader(lines)
    return render_template(
        "referencement/read_structure.html",
        structure=found,
        form=form,
        answers=[
            (say.label(name), say.text(name, value))
            for name, value in now.items()
            if value not in (None, [], "")
        ],
        changes=None if changes is None else say.rows(changes),
        similar=queries.similar_structures(db(), found),
        offers=db().execute(queries.structure_offers(found.id)).scalars().all(),
        who=queries.submitted_by(db(), [found]).get(found.id),
    )


def _offer_page(found: Offer, form: ReviewForm) -> str:
    lines: Sequence[Revision] = db().execute(history.of_offer(found.id)).scalars().all()
    now = history.snapshot(found, offer_rules.FIELDS)
    changes = queries.since_last_reading(now, lines)
    say = offer_answers.reader()
    quality = vocabulary.quality(as_record(found))
    values = {name: now[name] for name in ("nom", "telephone", "courriel", "code_insee")}
    return render_template(
        "referencement/read_offer.html",
        offer=found,
        form=form,
        sections=[(title, _answers(say, now, fields)) for title, fields in offer_answers.SECTIONS.values()],
        changes=None if changes is None else say.rows(changes),
        quality=quality,
        missing=[sentence for sentence, _ in quality.missing],
        dora=dora_reasons(found, found.structure),
        required=list(missing_to_publish(found, found.structure).values()),
        lookalikes=twins.likely(
            db(), structure=found.structure, offer_id=found.id, values=values, user=person()
        ),
        who=queries.submitted_by(db(), [found]).get(found.id),
    )


def _answers(say: Any, now: dict[str, Any], fields: Sequence[str]) -> list[tuple[str, str]]:
    """The answers of a section that were given, in the order of its questions."""
    names = ["code_insee" if name == "commune" else name for name in fields]
    return [
        (say.label(name), say.text(name, now[name]))
        for name in names
        if name in now and now[name] not in (None, [], "")
    ]


def _ticked() -> list[tuple[uuid.UUID, int | None]]:
    """The offers that are ticked, each with the version that was listed: "<id>:<version>"."""
    found = []
    for text in request.form.getlist("offre")[:200]:
        name, _, version = text.partition(":")
        try:
            found.append((uuid.UUID(name), read_version(version)))
        except ValueError:
            continue
    return found


_STRUCTURE = _Kind(
    find=_structure,
    page=_structure_page,
    validate=rules.validate_structure,
    send_back=rules.send_back_structure,
    tell=structure_notifications.tell_reviewed,
    told="Ses administrateurs sont prévenus.",
)
_OFFER = _Kind(
    find=_offer,
    page=_offer_page,
    validate=lambda session, offer, **answer: rules.validate_offer(session, offer.id, **answer),
    send_back=lambda session, offer, **answer: rules.send_back_offer(session, offer.id, **answer),
    tell=offer_notifications.tell_reviewed,
    told="Ses auteurs sont prévenus.",
)
