"""How a service is started: which addresses, under which names."""

import pytest

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.server.limits import Limits
from danqing.server.main import SHUTDOWN_SECONDS, CONNECTION_DRAIN_SECONDS, ServerOptions, runner_limits, serve
from danqing.settings import Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com"])
def test_a_public_address_without_a_key_is_refused(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidRequest, match="serve keys add"):
        serve(ServerOptions(host=host, port=0), settings)
    assert not settings.service.exists()


def test_an_unknown_model_is_refused(settings: Settings) -> None:
    with pytest.raises(ModelNotFound):
        serve(ServerOptions(port=0, models=("nothing",)), settings)


@pytest.mark.parametrize("host", ["203.0.113.1", "not a host"])
def test_an_address_of_another_machine_is_refused(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidRequest, match="--port"):
        serve(ServerOptions(host=host, port=0, insecure=True), settings)


def test_it_ends_within_ten_seconds() -> None:
    assert SHUTDOWN_SECONDS + CONNECTION_DRAIN_SECONDS < 10


def test_the_runtime_keeps_the_bounds_of_the_service() -> None:
    kept = runner_limits(Limits(pictures=40, queue=5, per_key=2, keep_days=7))
    assert (kept.pictures, kept.queue, kept.per_owner, kept.keep_days) == (40, 5, 2, 7)
