"""What an offer is worth: will it be seen in DORA, what each answer of ours changes in what leaves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from data_inclusion.schema.v1 import score_qualite
from sqlmodel import Session

from portal import clock, vocabulary
from portal.accounts.models import User
from portal.offers import rules
from portal.offers.models import Offer
from portal.offers.record import PRIVATE_CONTACT, as_record, dora_reasons
from portal.structures.models import Structure, StructureState
from tests.factories.offers import COMPLETE, make_offer
from tests.factories.structures import make_partner
from tests.pages import Browser

SignIn = Callable[[User], Browser]


def reasons(published: bool = True, **values: Any) -> dict[str | None, str]:
    structure = Structure(nom="Association Exemple", date_maj=clock.today(), state=StructureState.PUBLIEE)  # type: ignore[call-arg]
    if not published:
        structure.state = StructureState.BROUILLON
    offer = rules.sketch({**COMPLETE, **values}, structure)
    return {field: sentence for sentence, field in dora_reasons(offer, structure)}


def test_a_whole_offer_is_seen() -> None:
    assert reasons() == {}


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"modes_accueil": None}, "modes_accueil", "sur place ou à distance"),
        ({"code_insee": None}, "commune", "nulle part"),
        ({"courriel": None}, "courriel", "orienter"),
        ({"contact_public": False}, "contact_public", "pas montré"),
        ({"date_fin": clock.today() - timedelta(days=1)}, "date_fin", "est passé"),
    ],
)
def test_each_reason_leads_to_its_question(values: dict[str, Any], field: str, sentence: str) -> None:
    assert sentence in reasons(**values)[field]


def test_the_quality_of_many_is_the_package_s_own() -> None:
    days = [clock.today() - timedelta(days=ago) for ago in (0, 0, 200, 200, 800)]
    records = [
        as_record(rules.sketch(COMPLETE | values, Structure(nom="Association", date_maj=day)))  # type: ignore[call-arg]
        | {"date_maj": vocabulary.day_of_change(day)}
        for day in days
        for values in (
            {},
            {"courriel": None},
            {"frais": "payant", "publics": None},
            {"contact_public": False},
        )
    ]
    found = list(vocabulary.qualities(records))
    assert len({quality.score for quality in found}) > 5
    for record, quality in zip(records, found, strict=True):
        score, details = score_qualite.score(vocabulary.Service.model_construct(**record))
        assert quality.score == score
        wanting = [name for name, value in details.items() if value is not None and value < 1]
        assert quality.missing == tuple(vocabulary.CRITERIA[name] for name in wanting)


def test_the_last_day_itself_is_not_past() -> None:
    assert reasons(date_fin=clock.today()) == {}


def test_a_structure_that_is_not_published_hides_its_offers() -> None:
    assert reasons(published=False) == {None: "La structure n’est pas encore publiée."}


def test_a_score_that_is_too_low_is_said_with_both_figures() -> None:
    said = reasons(type=None, frais=None, publics=None, description="Court.", thematiques=None)[None]
    assert said.startswith("La fiche n’est pas assez remplie : ")
    assert said.endswith(" % au lieu de 80 %.")
    assert int(said.split(" : ")[1].split(" ")[0]) < 80


def test_nothing_typed_has_an_answer_too() -> None:
    structure = Structure(nom="Association Exemple", date_maj=clock.today())  # type: ignore[call-arg]
    assert {"modes_accueil", "commune", "courriel"} <= {
        field for _, field in dora_reasons(rules.sketch({}, structure), structure)
    }


def test_the_page_answers_for_dora(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    page = browser.get(f"/offres/{offer.id}/modifier")
    assert "Oui, une fois publiée" in page.text
    form = page.form("offer-form")
    assert form.values.pop("contact_public") == "y"
    form.submit("Enregistrer les changements")
    session.refresh(offer)
    assert not offer.contact_public
    assert offer.courriel == COMPLETE["courriel"], "it is hidden, not forgotten"
    page = browser.get(f"/offres/{offer.id}/modifier")
    assert "contact_public" not in page.form("offer-form").values
    assert "Le contact n’est pas montré" in page.text


def test_a_private_contact_does_not_leave(session: Session) -> None:
    offer: Offer = make_offer(
        session, contact_public=False, telephone="+33299000000", contact_nom_prenom="Alix Fictif"
    )
    record = as_record(offer)
    assert [record[name] for name in PRIVATE_CONTACT] == [None, None, None]
    assert (offer.telephone, offer.contact_nom_prenom) == ("+33299000000", "Alix Fictif")


def test_local_answers_are_kept(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    slugs = [str(box["value"]) for box in form.tag.select("input[name=freins]")][:2]
    page = form.submit(
        "Enregistrer les changements",
        freins=slugs,
        documents_a_apporter="Carte d’identité\nAttestation",
        frequence="le mardi matin",
        confirmation_mois="3",
        conditions_acces="Savoir lire",
    )
    assert page.path == f"/offres/{offer.id}"
    session.refresh(offer)
    assert offer.freins == sorted(slugs)
    assert (offer.frequence, offer.confirmation_mois) == ("le mardi matin", 3)
    assert (
        as_record(offer)["conditions_acces"]
        == "Savoir lire\nDocuments à apporter : Carte d’identité, Attestation"
    )
    form = page.click("Modifier").form("offer-form")
    assert form.values["documents_a_apporter"] == "Carte d’identité\nAttestation"
    assert form.values["confirmation_mois"] == "3"


# --- Thématiques by need ---


def test_thematiques_by_need_without_a_script(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    form = sign_in(partner).get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    page = form.submit("Proposer", nom="En train d’écrire", besoin="garde d’enfants")
    first = page.soup.select("#themes details")[0]
    assert "Pour « garde d’enfants »" in first.text
    assert first.has_attr("open")
    assert "famille--garde-denfants" in {box["value"] for box in first.select("input")}
    assert page.form("offer-form").values["nom"] == "En train d’écrire"
    values = [box["value"] for box in page.soup.select("#themes input")]
    assert len(values) == len(set(values)), "no thématique stands twice"
    page = page.form("offer-form").submit("Proposer", besoin="zzz")
    assert "Aucune thématique ne répond" in page.text


def test_thematiques_by_need_and_by_barrier_as_a_fragment(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    ticked = "sante--addictions"
    data = form.values | {"besoin": "permis", "thematiques": ticked, "freins": "numerique"}
    answer = browser.fragment("/offres/thematiques", "themes", data)
    labels = [group.text.strip() for group in answer.select(".choice-group-label")]
    assert labels[:2] == ["Pour « permis »", "Pour les freins cochés"]
    assert [box["value"] for box in answer.select("input[checked]")] == [ticked]
    values = {box["value"] for box in answer.select("input")}
    assert values == {box["value"] for box in form.tag.select("input[name=thematiques]")}


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
