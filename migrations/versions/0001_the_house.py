"""the house

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "departement",
                "organisme_referent",
                name="organisation_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("nom", name=op.f("uq_organisation_nom")),
    )
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
    )
    op.create_index(
        "ix_outgoing_mail_to_send",
        "outgoing_mail",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("sent_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL"),
    )

    op.create_table(
        "structure",
        sa.Column("commune", sa.String(length=150), nullable=True),
        sa.Column("code_postal", sa.String(length=5), nullable=True),
        sa.Column("code_insee", sa.String(length=5), nullable=True),
        sa.Column("adresse", sa.String(length=250), nullable=True),
        sa.Column("complement_adresse", sa.String(length=250), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("description", sa.String(length=10000), nullable=True),
        sa.Column("siret", sa.String(length=14), nullable=True),
        sa.Column("telephone", sa.String(length=20), nullable=True),
        sa.Column("courriel", sa.String(length=254), nullable=True),
        sa.Column("site_web", sa.String(length=2083), nullable=True),
        sa.Column("horaires_accueil", sa.String(length=500), nullable=True),
        sa.Column("accessibilite_lieu", sa.String(length=2083), nullable=True),
        sa.Column("reseaux_porteurs", JSON, nullable=True),
        sa.Column("date_maj", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "brouillon",
                "publiee",
                name="structure_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_structure_coordinates_whole")
        ),
        sa.CheckConstraint("length(nom) >= 3", name=op.f("ck_structure_nom_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_structure")),
    )
    op.create_index(op.f("ix_structure_code_insee"), "structure", ["code_insee"], unique=False)
    op.create_index(
        "uq_structure_siret",
        "structure",
        ["siret"],
        unique=True,
        sqlite_where=sa.text("siret IS NOT NULL"),
        postgresql_where=sa.text("siret IS NOT NULL"),
    )

    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("courriel", sa.String(length=254), nullable=False),
        sa.Column("prenom", sa.String(length=80), nullable=False),
        sa.Column("nom", sa.String(length=80), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "partenaire",
                "referent",
                "conventionnement",
                "animation",
                "administration",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("session_key", sa.String(length=64), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role <> 'referent' OR organisation_id IS NOT NULL",
            name=op.f("ck_account_referent_has_organisation"),
        ),
        sa.CheckConstraint("courriel = lower(courriel)", name=op.f("ck_account_courriel_lower")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_account_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("courriel", name=op.f("uq_account_courriel")),
    )
    op.create_index(op.f("ix_account_organisation_id"), "account", ["organisation_id"], unique=False)

    op.create_table(
        "convention",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("numero", sa.String(length=40), nullable=False),
        sa.Column("intitule", sa.String(length=200), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("date_debut", sa.Date(), nullable=False),
        sa.Column("date_fin", sa.Date(), nullable=False),
        sa.Column("montant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("date_debut <= date_fin", name=op.f("ck_convention_period")),
        sa.CheckConstraint("montant_centimes >= 0", name=op.f("ck_convention_montant_positive")),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_convention_structure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention")),
        sa.UniqueConstraint("numero", name=op.f("uq_convention_numero")),
    )
    op.create_index(op.f("ix_convention_structure_id"), "convention", ["structure_id"], unique=False)

    op.create_table(
        "beneficiary",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prenom", sa.String(length=80), nullable=False),
        sa.Column("nom", sa.String(length=80), nullable=False),
        sa.Column("date_naissance", sa.Date(), nullable=False),
        sa.Column("code_insee", sa.String(length=5), nullable=True),
        sa.Column("commune", sa.String(length=150), nullable=True),
        sa.Column("telephone", sa.String(length=20), nullable=True),
        sa.Column("courriel", sa.String(length=254), nullable=True),
        sa.Column("numero_allocataire", sa.String(length=20), nullable=True),
        sa.Column(
            "dominante",
            sa.Enum(
                "emploi",
                "equilibree",
                "remobilisation",
                name="dominante",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("freins", JSON, nullable=True),
        sa.Column("referent_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["referent_id"], ["account.id"], name=op.f("fk_beneficiary_referent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beneficiary")),
    )
    op.create_index(
        op.f("ix_beneficiary_numero_allocataire"), "beneficiary", ["numero_allocataire"], unique=False
    )
    op.create_index(
        "ix_beneficiary_referent_name", "beneficiary", ["referent_id", "nom", "prenom"], unique=False
    )

    op.create_table(
        "financed_action",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("intitule", sa.String(length=200), nullable=False),
        sa.Column("places_financees", sa.Integer(), nullable=False),
        sa.Column("cout_unitaire_centimes", sa.BigInteger(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "entree",
                "file_active",
                name="place_mode",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("cout_unitaire_centimes >= 0", name=op.f("ck_financed_action_cout_positive")),
        sa.CheckConstraint("places_financees >= 0", name=op.f("ck_financed_action_places_positive")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_financed_action_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financed_action")),
    )
    op.create_index(
        op.f("ix_financed_action_convention_id"), "financed_action", ["convention_id"], unique=False
    )

    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "membre",
                "administrateur",
                name="membership_level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_membership_structure_id")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint("user_id", "structure_id", name=op.f("uq_membership_user_id_structure_id")),
    )
    op.create_index(op.f("ix_membership_structure_id"), "membership", ["structure_id"], unique=False)

    op.create_table(
        "offer",
        sa.Column("commune", sa.String(length=150), nullable=True),
        sa.Column("code_postal", sa.String(length=5), nullable=True),
        sa.Column("code_insee", sa.String(length=5), nullable=True),
        sa.Column("adresse", sa.String(length=250), nullable=True),
        sa.Column("complement_adresse", sa.String(length=250), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("description", sa.String(length=10000), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=True),
        sa.Column("thematiques", JSON, nullable=True),
        sa.Column("frais", sa.String(length=60), nullable=True),
        sa.Column("frais_precisions", sa.String(length=2000), nullable=True),
        sa.Column("publics", JSON, nullable=True),
        sa.Column("publics_precisions", sa.String(length=2000), nullable=True),
        sa.Column("conditions_acces", sa.String(length=4000), nullable=True),
        sa.Column("telephone", sa.String(length=20), nullable=True),
        sa.Column("courriel", sa.String(length=254), nullable=True),
        sa.Column("modes_accueil", JSON, nullable=True),
        sa.Column("zone_eligibilite", JSON, nullable=True),
        sa.Column("contact_nom_prenom", sa.String(length=150), nullable=True),
        sa.Column("lien_mobilisation", sa.String(length=2083), nullable=True),
        sa.Column("modes_mobilisation", JSON, nullable=True),
        sa.Column("mobilisable_par", JSON, nullable=True),
        sa.Column("mobilisation_precisions", sa.String(length=2000), nullable=True),
        sa.Column("volume_horaire_hebdomadaire", sa.Float(), nullable=True),
        sa.Column("nombre_semaines", sa.Integer(), nullable=True),
        sa.Column("horaires_accueil", sa.String(length=500), nullable=True),
        sa.Column("date_maj", sa.Date(), nullable=False),
        sa.Column("dominantes", JSON, nullable=True),
        sa.Column("mode_prescription", sa.String(length=500), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "brouillon",
                "publiee",
                name="offer_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state <> 'publiee' OR published_at IS NOT NULL", name=op.f("ck_offer_published_has_moment")
        ),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_offer_coordinates_whole")
        ),
        sa.CheckConstraint("length(nom) >= 3", name=op.f("ck_offer_nom_length")),
        sa.CheckConstraint("nombre_semaines >= 1", name=op.f("ck_offer_semaines_positive")),
        sa.CheckConstraint("volume_horaire_hebdomadaire >= 0", name=op.f("ck_offer_volume_positive")),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_offer_created_by_id")),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_offer_structure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
    )
    op.create_index(op.f("ix_offer_code_insee"), "offer", ["code_insee"], unique=False)
    op.create_index("ix_offer_state_place", "offer", ["state", "latitude", "longitude"], unique=False)
    op.create_index(op.f("ix_offer_structure_id"), "offer", ["structure_id"], unique=False)

    op.create_table(
        "password_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_password_link_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_password_link_token_hash")),
    )
    op.create_index(op.f("ix_password_link_user_id"), "password_link", ["user_id"], unique=False)

    op.create_table(
        "action_offer",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_action_offer_action_id")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_action_offer_offer_id")),
        sa.PrimaryKeyConstraint("action_id", "offer_id", name=op.f("pk_action_offer")),
    )
    op.create_index(op.f("ix_action_offer_offer_id"), "action_offer", ["offer_id"], unique=False)

    op.create_table(
        "prescription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("referent_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "brouillon",
                "envoyee",
                "a_l_etude",
                "acceptee",
                "refusee",
                "entree",
                "terminee",
                "abandonnee",
                "annulee",
                "expiree",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("motif", sa.String(length=2000), nullable=False),
        sa.Column("partage", JSON, nullable=True),
        sa.Column("donnees_partagees", JSON, nullable=True),
        sa.Column("consentement_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consentement_version", sa.String(length=20), nullable=True),
        sa.Column("offre_nom", sa.String(length=150), nullable=False),
        sa.Column(
            "motif_refus",
            sa.Enum(
                "beneficiaire-non-joignable",
                "beneficiaire-absent",
                "beneficiaire-en-emploi",
                "beneficiaire-en-formation",
                "beneficiaire-non-eligible",
                "beneficiaire-non-mobile",
                "beneficiaire-non-interesse",
                "freins-peripheriques",
                "session-complete",
                "orientation-en-doublon",
                "offre-fermee",
                "autre",
                name="refusal_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("date_entree", sa.Date(), nullable=True),
        sa.Column("date_sortie", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'refusee') = (motif_refus IS NOT NULL)", name=op.f("ck_prescription_refusal_has_reason")
        ),
        sa.CheckConstraint(
            "state <> 'terminee' OR date_sortie IS NOT NULL", name=op.f("ck_prescription_end_has_date")
        ),
        sa.CheckConstraint(
            "state IN ('brouillon', 'annulee') OR (consentement_at IS NOT NULL AND sent_at IS NOT NULL)",
            name=op.f("ck_prescription_sent_with_consent"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('entree', 'terminee') OR date_entree IS NOT NULL",
            name=op.f("ck_prescription_entry_has_date"),
        ),
        sa.CheckConstraint(
            "date_sortie IS NULL OR date_sortie >= date_entree", name=op.f("ck_prescription_end_after_entry")
        ),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_prescription_beneficiary_id")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_prescription_offer_id")),
        sa.ForeignKeyConstraint(["referent_id"], ["account.id"], name=op.f("fk_prescription_referent_id")),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structure.id"], name=op.f("fk_prescription_structure_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription")),
        sa.UniqueConstraint("form_key", name=op.f("uq_prescription_form_key")),
    )
    op.create_index(op.f("ix_prescription_beneficiary_id"), "prescription", ["beneficiary_id"], unique=False)
    op.create_index(op.f("ix_prescription_offer_id"), "prescription", ["offer_id"], unique=False)
    op.create_index(
        "ix_prescription_referent_state", "prescription", ["referent_id", "state", "updated_at"], unique=False
    )
    op.create_index(
        "ix_prescription_structure_state", "prescription", ["structure_id", "state", "sent_at"], unique=False
    )
    op.create_index(
        "uq_prescription_open",
        "prescription",
        ["beneficiary_id", "offer_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('envoyee', 'a_l_etude', 'acceptee', 'entree')"),
        postgresql_where=sa.text("state IN ('envoyee', 'a_l_etude', 'acceptee', 'entree')"),
    )

    op.create_table(
        "access_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "lecture",
                "modification",
                "creation",
                "prescription",
                name="access_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("prescription_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_access_entry_beneficiary_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_access_entry_prescription_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_access_entry_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_entry")),
    )
    op.create_index("ix_access_entry_beneficiary", "access_entry", ["beneficiary_id", "at"], unique=False)
    op.create_index(op.f("ix_access_entry_user_id"), "access_entry", ["user_id"], unique=False)

    op.create_table(
        "place_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "movement",
            sa.Enum(
                "retenue",
                "occupee",
                "liberee",
                "utilisee",
                name="movement",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("d_retenues", sa.Integer(), nullable=False),
        sa.Column("d_occupees", sa.Integer(), nullable=False),
        sa.Column("d_utilisees", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_place_movement_action_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_place_movement_by_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_place_movement_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_movement")),
        sa.UniqueConstraint(
            "prescription_id", "movement", name=op.f("uq_place_movement_prescription_id_movement")
        ),
    )
    op.create_index("ix_place_movement_action", "place_movement", ["action_id", "at"], unique=False)

    op.create_table(
        "transition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "act",
            sa.Enum(
                "envoyer",
                "etudier",
                "mettre-en-attente",
                "accepter",
                "refuser",
                "entrer",
                "terminer",
                "abandonner",
                "annuler",
                "expirer",
                name="act",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "from_state",
            sa.Enum(
                "brouillon",
                "envoyee",
                "a_l_etude",
                "acceptee",
                "refusee",
                "entree",
                "terminee",
                "abandonnee",
                "annulee",
                "expiree",
                name="from_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "to_state",
            sa.Enum(
                "brouillon",
                "envoyee",
                "a_l_etude",
                "acceptee",
                "refusee",
                "entree",
                "terminee",
                "abandonnee",
                "annulee",
                "expiree",
                name="to_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("message", sa.String(length=2000), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_transition_by_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_transition_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transition")),
    )
    op.create_index("ix_transition_prescription", "transition", ["prescription_id", "at"], unique=False)

    op.create_table(
        "waiting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_waiting_offer_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_waiting_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
    )
    op.create_index("ix_waiting_offer", "waiting", ["offer_id", "joined_at"], unique=False)
    op.create_index(
        "uq_waiting_open",
        "waiting",
        ["prescription_id"],
        unique=True,
        sqlite_where=sa.text("left_at IS NULL"),
        postgresql_where=sa.text("left_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_waiting_open",
        "waiting",
        sqlite_where=sa.text("left_at IS NULL"),
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.drop_index("ix_waiting_offer", "waiting")

    op.drop_table("waiting")
    op.drop_index("ix_transition_prescription", "transition")

    op.drop_table("transition")
    op.drop_index("ix_place_movement_action", "place_movement")

    op.drop_table("place_movement")
    op.drop_index(op.f("ix_access_entry_user_id"), "access_entry")
    op.drop_index("ix_access_entry_beneficiary", "access_entry")

    op.drop_table("access_entry")
    op.drop_index(
        "uq_prescription_open",
        "prescription",
        sqlite_where=sa.text("state IN ('envoyee', 'a_l_etude', 'acceptee', 'entree')"),
        postgresql_where=sa.text("state IN ('envoyee', 'a_l_etude', 'acceptee', 'entree')"),
    )
    op.drop_index("ix_prescription_structure_state", "prescription")
    op.drop_index("ix_prescription_referent_state", "prescription")
    op.drop_index(op.f("ix_prescription_offer_id"), "prescription")
    op.drop_index(op.f("ix_prescription_beneficiary_id"), "prescription")

    op.drop_table("prescription")
    op.drop_index(op.f("ix_action_offer_offer_id"), "action_offer")

    op.drop_table("action_offer")
    op.drop_index(op.f("ix_password_link_user_id"), "password_link")

    op.drop_table("password_link")
    op.drop_index(op.f("ix_offer_structure_id"), "offer")
    op.drop_index("ix_offer_state_place", "offer")
    op.drop_index(op.f("ix_offer_code_insee"), "offer")

    op.drop_table("offer")
    op.drop_index(op.f("ix_membership_structure_id"), "membership")

    op.drop_table("membership")
    op.drop_index(op.f("ix_financed_action_convention_id"), "financed_action")

    op.drop_table("financed_action")
    op.drop_index("ix_beneficiary_referent_name", "beneficiary")
    op.drop_index(op.f("ix_beneficiary_numero_allocataire"), "beneficiary")

    op.drop_table("beneficiary")
    op.drop_index(op.f("ix_convention_structure_id"), "convention")

    op.drop_table("convention")
    op.drop_index(op.f("ix_account_organisation_id"), "account")

    op.drop_table("account")
    op.drop_index(
        "uq_structure_siret",
        "structure",
        sqlite_where=sa.text("siret IS NOT NULL"),
        postgresql_where=sa.text("siret IS NOT NULL"),
    )
    op.drop_index(op.f("ix_structure_code_insee"), "structure")

    op.drop_table("structure")
    op.drop_index(
        "ix_outgoing_mail_to_send",
        "outgoing_mail",
        sqlite_where=sa.text("sent_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL"),
    )

    op.drop_table("outgoing_mail")
    op.drop_table("organisation")
