"""Asks for pages of the admin as somebody who may see everything."""

import time

import django

django.setup()

from django.contrib.auth.models import User
from django.test import Client

from benchmarks.measure.conversation import answer

client = Client()


def log_in():
    """As the superuser of this database."""
    user = User.objects.filter(username="office").first() or User.objects.create_superuser("office")
    client.force_login(user)


def handle(page):
    """How long one page takes, in milliseconds."""
    began = time.perf_counter()
    said = client.get(f"/admin/stockhub_webhooks/{page}", follow=True)  # a search that finds one thing leads there
    taken = time.perf_counter() - began
    if said.status_code != 200:
        raise RuntimeError(f"{page} answers {said.status_code}")
    return {"milliseconds": taken * 1000}


if __name__ == "__main__":
    log_in()
    answer(handle)
