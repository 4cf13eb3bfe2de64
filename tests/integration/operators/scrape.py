"""Reading `/metrics` as Prometheus does."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def samples(text: str, name: str, **labels: str) -> list[Sample]:
    """The samples of this name that have at least these labels."""
    return [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.items() >= labels.items()
    ]


def total(text: str, name: str, **labels: str) -> float:
    return sum(sample.value for sample in samples(text, name, **labels))


def names(text: str) -> set[str]:
    """The families that hold samples."""
    return {family.name for family in text_string_to_metric_families(text) if family.samples}
