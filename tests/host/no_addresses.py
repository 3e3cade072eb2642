"""A host that forgot to mount us."""

urlpatterns = []
