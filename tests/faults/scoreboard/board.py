"""The scoreboard of faults: rows.txt says which tests inject each, this runs them and prints what came of it.

    board.py BUILD_FOLDER [FAULT ...]     runs the tests (of the named faults or groups: K3 P) and prints the board
    board.py --results FILE [FAULT ...]   the board from what a run of ctest wrote with --output-junit; runs nothing
    board.py --check SOURCE_FOLDER        is every fault there, and every test it names? runs nothing

Exit code 0: no fault has a test that failed. Python standard library only."""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROWS = pathlib.Path(__file__).with_name("rows.txt")
# Faults and points of each group, so that none is lost unnoticed. F01 and on have two digits.
WANTED = {"C": (14, 15), "S": (20, 25), "D": (14, 16), "K": (20, 25), "P": (20, 25), "N": (10, 12), "F": (27, 0)}

Fault = collections.namedtuple("Fault", "name group points words tests half elsewhere")


def read_rows():
    groups, faults = {}, []
    for number, line in enumerate(ROWS.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            kind, colon, reason = line.strip().partition(": ")
            if colon and kind in ("half", "elsewhere"):
                faults[-1] = faults[-1]._replace(**{kind: reason})
            else:
                faults[-1].tests.extend(line.split())
        elif found := re.fullmatch(r"([A-Z]) (.+)", line):
            groups[found[1]] = found[2]
        elif found := re.fullmatch(r"(([A-Z])\d+) (\d) (.+)", line):
            faults.append(Fault(found[1], found[2], int(found[3]), found[4], [], "", ""))
        else:
            sys.exit(f"{ROWS.name}:{number}: is neither group, fault nor tests")
    return groups, faults


def tests_in(source):
    """Names of all tests: Suite.Test of GoogleTest's macros, and regular expressions of those that CMake lists name."""
    found, patterns = set(), []
    for file in (source / "tests").rglob("*.cc"):
        found.update(".".join(name) for name in re.findall(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", file.read_text(),
                                                           re.MULTILINE))
    for file in (source / "tests").rglob("CMakeLists.txt"):
        text = file.read_text()
        lists = dict(re.findall(r"foreach\((\w+) ([^)]*)\)", text))
        for name in re.findall(r"(?:add_test\(NAME|ropeway_mpi_test\() *([^\s)]+)", text):
            values = [name]
            for variable in re.findall(r"\$\{(\w+)\}", name):
                values = [value.replace("${" + variable + "}", word) for value in values
                          for word in lists.get(variable, "").split()]
            found.update(values)
    return found


def check(source):
    groups, faults = read_rows()
    complaints = []
    for group, (count, points) in WANTED.items():
        width = 2 if group == "F" else 1
        names = [fault.name for fault in faults if fault.group == group]
        if group not in groups or names != [f"{group}{i:0{width}}" for i in range(1, count + 1)]:
            complaints.append(f"group {group}: wanted {count} faults in order, found {' '.join(names)}")
        total = sum(fault.points for fault in faults if fault.group == group)
        if total != points:
            complaints.append(f"group {group}: {total} points, wanted {points}")
    known = tests_in(source)
    for fault in faults:
        if not fault.tests and not fault.elsewhere:
            complaints.append(f"{fault.name}: has no test and no reason why")
        complaints += [f"{fault.name}: no test is called {test}" for test in fault.tests if test not in known]
    print("\n".join(complaints) or f"{len(faults)} faults, {len({t for f in faults for t in f.tests})} tests")
    return 1 if complaints else 0


def base_name(test):
    """Prefix/Suite.Test/parameter as Suite.Test."""
    found = re.fullmatch(r"(?:\w+/)?(\w+\.\w+)(?:/.*)?", test)
    return found[1] if found else test


def run(build, tests, results):
    """Runs them once each; their results go to a file as ctest writes it."""
    listed = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], stdout=subprocess.PIPE, check=True)
    numbers = [str(number) for number, test in enumerate(json.loads(listed.stdout)["tests"], 1)
               if base_name(test["name"]) in tests]
    if numbers:
        subprocess.run(["ctest", "--test-dir", build, "-I", "0,0,0," + ",".join(numbers), "-j", "2", "--output-on-failure",
                        "--output-junit", results], stdout=sys.stderr)


def read_results(file):
    """base name -> [(status, seconds)]; status: run, fail, or why it was not run."""
    outcome = collections.defaultdict(list)
    if file.exists():
        for case in xml.etree.ElementTree.parse(file).getroot().iter("testcase"):
            outcome[base_name(case.get("name"))].append((case.get("status"), float(case.get("time"))))
    return outcome


def judge(fault, outcome):
    """Points, seconds, what to print, and whether a test failed."""
    runs = [run for test in fault.tests for run in outcome.get(test, [])]
    seconds = sum(run[1] for run in runs)
    if fault.elsewhere:
        return 0, seconds, f"not run: {fault.elsewhere}", False
    failed = sorted({test for test in fault.tests if any(run[0] == "fail" for run in outcome.get(test, []))})
    if failed:
        return 0, seconds, "FAILED: " + " ".join(failed), True
    absent = [test for test in fault.tests if not outcome.get(test)]
    if absent:
        return 0, seconds, "FAILED: not built: " + " ".join(absent), True
    skipped = [test for test in fault.tests if all(run[0] != "run" for run in outcome[test])]
    if skipped:
        return 0, seconds, "not run: skipped here: " + " ".join(skipped), False
    if fault.half:
        return fault.points / 2, seconds, f"half: {fault.half}", False
    return fault.points, seconds, "passed", False


def board(build, wanted, results=None):
    groups, faults = read_rows()
    chosen = [fault for fault in faults if not wanted or fault.name in wanted or fault.group in wanted]
    if not chosen:
        sys.exit(f"board.py: no fault and no group is called {' '.join(wanted)}")
    if results is None:
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder, "results.xml")
            run(build, {test for fault in chosen for test in fault.tests}, results)
            outcome = read_results(results)
    else:
        outcome = read_results(results)
    sums = collections.defaultdict(lambda: [0.0, 0])
    broken = 0
    group = None
    for fault in chosen:
        if fault.group != group:
            group = fault.group
            print(f"\n{group}  {groups[group]}")
        points, seconds, result, failed = judge(fault, outcome)
        broken += failed
        sums[group][0] += points
        sums[group][1] += fault.points
        score = f"{points:g}/{fault.points}" if fault.points else "-"
        print(f"  {fault.name:<4}{score:>5} {seconds:7.1f} s  {fault.words}: {result}")
    print()
    for letter, (points, most) in sums.items():
        if most:
            print(f"{letter} {points:g} of {most}")
    print(f"all {sum(p for p, _ in sums.values()):g} of {sum(m for _, m in sums.values())} points; "
          f"{broken} of {len(chosen)} faults with a test that failed")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        sys.exit(check(pathlib.Path(sys.argv[2])))
    if len(sys.argv) > 2 and sys.argv[1] == "--results":
        sys.exit(board(None, set(sys.argv[3:]), pathlib.Path(sys.argv[2])))
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(board(sys.argv[1], set(sys.argv[2:])))
