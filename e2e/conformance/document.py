"""Apple's OpenAPI documents, with what Apple means and does not write down."""

import json


def merge(paths):
    """One document of several excerpts; where two of them differ, the first one is right."""
    whole = None
    for path in paths:
        with open(path) as file:
            document = json.load(file)
        if whole is None:
            whole = document
            continue
        for name, value in document["paths"].items():
            whole["paths"].setdefault(name, value)
        for name, value in document["components"]["schemas"].items():
            known = whole["components"]["schemas"].setdefault(name, value)
            for relationship, leads_to in relationships(value).items():
                relationships(known).setdefault(relationship, leads_to)
    return whole


def relationships(schema):
    """The relationships of a resource's schema."""
    return schema.get("properties", {}).get("relationships", {}).get("properties", {})


def amend(document):
    """Says what the prose says."""
    schemas = document["components"]["schemas"]
    drop_empty_formats(schemas)
    if "Build" in schemas:
        # Apple answers null until it is known; codemagic-cli-tools 0.70 relies on the member.
        schemas["Build"]["properties"]["attributes"]["properties"]["usesNonExemptEncryption"]["nullable"] = True
    for schema in schemas.values():
        attributes = schema.get("properties", {}).get("attributes", {})
        if "type" in schema.get("properties", {}) and "links" in schema.get("properties", {}):
            # Who asks for some fields does without the others.
            shared = schemas.get(attributes.get("$ref", "").rpartition("/")[2], {})
            for schema_of_attributes in (attributes, shared):
                schema_of_attributes.pop("required", None)
    requests = {name: schema for name, schema in schemas.items() if name.endswith(("Request", "InlineCreate"))}
    for name in list(requests):
        requests.update(used(requests[name], schemas))
    # Answers use some of these schemas, too: requests get copies.
    for name, schema in requests.items():
        copy = json.loads(json.dumps(schema))
        point_to_copies(copy, requests)
        close(copy, required=True)
        schemas[f"{name}.Sent"] = copy
    for path in document["paths"].values():
        for method, operation in path.items():
            if method == "parameters":
                continue
            for parameter in operation.get("parameters", []):
                amend_parameter(parameter)
            body = operation.get("requestBody")
            if body:
                point_to_copies(body, requests)
            for status in ("401", "403", "404", "409"):
                operation["responses"].setdefault(
                    status,
                    {
                        "description": "An error",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}
                        },
                    },
                )
    return document


def drop_empty_formats(value):
    """Some schemas have the format `null`, which no format is."""
    if isinstance(value, dict):
        if "format" in value and value["format"] is None:
            del value["format"]
        for inner in value.values():
            drop_empty_formats(inner)
    elif isinstance(value, list):
        for inner in value:
            drop_empty_formats(inner)


def used(schema, schemas):
    """The schemas that a schema uses."""
    found = {}
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            name = value.get("$ref", "").rsplit("/", 1)[-1]
            if name and name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


def point_to_copies(value, copies):
    if isinstance(value, dict):
        name = value.get("$ref", "").rsplit("/", 1)[-1]
        if name in copies:
            value["$ref"] = f"#/components/schemas/{name}.Sent"
            if value.pop("nullable", False):
                value["anyOf"] = [{"$ref": value.pop("$ref")}, {"enum": [None], "nullable": True}]
        # The mapping of a discriminator names schemas, too.
        value.pop("discriminator", None)
        for inner in value.values():
            point_to_copies(inner, copies)
    elif isinstance(value, list):
        for inner in value:
            point_to_copies(inner, copies)


def close(schema, required):
    """Objects have no members but those listed, and relationships may be emptied."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "integer":
        # Some of Apple's integers say so themselves: `int64`.
        schema.setdefault("minimum", -(2**63))
        schema.setdefault("maximum", 2**63 - 1)
    if "enum" in schema and schema.get("nullable") and None not in schema["enum"]:
        schema["enum"].append(None)
    properties = schema.get("properties")
    if properties is not None:
        schema.setdefault("additionalProperties", False)
        is_relationship = set(properties) == {"data"} and "data" not in schema.get("required", [])
        if is_relationship and properties["data"].get("type") in ("object", "array"):
            properties["data"]["nullable"] = True
        for name, inner in properties.items():
            if set(inner.get("properties", {})) == {"data"} and name not in schema.get("required", []):
                # apple-platform-rs sends `null` for a relationship that it does not name.
                inner["nullable"] = True
            close(inner, required)
    for name in ("items", "additionalProperties"):
        close(schema.get(name), required)
    for name in ("oneOf", "anyOf"):
        for inner in schema.get(name, []):
            close(inner, required)


def amend_parameter(parameter):
    schema = parameter["schema"]
    if schema.get("type") == "integer":
        schema["minimum"] = 1
    if parameter["name"].startswith("filter["):
        schema["minItems"] = 1
        if "enum" not in schema["items"]:
            schema["items"].update(minLength=1, pattern="^[^,]+$")
    elif schema.get("type") == "array":
        # `include=` and `fields[…]=` ask for nothing.
        schema.setdefault("uniqueItems", False)
