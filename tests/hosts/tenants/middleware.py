"""The common optimisation of django-tenants: the tenant of a domain is looked up once."""

from functools import cache

from django_tenants.middleware.main import TenantMainMiddleware


@cache
def tenant_of(domain_model, hostname):
    return domain_model.objects.select_related("tenant").get(domain=hostname).tenant


class CachedTenantMiddleware(TenantMainMiddleware):
    def get_tenant(self, domain_model, hostname):
        return tenant_of(domain_model, hostname)
