"""What a run says when it is ready: where to look, and a journey to paste."""

import json
import random
from collections.abc import Sequence

from config.settings import Settings
from gateway.domain.identifiers import IdentifierError, Iin

_WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- compared, not bound.

_GREETING = """
Qabyldau is ready.

  programme   {gateway}/v1/programmes/42500
  E-Maket     {standins}/e-maket/applications (a stand-in, as all state systems here)
  metrics     {operators}/metrics
  store       {store}
  data        {data_dir}

A journey to paste into a second shell, at once or line by line; the person and the phone are made up:

{journey}

Ctrl-C stops everything; what was taken in is kept.
"""

# Each line stands alone, so that it can be pasted alone.
_JOURNEY = """\
G={gateway} S={standins} J='Content-Type: application/json'
pick() {{ python3 -c "import json, re, sys; x = json.load(sys.stdin); print($1)"; }}
X=$(curl -s $G/v1/programmes/42500/applications -H "$J" -d '{application}'); echo "$X"
A=$G/v1/applications/$(echo "$X" | pick 'x["id"]'); R=$(echo "$X" | pick 'x["receipt"]')
H="Authorization: Bearer $R"
curl -s $A/phone -H "$H" -H "$J" -d '{phone_body}'; echo; sleep 2
C=$(curl -s "$S/sms/inbox?phone=%2B{digits}" | pick 're.findall("[0-9]{{6}}", x[-1]["text"])[0]')
curl -s $A/confirmation -H "$H" -H "$J" -d "{{\\"code\\": \\"$C\\"}}"; echo; sleep 3
curl -s $A -H "$H"; echo"""


def greet(settings: Settings, store: str) -> str:
    """Return the text; `store` says in words where Redis is, for its address may hold a password."""
    gateway = _address(settings.host, settings.port)
    journey = "\n".join(f"  {line}" for line in build_journey(gateway, settings.standins_url))
    return _GREETING.format(
        gateway=gateway,
        operators=_address(settings.operators_host, settings.operators_port),
        standins=settings.standins_url,
        store=store,
        data_dir=settings.data_dir,
        journey=journey,
    )


def _address(host: str, port: int) -> str:
    return f"http://{_WILDCARD_HOSTS.get(host, host)}:{port}"


def build_journey(gateway: str, standins: str) -> Sequence[str]:
    """Return the shell lines that take one made-up person from the form to the decision."""
    # One may apply once and a phone may serve three, so each journey has people of its own.
    phone = f"+7701{random.randrange(10**7):07}"  # noqa: S311 -- a made-up number.
    application = {
        "category": "entrepreneur",
        "iin": make_up_iin(),
        "full_name": "Сейітова Айгүл Маратқызы",
        "iban": "KZ86125KZT5004100100",
        "language": "kk",
    }
    return _JOURNEY.format(
        gateway=gateway,
        standins=standins,
        application=json.dumps(application, ensure_ascii=False),
        digits=phone.removeprefix("+"),
        phone_body=json.dumps({"phone": phone}),
    ).splitlines()


def make_up_iin() -> str:
    """Return a valid number of somebody born on 1 January 1990.

    Serials 999x are left out: the stand-ins refuse them.
    """
    while True:
        try:
            return Iin.parse(f"9001014{random.randrange(99_900):05}")  # noqa: S311 -- made up.
        except IdentifierError:
            continue
