from django.apps import AppConfig


class BaselinesConfig(AppConfig):
    name = "benchmarks.measure.baselines"
    label = "baselines"
