"""The pictures of the documentation, taken of a filled shop in a real browser: `python3 run.py screenshots`."""

import shutil
import sys
import tempfile
from pathlib import Path

from demo import LOGIN, PASSWORD, ROOT
from office import filled_shop
from playwright.sync_api import sync_playwright

FOLDER = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 860}


def pages() -> dict[str, str]:
    """The path of each picture's page in the admin."""
    from django.db.models import Count

    from stockhub_webhooks.models import Order

    undone = Order.objects.filter(receiver_calls__status="pending").annotate(parcels=Count("shipments", distinct=True))
    busy = undone.order_by("-parcels", "-pk").first()
    return {
        "overview": "stockhub_webhooks/",
        "order-story": f"stockhub_webhooks/order/{busy.pk}/story/",
        "failures": "stockhub_webhooks/receivercall/failures/",
    }


def main() -> int:
    """Take them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is not installed here: `apt-get install chromium`", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, filled_shop(Path(directory)) as address:
        wanted = pages()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, locale="en-GB", timezone_id="Europe/Amsterdam")
            page.goto(f"{address}admin/login/")
            page.get_by_label("Username").fill(LOGIN)
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url("**/admin/")
            for name, path in wanted.items():
                page.goto(f"{address}admin/{path}")
                page.screenshot(path=FOLDER / f"{name}.png")
                print(FOLDER / f"{name}.png")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
