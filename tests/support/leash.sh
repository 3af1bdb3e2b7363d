#!/usr/bin/env bash
# Ties processes and their directory to the life of a test process.
#   leash.sh hold DIR                  waits until standard input closes, however its writer ends; then kills what runs and removes DIR
#   leash.sh run DIR NAME COMMAND...   becomes COMMAND, known to the holder by DIR/NAME.pid, with its output in DIR/NAME.out and DIR/NAME.err
set -euo pipefail
mode=$1 dir=$2

case $mode in
  hold)
    cat >/dev/null
    shopt -s nullglob
    for file in "$dir"/*.pid; do
      pid=$(<"$file")
      # The number may belong to somebody else by now; only a process of this leash carries its mark.
      if grep -aqsF "FARSHORE_LEASH=$dir" "/proc/$pid/environ"; then kill -KILL "$pid" || true; fi
    done
    rm -rf -- "$dir"
    ;;
  run)
    name=$3
    shift 3
    echo $$ >"$dir/$name.pid"
    FARSHORE_LEASH=$dir exec "$@" </dev/null >>"$dir/$name.out" 2>>"$dir/$name.err"
    ;;
esac
