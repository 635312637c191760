"""A status that is about who asks is told from one that is about what was asked."""

from __future__ import annotations

import pytest

from bethna.logic.access import about_request, next_step, refusal_words, refuses_us, why_denied


@pytest.mark.parametrize("status", [403, 407, 408, 418, 425, 429, 451])
def test_a_refusal_of_the_place_the_access_or_the_pace_is_no_answer_about_the_request(status: int) -> None:
    assert not about_request(status)


@pytest.mark.parametrize("status", [0, 200, 400, 401, 404, 405, 410, 422, 499])
def test_other_refusals_are(status: int) -> None:
    assert about_request(status)


@pytest.mark.parametrize("status", [300, 302, 399, 500, 503])
def test_a_redirect_and_a_fault_are_not(status: int) -> None:
    assert not about_request(status)


def test_the_place_and_the_access_are_told_apart_by_name_and_number() -> None:
    assert refusal_words("binance", 451) == "binance does not serve your place (HTTP 451)"
    assert refusal_words("kraken", 403) == "kraken refused access (HTTP 403)"
    assert why_denied("kraken", 403, "expected HTTP 101, found 403") == refusal_words("kraken", 403)
    assert [why_denied("kraken", status, "other") for status in (None, 404, 429)] == ["other"] * 3
    assert [status for status in (None, 101, 403, 418, 429, 451, 503) if refuses_us(status)] == [403, 451]


@pytest.mark.parametrize("status", [403, 451])
def test_another_host_is_promised_only_where_there_is_one(status: int) -> None:
    assert "another host of binance" in next_step("binance", status, another=True)
    alone = next_step("kraken", status, another=False)
    assert "another host" not in alone
    assert "`proxy`" in alone
    assert "`hosts`" in alone
