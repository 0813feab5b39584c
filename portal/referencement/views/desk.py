"""The animator's desk: what waits, where to go, and the rules that the département sets."""

from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for

from portal.errors import RuleBroken
from portal.referencement import queries
from portal.referencement.forms import RulesForm
from portal.referencement.views.blueprint import KEEPERS, blueprint
from portal.structures.rules import catalogue_rules, set_catalogue_rules
from portal.web.access import allow, person
from portal.web.session import db

# Pages of other rooms that the desk leads to: label, endpoint, what is found there.
_ELSEWHERE = (
    ("Erreurs signalées", "offers.reports", "Ce que des professionnels ont vu dans les offres."),
    ("Indicateurs", "indicators.dashboard", "Fraîcheur, qualité et couverture du territoire."),
    ("Imports", "exchanges.imports", "Ajouter ou mettre à jour des fiches depuis un tableau."),
    ("Modèles d’offres", "offers.templates", "Les modèles que les partenaires peuvent reprendre."),
)


@blueprint.get("/referencement")
@allow(*KEEPERS)
def index() -> Any:
    """What waits."""
    known = current_app.view_functions
    return render_template(
        "referencement/index.html",
        waiting=queries.waiting(db()),
        elsewhere=[
            (label, url_for(endpoint), text) for label, endpoint, text in _ELSEWHERE if endpoint in known
        ],
    )


@blueprint.get("/referencement/regles")
@allow(*KEEPERS)
def rules() -> Any:
    """The rules as they stand."""
    kept = catalogue_rules(db())
    form = RulesForm(
        data={
            "structures_validees": kept.structures_validees.value,
            "offres_validees": kept.offres_validees.value,
            "confirmation_mois": kept.confirmation_mois,
            "suspension_jours": kept.suspension_jours,
        }
    )
    return render_template("referencement/rules.html", form=form)


@blueprint.post("/referencement/regles")
@allow(*KEEPERS)
def set_rules() -> Any:
    """Keep the rules: they hold from now on, what is published stays so."""
    form = RulesForm(request.form)
    if form.validate():
        try:
            set_catalogue_rules(db(), dict(form.data), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Les règles sont enregistrées. Elles valent dès maintenant.", "success")
            return redirect(url_for("referencement.rules"), 303)
    return make_response(render_template("referencement/rules.html", form=form), 422)
