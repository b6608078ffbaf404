#!/usr/bin/python3
"""tools/live-evidence.py on event files that Bazel has written."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "tools", "live-evidence.py")


class Evidence(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def leave(self, run, peer, name, recorded):
        folder = os.path.join(self.folder, "events", run, peer)
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join(HERE, "events", recorded), os.path.join(folder, name))

    def write_runs(self, folder, **makespans):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "runs.csv"), "w", encoding="utf-8") as file:
            print("policy,makespan_s", file=file)
            for policy, makespan in makespans.items():
                print(f"{policy},{makespan}", file=file)

    def show(self, *words):
        return subprocess.run([sys.executable, SCRIPT, self.folder, *words], capture_output=True,
                              text=True, check=False)

    def test_once(self):
        self.leave("directed-1", "p", "1-a.json", "built.json")
        self.leave("directed-1", "q", "2-a.json", "hits.json")
        done = self.show("--once", "directed")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("23 run, 0 hit", done.stdout)
        self.assertIn("0 run, 23 hit", done.stdout)
        self.assertIn("1 peer", done.stdout)

    def test_twice_and_never(self):
        self.leave("directed-1", "p", "1-a.json", "built.json")
        self.leave("directed-1", "q", "2-a.json", "built.json")
        self.leave("directed-1", "q", "3-b.json", "hits.json")
        done = self.show("--once", "directed,linear")
        self.assertEqual(done.returncode, 1)
        self.assertIn("step a was built cold by 2 peers: p, q", done.stderr)
        self.assertIn("step b was built cold by 0 peers", done.stderr)
        self.assertIn("no run of linear", done.stderr)

    def test_a_build_that_was_cut_short(self):
        self.leave("directed-1", "p", "1-a.json", "built.json")
        path = os.path.join(self.folder, "events", "directed-1", "p", "1-a.json")
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines[:3])
        done = self.show()
        self.assertEqual(done.returncode, 0)
        self.assertIn("cut short", done.stdout)

    def test_beside(self):
        self.leave("directed-1", "p", "1-a.json", "built.json")
        simulated = os.path.join(self.folder, "simulated")
        self.write_runs(self.folder, linear=30, directed=20)
        self.write_runs(simulated, linear=40, directed=10)
        done = self.show("--beside", simulated)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("10.0 s", done.stdout)
        self.write_runs(simulated, linear=10, directed=40)
        done = self.show("--beside", simulated)
        self.assertEqual(done.returncode, 1)
        self.assertIn("do not rank as simulated", done.stderr)

    def test_nothing_there(self):
        done = self.show()
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
