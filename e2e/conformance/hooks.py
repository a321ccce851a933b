"""What schemathesis does not know: IDs of resources that are there, and what a valid request is refused for."""

import json
import os
import random
import time
import urllib.request

import schemathesis

BASE = os.environ["SANDBOX_URL"]
# Apple's refusals of a request's form. A valid request is never answered with one of them.
FORMAL = (
    "PARAMETER_ERROR",
    "ENTITY_INVALID",
    "ENTITY_ERROR.ATTRIBUTE.TYPE",
    "ENTITY_ERROR.ATTRIBUTE.UNKNOWN",
    "ENTITY_ERROR.RELATIONSHIP.UNKNOWN",
    "ENTITY_ERROR.TYPE.INVALID",
    "ENTITY_ERROR.ID.INVALID",
    "ENTITY_UNPROCESSABLE",
)
# These share a code with a refusal of the form, and are about what the resource is.
RULES = ("Build is not in an externally", "Builds cannot be assigned")

known = {"at": 0.0, "ids": {}}


def ids(kind):
    """The IDs of a kind that the sandbox has."""
    if time.monotonic() - known["at"] > 2:
        with urllib.request.urlopen(f"{BASE}/_sandbox/state") as answer:
            state = json.load(answer)
        found = {name: list(objects) for name, objects in state["objects"]["all"].items()}
        for name, field in (
            ("certificates", "certificates"),
            ("devices", "devices"),
            ("bundleIds", "bundle_ids"),
            ("profiles", "profiles"),
            ("apps", "apps"),
            ("builds", "builds"),
            ("buildUploads", "uploads"),
            ("buildUploadFiles", "upload_files"),
        ):
            found[name] = [one["id"] for one in state[field]]
        capabilities = [one["id"] for known_id in state["bundle_ids"] for one in known_id["capabilities"]]
        found["bundleIdCapabilities"] = capabilities
        known.update(at=time.monotonic(), ids=found)
    return known["ids"].get(kind, [])


@schemathesis.hook
def filter_query(context, query):
    """`fields[apps]=` is a list without a member, as any list may be; schemathesis takes it for one with an empty member."""
    lists = (value for name, value in (query or {}).items() if name.startswith(("fields[", "include", "sort")))
    return all(value not in ("", [], [""]) for value in lists)


def positive(case):
    meta = getattr(case, "meta", None)
    return meta is not None and meta.generation.mode.value == "positive"


@schemathesis.hook
def before_call(context, case, **kwargs):
    if not positive(case):
        return
    parts = case.path.strip("/").split("/")
    if case.path_parameters and len(parts) > 2:
        there = ids(parts[1])
        if there and random.random() < 0.8:
            case.path_parameters["id"] = random.choice(there)
    body = case.body
    if not isinstance(body, dict):
        return
    data = body.get("data")
    if isinstance(data, dict) and "attributes" in data or "relationships" in (data or {}):
        if "id" in data and case.path_parameters:
            data["id"] = case.path_parameters["id"]
        for relationship in (data.get("relationships") or {}).values():
            lead(relationship)
    elif isinstance(data, dict) and "id" in data and case.path_parameters and "relationships" not in parts:
        data["id"] = case.path_parameters["id"]
    elif "relationships" in parts:
        lead(body)
    for index, inner in enumerate(body.get("included") or []):
        inner["id"] = f"${{new{index}}}"


def lead(relationship):
    data = (relationship or {}).get("data")
    for identifier in data if isinstance(data, list) else [data]:
        if identifier:
            there = ids(identifier["type"])
            if there and random.random() < 0.9:
                identifier["id"] = random.choice(there)


@schemathesis.check
def valid_requests_are_not_refused_for_their_form(context, response, case):
    if not positive(case) or response.status_code < 400:
        return
    for error in response.json().get("errors", []):
        if error["detail"].startswith(RULES):
            continue
        assert not error["code"].startswith(FORMAL), f"{error['code']}: {error['detail']}"
