"""Every problem the API can answer with: its stable code, its status, what it is and what mends it.

docs/api.md shows this table, and ``GET /problems/CODE`` one row of it; a test holds the three to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. ``title`` says what is the matter, ``mend`` what the caller can do about it."""

    status: int
    title: str
    mend: str


_MEND_LIST: Final = "Mend the list as `detail` says and send it again."
_MEND_ORDER: Final = "Mend the field `detail` names and send it again."

KINDS: Final[dict[str, Kind]] = {
    # the request itself
    "bad_body": Kind(400, "The body cannot be read", "Send one JSON document in UTF-8, or the form the route takes."),
    "bad_request": Kind(400, "The request is not HTTP as it should be", "Mend what `detail` names."),
    "no_key": Kind(401, "No valid API key", "Send `Authorization: Bearer ID.SECRET` with a key that is in force."),
    "no_scope": Kind(403, "The key may not do this", "Use a key with the scope `scope` names."),
    "no_route": Kind(404, "There is no such route", "Look the route up in /openapi.json."),
    "wrong_method": Kind(405, "The route does not take this method", "Use one of the methods in the `Allow` header."),
    "stalled": Kind(408, "The body did not arrive", "Send it again, without pauses."),
    "too_large": Kind(413, "The body is too large", "Send at most `limit` bytes; long lists go as a file."),
    "wrong_type": Kind(415, "The body is of a type the route does not take", "Send one of the types in `accepted`."),
    "bad_request_fields": Kind(422, "Fields are wrong", "Mend each of `errors`; unknown fields are refused."),
    "bad_key": Kind(422, "The Idempotency-Key is not usable", "Use 1 to 255 visible ASCII characters."),
    "key_reused": Kind(422, "The Idempotency-Key was used for another request", "Use a new key for a new request."),
    "in_progress": Kind(409, "The same request is being worked on", "Ask again after `Retry-After` seconds."),
    "too_often": Kind(429, "Too many requests with this key", "Wait `Retry-After` seconds."),
    "too_many_streams": Kind(429, "Too many event streams of this account", "Close one; `used` are open of `limit`."),
    "too_many_uploads": Kind(429, "Too many uploads of this account are being read", "Wait until one has ended."),
    "bad_cursor": Kind(422, "The cursor is none of this list", "Pass `next` of the page before as it came."),
    "bad_event_id": Kind(422, "Last-Event-ID is no event of this account", "Pass the id of the last event as it came."),
    # what is not there, or is another account's
    "no_account": Kind(404, "There is no such account", "The key's account is gone: ask whoever made the key."),
    "no_search": Kind(404, "There is no such saved search", "List them with GET /v1/searches."),
    "bad_query": Kind(422, "The query cannot be read", "Mend it at character `position`, counted from 0."),
    "too_many_searches": Kind(409, "There are too many saved searches", "Remove some."),
    "no_index": Kind(503, "The search index is being built", "Ask again after `Retry-After` seconds."),
    "index_unusable": Kind(503, "The search index cannot be used", "Tell the operator the `request_id`."),
    "index_broken": Kind(503, "The search index was damaged", "Ask again: it is being built anew."),
    "unanswerable": Kind(503, "The search index cannot answer this", "Ask something simpler."),
    "no_campaign": Kind(404, "There is no such campaign", "List them with GET /v1/campaigns."),
    "no_upload": Kind(404, "There is no such upload", "Uploads are told for seven days."),
    "no_inmail": Kind(404, "There is no such InMail", "List them with GET /v1/inbox or /v1/conversations."),
    "no_seat": Kind(404, "There is no such seat", "List them with GET /v1/seats."),
    "no_problem": Kind(404, "There is no such problem code", "All are in docs/api.md."),
    "not_found": Kind(404, "There is no such thing", "Look at the id again."),
    # rules of the trade
    "cannot_send": Kind(403, "The account cannot send InMail", "Subscribe to one of `plans`, or pay what is open."),
    "bulk": Kind(403, "A campaign of the plan has fewer recipients", "Send at most `limit`, or move to another plan."),
    "wrong_state": Kind(409, "The campaign cannot do this any more", "The moves in `allowed` are possible."),
    "answered": Kind(409, "Another answer stands", "The first answer stands; go on with a message."),
    "not_answered": Kind(409, "There is no answer yet", "The candidate answers first; then both may write."),
    "undo_over": Kind(409, "The time to undo is over", "The answer stands; go on with a message."),
    "erased": Kind(409, "Its recipient had everything erased", "Nothing: nobody reads there any more."),
    "stopped_by_candidate": Kind(409, "The recipient said so", "Nothing: only they can let you write again."),
    "in_conversation": Kind(409, "The sender has written since", "The answer stands; go on with a message."),
    "written_again": Kind(409, "The sender has sent another InMail since", "The answer stands."),
    "closed": Kind(409, "The InMail is closed", "Nothing more can happen to it."),
    "too_many": Kind(409, "The conversation is full", "Go on by other means: 500 messages are the most."),
    "nobody": Kind(
        422, "There is nobody to write to", "Mend the rows in `rejects`, or search for others; `detail` says why."
    ),
    "strict": Kind(422, "A row is wrong, and the order was strict", "Mend the row, or send it without `strict`."),
    "seat_exists": Kind(409, "The seat's id is taken", "Choose another id, or change its cap with PATCH."),
    "too_many_seats": Kind(409, "The account has as many seats as there may be", "Take one away first."),
    "too_slow": Kind(409, "The upload took so long that it was given up", "Send it again."),
    "refused": Kind(409, "A rule says no", "See `detail`."),
    # fields of an order, an answer, an address
    "invalid": Kind(422, "A value is wrong", "Mend what `detail` names."),
    "bad_address": Kind(422, "The e-mail address is wrong", "Mend the address."),
    "bad_name": Kind(422, "The name is wrong", "Give 1 to 120 printable characters."),
    "bad_seat_id": Kind(422, "The seat's id is wrong", "Use 1 to 40 of a-z, 0-9, '-' and '_'."),
    "bad_cap": Kind(422, "The cap is wrong", "Give a whole number of credits a month, or null for none."),
    "bad_start": Kind(422, "The start is too far away", "Start at most 366 days from now."),
    "bad_template": Kind(422, "The subject or the body is wrong", _MEND_ORDER),
    "bad_mapping": Kind(422, "The mapping of fields to columns is wrong", _MEND_ORDER),
    "unknown_channel": Kind(422, "There is no such channel", "Use one of those `detail` names."),
    "unknown_state": Kind(422, "There is no such state", "Use one of those `detail` names."),
    "bad_folder": Kind(422, "There is no such folder", "Use one of those `detail` names."),
    "bad_answer": Kind(422, "There is no such answer", "Answer accept, decline or not_now."),
    "bad_reason": Kind(422, "The reason is wrong", "Give one of the reasons, with a decline only."),
    "bad_date": Kind(422, "The date is wrong", "Give YYYY-MM-DD, in the future, with not_now only."),
    "too_long": Kind(422, "It is too long", "Make it as short as `detail` says."),
    "no_text": Kind(422, "There is no text", "Write something."),
    # subscriptions and invoices
    "no_subscription": Kind(404, "There is no subscription", "Begin one with POST /v1/subscription."),
    "bad_signature": Kind(400, "The signature is wrong, old or missing", "Send it as the payment provider signed it."),
    "payment_refused": Kind(409, "The payment provider does not take it", "See `detail`."),
    "no_page": Kind(409, "There is no page to pay on", "Pay as the invoice says."),
    "no_invoice": Kind(404, "There is no such invoice", "List them with GET /v1/invoices."),
    "unknown_plan": Kind(422, "There is no such plan", "Use one of GET /v1/plans."),
    "not_sold_so": Kind(409, "The plan is not sold by that cycle", "Pay for it by the other one."),
    "free_plan": Kind(409, "The plan is what everybody has", "To go back to it: POST /v1/subscription/cancel."),
    "use_change": Kind(409, "There is another subscription already", "Use POST /v1/subscription/change."),
    "cancelled": Kind(409, "The subscription was cancelled", "Take that back: POST /v1/subscription with its plan."),
    "unpaid": Kind(402, "An invoice has to be paid first", "Pay `invoice`, then ask again."),
    "currency": Kind(409, "The plan is paid in another currency", "Cancel, and subscribe again after the end."),
    "version_sold": Kind(409, "The plan cannot be sold as it stands", "Tell the operator what `detail` says."),
    "wrong_amount": Kind(409, "Another amount was paid than is due", "Compare `paid_minor` with `due_minor`."),
    "bad_invoice": Kind(422, "That is no number of an invoice of this account", "Pass `next` of the page before."),
    "bad_day": Kind(422, "The day is wrong", "Give YYYY-MM-DD, `since` not after `until`."),
    # lists
    "bad_csv": Kind(422, "The CSV breaks off", _MEND_LIST),
    "bad_encoding": Kind(422, "The list is in no encoding that is known", _MEND_LIST),
    "bad_workbook": Kind(422, "The workbook cannot be read", _MEND_LIST),
    "empty_list": Kind(422, "The list is empty", _MEND_LIST),
    "json_array": Kind(422, "The list is a JSON array", "Write one object per line (NDJSON)."),
    "line_too_long": Kind(422, "A line of the list is too long", _MEND_LIST),
    "no_address_column": Kind(422, "The list has no column of addresses", 'Name it in `map`: {"email": COLUMN}.'),
    "no_file": Kind(422, "The list cannot be read", "Send it again."),
    "no_rows": Kind(422, "The list has a header but no rows", _MEND_LIST),
    "not_a_list": Kind(422, "The file is no list", "Send CSV, XLSX or NDJSON."),
    "open_quote": Kind(422, "A quote of the list never ends", _MEND_LIST),
    "too_many_columns": Kind(422, "The list has too many columns", _MEND_LIST),
    "workbook_too_big": Kind(422, "The workbook is too big", "Save it as CSV."),
    # on our side
    "corrupt": Kind(500, "Stored state is damaged", "Tell the operator the `request_id`; do not try again."),
    "error": Kind(500, "Something went wrong on our side", "Tell the operator the `request_id`."),
    "unavailable": Kind(503, "Redis does not answer as it should", "Ask again after `Retry-After` seconds."),
    "not_ready": Kind(503, "Not ready", "Wait: `checks` says for what."),
}
