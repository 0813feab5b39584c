"""The team's prescriptions: référents of one organisation read what was shared, and nothing of the file."""

from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal.accounts.models import Role
from portal.beneficiaries.models import AccessEntry
from portal.prescriptions import listing, queries, rules
from portal.prescriptions.asked import Asked
from portal.prescriptions.states import Side, State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Page
from tests.prescriptions.hands import ACTS, Knocker, SignIn, address
from tests.prescriptions.ledger import everything

SECRETS = ("12 avril 1985", "1985", "SECRET77", "+33612345678", "06 12 34 56 78", "dominique.secret")


def secret_person(session: Session, scene: Scene, **values: Any) -> Any:
    return make_beneficiary(
        session,
        scene.referent,
        date_naissance=date(1985, 4, 12),
        numero_allocataire="SECRET77",
        telephone="+33612345678",
        courriel="dominique.secret@exemple.example.org",
        freins=["budget"],
        **values,
    )


def listed(page: Page) -> set[str]:
    return {str(a["href"]).rsplit("/", 1)[1] for a in page.soup.select(".result-title a")}


class TestList:
    def test_own_apart_and_the_team_together(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made, draft, never = (
            make_prescription(session, scene, state)
            for state in (State.ENVOYEE, State.BROUILLON, State.ANNULEE)
        )
        elsewhere = make_prescription(session, make_scene(session))
        browser = sign_in(colleague)
        page = browser.get("/prescriptions")
        assert listed(page) == set()
        page = page.click("Celles de mon équipe")
        # What was not sent is nobody's but its author's.
        assert listed(page) == {str(made.id)}
        assert f"Référent : {scene.referent.full_name}" in page.text
        assert "Toutes 1" in page.text
        # To a colleague, what the author has not read yet is no news.
        assert "Du nouveau" not in page.text
        page = sign_in(scene.referent).get("/prescriptions?equipe=1")
        assert listed(page) == {str(p.id) for p in (made, draft, never)}
        assert str(elsewhere.id) not in page.response.text

    def test_the_name_is_the_one_that_was_shared(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        person = secret_person(session, scene, nom="Avant")
        make_prescription(session, scene, State.ENVOYEE, person)
        person.nom = "Apres"
        page = sign_in(colleague).get("/prescriptions?equipe=1")
        assert "Avant" in page.text
        assert "Apres" not in page.text

    def test_a_colleague_finds_by_the_shared_name_only(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made = make_prescription(session, scene, State.ENVOYEE, secret_person(session, scene, nom="Visible"))
        browser = sign_in(colleague)
        for words, found in (("visible", {str(made.id)}), ("secret77", set())):
            assert listed(browser.post("/prescriptions?equipe=1", {"q": words})) == found
            assert listed(browser.post("/prescriptions", {"q": words})) == set()

    def test_a_partner_has_no_team(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        theirs = make_prescription(session, other)
        page = sign_in(scene.partner).get("/prescriptions?equipe=1")
        assert str(theirs.id) not in page.response.text
        assert "équipe" not in page.text

    def test_officers_of_the_same_organisation_are_not_colleagues(self, session: Session) -> None:
        scene = make_scene(session)
        officer = make_user(session, Role.CONVENTIONNEMENT, organisation_id=scene.referent.organisation_id)
        make_prescription(session, scene)
        asked = Asked(side=Side.REFERENT, team=True)
        assert listing.numbers(session, officer, asked).total == 0
        assert session.execute(queries.readable_by(officer)).first() is None


class TestReading:
    def test_what_was_shared_and_nothing_of_the_file(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made = make_prescription(session, scene, State.BROUILLON, secret_person(session, scene))
        browser = sign_in(colleague)
        browser.get(address(made), status=404)
        rules.change_draft(session, made, by=scene.referent, motif="Le permis.", partage=[])
        rules.send(session, made, by=scene.referent, consent=True)
        session.commit()
        page = browser.get(address(made))
        assert f"est suivie par {scene.referent.full_name}" in page.text
        assert "Le permis." in page.text
        assert [text for text in SECRETS if text in page.response.text] == []
        assert f"/beneficiaires/{made.beneficiary_id}" not in page.response.text
        # Nothing to press: neither an act, nor a message.
        assert page.soup.select(".sticky-action, #autres, main form") == []
        rules.cancel(session, made, by=scene.referent)
        session.commit()
        assert "Le permis." not in browser.get(address(made)).text

    def test_every_reading_is_in_the_journal(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made = make_prescription(session, scene)
        sign_in(colleague).get(address(made))
        rows = session.exec(select(AccessEntry).where(col(AccessEntry.prescription_id) == made.id)).all()
        assert [(row.user_id, row.beneficiary_id) for row in rows] == [(colleague.id, made.beneficiary_id)]

    def test_nothing_may_be_done(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made = make_prescription(session, scene)
        before = everything(session)
        knocker = Knocker(sign_in(colleague))
        for end in (*ACTS, "relancer", "confier"):
            assert knocker.get(address(made, end)) == 404
            assert knocker.post(address(made, end), message="x", collegue=str(colleague.id)) == 404
        assert everything(session) == before

    def test_the_file_s_own_page_keeps_what_was_handed_over(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        made = make_prescription(session, scene)
        rules.hand_over(session, made, by=scene.referent, to=colleague)
        page = sign_in(scene.referent).get(f"/beneficiaires/{made.beneficiary_id}")
        assert f"/prescriptions/{made.id}" in page.response.text
        sign_in(colleague).get(f"/beneficiaires/{made.beneficiary_id}", status=404)
