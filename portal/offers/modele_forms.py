"""Questions put to those who write a modèle."""

from wtforms import (
    RadioField,
    SelectField,
    StringField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Optional

from portal.offers.forms import OfferForm
from portal.vocabulary import Service
from portal.web.fields import Keyed
from portal.web.forms import (
    FollowsSchema,
    MaxLength,
    pairs,
)


class TemplateForm(Keyed):
    """What do offers made from this template begin with? Nothing is required: what is left empty is not its business."""

    nom_modele = StringField(
        "Nom du modèle",
        [DataRequired("Donnez un nom au modèle."), MaxLength(150)],
        description="Pour le retrouver : « Atelier collectif », « Prestation FLE ».",
    )
    structure = SelectField("Pour quelle structure ?")
    nom = StringField("Nom proposé pour l’offre", [MaxLength(150)])

    # The questions of an offer that a template may answer, in the same words.
    type = OfferForm.type
    thematiques = OfferForm.thematiques
    description = OfferForm.description
    publics = OfferForm.publics
    publics_precisions = OfferForm.publics_precisions
    conditions_acces = OfferForm.conditions_acces
    documents_a_apporter = OfferForm.documents_a_apporter
    dominantes = OfferForm.dominantes
    freins = OfferForm.freins
    zone_eligibilite = OfferForm.zone_eligibilite
    modes_accueil = OfferForm.modes_accueil
    frequence = OfferForm.frequence
    volume_horaire_hebdomadaire = OfferForm.volume_horaire_hebdomadaire
    nombre_semaines = OfferForm.nombre_semaines
    mobilisable_par = OfferForm.mobilisable_par
    modes_mobilisation = OfferForm.modes_mobilisation
    mobilisation_precisions = OfferForm.mobilisation_precisions
    mode_prescription = OfferForm.mode_prescription
    # With a neutral answer: the price of a template is there to be taken back too.
    frais = RadioField(
        "Prix",
        [Optional(), FollowsSchema(Service)],
        choices=[SelectChoice("", "Le modèle n’en dit rien"), *pairs("frais")],
        default="",
    )
    frais_precisions = OfferForm.frais_precisions
    confirmation_mois = OfferForm.confirmation_mois
