from __future__ import annotations

import pytest

from jobc.conformance import BackendConformance, Subject


class TestLocal(BackendConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject("local")
