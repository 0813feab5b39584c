"""Which offers a person sees or changes."""

from typing import Any

from sqlmodel import Session

from portal.accounts.models import Role
from portal.offers import queries
from portal.offers.models import Offer
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner


def test_who_sees_and_who_changes(session: Session) -> None:
    partner, structure = make_partner(session)
    mine = make_offer(session, structure, nom="La mienne", published=False)
    make_offer(session, nom="Autre brouillon", published=False)
    make_offer(session, nom="Autre publiée")

    def seen(statement: Any) -> list[str]:
        return sorted(offer.nom for offer in session.execute(statement).scalars())

    assert seen(queries.visible_to(None)) == ["Autre publiée"]
    assert seen(queries.visible_to(partner)) == ["Autre publiée", "La mienne"]
    assert seen(queries.changeable_by(partner)) == ["La mienne"]
    for role in (Role.REFERENT, Role.CONVENTIONNEMENT):
        user = make_user(session, role)
        assert seen(queries.visible_to(user)) == ["Autre publiée"]
        assert seen(queries.changeable_by(user)) == []
    for role in (Role.ANIMATION, Role.ADMINISTRATION):
        user = make_user(session, role)
        assert len(seen(queries.visible_to(user))) == len(seen(queries.changeable_by(user))) == 3
        assert seen(queries.changeable_by(user, "mienne")) == ["La mienne"]
    assert seen(queries.of_structure(structure.id)) == []
    assert seen(queries.of_structure(structure.id, with_drafts=True)) == ["La mienne"]
    assert queries.count_by_structure(session, [structure.id]) == {structure.id: 1}
    assert queries.count_by_structure(session, []) == {}
    assert isinstance(mine, Offer)


def test_drafts_come_first_in_ones_own_list(session: Session) -> None:
    animator = make_user(session, Role.ANIMATION)
    make_offer(session, nom="A publiée")
    make_offer(session, nom="B brouillon", published=False)
    listed = [offer.nom for offer in session.execute(queries.changeable_by(animator)).scalars()]
    assert listed == ["B brouillon", "A publiée"]
