"""Checks every page of the checkout: form, links, files, verbs, options, recipe keys and their values.
  check_pages.py ROOT PROGRAM        prints a line per fault; exit code 1 where there are any"""

import sys

from check_commands import check_commands
from check_form import check_form
from check_keys import check_keys
from check_paths import check_links, check_paths
from page import all_pages, tracked_files


def faults_of(root, program):
    files = set(tracked_files(root))
    pages = all_pages(root)
    faults = check_keys(pages, program)
    for page in pages:
        faults += check_form(page) + check_links(page, files) + check_paths(page, files)
        faults += check_commands(page, program)
    return sorted(faults, key=lambda fault: (fault.page, fault.line))


def main():
    root, program = sys.argv[1:]
    faults = faults_of(root, program)
    for fault in faults:
        print(fault)
    print(f"{len(all_pages(root))} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
