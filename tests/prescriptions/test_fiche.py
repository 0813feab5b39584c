"""The sheet of paper: one page, every accent, and no more than what is shared."""

import io
import uuid

import pytest
from pypdf import PdfReader
from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry
from portal.prescriptions import fiche
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import SignIn, address

LETTERS = "àâäçéèêëîïôöùûüÿœæÀÂÇÉÈÊËÎÏÔÙÛÜŸŒÆ łŁşŞșțğőűčěřšžńśźąęōūảẵệ ßøåðþ ‘’“”«»–—…€№ Ελένη Оксана"


def read(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) == 1
    return " ".join(pages[0].extract_text().split())


def sheet(**changes: object) -> fiche.Sheet:
    values: dict[str, object] = {
        "portal": "Portail",
        "reference": "4F2A-91C3",
        "offer": "Atelier",
        "structure": "Structure",
        "facts": [("Référent", "Une personne")],
        "motif": "Parce que.",
        "shared": [("Prénom et nom", "Dominique Fictif")],
        "consent": "La personne est d’accord.",
        "send_back": ["Une personne"],
        **changes,
    }
    return fiche.Sheet(**values)  # type: ignore[arg-type]


def test_every_letter_is_read_back() -> None:
    text = read(fiche.make_pdf(sheet(motif=LETTERS, offer=LETTERS)))
    for word in LETTERS.split():
        assert text.count(word) >= 2, word


def test_an_accent_apart_from_its_letter_joins_it() -> None:
    assert "Hélène" in read(fiche.make_pdf(sheet(motif="He\u0301le\u0300ne")))


@pytest.mark.parametrize("times", [0, 1, 40, 400, 4_000])
def test_one_page_whatever_the_length(times: int) -> None:
    long = "Préparer le permis, reprendre confiance. " * times
    text = read(
        fiche.make_pdf(
            sheet(
                motif=long,
                offer=("Offre " + long)[:150],
                structure=("Structure " + long)[:150],
                facts=[("Fait", long or "x")] * 4,
                shared=[("Information", long or "x")] * 7,
                send_back=["qui " + long, "où " + long],
            )
        )
    )
    assert (fiche.CUT in text) == (times >= 40)
    for words in ("Votre réponse", "Accepté", "Refusé", "Entrée le", "Signature", "Remettez cette feuille"):
        assert words in text


def test_what_does_not_fit_is_said_to_be_elsewhere() -> None:
    width = 200.0
    lines = fiche.wrap("mot " * 500, fiche.PLAIN, 9.5, width)
    kept = fiche.shorten(lines, 3, fiche.PLAIN, 9.5, width)
    assert len(kept) == 3
    assert kept[:2] == lines[:2]
    assert kept[2].endswith(fiche.CUT)


def test_a_word_without_end_is_cut_in_two() -> None:
    lines = fiche.wrap("w" * 1_000, fiche.PLAIN, 9.5, 200.0)
    assert "".join(lines) == "w" * 1_000
    assert len(lines) > 10


def test_the_reference_is_short_and_of_the_prescription() -> None:
    assert fiche.reference(uuid.UUID("4f2a91c3-0000-4000-8000-000000000000")) == "4F2A-91C3"


def test_both_sides_have_it_with_what_was_shared_and_no_more(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    person = make_beneficiary(session, scene.referent, prenom="Łucja", nom="Œdipe-Ÿvette")
    prescription = make_prescription(session, scene, beneficiary=person)
    for user in (scene.referent, scene.partner):
        response = sign_in(user).client.get(address(prescription, "fiche.pdf"))
        assert response.status_code == 200
        assert response.mimetype == "application/pdf"
        assert "Œdipe" not in response.headers["Content-Disposition"]
        text = read(response.data)
        for word in (
            "Łucja Œdipe-Ÿvette",
            "06 00 00 00 00",
            "Préparer le permis",
            scene.offer.nom,
            scene.structure.nom,
            scene.referent.courriel,
            fiche.reference(prescription.id),
        ):
            assert word in text
        # Not shared: the number and the obstacles.
        assert str(person.numero_allocataire) not in text
        assert "Mobilité" not in text
        meta = PdfReader(io.BytesIO(response.data)).metadata
        assert meta is not None
        assert "Œdipe" not in str(dict(meta))
        entry = session.exec(select(AccessEntry).order_by(col(AccessEntry.at).desc())).first()
        assert entry is not None
        assert (entry.user_id, entry.prescription_id) == (user.id, prescription.id)


@pytest.mark.parametrize("state", [State.BROUILLON, State.REFUSEE, State.EXPIREE])
def test_there_is_none_before_the_sending_nor_once_it_came_to_nothing(
    session: Session, sign_in: SignIn, state: State
) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, state)
    sign_in(scene.referent).get(address(prescription, "fiche.pdf"), status=404)


def test_nobody_else_has_it(session: Session, sign_in: SignIn) -> None:
    scene, other = make_scene(session), make_scene(session)
    prescription = make_prescription(session, scene)
    for user in (other.referent, other.partner):
        sign_in(user).get(address(prescription, "fiche.pdf"), status=404)
