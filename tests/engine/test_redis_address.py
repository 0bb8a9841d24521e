"""Redis addresses: what names a cluster, and that a wrong one is refused in one line before anything is opened."""

import pytest

from cli.session import queues_place
from config.redis_address import check, identity, names_cluster, parse_cluster
from config.settings import BadSettings, Settings, get_settings
from workers.runtime import Redises


def test_a_cluster_is_named_by_some_of_its_masters():
    found = parse_cluster("redis+cluster://ana:p%40ss@one:7000,two,[::1]:7002/?socket_timeout=3")

    assert found.nodes == (("one", 7000), ("two", 6379), ("::1", 7002))
    assert found.options == {"username": "ana", "password": "p@ss", "socket_timeout": 3.0}
    assert found.shown == "one:7000,two:6379,::1:7002"
    assert parse_cluster("rediss+cluster://one?ssl_cert_reqs=none").options == {"ssl_cert_reqs": "none", "ssl": True}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis+cluster://", "named as host:port,host:port"),
        ("redis+cluster://one,,two", "named as host:port,host:port"),
        ("redis+cluster://one:x", "Port"),
        ("redis+cluster://one,two:70000", "Port out of range"),
        ("redis+cluster://one/0", "one database without a number"),
        ("redis+cluster://one/zz", "one database without a number"),
        ("redis+cluster://one,two/0/1", "one database without a number"),
        ("redis://one:1/zz", "a database is a whole number, as in redis://host:6379/0"),
        ("rediss://one/0/1", "a database is a whole number"),
        ("redis://one/-1", "a database is a whole number"),
        ("redis://one/zz?db=1", "a database is a whole number"),
        ("redis://one?db=zz", "Invalid value for 'db'"),
        ("redis://one?db=-1", "a database is a whole number"),
        ("unix:///sock?db=-1", "a database is a whole number"),
        ("redis+cluster://one?db=0", "unknown option 'db'"),
        ("redis+cluster://one,two?health_check_interval=3", "unknown option 'health_check_interval'"),
        ("redis+cluster://one?socket_timeout=0", "socket_timeout must be above 0"),
        ("redis+cluster://one?ssl_ca_certs=x", "unknown option 'ssl_ca_certs'"),
        ("unix+cluster:///x", "must begin with redis://, rediss://, unix://, redis+cluster:// or rediss+cluster://"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url, told):
    with pytest.raises(ValueError, match=r"^(is no usable address|must begin)") as caught:
        check(url)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://h", "redis://h/", "redis://h/7", "redis://h/7/", "redis://h?db=7", "unix:///x/y"]
)
def test_a_database_may_be_named_or_left_away(url):
    check(url)


def test_an_address_of_one_server_is_none_of_a_cluster():
    for url in ("redis://h", "rediss://h", "unix:///x", "redis://h?client_name=a+cluster://"):
        assert not names_cluster(url)


def test_one_redis_is_one_however_its_address_is_written():
    same = ["redis://h", "redis://h:6379/0", "rediss://ana:secret@h/?socket_timeout=3", "redis://h?db=0"]
    clusters = ["redis+cluster://a,b:7", "redis+cluster://ana:x@b:7,a:6379"]
    others = ["redis://h/1", "redis://h:1", "redis://g", "unix:///h", "unix:///h?db=1"]

    assert len({identity(url) for url in same}) == len({identity(url) for url in clusters}) == 1
    assert len({identity(url) for url in [same[0], clusters[0], *others]}) == 2 + len(others)


def test_a_refused_setting_shows_no_password(monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis+cluster://ana:secret@one:7000,two/7")
    get_settings.cache_clear()
    with pytest.raises(BadSettings) as caught:
        get_settings()
    get_settings.cache_clear()
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("INMAIL_REDIS_URL=")


def test_the_queues_place_names_the_cluster_without_its_password():
    url = "redis+cluster://ana:secret@one:7000,two:7001"
    place = queues_place(Settings(redis_url=url), Redises(url, url, None))
    assert place == "INMAIL_REDIS_URL, the cluster at one:7000,two:7001"
