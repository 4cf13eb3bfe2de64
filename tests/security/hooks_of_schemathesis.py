"""What schemathesis cannot read in the document: valid numbers, whose receipt it holds, what an SMS says.

It runs in the place of its own that `make security` makes, beside the gateway's modules.
"""

import os
import re
from pathlib import Path
from typing import Any

import msgspec
import schemathesis
from hypothesis import strategies as st
from redis import Redis

from config.keys import load_keys
from gateway.sealing import KeyRing
from tests.integration.http.journey import new_iban, new_iin, new_phone

_REDIS: Any = Redis.from_url(os.environ["QABYLDAU_REDIS_URL"])
_KEYS = load_keys(Path(os.environ["QABYLDAU_DATA_DIR"]) / "keys.toml")
_RING = KeyRing(_KEYS.sealing, _KEYS.active, _KEYS.lookup)
_CODE = re.compile(r"\b\d{6}\b")

# By application id, as an applicant remembers it.
_receipts: dict[str, str] = {}

for name, numbers in {
    "iin": st.builds(new_iin),
    "iban-kz": st.builds(new_iban),
    "mobile-kz": st.builds(new_phone),
    "full-name": st.text(st.characters(categories=["Lu", "Ll"]), min_size=2, max_size=200),
}.items():
    schemathesis.openapi.format(name, numbers)


@schemathesis.hook
def before_load_schema(_: Any, raw_schema: dict[str, Any]) -> None:
    """Say what this installation serves: its programmes and their categories are not in the document."""
    for operation in (operation for item in raw_schema["paths"].values() for operation in item.values()):
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "programme":
                parameter["schema"] = {"type": "string", "enum": ["42500"]}
        if "requestBody" in operation:
            _narrow(operation["requestBody"]["content"]["application/json"]["schema"]["properties"])


def _narrow(form: dict[str, Any]) -> None:
    if "category" in form:
        form["category"] = {"enum": ["entrepreneur", "private_practice", "contractor"]}
        form["employer"] = {"type": "null"}
    if "phone" in form and "number" in form:
        form["number"] = {"type": "string", "pattern": "^42500-202[0-9]-[0-9]{7}$"}


@schemathesis.auth(refresh_interval=None)
class Receipts:
    def get(self, case: Any, _: Any) -> str:
        return _receipts.get((case.path_parameters or {}).get("application_id", ""), "A" * 43)

    def set(self, case: Any, receipt: str, _: Any) -> None:
        case.headers["Authorization"] = f"Bearer {receipt}"


@schemathesis.hook
def after_call(_: Any, __: Any, response: Any) -> None:
    if response.status_code == 202 and b'"receipt"' in response.content:
        given = response.json()
        _receipts[given["id"]] = given["receipt"]


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """Give every second confirmation the code that was sent."""
    application = (case.path_parameters or {}).get("application_id")
    if not case.operation.path.endswith("/confirmation") or application not in _receipts:
        return
    sealed = _REDIS.get(f"{{42500}}:outbox:{application}")
    if sealed and isinstance(case.body, dict) and str(case.body.get("code"))[-1:] in "02468":
        _, text = msgspec.msgpack.decode(_RING.unseal(sealed, application))
        case.body = {"code": _CODE.findall(text)[0]}


@schemathesis.check
def without_its_receipt_nothing_is_there(_: Any, response: Any, case: Any) -> None:
    """Stand for `ignored_auth`, which expects 401: here a missing receipt and an unknown id are one 404."""
    is_shown = case.method != "OPTIONS" and 200 <= response.status_code < 300
    if "application_id" not in (case.path_parameters or {}) or not is_shown:
        return
    for headers in ({}, {"Authorization": f"Bearer {'B' * 43}"}, {"Authorization": "Basic YTpi"}):
        given = case.call(headers=headers | {"Authorization": headers.get("Authorization", "")})
        assert given.status_code in {404, 405}, given.status_code
