"""Two ways of using a page that know the same verbs: by mouse, and by keyboard alone."""

import re

from playwright.sync_api import Locator, Page

from tests.browser.axe import check


class Mouse:
    """Finds things by the words people read and clicks them; each page it comes to is checked by axe."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def goto(self, path: str) -> None:
        self.page.goto(path)
        self._arrived()

    def sign_in(self, local: str, password: str) -> None:
        """Sign in as a demo account."""
        self.goto("/connexion")
        self.fill("Adresse électronique", f"{local}@demo.example.org")
        self.fill("Mot de passe", password)
        self.press("Se connecter")

    def sign_out(self) -> None:
        self.press("Me déconnecter", within="header")

    def follow(self, words: str, within: str = "main") -> None:
        """Follow a link."""
        self._go(self.page.locator(within).get_by_role("link", name=self._exactly(words)).first)

    def follow_about(self, words: str) -> None:
        """Follow a link that says more than `words`."""
        self._go(self.page.locator("main").get_by_role("link", name=words).first)

    def press(self, words: str, within: str = "main") -> None:
        """Press a button that leads to a page."""
        self._go(self._button(words, within))

    def press_here(self, words: str, within: str = "main") -> None:
        """Press a button that changes a part of the page, and wait until it has."""
        with self.page.expect_response(lambda answer: answer.request.method == "POST"):
            self._button(words, within).click()
        self.page.wait_for_function(
            "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"
        )
        self._arrived()

    def fill(self, label: str, value: str) -> None:
        self._reach(self._field(label)).fill(value)

    def paste(self, label: str, value: str) -> None:
        """Paste a text, as it comes from another program."""
        self._reach(self._field(label)).focus()
        self.page.keyboard.insert_text(value)

    def typed(self, label: str) -> str:
        """Return what stands in a field."""
        return self._field(label).input_value()

    def attach(self, label: str, name: str, content: bytes) -> None:
        """Choose a file."""
        self._field(label).set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )

    def tick(self, label: str) -> None:
        box = self._field(label)
        if not box.is_checked():
            self._space(box)

    def choose(self, label: str, option: str) -> None:
        """Choose in a list."""
        self._field(label).select_option(label=option)

    def unfold(self, words: str) -> None:
        """Open a part of the page that is folded."""
        summary = self.page.locator("main summary").filter(has_text=words).first
        if summary.evaluate("s => !s.parentElement.open"):
            self._space(summary)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.page.locator("main").inner_text())

    @property
    def title(self) -> str:
        return self.page.locator("h1").inner_text()

    # How it is done with a mouse.

    def _go(self, target: Locator) -> None:
        with self.page.expect_navigation():
            target.click()
        self._arrived()

    def _reach(self, target: Locator) -> Locator:
        target.scroll_into_view_if_needed()
        return target

    def _space(self, target: Locator) -> None:
        target.click()

    def _field(self, label: str) -> Locator:
        return self.page.locator("main").get_by_label(re.compile(rf"^{re.escape(label)}"), exact=False).first

    def _button(self, words: str, within: str) -> Locator:
        return (
            self.page.locator(within)
            .get_by_role("button", name=self._exactly(words))
            .locator("visible=true")
            .first
        )

    @staticmethod
    def _exactly(words: str) -> re.Pattern[str]:
        return re.compile(rf"^\s*{re.escape(words)}\s*$")

    def _arrived(self) -> None:
        self.page.wait_for_load_state("load")
        check(self.page)


class Unscripted(Mouse):
    """In a browser that runs no script. It runs axe's all the same, on the page as it stands once it has come."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._devtools = page.context.new_cdp_session(page)
        self._scripts(run=False)

    def _arrived(self) -> None:
        self.page.wait_for_load_state("load")
        self._scripts(run=True)
        check(self.page)
        self._scripts(run=False)

    def _scripts(self, *, run: bool) -> None:
        self._devtools.send("Emulation.setScriptExecutionDisabled", {"value": not run})


class Keyboard(Mouse):
    """Tab, Space, Enter, arrows and letters; the pointer is never used, and focus must be seen where it stands.

    The pages are those the mouse comes to, where axe looks at them; it does not look twice.
    """

    def _arrived(self) -> None:
        self.page.wait_for_load_state("load")

    def _go(self, target: Locator) -> None:
        self._reach(target)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self._arrived()

    def _space(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Space")

    def fill(self, label: str, value: str) -> None:
        self._reach(self._field(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(value)

    def tick(self, label: str) -> None:
        box = self._field(label)
        if box.is_checked():
            return
        if box.get_attribute("type") == "radio":
            self._radio(box)
        else:
            self._space(box)

    def choose(self, label: str, option: str) -> None:
        field = self._field(label)
        self._reach(field)
        for _ in range(200):
            if field.evaluate("s => s.selectedOptions[0].label.trim()") == option:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"« {option} » is not in « {label} »")

    def _radio(self, box: Locator) -> None:
        # Tab stops once at a group of radios; arrows go round it.
        name = box.get_attribute("name")
        handle = box.element_handle()
        for _ in range(600):
            if self.page.evaluate("n => document.activeElement.name === n", name):
                break
            self.page.keyboard.press("Tab")
        if self.page.evaluate("b => document.activeElement === b", handle):
            self.page.keyboard.press("Space")
        for _ in range(20):
            if box.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the radio {name} cannot be reached by arrows")

    def _reach(self, target: Locator) -> Locator:
        handle = target.element_handle()
        for _ in range(600):
            if self.page.evaluate("b => document.activeElement === b", handle):
                self._focus_is_seen()
                return target
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {target}")

    def _focus_is_seen(self) -> None:
        seen = self.page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
                    || style.boxShadow !== "none";
            }"""
        )
        assert seen, "focus cannot be seen on " + self.page.evaluate(
            "() => document.activeElement.outerHTML.slice(0, 200)"
        )
