"""How scripts that test count: each ends with `N passed, N failed`, as run-tests.sh reads it."""
import json
import sys
import tempfile

sys.dont_write_bytecode = True


def run(tests):
    """Runs functions, each in a folder of its own; the exit status."""
    passed, failed = 0, 0
    for test in tests:
        name = test.__name__.replace("_", " ")
        try:
            with tempfile.TemporaryDirectory() as folder:
                test(folder)
            passed += 1
            print("ok  ", name, flush=True)
        except (Exception, SystemExit) as error:  # pylint: disable=broad-exception-caught
            failed += 1  # whatever it is, the other tests run
            print("FAIL", name, repr(error), flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


class Counter:
    """Counts checks that all belong to one test."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")

    def end(self):
        """The exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed != 0


def parse_strictly(text):
    """None if the text is no JSON; NaN and infinity, which Python would read, are none."""
    def refuse_constant(name):
        raise ValueError(f"{name} is no JSON")
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except ValueError:
        return None
