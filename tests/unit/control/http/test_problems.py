"""Every error has its status and message."""

import json

import pytest

from control.http.problems import PROBLEMS, problem_response
from shared.errors import ErrorCode, ServiceError


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_is_an_answer(code: ErrorCode) -> None:
    response = problem_response(ServiceError(code))
    status, message = PROBLEMS[code]
    assert 400 <= response.status_code == status <= 503
    assert json.loads(response.body) == {"error": message}
    assert response.headers["Content-Type"] == "application/json"


def test_what_an_error_says_of_itself_goes_out() -> None:
    error = ServiceError(ErrorCode.NOT_ACCEPTABLE, "cannot take H265", detail="offers VP8", retry_after=3)
    response = problem_response(error)
    assert json.loads(response.body) == {"error": "cannot take H265", "detail": "offers VP8"}
    assert response.headers["Retry-After"] == "3"
    assert problem_response(ServiceError(ErrorCode.NO_PUBLISHER)).headers["Retry-After"] == "2"
