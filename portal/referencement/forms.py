"""What the animator is asked."""

from wtforms import IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange

from portal.structures.models import Validation
from portal.web.fields import Keyed, Versioned
from portal.web.forms import Form, MaxLength, options


class RulesForm(Form):
    """The rules of the catalogue that the département sets."""

    structures_validees = RadioField(
        "Une nouvelle structure est relue",
        [InputRequired("Choisissez quand les structures sont relues.")],
        choices=options((rule.value, rule.label) for rule in Validation),
    )
    offres_validees = RadioField(
        "Une nouvelle offre est relue",
        [InputRequired("Choisissez quand les offres sont relues.")],
        choices=options((rule.value, rule.label) for rule in Validation),
    )
    confirmation_mois = IntegerField(
        "Demander si une offre est toujours valable, tous les combien de mois ?",
        [
            InputRequired("Écrivez un nombre de mois entre 1 et 12."),
            NumberRange(1, 12, "Écrivez un nombre de mois entre 1 et 12."),
        ],
        description="De 1 à 12. Une offre peut dire un rythme à elle ; sinon celui-ci vaut pour toutes.",
    )
    suspension_jours = IntegerField(
        "Sans réponse, suspendre l’offre après combien de jours ?",
        [
            InputRequired("Écrivez un nombre de jours entre 7 et 365."),
            NumberRange(7, 365, "Écrivez un nombre de jours entre 7 et 365."),
        ],
        description="De 7 à 365, après la date prévue. Des rappels partent avant, et rien n’est jamais effacé.",
    )


class ReviewForm(Versioned):
    """The animator's remark when something is sent back."""

    note = TextAreaField(
        "Ce qu’il faut changer",
        [DataRequired("Dites au partenaire ce qu’il doit changer."), MaxLength(2000)],
        description="Le partenaire lit cette remarque dans un courriel et en haut de sa fiche.",
    )


class MessageForm(Keyed):
    """A message to several partners."""

    objet = StringField(
        "Objet",
        [DataRequired("Écrivez l’objet du message."), MaxLength(200)],
        description="Le même pour tous. Ne nommez personne : l’objet se lit sans ouvrir le message.",
    )
    texte = TextAreaField(
        "Message",
        [DataRequired("Écrivez le message."), MaxLength(10_000)],
    )


class ClosingForm(Form):
    """Why a structure closes, and where to turn."""

    note = TextAreaField(
        "Un mot pour les personnes concernées",
        [MaxLength(2000)],
        description="Pourquoi la structure ferme, vers qui se tourner. Les référents et les membres le lisent. "
        "Ne nommez aucun bénéficiaire.",
    )
