"""Somebody from the office at a browser, and everything that goes wrong there."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LOCALES = {"en": "en-GB", "nl": "nl-NL"}
SCREENSHOTS = os.environ.get("STOCKHUB_SCREENSHOTS", "")

# Django's own: its style sheet tells the links in the breadcrumbs from the text beside them by their colour alone.
DJANGOS = (".breadcrumbs",)
# Boxes whose content would be scrolled sideways if it did not fit; on a phone the rows of these are cards.
BOXES = {
    DESKTOP["width"]: ".results, .stockhub-scroll, .stockhub-wide, .tabular > .wrapper",
    PHONE["width"]: ".results, .stockhub-scroll, .stockhub-wide, :has(> [data-stockhub-cards])",
}


class Visit:
    """A window of its own. `problems` is what its console said that it should not have."""

    def __init__(self, browser, url, session_cookie, *, language="en", size=DESKTOP, dark=False):
        self.language, self.size, self.dark = language, size, dark
        self.problems = []
        scheme = "dark" if dark else "light"
        self.context = browser.new_context(
            base_url=url, locale=LOCALES[language], viewport=size, color_scheme=scheme, reduced_motion="reduce"
        )
        self.context.add_cookies([{"name": "sessionid", "value": session_cookie, "url": url}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"error in a script: {error}"))
        self.page.on("requestfailed", self._failed)

    def _heard(self, message):
        # violations of the policy are errors; the host has no favicon, for which browsers ask unasked
        if message.type in ("error", "warning") and not message.location["url"].endswith("/favicon.ico"):
            self.problems.append(f"{message.type}: {message.text}")

    def _failed(self, request):
        if "ERR_ABORTED" not in (request.failure or ""):  # aborted: we went on to another page meanwhile
            self.problems.append(f"{request.url}: {request.failure}")

    def go(self, path):
        """Open a page; it must be there."""
        answer = self.page.goto(path, wait_until="load")
        assert answer.status == 200, (path, answer.status)
        return self.page

    def check(self, name=""):
        """What must hold for each page: no problem, nothing runs off the side, nobody is shut out."""
        self.page.wait_for_load_state("load")  # after a click the next page may have no body yet
        if SCREENSHOTS and name:
            self.screenshot(name)
        assert not self.problems, (self.page.url, self.problems)
        assert self.runs_off() == [], f"{self.page.url} is wider than {self.size['width']} pixels"
        assert self.cut_off() == [], f"{self.page.url}: columns are out of sight"
        found = self.shut_out()
        assert found == [], (self.page.url, found)

    def runs_off(self):
        """What is wider than the window, [] where the page cannot be scrolled sideways."""
        return self.page.evaluate(
            """() => {
                if (document.scrollingElement.scrollWidth <= window.innerWidth) return [];
                const over = [...document.querySelectorAll("body *")].filter(
                    (element) => element.getBoundingClientRect().right > window.innerWidth
                );
                return ["too wide", ...over.slice(-5).map((element) => element.outerHTML.slice(0, 120))];
            }"""
        )

    def cut_off(self):
        """The tables that must be scrolled sideways."""
        return self.page.evaluate(
            """(boxes) => [...document.querySelectorAll(boxes)]
                .filter((box) => box.scrollWidth > box.clientWidth)
                .map((box) => [box.clientWidth, box.scrollWidth, box.innerText.slice(0, 80)])""",
            BOXES[self.size["width"]],
        )

    def shut_out(self):
        """The findings of axe, Django's own parts left out."""
        heard = len(self.problems)
        found = Axe().run(self.page, context={"exclude": [[selector] for selector in DJANGOS]})
        del self.problems[heard:]  # axe tries out styles, which the policy forbids
        return [
            (finding["id"], finding["help"], [node["html"][:160] for node in finding["nodes"][:3]])
            for finding in found.response["violations"]
        ]

    def screenshot(self, name):
        """Keep a picture of the whole page, where STOCKHUB_SCREENSHOTS names a directory."""
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        scheme = "dark" if self.dark else "light"
        self.page.screenshot(path=folder / f"{name}-{self.language}-{self.size['width']}-{scheme}.png", full_page=True)
