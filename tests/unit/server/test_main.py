"""Starting a service: addresses, models, limits and shutdown time."""

from dataclasses import replace

import pytest

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.server.limits import Limits
from danqing.server.main import (
    CONNECTION_DRAIN_SECONDS,
    SHUTDOWN_SECONDS,
    ServerOptions,
    runner_limits,
    serve,
    warn_if_defaults_exceed_limits,
)
from danqing.settings import Settings
from tests.serving import MODEL
from tests.unit.server.conftest import Make, context_behind


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com"])
def test_a_public_address_without_an_api_key_is_rejected(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidRequest, match="serve keys add"):
        serve(ServerOptions(host=host, port=0), settings)
    assert not settings.service.exists()


def test_an_unknown_model_is_rejected(settings: Settings) -> None:
    with pytest.raises(ModelNotFound):
        serve(ServerOptions(port=0, models=("nothing",)), settings)


@pytest.mark.parametrize("host", ["203.0.113.1", "not a host"])
def test_an_address_of_another_machine_is_rejected(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidRequest, match="--port"):
        serve(ServerOptions(host=host, port=0, insecure=True), settings)


def test_shutdown_takes_less_than_ten_seconds() -> None:
    assert SHUTDOWN_SECONDS + CONNECTION_DRAIN_SECONDS < 10


def test_the_runner_has_the_limits_of_the_service() -> None:
    kept = runner_limits(Limits(pictures=40, queue=5, per_key=2, max_cost=1e9, keep_days=7))
    assert (kept.pictures, kept.queue, kept.per_owner, kept.max_cost, kept.keep_days) == (40, 5, 2, 1e9, 7)


def test_a_default_request_above_the_limits_is_reported_at_start(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    context = context_behind(make())
    warn_if_defaults_exceed_limits(context)
    assert not caplog.records
    warn_if_defaults_exceed_limits(replace(context, limits=Limits(steps=5)))
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "defaults_exceed_limits")
    assert "5" in record.__dict__["reason"]
    assert record.__dict__["model"] == MODEL
