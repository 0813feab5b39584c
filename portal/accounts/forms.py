"""Questions put to people who sign in, and to the administrator who opens their account."""

from wtforms import EmailField, HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, Optional, Regexp

from portal.accounts.models import Role
from portal.accounts.rules import PASSWORD_MINIMUM
from portal.accounts.tokens import DEFAULT_DAYS, Scope
from portal.vocabulary import Structure
from portal.web.fields import Keyed
from portal.web.forms import ChecklistField, FollowsSchema, Form, MaxLength, kept_as_typed, options
from portal.web.password_fields import chosen_password

kept_as_typed(HiddenField)


class SignInForm(Form):
    """Who are you?"""

    courriel = EmailField("Adresse électronique", [DataRequired("Écrivez votre adresse électronique.")])
    mot_de_passe = PasswordField("Mot de passe", [DataRequired("Écrivez votre mot de passe.")])
    next = HiddenField()
    # A form that was being sent when the session ended: where to, and what was typed (JSON).
    resume_target = HiddenField()
    resume_fields = HiddenField()


class ForgottenForm(Form):
    """Where shall we send the link?"""

    courriel = EmailField(
        "Adresse électronique",
        [DataRequired("Écrivez votre adresse électronique."), FollowsSchema(Structure)],
    )


# Names typed by strangers leave in a message to the address they typed: no address of the web hides in them.
_A_NAME = r"^(?!.*\.\w)[^\d/:@<>\\]+$"


class SignUpForm(Form):
    """Who opens an account for a structure?"""

    prenom = StringField(
        "Prénom",
        [
            DataRequired("Écrivez votre prénom."),
            MaxLength(80),
            Regexp(_A_NAME, message="Écrivez votre prénom en lettres."),
        ],
    )
    nom = StringField(
        "Nom",
        [
            DataRequired("Écrivez votre nom."),
            MaxLength(80),
            Regexp(_A_NAME, message="Écrivez votre nom en lettres."),
        ],
    )
    courriel = EmailField(
        "Adresse électronique",
        [DataRequired("Écrivez votre adresse électronique."), MaxLength(254), FollowsSchema(Structure)],
        description="Votre adresse professionnelle : le lien pour choisir un mot de passe y sera envoyé.",
    )


class PasswordForm(Form):
    """Choose a password."""

    mot_de_passe, mot_de_passe_encore = chosen_password("Nouveau mot de passe", minimum=PASSWORD_MINIMUM)


class UserForm(Form):
    """Open an account."""

    prenom = StringField("Prénom", [DataRequired("Écrivez le prénom."), MaxLength(80)])
    nom = StringField("Nom", [DataRequired("Écrivez le nom."), MaxLength(80)])
    courriel = EmailField(
        "Adresse électronique",
        [DataRequired("Écrivez l’adresse électronique."), MaxLength(254), FollowsSchema(Structure)],
        description="Le lien pour choisir un mot de passe y sera envoyé.",
    )
    role = SelectField(
        "Rôle",
        [DataRequired("Choisissez le rôle.")],
        choices=options([("", "Choisir…"), *((r.value, r.label) for r in Role if r is not Role.PARTENAIRE)]),
        description="Un partenaire s’inscrit lui-même, ou reçoit une invitation de sa structure.",
    )
    organisation_id = SelectField(
        "Organisme",
        [Optional()],
        description="Pour un référent, l’organisme qui l’emploie.",
    )
    nouvel_organisme = StringField(
        "Ou un nouvel organisme référent",
        [Optional(), MaxLength(150)],
        description="À remplir s’il n’est pas dans la liste.",
    )


class ApiKeyForm(Keyed):
    """Which software asks for a key, and what for?"""

    nom = StringField(
        "Nom du logiciel",
        [DataRequired("Écrivez le nom du logiciel."), MaxLength(120)],
        description="Pour reconnaître la clé plus tard. Par exemple : « Annuaire de l’agglomération ».",
    )
    scopes = ChecklistField(
        "Ce que la clé permet",
        [DataRequired("Choisissez au moins une autorisation.")],
        choices=options((scope.value, scope.label) for scope in Scope),
    )
    jours = SelectField(
        "Durée",
        [DataRequired("Choisissez une durée.")],
        choices=options([("90", "Trois mois"), (str(DEFAULT_DAYS), "Un an"), ("730", "Deux ans")]),
        description="Ensuite, la clé ne fonctionne plus : il faudra en créer une autre.",
    )
