"""The queue: what waits, all there is to judge it, and the answers."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.errors import AlreadyDone, ChangedMeanwhile
from portal.offers import rules as offer_rules
from portal.offers.models import Offer, OfferState
from portal.referencement import queries, rules
from portal.structures import history
from portal.structures import rules as structure_rules
from portal.structures.models import Structure, StructureState, Validation
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.referencement import make_administrator, set_rules, submit_offer, submit_structure
from tests.factories.structures import REDON, make_structure
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
SIRET, NEIGHBOUR = "73282932000074", "73282932000082"


@pytest.fixture
def animator(session: Session) -> User:
    return make_user(session, Role.ANIMATION)


def mails(session: Session, recipient: User) -> list[OutgoingMail]:
    return list(
        session.exec(select(OutgoingMail).where(col(OutgoingMail.recipient) == recipient.courriel)).all()
    )


# --- What waits ---


def test_the_desk_counts_what_waits(session: Session, sign_in: SignIn, animator: User) -> None:
    submit_structure(session, nom="Association nouvelle", code_insee=REDON)
    partner, structure = make_administrator(session)
    submit_offer(session, partner, structure, nom="Relue après")
    set_rules(session, by=animator, offres_validees=Validation.AVANT)
    submit_offer(session, partner, structure, nom="Attend avant")
    offer_rules.suspend_offer(session, make_offer(session, structure, nom="Sans réponse"))
    session.flush()
    found = queries.waiting(session)
    assert (found.structures, found.offers_before, found.offers_after) == (1, 1, 1)
    assert (found.to_read, found.suspended, found.reports) == (3, 1, 0)
    page = sign_in(animator).get("/referencement")
    assert "Fiches à lire 3" in page.text
    assert "1 structure à lire, 1 offre à valider, 1 offre publiée à relire." in page.text


def test_nothing_waits_and_it_is_said(session: Session, sign_in: SignIn, animator: User) -> None:
    make_offer(session)
    assert "Rien n’attend" in sign_in(animator).get("/referencement/file").text


def test_the_first_to_come_is_ahead_and_nothing_else_is_listed(
    session: Session, sign_in: SignIn, animator: User, move_clock: Callable[..., datetime]
) -> None:
    partner, structure = make_administrator(session)
    for day, nom in ((3, "Deuxième offre"), (1, "Première offre")):
        move_clock(2026, 3, day, 9)
        submit_offer(session, partner, structure, nom=nom)
    make_offer(session, structure, nom="Publiée par l’animateur")
    make_offer(session, structure, nom="Brouillon", published=False)
    move_clock(2026, 3, 4, 9)
    page = sign_in(animator).get("/referencement/file")
    titles = [tag.text.strip() for tag in page.soup.select(".result-title")]
    assert titles == ["Première offre", "Deuxième offre"]
    assert f"Envoyée par {partner.full_name}" in page.text
    assert "En attente depuis 3 jours" in page.text


def test_what_a_closed_structure_wrote_waits_for_nobody(session: Session, animator: User) -> None:
    partner, structure = make_administrator(session)
    submit_offer(session, partner, structure)
    assert queries.waiting(session).to_read == 1
    rules.close_structure(session, structure, note=None, by=animator)
    session.flush()
    assert queries.waiting(session).to_read == 0
    assert session.execute(queries.offers_to_read()).all() == []


def test_the_queue_asks_as_much_for_ten_as_for_one(session: Session, sign_in: SignIn, animator: User) -> None:
    partner, structure = make_administrator(session)
    submit_offer(session, partner, structure)
    browser = sign_in(animator)
    with count_statements(session) as one:
        browser.get("/referencement/file")
    for _ in range(9):
        submit_offer(session, partner, structure)
        submit_structure(session)
    session.commit()
    with count_statements(session) as ten:
        browser.get("/referencement/file")
    assert len(ten) <= len(one) + 1


# --- Structures ---


def test_a_structure_is_read_on_one_page_then_validated(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    make_structure(session, nom="Vélo de la Vilaine", code_insee=REDON, siret=NEIGHBOUR)
    partner, structure = submit_structure(
        session, nom="Vélos de la Vilaine", code_insee=REDON, siret=SIRET, courriel=None, telephone=None
    )
    page = sign_in(animator).get("/referencement/file").click("Vélos de la Vilaine")
    assert "Une structure lui ressemble" in page.text
    assert "Vélo de la Vilaine , Redon (publiée) : même SIREN, nom proche et même commune" in page.text
    assert f"Envoyée par {partner.full_name}" in page.text
    done = page.form("valider").submit()
    assert done.path == "/referencement/file"
    assert "« Vélos de la Vilaine » est validée" in done.text
    kept = session.get_one(Structure, structure.id)
    assert (kept.state, kept.reviewed_by_id) == (StructureState.PUBLIEE, animator.id)
    [mail] = mails(session, partner)
    assert "validée" in mail.subject
    assert "Vélos" not in mail.subject


def test_a_structure_is_sent_back_with_a_remark_and_never_without(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    partner, structure = submit_structure(session, nom="Association pressée")
    page = sign_in(animator).get(f"/referencement/file/structures/{structure.id}")
    empty = page.form("renvoyer").submit(note="   ", status=422)
    assert empty.errors == {"note": "Dites au partenaire ce qu’il doit changer."}
    assert mails(session, partner) == []
    long = "x" * 2_001
    kept = page.form("renvoyer").submit(note=long, status=422)
    assert kept.soup.select_one("#note").text.strip() == long  # type: ignore[union-attr]
    page.form("renvoyer").submit(note="Complétez l’adresse.")
    found = session.get_one(Structure, structure.id)
    assert (found.state, found.review_note) == (StructureState.BROUILLON, "Complétez l’adresse.")
    [mail] = mails(session, partner)
    assert "Complétez l’adresse." in mail.body


def test_the_second_animator_is_told(session: Session, sign_in: SignIn, animator: User) -> None:
    partner, structure = submit_structure(session)
    first, second = sign_in(animator), sign_in(make_user(session, Role.ANIMATION))
    address = f"/referencement/file/structures/{structure.id}"
    form = second.get(address).form("renvoyer")
    first.get(address).form("valider").submit()
    late = form.submit(note="Trop tard.")
    assert "quelqu’un d’autre s’en est occupé" in late.text
    assert session.get_one(Structure, structure.id).state is StructureState.PUBLIEE
    assert len(mails(session, partner)) == 1
    assert "n’attend pas de réponse" in second.get(address).text


def test_a_structure_that_changed_is_read_again_and_the_remark_stays(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    partner, structure = submit_structure(session)
    page = sign_in(animator).get(f"/referencement/file/structures/{structure.id}")
    structure_rules.change_structure(session, structure, {"telephone": "+33299887766"}, by=partner)
    session.commit()
    again = page.form("renvoyer").submit(note="À revoir.", status=409)
    assert "La fiche a changé pendant que vous la lisiez" in again.text
    assert again.form("renvoyer").values["note"].strip() == "À revoir."
    again.form("renvoyer").submit()
    assert session.get_one(Structure, structure.id).review_note == "À revoir."


def test_a_structure_read_after_publication_stays_in_the_queue_until_it_is(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    set_rules(session, by=animator, structures_validees=Validation.APRES)
    _, structure = submit_structure(session, nom="Publiée aussitôt")
    make_structure(session, nom="De l’animateur")
    assert structure.is_public
    page = sign_in(animator).get("/referencement/file")
    assert "1 structure à lire" in page.text
    page = page.click("Publiée aussitôt")
    assert "Structure publiée, à relire." in page.text
    done = page.form("valider").submit()
    assert "Rien n’attend" in done.text
    assert session.get_one(Structure, structure.id).reviewed_by_id == animator.id


def test_structures_alike_are_told_with_their_reasons(session: Session) -> None:
    mine = make_structure(session, nom="Maison de l’emploi", code_insee=REDON, siret=SIRET)
    near = make_structure(
        session, nom="La maison de l’emploi", code_insee=REDON, telephone=None, courriel=None
    )
    phone = make_structure(session, nom="Tout autre chose", courriel=None)
    make_structure(session, nom="Sans rapport", code_insee=REDON, telephone=None, courriel=None)
    make_structure(session, nom="Maison de l’emploi", telephone=None, courriel=None)
    found = {other.id: reasons for other, reasons in queries.similar_structures(session, mine)}
    assert found == {near.id: ("même nom et même commune",), phone.id: ("même téléphone",)}
    bare = make_structure(
        session, nom="Brouillon", published=False, code_insee=None, telephone=None, courriel=None
    )
    assert queries.similar_structures(session, bare) == []


# --- Offers ---


def test_an_offer_is_judged_on_one_page_with_what_changed_since(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    partner, structure = make_administrator(session)
    set_rules(session, by=animator, offres_validees=Validation.AVANT)
    offer = submit_offer(session, partner, structure, nom="Permis accompagné")
    twin = make_offer(session, structure, nom="Le permis accompagné")
    browser = sign_in(animator)
    page = browser.get(f"/referencement/file/offres/{offer.id}")
    assert page.h1 == "Permis accompagné"
    assert "Comparer avec « Le permis accompagné »" in page.text
    assert "depuis votre dernière lecture" not in page.text
    page.form("valider").submit()
    assert session.get_one(Offer, offer.id).state is OfferState.PUBLIEE
    assert mails(session, partner)[0].subject == "Une offre est validée"

    found = session.get_one(Offer, offer.id)
    offer_rules.change_offer(session, found, {"frequence": "Le lundi matin"}, structure=structure, by=partner)
    offer_rules.change_offer(session, found, {"frequence": "Le mardi"}, structure=structure, by=partner)
    session.commit()
    page = browser.get(f"/referencement/file/offres/{offer.id}")
    assert "Ce qui a changé depuis votre dernière lecture" in page.text
    changed = [cell.text.strip() for cell in page.soup.select(".table td")]
    assert changed == ["Rien", "Le mardi"]
    page.form("renvoyer").submit(note="Précisez l’heure.")
    found = session.get_one(Offer, offer.id)
    assert (found.state, found.review_note) == (OfferState.BROUILLON, "Précisez l’heure.")
    assert session.get_one(Offer, twin.id).state is OfferState.PUBLIEE


def test_what_changed_is_counted_from_the_last_reading(session: Session, animator: User) -> None:
    partner, structure = make_administrator(session)
    offer = submit_offer(session, partner, structure)

    def since() -> history.Changes | None:
        lines = session.execute(history.of_offer(offer.id)).scalars().all()
        return queries.since_last_reading(history.snapshot(offer, offer_rules.FIELDS), lines)

    assert since() is None
    rules.validate_offer(session, offer.id, by=animator, version=offer.version)
    session.flush()
    assert since() == {}
    for nom in ("Un", "Deux", "Atelier mobilité d’exemple"):
        offer_rules.change_offer(
            session,
            offer,
            {"nom": f"Atelier {nom}" if len(nom) < 5 else nom},
            structure=structure,
            by=partner,
        )
    session.flush()
    assert since() == {}
    offer_rules.change_offer(
        session,
        offer,
        {"frequence": "Le lundi"},
        structure=structure,
        by=partner,
        also={"documents": [None, "a.pdf"]},
    )
    session.flush()
    assert since() == {"frequence": [None, "Le lundi"], "documents": [None, "a.pdf"]}


def test_an_offer_that_lacks_something_by_now_says_what(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    partner, structure = make_administrator(session)
    set_rules(session, by=animator, offres_validees=Validation.AVANT)
    offer = submit_offer(session, partner, structure)
    offer_rules.change_offer(session, offer, {"frais": "payant"}, structure=structure, by=partner)
    page = sign_in(animator).get(f"/referencement/file/offres/{offer.id}")
    assert "L’offre est payante : dites combien." in page.text
    again = page.form("valider").submit(status=409)
    assert "L’offre est payante : dites combien." in again.text
    assert session.get_one(Offer, offer.id).state is OfferState.A_VALIDER


def test_many_are_validated_at_once_and_the_others_named(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    partner, structure = make_administrator(session)
    set_rules(session, by=animator, offres_validees=Validation.AVANT)
    good, changed, broken, gone = (
        submit_offer(session, partner, structure, nom=f"Offre {nom}")
        for nom in ("bonne", "changée", "cassée", "partie")
    )
    offer_rules.change_offer(session, broken, {"publics": None}, structure=structure, by=partner)
    page = sign_in(animator).get("/referencement/file")
    boxes = [str(box["value"]) for box in page.soup.select("input[name=offre]")]
    assert len(boxes) == 4
    offer_rules.change_offer(session, changed, {"frequence": "Le lundi"}, structure=structure, by=partner)
    rules.send_back_offer(session, gone.id, note="Non.", by=animator, version=None)
    session.commit()
    done = page.browser.post("/referencement/file/valider", {"offre": [*boxes, "x", "y:1"]})
    assert "1 offre est validée" in done.text
    assert "« Offre changée » : La fiche a changé" in done.text
    assert "« Offre cassée »" in done.text
    assert "1 offre n’attendait plus de réponse" in done.text
    states = {offer.nom: session.get_one(Offer, offer.id).state for offer in (good, changed, broken, gone)}
    assert states == {
        "Offre bonne": OfferState.PUBLIEE,
        "Offre changée": OfferState.A_VALIDER,
        "Offre cassée": OfferState.A_VALIDER,
        "Offre partie": OfferState.BROUILLON,
    }
    assert len(mails(session, partner)) == 1
    nothing = done.browser.post("/referencement/file/valider", {})
    assert "Cochez d’abord" in nothing.text


def test_an_answer_is_given_once(session: Session, animator: User) -> None:
    partner, structure = make_administrator(session)
    offer = submit_offer(session, partner, structure)
    with pytest.raises(ChangedMeanwhile):
        rules.validate_offer(session, offer.id, by=animator, version=offer.version + 1)
    rules.validate_offer(session, offer.id, by=animator, version=offer.version)
    with pytest.raises(AlreadyDone):
        rules.validate_offer(session, offer.id, by=animator, version=offer.version)
    with pytest.raises(AlreadyDone):
        rules.send_back_offer(session, offer.id, note="Non.", by=animator, version=None)


def test_what_is_not_there_is_not_found(sign_in: SignIn, animator: User) -> None:
    browser = sign_in(animator)
    for kind in ("structures", "offres"):
        browser.get(f"/referencement/file/{kind}/00000000-0000-4000-8000-000000000000", status=404)


# --- The rules ---


def test_the_rules_are_read_changed_and_refused_out_of_bounds(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    page = sign_in(animator).get("/referencement/regles")
    form = page.form("/referencement/regles")
    assert (form.values["structures_validees"], form.values["offres_validees"]) == ("avant", "apres")
    for name, wrong in (("confirmation_mois", "13"), ("suspension_jours", "6"), ("suspension_jours", "deux")):
        refused = form.submit(**{name: wrong}, status=422)
        assert list(refused.errors) == [name]
        assert refused.form("/referencement/regles").values[name] == wrong
    done = form.submit(offres_validees="avant", confirmation_mois="3", suspension_jours="30")
    assert "Les règles sont enregistrées" in done.text
    kept = structure_rules.catalogue_rules(session)
    assert (kept.offres_validees, kept.confirmation_mois, kept.suspension_jours) == (Validation.AVANT, 3, 30)
    assert kept.updated_by_id == animator.id
