"""Scripts on their short way to Redis: whatever goes wrong there, the answer is the one the ordinary way gives."""

import os
import threading

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from engine.store import open_client

ECHO = "return ARGV[1]"


@pytest.fixture
def client(redis_url):
    made = open_client(redis_url)
    yield made
    made.close()


@pytest.fixture
def echo(client):
    digest = client.script_load(ECHO)
    return lambda word: client.execute_command("EVALSHA", digest, 0, word)


def own_line(client):
    return client._own.line[1]


def test_a_thread_keeps_its_connection_from_script_to_script(client, echo):
    assert echo("a") == b"a"
    line = own_line(client)
    assert echo("b") == b"b"
    assert own_line(client) is line


def test_each_thread_has_a_connection_of_its_own(client, echo):
    echo("a")
    theirs = []
    thread = threading.Thread(target=lambda: theirs.append((echo("b"), own_line(client))))
    thread.start()
    thread.join()
    assert theirs[0][0] == b"b"
    assert theirs[0][1] is not own_line(client)


def test_an_error_of_the_script_is_raised_and_the_connection_stays_good(client, echo):
    echo("a")
    line = own_line(client)
    wrong = client.script_load("return redis.call('INCR', 'no', 'such')")
    with pytest.raises(ResponseError):
        client.execute_command("EVALSHA", wrong, 0)
    with pytest.raises(NoScriptError):
        client.execute_command("EVALSHA", "0" * 40, 0)
    assert echo("b") == b"b"
    assert own_line(client) is line


def test_a_connection_the_server_closed_is_made_anew(client, echo):
    echo("a")
    gone = own_line(client)
    with redis.Redis.from_url(client_url(client)) as other:
        other.client_kill_filter(_type="normal", skipme=True)
    assert echo("b") == b"b"
    assert echo("c") == b"c"
    assert own_line(client) is not gone


def test_a_script_whose_reply_was_lost_is_sent_again(client, echo):
    counted = client.script_load("return redis.call('INCR', 'counted')")
    client.execute_command("EVALSHA", counted, 0)
    lose_the_next_reply(own_line(client), RedisConnectionError("lost"))
    assert client.execute_command("EVALSHA", counted, 0) == 3  # run twice: scripts of the engine answer alike then
    assert echo("b") == b"b"


def test_an_interrupted_call_leaves_no_reply_for_the_next(client, echo):
    echo("a")
    lose_the_next_reply(own_line(client), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        echo("interrupted")
    assert echo("b") == b"b"


def test_a_forked_process_does_not_speak_on_its_parents_connection(client, echo):
    echo("a")
    child = os.fork()
    if child == 0:
        os._exit(0 if all(echo(f"child {i}") == b"child %d" % i for i in range(50)) else 1)
    mine = [echo(f"parent {i}") == b"parent %d" % i for i in range(50)]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(mine)


def test_closing_the_client_closes_the_connections_of_all_threads(client, echo):
    thread = threading.Thread(target=echo, args=("b",))
    echo("a")
    thread.start()
    thread.join()
    client.close()
    assert all(line._sock is None for line in client._all)
    assert echo("c") == b"c"  # and like redis-py's it can be used again


def client_url(client):
    found = client.connection_pool.connection_kwargs
    return f"unix://{found['path']}" if "path" in found else f"redis://{found['host']}:{found['port']}/{found['db']}"


def lose_the_next_reply(line, error):
    read = line.read_response

    def lost(*args, **kwargs):
        line.read_response = read
        raise error

    line.read_response = lost
