"""Every kind of letter as a real SMTP server takes it: two parts that say the same, one way on, nobody in the subject."""

from datetime import timedelta

from sqlmodel import Session

from portal import clock, jobs
from portal.config import Config
from portal.db import Database
from portal.prescriptions import notifications
from portal.prescriptions.letters import LETTERS, Occasion, To
from portal.prescriptions.models import Transition
from portal.prescriptions.notifications import Sender
from portal.prescriptions.states import Act
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.test_letters import FACTS
from tests.test_jobs import Postman, mailing, postman
from tests.test_mail import addresses, both

__all__ = ["mailing", "postman"]


def test_every_letter_in_two_parts_with_one_way_on(
    session: Session, database: Database, mailing: Config, postman: Postman
) -> None:
    sender = Sender(mailing.public_url, mailing.secret_key)
    expected: dict[str, tuple[Act | Occasion, To]] = {}
    for number, (about, to) in enumerate(LETTERS):
        scene = make_scene(session)
        scene.offer.courriel = contact = f"contact{number}@structure.example.org"
        theirs = f"personne{number}@personne.example.org"
        person = make_beneficiary(
            session,
            scene.referent,
            prenom="Zébulon",
            nom="Introuvable",
            courriel=theirs,
            courriel_accord=True,
        )
        prescription = make_prescription(session, scene, beneficiary=person)
        prescription.ecrire_personne = True
        if isinstance(about, Act):
            line = Transition(
                prescription_id=prescription.id,
                act=about,
                from_state=prescription.state,
                to_state=prescription.state,
                at=clock.now() + timedelta(seconds=1),
                message="Entre nous : une addiction.",
            )
            session.add(line)
            session.flush()
            prescription.suivi_par_id = scene.partner.id if about is Act.SUIVRE else None
            notifications.tell(session, prescription, about, sender)
        elif about is Occasion.LIEN:
            notifications.tell_link(session, prescription, sender)
        else:
            notifications.remind(session, prescription, about, to, sender, FACTS)
        for address in {
            To.PARTENAIRE: (scene.partner.courriel, contact),
            To.REFERENT: (scene.referent.courriel,),
            To.PERSONNE: (theirs,),
        }[to]:
            expected[address] = (about, to)
    session.commit()
    assert jobs.send_mail(database, mailing).endswith(" 0 refused")
    read = set()
    for _, (recipient,), message in postman.received:
        if recipient not in expected:
            continue
        about, to = key = expected[recipient]
        read.add(key)
        letter = LETTERS[key]
        assert message["Subject"] == letter.subject
        text, page = both(message)
        ours = [str(a["href"]) for a in page.select("a") if a["href"] != mailing.public_url]
        assert ours == addresses(text), key
        assert len(ours) == (0 if to is To.PERSONNE else 1), key
        for address in ours:
            by_link = recipient.startswith("contact")
            assert ("/reponse/" if by_link else "/prescriptions/") in address, key
        said = words(text)
        rich = words(page.get_text(" "))
        for part in (letter.says, letter.then):
            fixed = words(part.split("{")[0])
            assert fixed in said, key
            assert fixed in rich, key
        for hidden in ("Introuvable", "addiction"):
            assert hidden not in text + page.get_text()
        # The day until which a place is proposed is read of the proposal: see test_letters.
        assert " ." not in said or about is Act.PROPOSER_PLACE, key
    assert read == set(LETTERS), "every kind was read"


def words(text: str) -> str:
    return " ".join(text.split())
