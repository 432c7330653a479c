"""What chance decides must not decide a test."""

import random

import pytest


@pytest.fixture(autouse=True)
def known_chances() -> None:
    """Viewers wait for times of some chance, so that they do not probe together."""
    random.seed(5)
