"""Optional parts, each with an extra: ``rest`` API, ``openapi`` description, ``metrics`` for Prometheus."""
