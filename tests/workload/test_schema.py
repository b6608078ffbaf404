#!/usr/bin/python3
"""Holds scenarios/scenario.schema.json to what the program's own reader accepts and refuses.

tests/workload/cases.json says of each bad scenario, in "schema": true, the JSON Schema refuses it;
"syntax", a JSON parser does; a sentence, the reason why the schema cannot see it, which is then
checked to be so. Ends with `N passed, N failed`.
"""

import glob
import json
import os
import sys

import jsonschema

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from counting import Counter, parse_strictly

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return json.load(file)


def text_of(case, base):
    if "text" in case:
        return case["text"]
    if "replace" not in case:
        return base
    old, new = case["replace"]
    assert base.count(old) == 1, case["name"]
    return base.replace(old, new)


def main():
    counter = Counter()
    schema = load("scenarios", "scenario.schema.json")
    jsonschema.Draft7Validator.check_schema(schema)
    scenario = jsonschema.Draft7Validator(schema)
    schema_file = jsonschema.Draft7Validator(
        {"$ref": "#/definitions/schema", "definitions": schema["definitions"]}
    )

    # Shipped scenarios, and the schema files that they name.
    names = sorted(glob.glob(os.path.join(ROOT, "scenarios", "*.json")))
    scenarios = [name for name in names if not name.endswith(".schema.json")]
    counter.check(len(scenarios) >= 14, "there are scenarios")
    for name in scenarios:
        content = load(name)
        error = jsonschema.exceptions.best_match(scenario.iter_errors(content))
        counter.check(error is None, f"{name}: {error and error.message}")
        if isinstance(content["schema"], str):
            content = load(os.path.dirname(name), content["schema"])
            counter.check(schema_file.is_valid(content), f"the schema file of {name}")

    cases = load("tests", "workload", "cases.json")
    base = "\n".join(cases["base"]) + "\n"
    for case in cases["good"]:
        content = parse_strictly(text_of(case, base))
        error = jsonschema.exceptions.best_match(scenario.iter_errors(content))
        counter.check(error is None, f"good, {case['name']}: {error and error.message}")
    for case in cases["bad"]:
        content = parse_strictly(text_of(case, base))
        seen = case["schema"]
        if seen == "syntax":
            counter.check(content is None, f"bad, {case['name']}: is JSON after all")
        elif seen is True:
            good = content is not None and not scenario.is_valid(content)
            counter.check(good, f"bad, {case['name']}: accepted")
        else:
            good = content is not None and scenario.is_valid(content)
            counter.check(good, f"bad, {case['name']}: refused, although it '{seen}'")

    # Which policies there are the scenario's reader leaves to the command line, so no case has it.
    content = parse_strictly(base)
    content["policies"] = ["linear", "directd"]
    counter.check(not scenario.is_valid(content), "an unknown policy: accepted")

    return counter.end()


if __name__ == "__main__":
    sys.exit(main())
