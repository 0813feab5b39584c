"""A demanding client: every page it opens must be well made, and forms are filled in as people do."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

import html5lib
from bs4 import BeautifulSoup, Tag
from bs4.builder import HTML5TreeBuilder
from flask import Flask
from sqlmodel import Session
from werkzeug.test import TestResponse

from portal.accounts.models import User

# The one field that no test types: taken from the page's text, as reading a page whole costs more than making it.
TOKEN = re.compile(r'<input[^>]* name="csrf_token"[^>]* value="([^"]+)"')


class PageProblem(AssertionError):
    """A page is not as a page of this house must be."""


class _Told(HTML5TreeBuilder):
    """Builds the soup and keeps what html5lib complains of: reading a page once serves its checks and its test."""

    complaints: list[tuple[tuple[int, int], str, dict[str, Any]]]

    def feed(self, markup: Any) -> None:
        parser = html5lib.HTMLParser(tree=self.create_treebuilder)
        self.underlying_builder.parser = parser  # type: ignore[attr-defined]
        parser.parse(markup).original_encoding = None
        self.underlying_builder.parser = None  # type: ignore[attr-defined]
        self.complaints = parser.errors


# How many times each kind of page (its address without ids, its status) is read by html5lib, which is exact and slow: a
# page that was well made so many times is then read by the quick parser, which tolerates more. A page is the same from
# both engines: it is read exactly on one.
EXACT = 2
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+|[\w-]{40,}")
_exact: Counter[tuple[str, int]] = Counter()


class Browser:
    """Opens pages, follows redirects, presses buttons; signed in as `user` when one is given.

    `exact` reads every page by html5lib, as fragments are.
    """

    def __init__(
        self, app: Flask, session: Session, user: User | None = None, *, exact: bool = False
    ) -> None:
        self.app, self.session, self.user, self.exact = app, session, user, exact
        self.client = app.test_client()
        self._tokens: dict[str, str] = {}
        if user is not None:
            with self.client.session_transaction() as kept:
                kept["_user_id"] = user.get_id()
                kept["_fresh"] = True

    def get(
        self, url: str, *, status: int = 200, follow: bool = True, headers: dict[str, str] | None = None
    ) -> "Page":
        """Open `url`."""
        return self._page(self.client.get(url, headers=headers), status, follow)

    def post(
        self, url: str, data: Any, *, status: int = 200, follow: bool = True, token: bool = True
    ) -> "Page":
        """Send `data` as a form would, with the token of a page of this session unless `token` is false."""
        if token:
            data = {**data, "csrf_token": self.token()}
        # A browser says where the form was.
        response = self.client.post(url, data=data, headers={"Origin": "http://localhost"})
        return self._page(response, status, follow)

    def token(self) -> str:
        """Return a token of this session, as found in a page that has a form; asked once as long as the session keeps its secret."""
        with self.client.session_transaction() as kept:
            secret = str(kept.get("csrf_token", ""))
        if secret in self._tokens:
            return self._tokens[secret]
        field = TOKEN.search(self.client.get("/mot-de-passe-oublie").text)
        assert field is not None
        with self.client.session_transaction() as kept:
            self._tokens[str(kept["csrf_token"])] = field[1]
        return field[1]

    def fragment(self, url: str, target: str, data: dict[str, str] | None = None) -> BeautifulSoup:
        """Ask for a fragment as htmx does: by GET, or by POST when there are `data`."""
        headers = {"HX-Request": "true", "HX-Target": target, "Origin": "http://localhost"}
        if data is None:
            response = self.client.get(url, headers=headers)
        else:
            response = self.client.post(url, data=data | {"csrf_token": self.token()}, headers=headers)
        assert response.status_code == 200, response.text
        assert {"HX-Request", "HX-Target"} <= set(response.vary)
        return BeautifulSoup(response.text, "html5lib")

    def _page(self, response: TestResponse, status: int, follow: bool) -> "Page":
        hops = 0
        while follow and response.status_code in {302, 303}:
            hops += 1
            assert hops < 6, "redirected for ever"
            response = self.client.get(response.headers["Location"])
        self.session.expire_all()
        page = Page(self, response)
        if response.status_code != status:
            raise PageProblem(
                f"{response.request.path} answered {response.status_code}, not {status}:\n{page.text[:1500]}"
            )
        if response.mimetype == "text/html" and response.status_code not in {302, 303}:
            kind = (_ID.sub("·", response.request.path), response.status_code)
            first_engine = self.session.get_bind().dialect.name == "sqlite"
            exactly = self.exact or (first_engine and _exact[kind] < EXACT)
            page.soup = check_page(response.text, response.request.path, exactly=exactly)
            # Counted once it is found well made.
            _exact[kind] += 1
        return page


@dataclass
class Page:
    """What the browser shows."""

    browser: Browser
    response: TestResponse

    @cached_property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.response.text, "html5lib")

    @property
    def path(self) -> str:
        return self.response.request.path

    @property
    def text(self) -> str:
        """The words of the page, spaces joined."""
        return re.sub(r"\s+", " ", self.soup.get_text(" ")).strip()

    @property
    def h1(self) -> str:
        return _words(self.soup.select_one("h1"))

    @property
    def errors(self) -> dict[str, str]:
        """{field id: sentence} of the error summary."""
        return {str(a["href"]).lstrip("#"): _words(a) for a in self.soup.select("#error-summary a")}

    def form(self, action_or_id: str) -> "Form":
        """Return the form whose id or action (its end) is given."""
        for tag in self.soup.find_all("form"):
            action = str(tag.get("action") or self.response.request.full_path).split("?")[0]
            if tag.get("id") == action_or_id or action.endswith(action_or_id):
                return Form(self, tag)
        found = [(f.get("id"), f.get("action")) for f in self.soup.find_all("form")]
        raise PageProblem(f"no form {action_or_id} in {self.path}; there are {found}")

    def buttons(self) -> list[str]:
        """The words of every button."""
        return [_words(tag) for tag in self.soup.select("main button")]

    def click(self, words: str) -> "Page":
        """Follow the link that says `words`."""
        for tag in self.soup.find_all("a"):
            if _words(tag) == words:
                return self.browser.get(urljoin(self.response.request.url, str(tag["href"])))
        raise PageProblem(
            f"no link « {words} » in {self.path}: {[_words(a) for a in self.soup.find_all('a')]}"
        )


class Form:
    """A form as it stands in the page: its values can be changed, then it is sent."""

    def __init__(self, page: Page, tag: Tag) -> None:
        self.page, self.tag = page, tag
        self.values = _values(tag)

    def names(self) -> set[str]:
        return {str(field["name"]) for field in self.tag.select("[name]")}

    def submit(
        self, button: str | None = None, *, status: int = 200, follow: bool = True, **values: Any
    ) -> Page:
        """Fill `values` in (lists for several boxes) and press the button that says `button`, or the only one."""
        unknown = set(values) - self.names()
        if unknown:
            raise PageProblem(f"the form has no field {sorted(unknown)}; it has {sorted(self.names())}")
        data = {**self.values, **values}
        pressed = [b for b in self.tag.select("button") if button is None or _words(b) == button]
        if not pressed:
            raise PageProblem(f"no button « {button} »: {[_words(b) for b in self.tag.select('button')]}")
        if pressed[0].get("name"):
            data[str(pressed[0]["name"])] = str(pressed[0].get("value", ""))
        action = str(
            pressed[0].get("formaction") or self.tag.get("action") or self.page.response.request.full_path
        )
        if str(self.tag.get("method", "get")).lower() == "get":
            return self.page.browser.get(action.split("?")[0] + "?" + _query(data), status=status)
        response = self.page.browser.client.post(
            action,
            data={k: v for k, v in data.items() if v is not None},
            headers={"Origin": "http://localhost"},
        )
        return self.page.browser._page(response, status, follow)


def check_page(html: str, path: str, *, exactly: bool = True) -> BeautifulSoup:
    """Raise PageProblem unless the page is valid HTML5 with one h1 that is its title, unique ids, labels and tokens.

    Return the page, read. Without `exactly` the grammar of HTML5 is not checked, all the rest is.
    """
    if exactly:
        told = _Told()
        soup = BeautifulSoup(html, builder=told)
        problems = [f"HTML: {position} {code} {data}" for position, code, data in told.complaints]
    else:
        # html5lib reads every end of line as one character.
        soup, problems = BeautifulSoup(html.replace("\r\n", "\n"), "html.parser"), []
    headings = soup.find_all("h1")
    title = _words(soup.title)
    if len(headings) != 1:
        problems.append(f"{len(headings)} h1")
    elif not re.sub(r"^Erreur : ", "", title).startswith(_words(headings[0])):
        problems.append(f"the title « {title} » does not begin with the h1 « {_words(headings[0])} »")
    tags = soup.find_all(True)
    ids = Counter(str(tag["id"]) for tag in tags if "id" in tag.attrs)
    problems += [f"id {name} twice" for name in sorted(name for name, times in ids.items() if times > 1)]
    labelled = {str(tag["for"]) for tag in tags if tag.name == "label" and "for" in tag.attrs}
    for tag in tags:
        if tag.name in {"input", "select", "textarea"} and tag.get("type") not in {"hidden", "submit"}:
            if not (
                tag.get("aria-label")
                or tag.get("aria-labelledby")
                or tag.get("id") in labelled
                or tag.find_parent("label")
            ):
                problems.append(f"{tag.get('name')} has no label")
            for name in str(tag.get("aria-describedby") or "").split():
                if name not in ids:
                    problems.append(f"{tag.get('name')} is described by {name}, which is not there")
        elif tag.name == "form" and str(tag.get("method")).lower() == "post":
            if not tag.select_one("input[name=csrf_token]"):
                problems.append(f"the form to {tag.get('action')} has no token")
        elif tag.name == "script" and not tag.get("src"):
            problems.append("a script in the page")
        if "style" in tag.attrs:
            problems.append(f"a style attribute on {tag.name}")
        problems += [f"an {name} handler" for name in tag.attrs if name.startswith("on")]
    if problems:
        raise PageProblem(f"{path}: " + "; ".join(problems))
    return soup


def _values(tag: Tag) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in tag.select("input[name], textarea[name], select[name]"):
        name, kind = str(field["name"]), field.get("type")
        if kind in {"checkbox", "radio"}:
            if field.has_attr("checked"):
                value = str(field.get("value", "on"))
                if kind == "checkbox" and name in values:
                    values[name] = [
                        *(values[name] if isinstance(values[name], list) else [values[name]]),
                        value,
                    ]
                else:
                    values[name] = value
        elif field.name == "select":
            chosen = [str(o.get("value", o.text)) for o in field.select("option[selected]")]
            first = field.select_one("option")
            values[name] = (chosen if field.has_attr("multiple") else chosen[-1:] and chosen[-1]) or (
                [] if field.has_attr("multiple") or first is None else str(first.get("value", first.text))
            )
        elif field.name == "textarea":
            values[name] = field.text.removeprefix("\n")
        else:
            values[name] = str(field.get("value", ""))
    return values


def _query(data: dict[str, Any]) -> str:
    from urllib.parse import urlencode

    return urlencode({k: v for k, v in data.items() if v not in (None, "", [])}, doseq=True)


def _words(tag: Tag | None) -> str:
    return re.sub(r"\s+", " ", tag.get_text(" ")).strip() if tag is not None else ""
