"""Composition of the stand-ins: one aiohttp application for all the state systems."""

from aiohttp import web

from loadtests.standins import fund
from loadtests.standins.deciding import Deciding
from loadtests.standins.e_maket import EMaket
from loadtests.standins.faults import FaultBoard, System
from loadtests.standins.labour_market import LabourMarket
from loadtests.standins.mobile_citizens import MobileCitizens
from loadtests.standins.sms import Sms

# E-Maket stops calling a gateway that has not said 204 for this long: no crash test keeps one down longer.
GIVE_UP_AFTER_MS = 600_000


def create_standins(
    gateway_url: str,
    webhook_secret: bytes,
    decide_after_ms: int = 300,
    *,
    give_up_after_ms: int = GIVE_UP_AFTER_MS,
) -> web.Application:
    """Everything is kept in memory and ends with the application."""
    deciding = Deciding(
        gateway_url, webhook_secret, decide_after_ms=decide_after_ms, give_up_after_ms=give_up_after_ms
    )
    board, labour_market, e_maket, sms = FaultBoard(), LabourMarket(), EMaket(deciding), Sms()
    send_form = board.guard(System.SMS, sms.send_form)
    app = web.Application()
    app.add_routes(MobileCitizens().routes(board))
    app.add_routes(
        [
            web.post("/labour-market/verifications", board.guard(System.LABOUR_MARKET, labour_market.verify)),
            web.get("/labour-market/verifications", labour_market.list_verifications),
            web.post("/e-maket/applications", board.guard(System.E_MAKET, e_maket.take_in)),
            web.get("/e-maket/applications", e_maket.list_applications),
            web.get("/e-maket/deliveries", deciding.list_deliveries),
            web.post("/fund/assignments", board.guard(System.FUND, fund.assign)),
            web.get("/sms/sys/send.php", send_form, allow_head=False),
            web.post("/sms/sys/send.php", send_form),
            web.post("/sms/rest/send/", board.guard(System.SMS, sms.send_json)),
            web.get("/sms/inbox", sms.read_inbox),
            web.delete("/sms/inbox", sms.empty_inbox),
            web.get("/faults", board.show),
            web.put("/faults/{system}", board.set),
            web.delete("/faults", board.clear),
        ]
    )
    app.cleanup_ctx.append(deciding.live)
    app.on_shutdown.extend([board.release, deciding.stop])
    return app
