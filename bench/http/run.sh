#!/usr/bin/env bash
# Uses wrk to measure how many posts a second a node answers, in turns with a bare
# handler:
#
#	bash bench/http/run.sh [FLAGS OF lode node]
#
# Environment variables, with their defaults:
#
#	ROUNDS (3)               number of rounds
#	DURATION (4s)            duration of each measurement
#	BARE (127.0.0.1:8222)    address of the bare handler
#	NODE (127.0.0.1:8223)    address of the node
#	TMPDIR                   folder on the disk to which the node writes
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-3}
duration=${DURATION:-4s}
bare=${BARE:-127.0.0.1:8222}
node=${NODE:-127.0.0.1:8223}

for tool in wrk curl; do
	command -v "$tool" >/dev/null || { echo "run.sh: $tool is not installed" >&2; exit 1; }
done

temp=$(mktemp -d)
pids=()
cleanup() {
	if ((${#pids[@]})); then
		kill "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
	fi
	rm -rf "$temp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

go build -o "$temp/lode" ./cmd/lode
go build -o "$temp/bare" ./bench/http/bare

"$temp/bare" -listen "$bare" >"$temp/bare.log" 2>&1 &
pids+=($!)
"$temp/lode" node --listen "$node" --data "$temp/data" \
	--pool-txs 5000000 --pool-bytes 4000000000 "$@" >"$temp/node.log" 2>&1 &
pids+=($!)

# Waits until the process with the given PID answers on its address, whatever the
# answer is. Fails if it ends, or does not answer for about ten seconds.
await() {
	local name=$1 address=$2 pid=$3
	for _ in {1..100}; do
		if ! kill -0 "$pid" 2>/dev/null; then break; fi
		if curl -s -o /dev/null "http://$address/"; then
			# The answer may come from another server that had taken the address
			# before. In that case our process ends within this time.
			sleep 0.2
			if kill -0 "$pid" 2>/dev/null; then return; fi
			break
		fi
		sleep 0.1
	done
	echo "run.sh: $name does not answer on $address:" >&2
	cat "$temp/$name.log" >&2
	exit 1
}
await bare "$bare" "${pids[0]}"
await node "$node" "${pids[1]}"

printf '%-6s %-5s %10s %9s %9s %8s %7s\n' round which posts/s p50/ms p99/ms non-2xx errors
measure() {
	local round=$1 name=$2 address=$3 out rate p50 p99 status errors
	out=$(wrk -t2 -c64 "-d$duration" -s bench/http/post.lua "http://$address")
	read -r _ rate p50 p99 status errors < <(grep '^result ' <<<"$out")
	printf '%-6s %-5s %10s %9s %9s %8s %7s\n' "$round" "$name" "$rate" "$p50" "$p99" "$status" "$errors"
	echo "$rate" >>"$temp/$name.rates"
}
for ((round = 1; round <= rounds; round++)); do
	measure "$round" bare "$bare"
	measure "$round" node "$node"
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
awk -v node="$(median "$temp/node.rates")" -v bare="$(median "$temp/bare.rates")" \
	'BEGIN { printf "ratio of medians, node over bare: %.2f\n", node / bare }'
