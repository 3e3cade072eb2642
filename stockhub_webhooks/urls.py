"""The URLs that Winkelstraat posts to, with or without a trailing slash, since a redirect would lose the body.

path("api/v1/stockhub/", include("stockhub_webhooks.urls"))
path("api/v1/stockhub", ReceiveView.as_view())  # no include can answer at its prefix without the slash
"""

from django.urls import re_path

from stockhub_webhooks.contract import topics
from stockhub_webhooks.views import HealthView, NearbyView, ReceiveView

app_name = "stockhub_webhooks"

urlpatterns = [
    *(re_path(rf"^{topic}/?$", ReceiveView.as_view(topic=topic), name=topic) for topic in topics.ALL),
    re_path(r"^health/?$", HealthView.as_view(), name="health"),
    re_path(r"^$", ReceiveView.as_view(), name="any"),
    # last: a message to an address one keystroke away would be lost
    re_path(r"^(?P<path>.+)$", NearbyView.as_view(), name="nearby"),
]
