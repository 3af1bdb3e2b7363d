#!/usr/bin/env bash
# Fetches the libraries of Apache Kafka releases for the tests into .kafka/VERSION/libs, and archives the classes that a
# broker loads, which halves the cost of its start. Skips whatever already exists.
# Usage: deploy/kafka-libs.sh VERSION...
set -euo pipefail
cd "$(dirname "$0")/.."
pom=tests/support/kafka/pom.xml

fetch() {
  local version=$1 home=.kafka/$1 profile=()
  # The marker is written last and holds the checksum of the pom it was made from.
  if cksum "$pom" | cmp -s - "$home/complete"; then return; fi
  [[ $version == [0-3].* ]] || profile=(-Plog4j2)
  echo "fetching the libraries of Apache Kafka $version"
  mkdir -p .kafka
  partial=$(mktemp -d ".kafka/partial.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  mvn -q -B -Dstyle.color=never -f "$pom" "-Dkafka.version=$version" "${profile[@]}" \
    dependency:copy-dependencies "-DoutputDirectory=$PWD/$partial/libs"
  cksum "$pom" >"$partial/complete"
  rm -rf "$home"
  mv -T "$partial" "$home"
  trap - EXIT
}

# Runs a broker once and archives the classes it loaded in .kafka/VERSION/classes.jsa, for this Java and these libraries.
# Without the archive brokers only start more slowly, so a failure here doesn't fail the tests.
archive() {
  local version=$1 home=.kafka/$1 port=$((20000 + RANDOM % 5000)) java dir broker
  java=$(java -version 2>&1 | cksum)
  if [[ $version == 2.* ]] || cmp -s <(echo "$java") "$home/classes.java"; then return; fi
  echo "archiving the classes of Apache Kafka $version"
  rm -f "$home/classes.jsa"
  dir=$(mktemp -d .kafka/archiving.XXXXXX)
  cat >"$dir/broker.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
EOF
  run() {
    java "$@" "$dir/broker.properties" >>"$dir/log" 2>&1
  }
  local logging=$PWD/${pom%/*}
  local kafka=(
    -XX:+UseSerialGC "-Dlog4j2.configurationFile=$logging/log4j2.properties"
    "-Dlog4j.configuration=file:$logging/log4j.properties" -cp "$PWD/$home/libs/*"
  )
  if run "${kafka[@]}" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA -c; then
    run "-XX:ArchiveClassesAtExit=$home/classes.jsa" "${kafka[@]}" kafka.Kafka &
    broker=$!
    for _ in {1..150}; do
      if ! kill -0 "$broker" 2>/dev/null || grep -q 'Kafka Server started' "$dir/log"; then break; fi
      sleep 0.2
    done
    # The signal is for the JVM, not for the shell that waits for it.
    pkill -TERM -P "$broker" || true
    wait "$broker" || true
  fi
  if [[ -e $home/classes.jsa ]]; then
    echo "$java" >"$home/classes.java"
  else
    echo "no archive was made; the last lines of the attempt:" >&2
    tail -n 3 "$dir/log" >&2
  fi
  rm -rf "$dir"
}

for version in "$@"; do
  fetch "$version"
  archive "$version"
done
