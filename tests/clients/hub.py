"""The hub under test, as the clients of others ask it: by its address and one login, both from the environment."""

import json
import os
import urllib.request

URL = os.environ["CARILLON_URL"].rstrip("/")
PATIENCE = 45


def ask(method, path, body=None, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/api/v1{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def log_in():
    credentials = {"email": os.environ["CARILLON_EMAIL"], "password": os.environ["CARILLON_PASSWORD"]}
    return ask("POST", "/auth/login", credentials)["accessToken"]
