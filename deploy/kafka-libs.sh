#!/usr/bin/env bash
# Fetches the libraries of Apache Kafka releases for the tests into .kafka/VERSION/libs; does nothing for those that are complete.
# Usage: deploy/kafka-libs.sh VERSION...
set -euo pipefail
cd "$(dirname "$0")/.."
pom=tests/support/kafka/pom.xml

fetch() {
  local version=$1 home=.kafka/$1 profile=()
  # The marker is written last and names the pom it was made from.
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

for version in "$@"; do fetch "$version"; done
