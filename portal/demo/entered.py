"""People of the demo who entered without a story, so that some actions fill as they should."""

from datetime import timedelta

from portal import clock
from portal.demo.days import days_ago
from portal.demo.telling import Teller
from portal.prescriptions import answers
from portal.prescriptions.actors import by_link
from portal.programme.weeks import monday_of

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
# Minutes a week, as the offer says. Of the missions of others nobody tells the hours.
_WEEKLY = {"ervp": 6 * 60, "pems": 5 * 60}


def tell(teller: Teller) -> None:
    """Write their prescriptions, accepted after four days and entered after nine, and the hours of their last weeks."""
    this_week = monday_of(clock.today())
    for prenom, slug, motif, days in _ENTERED:
        prescription = teller.prescribe(prenom, slug, motif, days)
        by = teller.accounts[_MEMBERS[slug]] if slug in _MEMBERS else by_link(prescription)
        with days_ago(days - 4):
            answers.accept(teller.session, prescription, by=by)
        with days_ago(days - 9):
            answers.enter(teller.session, prescription, by=by, day=clock.today())
        if slug in _WEEKLY:
            with days_ago(1):
                for weeks in range(1, (days - 9) // 7):
                    answers.declare_hours(
                        teller.session,
                        prescription,
                        by=by,
                        week=this_week - timedelta(weeks=weeks),
                        minutes=_WEEKLY[slug],
                    )
