import pytest

from tests.servers import postgres, s3
from tests.servers.process import absent


@pytest.mark.parametrize("server", [postgres.postgres, s3.s3])
def test_a_server_that_is_not_installed_is_a_skip_with_its_reason(server, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    for room in (postgres, s3):
        monkeypatch.setattr(room, "found", lambda *_: None)
    with pytest.raises(pytest.skip.Exception, match="is not installed"), server():
        pass


def test_under_ci_a_server_that_is_not_installed_is_a_failure(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Under CI these tests must run"):
        absent("PostgreSQL is not installed.")
