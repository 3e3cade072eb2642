"""URLs of the REST API.

path("api/stockhub/", include("stockhub_webhooks.contrib.rest.urls"))
"""

from rest_framework.routers import SimpleRouter

from stockhub_webhooks.contrib.rest.views import EventViewSet, OrderViewSet

app_name = "stockhub_webhooks_rest"

router = SimpleRouter()
router.register("orders", OrderViewSet, basename="order")
router.register("events", EventViewSet, basename="event")

urlpatterns = router.urls
