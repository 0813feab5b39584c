"""The words of every letter about a prescription, as a table to read aloud: what happened, what to do next.

Subjects are fixed words: they name nobody and no offer. What was shared and what the two sides write to each other stays
in the portal; only what was written for the person goes to the person.
"""

from dataclasses import dataclass
from enum import StrEnum

from portal.prescriptions.states import Act


class To(StrEnum):
    """Who reads a letter."""

    REFERENT = "referent"
    PARTENAIRE = "partenaire"
    PERSONNE = "personne"


class Occasion(StrEnum):
    """What is written about beside the acts: the silences, the days that come, the messages."""

    SANS_REPONSE = "sans-reponse"
    SANS_ENTREE = "sans-entree"
    VEILLE = "veille"
    MESSAGE = "message"
    DOCUMENT = "document"
    LIEN = "lien"
    LIEN_EXPIRE = "lien-expire"
    INJOIGNABLE = "injoignable"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter: its subject, what it says, what to do next, and the words of its link (none when there is nothing to open).

    `{…}` are facts (see `notifications`). `place` is the end of the address, after the prescription's. `meeting`: the day
    and the place where the person is expected are told, when they are known.
    """

    subject: str
    says: str
    then: str = ""
    way: str = "Voir la prescription"
    place: str = ""
    meeting: bool = False


# The person may share a mailbox, or read it over somebody's shoulder: one subject, whatever happened.
_PERSON = "Votre demande d’accompagnement"
_ANOTHER = "Votre référent va chercher une autre solution avec vous. Vous n’avez rien à faire."
_READ = "Lire et répondre"

LETTERS: dict[tuple[Act | Occasion, To], Letter] = {
    # To the structure.
    (Act.ENVOYER, To.PARTENAIRE): Letter(
        "Une prescription attend votre réponse",
        "Une nouvelle prescription attend votre réponse.",
        "Répondez dès que vous le pouvez, même pour dire que vous l’étudiez. Sans réponse, nous vous la rappellerons tous "
        "les {relance} ; elle expirera le {expire_le}.",
        way=_READ,
    ),
    (Act.RELANCER, To.PARTENAIRE): Letter(
        "Un référent attend de vos nouvelles",
        "Le référent vous demande où en est cette prescription.",
        "Dites-lui où vous en êtes, même si rien n’est encore décidé.",
        way=_READ,
    ),
    (Act.ANNULER, To.PARTENAIRE): Letter(
        "Une prescription est annulée",
        "Le référent a annulé cette prescription.",
        "Vous n’avez rien à faire. Si une place était retenue, elle est de nouveau libre.",
    ),
    (Act.EXPIRER, To.PARTENAIRE): Letter(
        "Une prescription a expiré",
        "Cette prescription est restée sans réponse : elle a expiré.",
        "Vous n’avez plus rien à faire. Si vous pouvez encore accueillir la personne, dites-le au référent : il pourra "
        "prescrire à nouveau.",
    ),
    (Act.PRENDRE_PLACE, To.PARTENAIRE): Letter(
        "Une place libérée est prise",
        "Le référent a pris la place qui s’est libérée : la personne est attendue chez vous.",
        "Convenez d’un rendez-vous avec elle, puis déclarez son entrée le jour où elle vient.",
    ),
    (Act.SUIVRE, To.PARTENAIRE): Letter(
        "Une prescription vous est confiée",
        "Quelqu’un de votre structure vous a confié cette prescription.",
        "Lisez-la : les courriels qui la concernent vous arrivent désormais.",
    ),
    (Act.CONSTATER, To.PARTENAIRE): Letter(
        "Une place est libérée",
        "Aucune entrée n’est déclarée dans le délai de la convention : la place retenue est libérée.",
        "Si la personne est venue, dites-le au référent : il pourra prescrire à nouveau.",
    ),
    (Occasion.SANS_REPONSE, To.PARTENAIRE): Letter(
        "Rappel : une prescription attend votre réponse",
        "Cette prescription attend votre réponse depuis {silence}.",
        "Répondez avant le {expire_le} : ce jour-là, elle expirera et le référent cherchera une autre offre.",
        way=_READ,
    ),
    (Occasion.SANS_ENTREE, To.PARTENAIRE): Letter(
        "La personne attendue est-elle venue ?",
        "La personne était attendue le {attendue_le}. Est-elle venue ?",
        "Si oui, déclarez son entrée. Sinon, notez son absence.{liberation}",
        way="Répondre",
    ),
    (Occasion.MESSAGE, To.PARTENAIRE): Letter(
        "Un message vous attend", "Le référent vous a écrit à propos de cette prescription.", way=_READ
    ),
    (Occasion.DOCUMENT, To.PARTENAIRE): Letter(
        "Un document est ajouté à une prescription",
        "Le référent a ajouté un document à cette prescription.",
        "Lisez-le dans la prescription : il n’est pas joint à ce message.",
        way="Lire le document",
    ),
    (Occasion.LIEN, To.PARTENAIRE): Letter(
        "Un nouveau lien vers une prescription",
        "Voici un nouveau lien vers cette prescription, comme vous l’avez demandé.",
        "Si personne chez vous ne l’a demandé, vous n’avez rien à faire.",
        way=_READ,
    ),
    (Occasion.LIEN_EXPIRE, To.PARTENAIRE): Letter(
        "Un nouveau lien vers une prescription",
        "Les liens vers cette prescription s’ouvrent pendant {duree} seulement : en voici un nouveau.",
        "{a_faire}",
        way=_READ,
    ),
    # To the référent.
    (Act.ETUDIER, To.REFERENT): Letter(
        "Une prescription est à l’étude",
        "La structure étudie votre prescription.",
        "Vous n’avez rien à faire : nous vous préviendrons de sa réponse.",
    ),
    (Act.METTRE_EN_ATTENTE, To.REFERENT): Letter(
        "Une prescription est en liste d’attente",
        "Il n’y a plus de place pour l’instant : la personne est en liste d’attente.",
        "Quand une place se libérera pour elle, nous vous la proposerons. Vous pouvez aussi chercher une autre offre.",
    ),
    (Act.ACCEPTER, To.REFERENT): Letter(
        "Une prescription est acceptée",
        "La structure a accepté votre prescription.",
        "Prévenez la personne, et voyez avec elle comment elle s’y rend.",
        meeting=True,
    ),
    (Act.REFUSER, To.REFERENT): Letter(
        "Une prescription est refusée",
        "La structure n’a pas pu accepter votre prescription.",
        "Lisez pourquoi, puis cherchez une autre offre avec la personne.",
    ),
    (Act.CONVENIR, To.REFERENT): Letter(
        "Un rendez-vous est proposé",
        "La structure propose un rendez-vous à la personne.",
        "Prévenez la personne. Si le jour ne convient pas, écrivez à la structure.",
        meeting=True,
    ),
    (Act.ENTRER, To.REFERENT): Letter(
        "Une personne est entrée dans l’action",
        "La structure a déclaré l’entrée de la personne.",
        "Vous n’avez rien à faire : la suite est dans la prescription.",
    ),
    (Act.ABSENCE, To.REFERENT): Letter(
        "Une absence est notée",
        "La structure a noté une absence.",
        "Prenez des nouvelles de la personne, puis écrivez à la structure.",
    ),
    (Act.TERMINER, To.REFERENT): Letter(
        "Une action est terminée",
        "La structure a déclaré la fin de l’action.",
        "Lisez comment elle s’est terminée, et voyez la suite avec la personne.",
    ),
    (Act.ABANDONNER, To.REFERENT): Letter(
        "Une action est abandonnée",
        "La structure a déclaré un abandon.",
        "Lisez pourquoi, et reprenez contact avec la personne.",
    ),
    (Act.EXPIRER, To.REFERENT): Letter(
        "Une prescription a expiré",
        "La structure n’a pas répondu à temps : la prescription a expiré.",
        "Appelez la structure, ou cherchez une autre offre avec la personne.",
    ),
    (Act.CONSTATER, To.REFERENT): Letter(
        "Une place est libérée",
        "La personne n’est pas entrée dans le délai de la convention : sa place est libérée, et la prescription s’arrête là.",
        "Prenez de ses nouvelles. Si elle veut toujours venir, prescrivez à nouveau.",
    ),
    (Act.PROPOSER_PLACE, To.REFERENT): Letter(
        "Une place se libère",
        "Une place se libère pour la personne de cette prescription, qui attendait.",
        "Demandez-lui si elle la veut, puis prenez la place avant le {jusqu_au}. Ensuite, elle sera proposée à la personne "
        "suivante.",
        way="Prendre ou laisser la place",
        place="/place",
    ),
    (Act.LAISSER_PLACE, To.REFERENT): Letter(
        "Une place n’est plus proposée",
        "La place proposée n’a pas été prise à temps : elle va à la personne suivante.",
        "La personne reste en liste d’attente, au dernier rang. Si elle n’a plus besoin de cette place, annulez la "
        "prescription.",
    ),
    (Act.CONFIER, To.REFERENT): Letter(
        "Une prescription vous est confiée",
        "Un membre de votre organisme vous a confié cette prescription.",
        "Lisez où elle en est : c’est vous qui la suivez maintenant.",
    ),
    (Occasion.SANS_REPONSE, To.REFERENT): Letter(
        "Une prescription reste sans réponse",
        "La structure n’a rien répondu depuis {silence}.",
        "Appelez-la ou relancez-la. Sans réponse le {expire_le}, la prescription expirera : cherchez dès maintenant une "
        "autre offre si la personne ne peut pas attendre.",
    ),
    (Occasion.SANS_ENTREE, To.REFERENT): Letter(
        "Une entrée n’est pas déclarée",
        "La personne était attendue le {attendue_le}, et la structure n’a déclaré ni entrée ni abandon.",
        "Demandez à la personne si elle y est allée, puis écrivez à la structure.",
    ),
    (Occasion.MESSAGE, To.REFERENT): Letter(
        "Un message vous attend", "La structure vous a écrit à propos de cette prescription.", way=_READ
    ),
    (Occasion.DOCUMENT, To.REFERENT): Letter(
        "Un document est ajouté à une prescription",
        "La structure a ajouté un document à cette prescription.",
        "Lisez-le dans la prescription : il n’est pas joint à ce message.",
        way="Lire le document",
    ),
    (Occasion.INJOIGNABLE, To.REFERENT): Letter(
        "Une structure n’a pas pu être prévenue",
        "Votre prescription est envoyée, mais nous n’avons aucune adresse où écrire à la structure.",
        "Appelez-la, ou donnez-lui la prescription imprimée : vous noterez ensuite sa réponse.",
    ),
    # To the person, who agreed to be written to.
    (Act.ENVOYER, To.PERSONNE): Letter(
        _PERSON,
        "Votre référent a envoyé votre demande à {structure}, avec les informations que vous avez choisies ensemble.",
        "La structure va répondre à votre référent, ou vous contacter. Vous n’avez rien à faire. Vous pouvez changer "
        "d’avis, ou faire corriger vos informations : dites-le à votre référent.",
        way="",
    ),
    (Act.ACCEPTER, To.PERSONNE): Letter(
        _PERSON,
        "Bonne nouvelle : {structure} peut vous accueillir.",
        "{quand}Si vous ne pouvez pas venir, prévenez la structure ou votre référent.",
        way="",
        meeting=True,
    ),
    (Act.PRENDRE_PLACE, To.PERSONNE): Letter(
        _PERSON,
        "Bonne nouvelle : une place est libre pour vous chez {structure}.",
        "{quand}Si vous avez changé d’avis, prévenez votre référent.",
        way="",
        meeting=True,
    ),
    (Act.CONVENIR, To.PERSONNE): Letter(
        _PERSON,
        "La structure {structure} vous propose un rendez-vous.",
        "Si ce jour ne vous convient pas, prévenez la structure ou votre référent.",
        way="",
        meeting=True,
    ),
    (Act.REFUSER, To.PERSONNE): Letter(
        _PERSON, "La structure {structure} ne peut pas vous accueillir pour le moment.", _ANOTHER, way=""
    ),
    (Act.ANNULER, To.PERSONNE): Letter(
        _PERSON,
        "Votre référent a retiré la demande envoyée à {structure}.",
        "Vous n’avez plus à vous y rendre. Si vous avez une question, demandez à votre référent.",
        way="",
    ),
    (Act.EXPIRER, To.PERSONNE): Letter(
        _PERSON, "La structure {structure} n’a pas répondu à temps à votre demande.", _ANOTHER, way=""
    ),
    (Occasion.VEILLE, To.PERSONNE): Letter(
        _PERSON,
        "Nous vous rappelons votre rendez-vous avec {structure}.",
        "Si vous ne pouvez pas venir, prévenez la structure ou votre référent.",
        way="",
        meeting=True,
    ),
}
