"""Questions put to those who saw an error in an offer, and to those who answer."""

from wtforms import (
    BooleanField,
    TextAreaField,
)
from wtforms.validators import DataRequired

from portal.offers.signalements import MOTIFS
from portal.web.forms import (
    ChecklistField,
    Form,
    MaxLength,
    options,
)


class ReportForm(Form):
    """What is wrong in this offer?"""

    motifs = ChecklistField("Qu’est-ce qui ne va pas ?", choices=options(MOTIFS.items()))
    commentaire = TextAreaField(
        "Ce que vous savez",
        [MaxLength(2000)],
        description="Par exemple le bon numéro. N’écrivez rien sur une personne que vous accompagnez.",
    )


class AnswerForm(Form):
    """What do you answer to the one who saw an error?"""

    reponse = TextAreaField(
        "Votre réponse",
        [DataRequired("Écrivez une réponse : « C’est corrigé, merci » suffit."), MaxLength(2000)],
        description="Elle part par courriel à la personne qui a signalé l’erreur.",
    )
    confirmer = BooleanField("L’offre est juste telle qu’elle est : la confirmer en même temps")
