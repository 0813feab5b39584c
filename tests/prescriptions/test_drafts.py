"""A draft survives: kept while typing, found again, and taken up towards another offer."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session

from portal import clock
from portal.offers import favourites
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import SignIn, address, new_address, prescriptions


def keep_address(url: str) -> str:
    return url.replace("/nouvelle?", "/nouvelle/garder?")


class TestKept:
    def test_while_typing_then_found_again(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser, url = sign_in(scene.referent), new_address(scene, person)
        page = browser.get(url)
        region = page.soup.select_one("#kept")
        assert region is not None
        assert region["hx-post"] == keep_address(url)
        data = {"cle": str(page.form("/nouvelle").values["cle"]), "motif": "Le permis"}
        told = browser.fragment(keep_address(url), "kept", data)
        assert "gardé en brouillon" in told.get_text()
        browser.fragment(keep_address(url), "kept", data | {"motif": "Le permis, puis la voiture."})
        (draft,) = prescriptions(session)
        assert (draft.state, draft.motif) == (State.BROUILLON, "Le permis, puis la voiture.")
        # The page was closed: one comes back to it.
        page = browser.get(url)
        assert page.path == address(draft, "modifier")
        assert "Voici le brouillon" in page.text
        assert page.form("/modifier").values["motif"] == "Le permis, puis la voiture."
        browser.fragment(
            address(draft, "garder"), "kept", {"motif": "Encore autre chose.", "partage": "commune"}
        )
        session.refresh(draft)
        assert (draft.motif, draft.partage) == ("Encore autre chose.", ["commune", "identite"])

    def test_the_button_says_the_last_word(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser, url = sign_in(scene.referent), new_address(scene, person)
        form = browser.get(url).form("/nouvelle")
        data = {"cle": str(form.values["cle"]), "motif": "Le per", "partage": "commune"}
        browser.fragment(keep_address(url), "kept", data)
        page = form.submit("Continuer", motif="Le permis.", partage=["contact"])
        assert page.path.endswith("/envoi")
        (draft,) = prescriptions(session)
        assert (draft.motif, draft.partage) == ("Le permis.", ["contact", "identite"])

    def test_nothing_typed_makes_no_draft_and_keeps_the_former(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser, url = sign_in(scene.referent), new_address(scene, person)
        told = browser.fragment(keep_address(url), "kept", {"cle": str(uuid.uuid4()), "motif": "  "})
        assert "sera gardé" in told.get_text()
        assert prescriptions(session) == []
        draft = make_prescription(session, scene, State.BROUILLON, person)
        session.commit()
        browser.fragment(address(draft, "garder"), "kept", {"motif": " "})
        session.refresh(draft)
        assert draft.motif.startswith("Préparer le permis")

    @pytest.mark.parametrize("which", ["new", "draft"])
    def test_too_long_is_told_and_not_kept(self, session: Session, sign_in: SignIn, which: str) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser, url = sign_in(scene.referent), keep_address(new_address(scene, person))
        if which == "draft":
            url = address(make_prescription(session, scene, State.BROUILLON, person), "garder")
            session.commit()
        before = [p.motif for p in prescriptions(session)]
        told = browser.fragment(url, "kept", {"cle": str(uuid.uuid4()), "motif": "x" * 100_000})
        assert "Non enregistré : Raccourcissez de 98000 caractères" in " ".join(told.get_text().split())
        assert [p.motif for p in prescriptions(session)] == before

    def test_what_was_sent_meanwhile_is_not_changed(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        sent = make_prescription(session, scene)
        motif = sent.motif
        session.commit()
        told = sign_in(scene.referent).fragment(address(sent, "garder"), "kept", {"motif": "Autre."})
        assert "à l’état « envoyée »" in told.get_text()
        session.refresh(sent)
        assert sent.motif == motif

    def test_who_may_not_prescribe_keeps_nothing(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        person = make_beneficiary(session, scene.referent)
        draft = make_prescription(session, scene, State.BROUILLON, person)
        session.commit()
        stranger = sign_in(other.referent)
        data = {"cle": str(uuid.uuid4()), "motif": "Le permis."}
        stranger.post(keep_address(new_address(scene, person)), data, status=404)
        stranger.post(address(draft, "garder"), data, status=404)
        assert len(prescriptions(session)) == 1


class TestAnotherOffer:
    @pytest.mark.parametrize("state", [State.REFUSEE, State.EXPIREE, State.TERMINEE, State.ABANDONNEE])
    def test_the_text_and_the_pieces_are_kept(self, session: Session, sign_in: SignIn, state: State) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        former = make_prescription(session, scene, state, person)
        former.partage = ["freins", "identite"]
        same = make_offer(session, scene.structure, nom="Auto-école d’exemple")
        kept = make_offer(session, scene.structure, nom="Crèche", thematiques=["famille--garde-denfants"])
        favourites.keep(session, scene.referent, kept)
        session.commit()
        page = sign_in(scene.referent).get(address(former, "autre-offre"))
        links = [str(a["href"]) for a in page.soup.select(".choice-list a")]
        assert [str(same.id) in links[0], str(kept.id) in links[1]] == [True, True]
        page = page.browser.get(links[0])
        form = page.form("/nouvelle")
        assert form.values["motif"] == former.motif
        assert form.values["partage"] == "freins"
        form.submit("Continuer")
        made = next(p for p in prescriptions(session) if p.id != former.id)
        assert (made.offer_id, made.origine_id, made.motif) == (same.id, former.id, former.motif)
        # Each page leads to the other, for the référent alone.
        page = page.browser.get(address(former)).click(f"Reprise vers : {same.nom}")
        assert page.path == address(made)
        assert page.click(f"À la suite de : {former.offre_nom}").path == address(former)
        assert "Reprise vers" not in sign_in(scene.partner).get(address(former)).text

    def test_when_nothing_answers_the_same_need_what_is_near_is_shown(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        former = make_prescription(session, scene, State.REFUSEE)
        near = make_offer(session, scene.structure, thematiques=["mobilite--financer-ma-mobilite"])
        make_offer(session, scene.structure, thematiques=["famille--garde-denfants"])
        session.commit()
        page = sign_in(scene.referent).get(address(former, "autre-offre"))
        (link,) = page.soup.select(".choice-list a")
        assert str(near.id) in str(link["href"])

    @pytest.mark.parametrize("state", [State.BROUILLON, State.ENVOYEE, State.ACCEPTEE, State.ENTREE])
    def test_not_while_it_is_under_way(self, session: Session, sign_in: SignIn, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        session.commit()
        sign_in(scene.referent).get(address(prescription, "autre-offre"), status=404)
        sign_in(scene.partner).get(address(prescription, "autre-offre"), status=403)

    def test_proposed_when_one_comes_by_the_catalogue(
        self, session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 3, 3, 10)
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        former = make_prescription(session, scene, State.REFUSEE, person)
        other = make_offer(session, scene.structure, nom="Auto-école d’exemple")
        session.commit()
        browser = sign_in(scene.referent)
        url = f"/prescriptions/nouvelle?offre={other.id}&beneficiaire={person.id}"
        page = browser.get(url).click("Reprendre son texte et ce qui était partagé")
        form = page.form("/nouvelle")
        assert form.values["motif"] == former.motif
        form.submit("Enregistrer le brouillon")
        # Taken up once, it is proposed no more; nor is one of another season.
        third = make_offer(session, scene.structure, nom="Troisième offre d’exemple")
        session.commit()
        url = f"/prescriptions/nouvelle?offre={third.id}&beneficiaire={person.id}"
        assert "Reprendre son texte" not in browser.get(url).text
        make_prescription(session, scene, State.REFUSEE, person)
        session.commit()
        assert "Reprendre son texte" in browser.get(url).text
        move_clock(2025, 7, 3, 10)
        assert clock.today().month == 7
        assert "Reprendre son texte" not in sign_in(scene.referent).get(url).text

    def test_the_origin_of_somebody_else_is_left_alone(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        theirs = make_prescription(session, other, State.REFUSEE)
        elsewhere = make_prescription(session, scene, State.REFUSEE)
        person = make_beneficiary(session, scene.referent)
        session.commit()
        for origin in (theirs.id, elsewhere.id, "x", uuid.uuid4()):
            page = sign_in(scene.referent).get(f"{new_address(scene, person)}&origine={origin}")
            assert page.form("/nouvelle").values["motif"] == ""


def test_a_search_leads_to_prescribing(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    person = make_beneficiary(session, scene.referent)
    session.commit()
    page = sign_in(scene.referent).get(f"/offres?beneficiaire={person.id}")
    link = page.soup.select_one(".card-tools a")
    assert link is not None
    assert page.browser.get(str(link["href"])).h1 == "Prescrire une offre"
    assert sign_in(scene.partner).get("/offres").soup.select(".card-tools a") == []


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
