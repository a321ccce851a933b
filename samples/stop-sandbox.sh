#!/usr/bin/env bash
# Stops the sandbox that `_start-sandbox` in bitrise.yml has started. Only a sandbox of this checkout is stopped: a number in
# a stale file may be any process by now.
set -u
file=target/sandbox/pid
if [ ! -f "$file" ]; then
  echo "No sandbox to stop."
  exit 0
fi
pid=$(cat "$file")
rm -f "$file"
command=$({ ps -ww -o args= -p "$pid" || tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null)
case "$command" in
  *"apple-sandbox serve --tools $PWD/target/sandbox/tools"*)
    kill "$pid"
    echo "Stopped the sandbox."
    ;;
  *) echo "The sandbox is not running any more." ;;
esac
