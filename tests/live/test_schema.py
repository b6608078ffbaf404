#!/usr/bin/python3
"""Holds docs/protocol.schema.json to what the program's own reader accepts and refuses.

The examples of docs/protocol.md are messages by it, and between them show every message and every
member. tests/live/messages.json says of each bad message, in "schema": true, the JSON Schema
refuses it; "syntax", a JSON parser does; a sentence, the reason why the schema cannot see it, which
is then checked to be so. Ends with `N passed, N failed`.
"""

import json
import os
import pathlib
import re
import sys

import jsonschema

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from counting import Counter, parse_strictly

ROOT = pathlib.Path(os.path.abspath(__file__)).parents[2]
SCHEMA = ROOT / "docs" / "protocol.schema.json"


def kinds_of(schema):
    """The schema's messages by their types."""
    names = [ref["$ref"].rsplit("/", 1)[1] for ref in schema["oneOf"]]
    messages = [schema["definitions"][name] for name in names]
    return {message["properties"]["type"]["const"]: message for message in messages}


def check_manual(counter, validator, kinds):
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    shown = {kind: set() for kind in kinds}
    # Blocks of their own, and the lines of a dialogue.
    blocks = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    for block in blocks + re.findall(r"^[<>] (\{.*\})$", text, re.M):
        message = parse_strictly(block)
        error = jsonschema.exceptions.best_match(validator.iter_errors(message))
        counter.check(error is None, f"example {block}: {error and error.message}")
        shown.get(message["type"], set()).update(message)
    for kind, message in kinds.items():
        lacking = set(message["properties"]) - shown[kind]
        counter.check(not lacking, f"docs/protocol.md shows no {kind} with {sorted(lacking)}")
        for name in message["properties"]:
            counter.check(f"`{name}`" in text, f"docs/protocol.md does not name `{name}` of {kind}")


def main():
    counter = Counter()
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    # Names and targets are those of scenarios, so the one schema refers to the other.
    resolver = jsonschema.RefResolver(SCHEMA.as_uri(), schema)
    validator = jsonschema.Draft7Validator(schema, resolver=resolver)
    check_manual(counter, validator, kinds_of(schema))

    cases = json.loads((ROOT / "tests" / "live" / "messages.json").read_text(encoding="utf-8"))
    for case in cases["good"]:
        for key in "message", "written":
            if key in case:
                error = jsonschema.exceptions.best_match(validator.iter_errors(case[key]))
                counter.check(error is None, f"good, {case['name']}: {error and error.message}")
    for case in cases["bad"]:
        content = parse_strictly(case["text"]) if "text" in case else case["message"]
        seen = case["schema"]
        if seen == "syntax":
            counter.check(content is None, f"bad, {case['name']}: is JSON after all")
        elif seen is True:
            good = content is not None and not validator.is_valid(content)
            counter.check(good, f"bad, {case['name']}: accepted")
        else:
            good = content is not None and validator.is_valid(content)
            counter.check(good, f"bad, {case['name']}: refused, although it '{seen}'")

    return counter.end()


if __name__ == "__main__":
    sys.exit(main())
