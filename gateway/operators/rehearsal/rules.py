"""What the functions are asked with, as the programme's file has it; Redis lays over it what is changed."""

from gateway.domain.programme import Programme
from gateway.inflight.admission import AdmissionRules
from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.limits import limit_text
from gateway.inflight.records import KEPT_MS
from gateway.inflight.waiting import RoomRules


def admission_rules(programme: Programme, limit: int) -> AdmissionRules:
    return AdmissionRules(
        limit_seed=limit,
        lease_before_phone_ms=programme.leases.before_phone_seconds * 1000,
        unconfirmed_share_percent=programme.leases.unconfirmed_share_percent,
        candidates=programme.candidates,
        address_limit=limit_text(programme.limits.address),
        person_limit=limit_text(programme.limits.person),
    )


def confirmation_rules(programme: Programme, limit: int) -> ConfirmationRules:
    phone, limits = programme.phone, programme.limits
    return ConfirmationRules(
        limit_seed=limit,
        lease_after_code_ms=programme.leases.after_code_seconds * 1000,
        resend_ms=phone.resend_after_seconds * 1000,
        phone_limit=limit_text(limits.phone),
        block_limit=limit_text(limits.block),
        codes_per_day=limits.codes_per_day,
        changes=phone.changes,
        tries=phone.tries,
        persons_per_phone=phone.persons_per_phone,
        # A rehearsal begins at midnight.
        day_offset_ms=0,
        kept_ms=KEPT_MS,
        code_address_limit=limit_text(limits.code_address),
        conversion=limits.conversion,
        phones_checked=programme.checks_phones,
    )


def room_rules(programme: Programme) -> RoomRules:
    room = programme.waiting_room
    return RoomRules(
        claim_window_ms=room.claim_window_seconds * 1000,
        front_row_window_ms=room.front_row_window_seconds * 1000,
        calls_per_second=room.calls_per_second,
        inlet_per_second=programme.limits.inlet_per_second,
    )
