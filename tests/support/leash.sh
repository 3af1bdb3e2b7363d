#!/usr/bin/env bash
# Ties processes and their directory to the life of a test process. FARSHORE_LEASH names the directory.
#   leash.sh hold                 waits until standard input closes, however its writer ends; then kills what runs and removes the directory
#   leash.sh run NAME COMMAND...  becomes COMMAND, known to the holder by NAME.pid, with its output in NAME.out and NAME.err
set -euo pipefail
cd "$FARSHORE_LEASH"

case $1 in
  hold)
    cat >/dev/null
    # A process that starts from now on sees that it is too late.
    rm open
    shopt -s nullglob
    for file in *.pid; do
      pid=$(<"$file")
      # The pid may have been reused; only a process of this leash has its name in the environment.
      if grep -aqsF "FARSHORE_LEASH=$FARSHORE_LEASH" "/proc/$pid/environ"; then kill -KILL "$pid" || true; fi
    done
    rm -rf -- "$FARSHORE_LEASH"
    ;;
  run)
    name=$2
    shift 2
    echo $$ >"$name.pid"
    [[ -e open ]]
    exec "$@" </dev/null >>"$name.out" 2>>"$name.err"
    ;;
esac
