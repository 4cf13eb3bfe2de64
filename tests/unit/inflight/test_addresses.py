import pytest

from gateway.inflight.addresses import Cluster, Server, Watched, parse_address


def test_one_server_is_for_the_client_to_read() -> None:
    assert parse_address("rediss://:secret@host:6380/2") == Server("rediss://:secret@host:6380/2")


def test_sentinels_are_named_with_their_primary() -> None:
    assert parse_address("sentinel://a:1,b,[::1]:3/mymaster") == Watched(
        nodes=(("a", 1), ("b", 26_379), ("::1", 3)),
        name="mymaster",
        database=0,
        username=None,
        password=None,
        sentinel_password=None,
    )


def test_the_servers_and_the_sentinels_may_have_passwords() -> None:
    found = parse_address("sentinel://qabyldau:p%40ss@a/m?db=3&sentinel_password=other%26")
    assert isinstance(found, Watched)
    assert (found.username, found.password, found.sentinel_password) == ("qabyldau", "p@ss", "other&")
    assert found.database == 3


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    assert parse_address("cluster://:secret@a:7000,b:7001") == Cluster(
        (("a", 7000), ("b", 7001)), None, "secret"
    )


@pytest.mark.parametrize(
    "url",
    ["sentinel://a:1", "sentinel://a:1/", "sentinel:///m", "sentinel://a,/m", "sentinel://a:x/m",
     "sentinel://a/m?db=x", "sentinel://a/m?timeout=3", "cluster://", "cluster://a,,b"],
)  # fmt: skip
def test_what_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"Expected|Port"):
        parse_address(url)


@pytest.mark.parametrize(
    "url", ["redis://:hunter2@a", "sentinel://:hunter2@a/m?sentinel_password=hunter2", "cluster://:hunter2@a"]
)
def test_a_password_is_not_shown(url: str) -> None:
    assert "hunter2" not in repr(parse_address(url))
