"""Socket.IO, spoken by python-socketio: both transports, the upgrade, answers, goodbyes. Exits 1 at the first fault."""

import queue
import sys
import uuid

import socketio

from hub import PATIENCE, URL, ask, log_in


def connect(token, transports, **auth):
    """A client, and a queue of everything it is told: `(name, arguments)`."""
    client = socketio.Client(reconnection=False)
    told = queue.Queue()
    client.on("*", lambda name, *arguments: told.put((name, arguments)))
    client.on("connect_error", lambda data: told.put(("connect_error", (data,))))
    client.connect(URL, auth={"token": token, **auth}, transports=transports, wait_timeout=PATIENCE)
    return client, told


def next_of(told, name):
    while True:
        found, arguments = told.get(timeout=PATIENCE)
        if found == name:
            return arguments


def hears_of_modules(token, transports):
    client, told = connect(token, transports)
    answer = client.call("register_page", {"page": "modules"}, timeout=PATIENCE)
    assert answer == {"ok": True, "data": {"topics": ["modules"]}}, answer
    assert next_of(told, "snapshot")[0]["topic"] == "modules"
    module = f"MC-{uuid.uuid4().hex[:8]}"
    ask("POST", "/modules", {"moduleId": module, "name": "Gate", "type": "Station"}, token)
    assert next_of(told, "rt_module_added")[0]["moduleId"] == module
    ask("DELETE", f"/modules/{module}", token=token)
    assert next_of(told, "rt_module_removed")[0]["moduleId"] == module
    refused = client.call("dance", {}, timeout=PATIENCE)
    assert refused["problem"]["type"] == "/problems/unknown-event", refused
    refused = client.call("subscribe", b"bytes", timeout=PATIENCE)
    assert refused["problem"]["status"] == 422, refused
    client.disconnect()


def gets_events_without_cursors(token):
    topic = f"custom:{uuid.uuid4().hex[:8]}"
    client, told = connect(token, ["websocket"], recovery=False)
    assert client.call("subscribe", {"topics": [topic]}, timeout=PATIENCE)["ok"]
    for number in range(50):
        ask("POST", "/events", {"event": "rt_count", "topic": topic, "data": {"n": number}}, token)
    for number in range(50):
        assert next_of(told, "rt_count") == ({"n": number},)
    client.disconnect()


def is_told_who_may_not_come_in():
    try:
        connect("nonsense", ["websocket"])
    except socketio.exceptions.ConnectionError:
        return
    raise AssertionError("a token that is none lets nobody in")


def main():
    token = log_in()
    tests = [(hears_of_modules, (token, ways)) for ways in (["polling"], ["websocket"], ["polling", "websocket"])]
    tests += [(gets_events_without_cursors, (token,)), (is_told_who_may_not_come_in, ())]
    for test, arguments in tests:
        test(*arguments)
        print(f"ok {test.__name__} {arguments[1:]}")


if __name__ == "__main__":
    sys.exit(main())
