#!/bin/bash
# Runs an experiment file as processes of GNU parallel, and merges their results:
#
#	bash parallel.sh experiment.toml results 8
#
# The last argument is the number of processes (one for each core). To use several
# machines that share this folder, name them in the variable PARALLEL, for example
# PARALLEL='--sshlogin 8/first,8/second --workdir .'. Calling the script again runs only what is missing.
set -euo pipefail
file=$1 out=$2 shards=${3:-$(nproc)}

parallel --quote --halt soon,fail=1 \
	lodelab run --resume --threads 1 --shard "{}/$shards" --out "$out-part-{}" "$file" ::: $(seq "$shards")
parts=()
for i in $(seq "$shards"); do parts+=("$out-part-$i"); done
exec lodelab merge --out "$out" "${parts[@]}"
