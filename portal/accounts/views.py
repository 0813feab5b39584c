"""Sign in and out, choose a password; the administrator's accounts and outbox."""

import uuid
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user, logout_user
from sqlmodel import col

from portal import clock
from portal.accounts import notifications, queries, rules, tokens
from portal.accounts import session as sign_in_session
from portal.accounts.forms import ApiKeyForm, ForgottenForm, PasswordForm, SignInForm, SignUpForm, UserForm
from portal.accounts.models import ApiToken, Organisation, OrganisationKind, OutgoingMail, Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.web.access import allow, public, signed_in
from portal.web.fields import new_key
from portal.web.forms import options
from portal.web.pagination import page_number, paginate
from portal.web.session import db
from portal.web.throttle import limiter

blueprint = Blueprint("accounts", __name__)


def _failed(response: Any) -> bool:
    return bool(response.status_code == 422)


def _address_typed() -> str:
    return "courriel:" + request.form.get("courriel", "").strip().lower()[:254]


@blueprint.get("/connexion")
@public
def sign_in() -> Any:
    """The sign-in page."""
    if current_user.is_authenticated:
        return redirect(url_for("indicators.home"), 303)
    form = SignInForm(data={"next": request.args.get("next", "")})
    return render_template("accounts/sign_in.html", form=form, expired=False)


@blueprint.post("/connexion")
@public
@limiter.limit("30 per 15 minutes", deduct_when=_failed)
@limiter.limit("6 per 15 minutes", key_func=_address_typed, deduct_when=_failed)
def sign_in_post() -> Any:
    """Open a session; a form that was under way is given back, filled in."""
    form = SignInForm(request.form)
    if form.validate():
        try:
            user = rules.check_sign_in(db(), courriel=form.courriel.data, password=form.mot_de_passe.data)
        except RuleBroken as broken:
            form.refuse(None, broken.message)
        else:
            db().commit()
            sign_in_session.begin(user)
            kept = sign_in_session.kept_form(form.resume_target.data, form.resume_fields.data)
            if kept is not None:
                return render_template("errors/resume.html", target=kept[0], fields=kept[1])
            return redirect(sign_in_session.safe_target(form.next.data) or url_for("indicators.home"), 303)
    return make_response(render_template("accounts/sign_in.html", form=form, expired=False), 422)


@blueprint.post("/deconnexion")
@public
def sign_out() -> Any:
    """Close the session."""
    logout_user()
    flash("Vous êtes déconnecté.", "success")
    return redirect(url_for("indicators.home"), 303)


@blueprint.post("/deconnexion-partout")
@signed_in
def sign_out_everywhere() -> Any:
    """Close this person's sessions on every device."""
    rules.close_sessions(db(), db().get_one(User, current_user.id))
    db().commit()
    logout_user()
    flash("Vos sessions sont fermées sur tous vos appareils.", "success")
    return redirect(url_for("accounts.sign_in"), 303)


@blueprint.get("/compte")
@signed_in
def account() -> Any:
    """One's own account."""
    user = db().execute(queries.all_users().where(col(User.id) == current_user.id)).scalar_one()
    return render_template("accounts/account.html", user=user)


@blueprint.get("/mot-de-passe-oublie")
@public
def forgotten() -> Any:
    """Ask for a link."""
    return render_template("accounts/forgotten.html", form=ForgottenForm(), sent=False)


@blueprint.post("/mot-de-passe-oublie")
@public
@limiter.limit("10 per hour")
def forgotten_post() -> Any:
    """Send a link; the answer is the same whether the address is known or not."""
    form = ForgottenForm(request.form)
    if not form.validate():
        return make_response(render_template("accounts/forgotten.html", form=form, sent=False), 422)
    user = rules.find_user(db(), form.courriel.data)
    if user is not None and user.is_active:
        notifications.send_password_link(db(), user, password_address(rules.make_password_link(db(), user)))
    db().commit()
    return render_template("accounts/forgotten.html", form=form, sent=True)


@blueprint.get("/inscription")
@public
def sign_up() -> Any:
    """Ask for a partner's account."""
    if current_user.is_authenticated:
        return redirect(url_for("indicators.home"), 303)
    return render_template("accounts/sign_up.html", form=SignUpForm(), sent=False)


@blueprint.post("/inscription")
@public
@limiter.limit("20 per 15 minutes")
@limiter.limit("3 per 15 minutes", key_func=_address_typed)
def sign_up_post() -> Any:
    """Open the account and send its link; the answer is the same when the address has one, and its owner is told."""
    form = SignUpForm(request.form)
    if not form.validate():
        return make_response(render_template("accounts/sign_up.html", form=form, sent=False), 422)
    user, created = rules.sign_up(
        db(), courriel=form.courriel.data or "", prenom=form.prenom.data or "", nom=form.nom.data or ""
    )
    if user.is_active:
        address = password_address(rules.make_password_link(db(), user))
        if created or user.password_hash is None:
            notifications.send_password_link(db(), user, address)
        else:
            public_url = current_app.config["PORTAL"].public_url
            notifications.tell_account_exists(
                db(), user, sign_in=public_url + url_for("accounts.sign_in"), link=address
            )
    db().commit()
    return render_template("accounts/sign_up.html", form=form, sent=True)


@blueprint.get("/mot-de-passe/<token>")
@public
def set_password(token: str) -> Any:
    """Choose a password by a one-time link."""
    if rules.open_password_link(db(), token) is None:
        return make_response(render_template("accounts/link_used.html"), 410)
    return render_template("accounts/set_password.html", form=PasswordForm(), token=token)


@blueprint.post("/mot-de-passe/<token>")
@public
def set_password_post(token: str) -> Any:
    """Keep the password, use the link up, sign the person in."""
    link = rules.open_password_link(db(), token, to_use=True)
    if link is None:
        return make_response(render_template("accounts/link_used.html"), 410)
    form = PasswordForm(request.form)
    if form.validate():
        first = db().get_one(User, link.user_id).password_hash is None
        try:
            user = rules.set_password(db(), link, form.mot_de_passe.data)
        except RuleBroken as broken:
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            sign_in_session.begin(user)
            flash("Votre mot de passe est enregistré.", "success")
            # A partner who arrives has their structure to find or to describe first.
            arrives = first and user.role is Role.PARTENAIRE
            return redirect(url_for("structures.index" if arrives else "indicators.home"), 303)
    return make_response(render_template("accounts/set_password.html", form=form, token=token), 422)


@blueprint.get("/comptes")
@allow(Role.ADMINISTRATION)
def users() -> Any:
    """Every account."""
    pager = paginate(db(), queries.all_users(), page_number(request.args.get("page")))
    return render_template("accounts/users.html", pager=pager)


@blueprint.route("/comptes/nouveau", methods=["GET", "POST"])
@allow(Role.ADMINISTRATION)
def new_user() -> Any:
    """Open an account and send its link."""
    form = UserForm(request.form if request.method == "POST" else None)
    organisations = db().execute(queries.all_organisations()).scalars()
    form.organisation_id.choices = options([("", "Aucun"), *((str(o.id), o.nom) for o in organisations)])
    if request.method == "POST" and form.validate():
        try:
            user = _create(form)
        except RuleBroken as broken:
            form.refuse(broken.field, broken.message)
        else:
            notifications.send_password_link(
                db(), user, password_address(rules.make_password_link(db(), user))
            )
            db().commit()
            flash(f"Le compte de {user.full_name} est ouvert ; un lien part à son adresse.", "success")
            return redirect(url_for("accounts.users"), 303)
    status = 422 if request.method == "POST" else 200
    return make_response(render_template("accounts/new_user.html", form=form), status)


@blueprint.post("/comptes/<uuid:user_id>/etat")
@allow(Role.ADMINISTRATION)
def set_user_state(user_id: uuid.UUID) -> Any:
    """Open or close an account."""
    user = db().get(User, user_id)
    if user is None:
        abort(404)
    rules.set_active(
        db(), user, active=request.form.get("actif") == "oui", by=db().get_one(User, current_user.id)
    )
    db().commit()
    said = f"Le compte de {user.full_name} est {'ouvert' if user.is_active else 'fermé'}."
    if not user.is_active and user.role is Role.REFERENT:
        said += " Ses collègues peuvent prendre la suite de ses prescriptions."
    flash(said, "success")
    return redirect(url_for("accounts.users"), 303)


@blueprint.post("/comptes/<uuid:user_id>/lien")
@allow(Role.ADMINISTRATION)
def send_link(user_id: uuid.UUID) -> Any:
    """Send a new link to choose a password."""
    user = db().get(User, user_id)
    if user is None or not user.is_active:
        abort(404)
    notifications.send_password_link(db(), user, password_address(rules.make_password_link(db(), user)))
    db().commit()
    flash(f"Un nouveau lien part à l’adresse de {user.full_name}.", "success")
    return redirect(url_for("accounts.users"), 303)


@blueprint.get("/courrier")
@allow(Role.ADMINISTRATION)
def outbox() -> Any:
    """Every message that left or waits to: what it is about and where it stands, not what it says."""
    pager = paginate(db(), queries.outbox(), page_number(request.args.get("page")))
    configured = bool(current_app.config["PORTAL"].mail_url)
    return render_template(
        "accounts/outbox.html", pager=pager, configured=configured, readable=_letters_are_shown()
    )


@blueprint.get("/courrier/<uuid:mail_id>")
@allow(Role.ADMINISTRATION)
def mail(mail_id: uuid.UUID) -> Any:
    """One message: where it stands, and what it says on a portal that serves this machine alone."""
    found = db().get(OutgoingMail, mail_id)
    if found is None:
        abort(404)
    return render_template("accounts/mail.html", mail=found, readable=_letters_are_shown())


def _letters_are_shown() -> bool:
    # Letters name people and bear links that open their prescriptions: they are for who receives them. Where only this
    # machine reaches the portal and nothing leaves (a demonstration), there is no other place to read them.
    config = current_app.config["PORTAL"]
    return bool(config.is_local and not config.mail_url)


@blueprint.get("/cles-api")
@allow(Role.ADMINISTRATION)
def api_keys() -> Any:
    """The keys of the API, and the way to make another."""
    form = ApiKeyForm(
        data={"cle": new_key(), "scopes": [tokens.Scope.API], "jours": str(tokens.DEFAULT_DAYS)}
    )
    return _keys_page(form)


@blueprint.post("/cles-api")
@allow(Role.ADMINISTRATION)
def make_api_key() -> Any:
    """Make a key and show it: this answer is the only place where it ever is."""
    form = ApiKeyForm(request.form)
    key = form.key()
    if form.validate():
        try:
            token, secret = tokens.make(
                db(),
                nom=form.nom.data or "",
                scopes=form.scopes.data or [],
                days=int(form.jours.data),
                id=key,
            )
            db().commit()
        except AlreadyDone:
            db().rollback()
            flash(
                "Cette clé est déjà créée. Si vous ne l’avez pas notée, retirez-la et créez-en une autre.",
                "warning",
            )
            return redirect(url_for("accounts.api_keys"), 303)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            return render_template("accounts/api_key.html", token=token, secret=secret)
    return make_response(_keys_page(form), 422)


@blueprint.post("/cles-api/<uuid:key_id>/retirer")
@allow(Role.ADMINISTRATION)
def revoke_api_key(key_id: uuid.UUID) -> Any:
    """Close a key for ever."""
    token = db().get(ApiToken, key_id)
    if token is None:
        abort(404)
    tokens.revoke(db(), token)
    db().commit()
    flash(f"La clé « {token.nom} » est retirée. Elle cesse de fonctionner dans la minute.", "success")
    return redirect(url_for("accounts.api_keys"), 303)


def _keys_page(form: ApiKeyForm) -> str:
    config = current_app.config["PORTAL"]
    return render_template(
        "accounts/api_keys.html",
        form=form,
        pager=paginate(db(), queries.api_tokens(), page_number(request.args.get("page"))),
        scopes={scope.value: scope.label for scope in tokens.Scope},
        now=clock.now(),
        is_open=config.api_open,
        address=f"{config.public_url}/api/v1",
        described_at=f"{config.public_url}/api/openapi.json",
    )


def _create(form: UserForm) -> User:
    organisation = None
    if form.nouvel_organisme.data:
        organisation = rules.create_organisation(
            db(), nom=form.nouvel_organisme.data, kind=OrganisationKind.ORGANISME_REFERENT
        )
    elif form.organisation_id.data:
        organisation = db().get_one(Organisation, uuid.UUID(form.organisation_id.data))
    return rules.create_user(
        db(),
        courriel=form.courriel.data,
        prenom=form.prenom.data,
        nom=form.nom.data,
        role=Role(form.role.data),
        organisation=organisation,
    )


def password_address(token: str) -> str:
    """Return the whole address of a one-time link."""
    return current_app.config["PORTAL"].public_url + url_for("accounts.set_password", token=token)
