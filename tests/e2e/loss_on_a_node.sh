#!/usr/bin/env bash
# loss_on_a_node.sh ROPEWAY SOURCE_DIR: names the host, then scores a text with the tiny model. two_nodes.sh runs it on two
# nodes and on one, and compares what is printed.
set -euo pipefail
cd "$2"
echo "host $(hostname)"
exec "$1" evaluate tests/data/tiny_base --text tests/data/prose.txt --lengths 1K,4K --windows 4 --factors yarn --dtype fp64
