#!/usr/bin/env bash
# expect_exit.sh CODE COMMAND...: passes when the command ends with this exit code.
wanted=$1
shift
"$@"
found=$?
echo "exit code $found, wanted $wanted"
[[ $found == "$wanted" ]]
