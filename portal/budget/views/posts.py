"""The posts that the convention pays for."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import history, posts
from portal.budget.expense_forms import PostForm, post_as_typed
from portal.budget.models import StateConvention
from portal.budget.spending_models import Post
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.sections import link
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import made_new, new_key, posted_version
from portal.web.session import db

link(32, "Postes", "budget.posts_of_convention")


@blueprint.get("/<uuid:convention_id>/postes")
@allow(*READERS)
def posts_of_convention(convention_id: uuid.UUID) -> Any:
    """The posts, and the engineering against its cap."""
    convention = visible(convention_id)
    found = posts.of(db(), convention)
    most, day = posts.peak(found)
    return render_template(
        "budget/posts.html",
        convention=convention,
        posts=found,
        most=most,
        most_day=day,
        now=posts.engineering_on(found, clock.today()),
        annee=clock.today().year,
        may_write=may_write(),
    )


@blueprint.route("/<uuid:convention_id>/postes/nouveau", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_post(convention_id: uuid.UUID) -> Any:
    """Add a post."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = PostForm(
        request.form if posted else None, data={"cle": new_key(), "date_debut": convention.date_debut}
    )
    if posted and form.validate():
        try:
            made = posts.write(db(), convention, form.to_values(), by=person(), id=uuid.UUID(form.cle.data))
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash(f"Le poste « {made.intitule} » est enregistré.", "success")
            return redirect(url_for("budget.posts_of_convention", convention_id=convention_id), 303)
    return _form_page(form, convention, None, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/postes/<uuid:post_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_post(convention_id: uuid.UUID, post_id: uuid.UUID) -> Any:
    """Change a post."""
    convention = visible(convention_id)
    if request.method == "POST" and "cle" not in request.form:
        return redirect(request.path, 303)
    posted = request.method == "POST"
    post = _one(convention, post_id)
    if post is None:
        return _gone(convention) if posted else abort(404)
    form = PostForm(request.form if posted else None, data=post_as_typed(post))
    conflict = None
    if posted and form.validate():
        try:
            posts.change(db(), post, convention, form.to_values(), by=person(), version=form.opened())
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            post = _one(convention, post_id)
            if post is None:
                return _gone(convention)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, PostForm(None, data=post_as_typed(post)), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Le poste est enregistré.", "success")
            return redirect(url_for("budget.posts_of_convention", convention_id=convention_id), 303)
    return _form_page(form, convention, post, 409 if conflict else 422 if posted else 200, conflict)


@blueprint.post("/<uuid:convention_id>/postes/<uuid:post_id>/supprimer")
@allow(Role.CONVENTIONNEMENT)
def remove_post(convention_id: uuid.UUID, post_id: uuid.UUID) -> Any:
    """Take a post away."""
    convention = visible(convention_id)
    post = _one(convention, post_id)
    if post is None:
        flash("Ce poste n’est plus dans la convention.", "info")
        return redirect(url_for("budget.posts_of_convention", convention_id=convention_id), 303)
    title = post.intitule
    try:
        posts.remove(db(), post, convention, by=person(), version=posted_version())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("budget.edit_post", convention_id=convention_id, post_id=post_id), 303)
    db().commit()
    flash(f"Le poste « {title} » est ôté.", "success")
    return redirect(url_for("budget.posts_of_convention", convention_id=convention_id), 303)


def _one(convention: StateConvention, post_id: uuid.UUID) -> Post | None:
    post = db().get(Post, post_id)
    return post if post is not None and post.convention_id == convention.id else None


def _gone(convention: StateConvention) -> Any:
    """Somebody took the post away meanwhile: what was typed is there still, to be added again."""
    form = PostForm(request.form)
    made_new(form)
    form.refuse(None, "Ce poste a été ôté pendant que vous écriviez. Enregistrez pour l’ajouter de nouveau.")
    return _form_page(form, convention, None, 422)


def _form_page(
    form: PostForm,
    convention: StateConvention,
    post: Post | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "budget/post_form.html", form=form, convention=convention, post=post, conflict=conflict
    )
    return make_response(page, status)
