"""Words put forward to the structure that answers: it reads them, changes them, and sends its own.

Those for the person never say why: the reason is for the référent.
"""

from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import Act

_TO_REFERENT = {
    RefusalReason.NON_JOIGNABLE: "Nous avons essayé plusieurs fois de joindre la personne, sans y arriver. "
    "Si vous avez un autre moyen de la joindre, envoyez-nous une nouvelle demande.",
    RefusalReason.ABSENT: "La personne n’est pas venue au rendez-vous. Si elle le souhaite toujours, envoyez-nous "
    "une nouvelle demande : nous proposerons une autre date.",
    RefusalReason.EN_EMPLOI: "La personne nous dit qu’elle a un emploi : elle ne peut pas suivre l’action.",
    RefusalReason.EN_FORMATION: "La personne nous dit qu’elle est en formation : elle ne peut pas suivre l’action.",
    RefusalReason.NON_ELIGIBLE: "La personne ne remplit pas une des conditions de l’offre. Appelez-nous pour en parler.",
    RefusalReason.NON_MOBILE: "La personne ne peut pas venir jusqu’à nous. Une offre plus proche, ou une aide pour se "
    "déplacer, lui conviendrait mieux.",
    RefusalReason.NON_INTERESSE: "La personne nous dit que cette offre ne l’intéresse pas. Voyez avec elle ce qui lui "
    "conviendrait.",
    RefusalReason.FREINS: "D’autres difficultés sont à lever avant de commencer. Envoyez-nous une nouvelle demande "
    "quand ce sera le moment.",
    RefusalReason.COMPLET: "Nous n’avons plus de place. Envoyez-nous une nouvelle demande pour la prochaine session, ou "
    "cherchez une autre offre.",
    RefusalReason.DOUBLON: "Nous avons déjà une demande pour cette personne : celle-ci fait double emploi.",
    RefusalReason.OFFRE_FERMEE: "Nous ne proposons plus cette offre.",
    RefusalReason.AUTRE: "",
}

_TO_PERSON = {
    Act.ACCEPTER: "Votre demande pour « {offre} » est acceptée. Nous prendrons contact avec vous pour la suite.",
    Act.REFUSER: "Nous ne pouvons pas vous accueillir cette fois-ci pour « {offre} ». Votre référent est prévenu : "
    "il cherche avec vous une autre solution.",
    Act.CONVENIR: "Nous vous proposons un rendez-vous pour « {offre} ». Si vous ne pouvez pas venir, prévenez-nous "
    "ou prévenez votre référent.",
}


def to_referent(reason: RefusalReason) -> str:
    """Return the message to the référent that goes with this reason to refuse; "" when only the structure knows."""
    return _TO_REFERENT[reason]


def to_person(act: Act, offre_nom: str) -> str:
    """Return the message to the person that goes with `act` on the offer of this name; "" when there is none."""
    return _TO_PERSON.get(act, "").format(offre=offre_nom)
