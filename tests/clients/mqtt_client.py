"""MQTT, spoken by paho-mqtt, mosquitto_pub and mosquitto_sub, unmodified. Exits 1 at the first fault."""

import json
import os
import queue
import subprocess
import sys
import time
import uuid

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub import PATIENCE, URL, ask, log_in

PORT = int(os.environ["CARILLON_MQTT_PORT"])


def new_module(token):
    module = f"MQ-{uuid.uuid4().hex[:8]}"
    made = ask("POST", "/modules", {"moduleId": module, "name": "Boiler", "type": "Station"}, token)
    return module, made["token"]


def telemetry(module, token):
    return ask("GET", f"/modules/{module}", token=token)["telemetry"]


class Client:
    """A client of paho, and a queue of everything that happens to it."""

    def __init__(self, name, password, version, transport="tcp", **more):
        self.told = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version, transport=transport, **more)
        client.username_pw_set(name, password)
        client.on_connect = lambda _c, _u, _f, reason, _p: self.told.put(("connected", reason))
        client.on_disconnect = lambda _c, _u, _f, reason, _p: self.told.put(("gone", reason))
        client.on_publish = lambda _c, _u, mid, reason, _p: self.told.put(("acknowledged", reason))
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.told.put(("subscribed", reasons))
        client.on_message = lambda _c, _u, message: self.told.put(("message", message))
        self.paho = client

    def connect(self, port=PORT):
        self.paho.connect("127.0.0.1", port, keepalive=30)
        self.paho.loop_start()
        return self.next("connected")

    def next(self, what):
        while True:
            found, value = self.told.get(timeout=PATIENCE)
            if found == what:
                return value

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


def reports_by_paho(token, version, transport):
    module, secret = new_module(token)
    device = Client(module, secret, version, transport)
    if transport == "websockets":
        device.paho.ws_set_options(path="/mqtt")
    port = PORT if transport == "tcp" else int(URL.rsplit(":", 1)[1])
    assert device.connect(port) == "Success"
    for qos in (0, 1, 2):
        device.paho.publish(f"carillon/{module}/telemetry", json.dumps({f"q{qos}": qos}), qos=qos)
        device.next("acknowledged")
    wanted = {"q0": 0, "q1": 1, "q2": 2}
    assert telemetry(module, token) == wanted, telemetry(module, token)
    assert ask("GET", f"/modules/{module}", token=token)["status"] == "online"
    obeys(device, module, token)
    device.close()


def obeys(device, module, token):
    """Answers a command as soon as it comes."""
    device.paho.subscribe(f"carillon/{module}/command", qos=1)
    device.next("subscribed")

    def answer(_client, _data, message):
        command = json.loads(message.payload)
        result = {"commandId": command["commandId"], "ok": True, "result": command["params"]}
        device.paho.publish(f"carillon/{module}/result", json.dumps(result), qos=1)

    device.paho.on_message = answer
    body = {"command": "echo", "params": {"n": 7}, "timeoutMs": 30000}
    answered = ask("POST", f"/modules/{module}/commands", body, token)
    assert answered["ok"] and answered["result"] == {"n": 7}, answered


def goes_on_with_its_session(token):
    module, secret = new_module(token)
    topic = f"carillon/{module}/command"
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval = 60

    def connect():
        device = Client(module, secret, MQTTProtocolVersion.MQTTv5, client_id="boiler")
        device.paho.on_connect = lambda _c, _u, flags, _r, _p: device.told.put(("connected", flags.session_present))
        device.paho.connect("127.0.0.1", PORT, keepalive=30, clean_start=False, properties=lasting)
        device.paho.loop_start()
        return device, device.next("connected")

    device, is_present = connect()
    assert not is_present
    device.paho.subscribe(topic, qos=1)
    device.next("subscribed")
    device.close()
    device, is_present = connect()
    assert is_present
    # Its subscription is still there.
    body = {"command": "ping", "timeoutMs": 30000}
    request = subprocess.Popen(
        ["curl", "-s", "-X", "POST", f"{URL}/api/v1/modules/{module}/commands", "-H", f"authorization: Bearer {token}"]
        + ["-H", "content-type: application/json", "-d", json.dumps(body)],
        stdout=subprocess.PIPE,
    )
    command = json.loads(device.next("message").payload)
    result = {"commandId": command["commandId"], "ok": True, "result": "pong"}
    device.paho.publish(f"carillon/{module}/result", json.dumps(result), qos=1)
    answered = json.loads(request.communicate(timeout=PATIENCE)[0])
    assert answered["result"] == "pong", answered
    device.close()


def is_refused_by_reason(token):
    module, secret = new_module(token)
    stranger = Client(module, "cm_wrong", MQTTProtocolVersion.MQTTv5)
    assert stranger.connect() == "Bad user name or password"
    stranger.close()
    device = Client(module, secret, MQTTProtocolVersion.MQTTv5)
    device.connect()
    device.paho.publish("carillon/ANOTHER/telemetry", "{}", qos=1)
    assert device.next("acknowledged") == "Not authorized"
    device.paho.publish(f"carillon/{module}/telemetry", "no JSON", qos=1)
    assert device.next("acknowledged") == "Payload format invalid"
    device.paho.subscribe("carillon/ANOTHER/command")
    assert device.next("subscribed")[0] == "Not authorized"
    device.close()


def reports_by_mosquitto(token, version):
    module, secret = new_module(token)
    topic = f"carillon/{module}/telemetry"
    at = ["-h", "127.0.0.1", "-p", str(PORT), "-V", version]
    listen = ["mosquitto_sub", *at, "-u", "me", "-P", token, "-t", topic, "-C", "2", "-W", str(PATIENCE), "-F", "%r %p"]
    report = ["mosquitto_pub", *at, "-u", module, "-P", secret, "-t", topic]
    subprocess.run([*report, "-q", "1", "-m", '{"speed": 1}'], check=True, timeout=PATIENCE)
    listener = subprocess.Popen(listen, stdout=subprocess.PIPE, text=True)
    first = listener.stdout.readline().strip()
    assert first == '1 {"speed":1}', first
    subprocess.run([*report, "-q", "2", "-l"], input='{"speed": 2}\n', text=True, check=True, timeout=PATIENCE)
    second = listener.communicate(timeout=PATIENCE)[0].strip()
    assert second == '0 {"speed":2}', second
    assert telemetry(module, token) == {"speed": 2}
    refused = subprocess.run([*report, "-q", "1", "-m", "1", "-P", "cm_wrong"], capture_output=True, timeout=PATIENCE)
    assert refused.returncode != 0


def main():
    token = log_in()
    begun = time.monotonic()
    for version in (MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5):
        for transport in ("tcp", "websockets"):
            reports_by_paho(token, version, transport)
    goes_on_with_its_session(token)
    is_refused_by_reason(token)
    for version in ("311", "5"):
        reports_by_mosquitto(token, version)
    print(f"all well after {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
