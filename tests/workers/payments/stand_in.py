"""A stand-in of Stripe's API on loopback: localstripe, and over it what localstripe does not know.

Run as ``python -m tests.workers.payments.stand_in``; prints its port, ends with its standard input.

Added here: Checkout sessions, the billing portal, the search of customers, payment intents by customer, idempotency
keys, deleted customers that can still be read, and the refusal of ``payment_method_types`` by the newer API. Under
/_config/ a test sees the calls there were, has the next ones fail, and pays on a page.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import time
from typing import Any

from aiohttp import web
from localstripe import resources, server, webhooks
from localstripe.errors import UserError
from localstripe.resources import Customer, PaymentIntent, PaymentMethod

# It would keep all there is in one file under /tmp, shared by whoever runs it.
resources.Store.dump_to_disk = lambda _: None

calls: list[dict[str, Any]] = []
sessions: dict[str, dict[str, Any]] = {}
answered: dict[str, tuple[str, int, bytes]] = {}
faults: list[tuple[str, str]] = []
deleted: set[str] = set()
one_at_a_time = asyncio.Lock()


def _list(url: str, found: list[Any]) -> dict[str, Any]:
    # Stripe's lists begin with the newest.
    return {"object": "list", "url": url, "has_more": False, "data": found[::-1]}


def _checked_create(cls: type[PaymentIntent], *args: Any, **data: Any) -> Any:
    if "payment_method_types" in data:
        raise UserError(400, "no longer supported", {"code": "payment_method_types_no_longer_supported"})
    if int(data.get("amount", 0)) < 50 and data.get("currency") == "usd":
        raise UserError(400, "Amount must be at least $0.50 usd", {"code": "amount_too_small"})
    for known_elsewhere in ("description", "allowed_payment_method_types"):
        data.pop(known_elsewhere, None)
    return _create(cls, *args, **data)


_create = PaymentIntent._api_create.__func__
PaymentIntent._api_create = classmethod(_checked_create)


def _search(query: dict[str, Any]) -> dict[str, Any]:
    wanted = dict(re.findall(r"metadata\['(\w+)'\]:'([^']*)'", query["query"]))
    found = [one for one in _all(Customer) if wanted.items() <= one.metadata.items()]
    return {"object": "search_result", "has_more": False, "data": [one._export() for one in found]}


def _customer(method: str, identity: str, query: dict[str, Any]) -> Any:
    if identity == "search":
        return _search(query)
    if method == "DELETE":
        deleted.add(identity)
    known = method == "GET" and identity in deleted
    return {"id": identity, "object": "customer", "deleted": True} if known else None


def _all(kind: Any) -> list[Any]:
    return [value for key, value in resources.store.items() if key.startswith(f"{kind.object}:")]


def _new_session(data: dict[str, Any]) -> dict[str, Any]:
    Customer._api_retrieve(data["customer"])
    line = data["line_items"][0]
    if line["price_data"]["currency"] != line["price_data"]["currency"].lower():
        raise UserError(400, "Invalid currency")
    identity, now = f"cs_test_{len(sessions)}", int(time.time())
    made = sessions[identity] = {
        "id": identity,
        "object": "checkout.session",
        "mode": data["mode"],
        "customer": data["customer"],
        "client_reference_id": data["client_reference_id"],
        "amount_total": int(line["price_data"]["unit_amount"]) * int(line["quantity"]),
        "currency": line["price_data"]["currency"],
        "metadata": data["metadata"],
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "expires_at": now + 86_400,
        "url": f"http://127.0.0.1/pay/{identity}",
        "_payment": data["payment_intent_data"],
    }
    return made


def _pay(identity: str, method: str) -> dict[str, Any]:
    """What a person does on the page: gives a card, which is saved, and pays."""
    session = sessions[identity]
    card = PaymentMethod._api_retrieve(method)
    PaymentMethod._api_attach(card.id, customer=session["customer"])
    paid = PaymentIntent._api_create(
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        payment_method=card.id,
        metadata=session["_payment"]["metadata"],
        confirm=True,
    )
    session |= {"payment_intent": paid.id, "payment_status": "paid", "status": "complete", "url": None}
    return {"card": card.id, "intent": paid._export()}


async def _extra(request: web.Request, data: Any) -> Any:
    """The answer to a call localstripe does not know; None for one it knows."""
    what, query = (request.method, request.path), server.unflatten_data(request.query)
    if request.path.startswith("/v1/customers/"):
        return _customer(request.method, request.path.rpartition("/")[2], query)
    if what == ("GET", "/v1/payment_intents") and "customer" in query:
        mine = [one for one in _all(PaymentIntent) if one.customer == query["customer"]]
        return _list(request.path, [one._export() for one in mine])
    if what == ("POST", "/v1/checkout/sessions"):
        return _new_session(data)
    if what == ("GET", "/v1/checkout/sessions"):
        asked = {name: query[name] for name in ("customer", "status") if name in query}
        return _list(request.path, [one for one in sessions.values() if asked.items() <= one.items()])
    if found := re.fullmatch(r"/v1/checkout/sessions/(\w+)/expire", request.path):
        if sessions[found[1]]["status"] != "open":
            raise UserError(400, "Only open sessions can be expired")
        sessions[found[1]] |= {"status": "expired", "url": None}
        return sessions[found[1]]
    if what == ("POST", "/v1/billing_portal/sessions"):
        Customer._api_retrieve(data["customer"])
        return {"id": "bps_1", "object": "billing_portal.session", "url": "http://127.0.0.1/portal/bps_1"}
    return None


def _config(path: str, data: Any) -> Any:
    if path == "/_config/calls":
        return calls
    if path == "/_config/faults":
        faults[:] = [(data.get("at", ""), each) for each in data["faults"]]
        return {}
    if found := re.fullmatch(r"/_config/pay/(\w+)/(\w+)", path):
        return _pay(found[1], found[2])
    if path == "/_config/data":
        for kept in (calls, sessions, answered, faults, deleted, webhooks._webhooks):
            kept.clear()
    return None


async def _once(request: web.Request, handler: Any, key: str, body: bytes) -> web.StreamResponse:
    if request.method != "POST" or not key:
        return await handler(request)
    digest = hashlib.sha256(request.path.encode() + body).hexdigest()
    if key in answered:
        if answered[key][0] != digest:
            return web.json_response({"error": {"type": "idempotency_error"}}, status=400)
        return web.Response(body=answered[key][2], status=answered[key][1], content_type="application/json")
    response = await handler(request)
    answered[key] = (digest, response.status, response.body)
    return response


@web.middleware
async def around(request: web.Request, handler: Any) -> web.StreamResponse:
    """Keeps what was asked, and answers twice the same to one idempotency key."""
    if request.path.startswith("/_config/"):
        body = await request.read()
        found = _config(request.path, json.loads(body) if body and request.path == "/_config/faults" else None)
        return await handler(request) if found is None else web.json_response(found)
    key, body = request.headers.get("Idempotency-Key", ""), await request.read()
    form = server.unflatten_data(await request.post())
    asked = {"method": request.method, "path": request.path, "key": key, "form": form, "query": dict(request.query)}
    calls.append(asked)
    due = bool(faults) and f"{request.method} {request.path}".endswith(faults[0][0])
    fault = faults.pop(0)[1] if due else ""
    if fault == "paid meanwhile":
        _pay(request.path.split("/")[4], "pm_card_visa")
    if fault == "lag":  # of the search, which knows what was made a minute ago
        return web.json_response({"object": "search_result", "has_more": False, "data": []})
    if fault.isdigit():
        return web.json_response({"error": {"type": "api_error"}}, status=int(fault))
    async with one_at_a_time:
        response = await _once(request, handler, key, body)
    if fault == "lost" and request.transport is not None:
        request.transport.close()
    return response


@web.middleware
async def beside(request: web.Request, handler: Any) -> web.StreamResponse:
    """Behind localstripe's own middleware, so that its key check and its errors are those of every call."""
    data = await server.get_post_data(request) if request.method == "POST" else None
    found = await _extra(request, data)
    return await handler(request) if found is None else web.json_response(found)


async def main() -> None:
    server.app.middlewares.insert(0, around)
    server.app.middlewares.append(beside)
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
