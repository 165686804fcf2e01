#!/bin/bash
#SBATCH --job-name=lodelab
#SBATCH --output=%x-%A-%a.log
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
# Runs an experiment file as an array of jobs of Slurm, and merges their results. Call it
# on a login node, in a folder that all nodes share; lodelab must be in the PATH there:
#
#	bash slurm.sh experiment.toml results 16
#
# The last argument is the number of jobs (16). Change the lines above as your cluster
# needs it. A job that is requeued continues where it was; calling the script again runs
# only what is missing.
set -euo pipefail
file=$1 out=$2 shards=${3:-16}

if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
	array=$(sbatch --parsable --array="1-$shards" "$0" "$file" "$out" "$shards")
	parts=()
	for i in $(seq "$shards"); do parts+=("$out-part-$i"); done
	sbatch --parsable --dependency="afterok:${array%%;*}" --job-name=lodelab-merge --output=%x-%j.log \
		--wrap="$(printf '%q ' lodelab merge --out "$out" "${parts[@]}")"
	exit
fi
exec lodelab run --resume --threads "${SLURM_CPUS_PER_TASK:-1}" \
	--shard "$SLURM_ARRAY_TASK_ID/$shards" --out "$out-part-$SLURM_ARRAY_TASK_ID" "$file"
