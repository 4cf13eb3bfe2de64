"""Names and shape of the arq jobs that are queued from inside Redis, together with the change they follow."""

import time

import msgspec

# Relative to the programme's tag, as the functions write them.
CASES_QUEUE = "cases"
SMS_QUEUE = "sms"
# Anybody may ask for a lost receipt, so those who do never hold up the codes of those who apply.
RECEIPTS_QUEUE = "receipts"

PROCESS_CASE = "process_case"
SEND_CODE = "send_code"
SEND_RECEIPT_CODE = "send_receipt_code"
SEND_NOTICE = "send_notice"

# A job outlives any backlog worth having; if it did run out, the sweeper would queue it again.
JOB_TTL_MS = 7 * 24 * 3600 * 1000


def queue_key(programme: str, queue: str) -> str:
    return f"{{{programme}}}:{queue}"


def job_payload(function: str, *args: str) -> bytes:
    """Pack a job as arq does with msgpack for its serializer. Arguments are ids, never personal data."""
    return msgspec.msgpack.encode(
        {"t": None, "f": function, "a": args, "k": {}, "et": int(time.time() * 1000)}
    )
