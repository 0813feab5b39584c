"""People of the demo who entered without a story, so that some actions fill as they should."""

from portal import clock
from portal.demo.days import days_ago
from portal.demo.telling import Teller
from portal.prescriptions import answers
from portal.prescriptions.actors import by_link

# first name, offer, why, how many days ago it was sent; the entry came nine days later. All within the ninety days over
# which a pace is measured.
_ENTERED = (
    ("Pia", "ervp", "Accepter un poste qu’aucun car ne dessert avant sept heures.", 84),
    ("Quentin", "ervp", "Passer le permis qu’il a abandonné deux fois.", 72),
    ("Rosa", "ervp", "Devenir aide à domicile, dans un canton sans transports.", 61),
    ("Sami", "pems", "Retravailler quelques heures, au rythme de ses soins.", 80),
    ("Tess", "pems", "Préparer un essai en entreprise avec une équipe qui la connaît.", 47),
    ("Ugo", "equilibre-emploi", "Des missions courtes, en attendant une formation.", 77),
    ("Véra", "equilibre-emploi", "Reprendre après dix ans à la maison.", 58),
    ("Walid", "equilibre-emploi", "Montrer à un employeur ce qu’il sait faire.", 39),
)
_MEMBERS = {"ervp": "partenaire", "pems": "partenaire2"}


def tell(teller: Teller) -> None:
    """Write their prescriptions, accepted after four days and entered after nine."""
    for prenom, slug, motif, days in _ENTERED:
        prescription = teller.prescribe(prenom, slug, motif, days)
        by = teller.accounts[_MEMBERS[slug]] if slug in _MEMBERS else by_link(prescription)
        with days_ago(days - 4):
            answers.accept(teller.session, prescription, by=by)
        with days_ago(days - 9):
            answers.enter(teller.session, prescription, by=by, day=clock.today())
