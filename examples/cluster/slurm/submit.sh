#!/usr/bin/env bash
# Submits all parts of a dataset, and a job that says how the cases stand when they have ended.
#
#   ./submit.sh PIPELINE DATA OUT [PARTS] [OPTION OF SBATCH]...

set -euo pipefail

if [ "$#" -lt 3 ]; then
  echo "usage: $0 PIPELINE DATA OUT [PARTS] [OPTION OF SBATCH]..." >&2
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pipeline=$1 data=$2 out=$3 parts=${4:-8}
shift "$(($# < 4 ? $# : 4))"

job=$(sbatch --parsable --array="1-$parts" "$@" "$here/preprocess.sbatch" "$pipeline" "$data" "$out")
# On federated clusters, the name of the cluster stands behind the number.
job=${job%%;*}
last=$(sbatch --parsable --dependency="afterany:$job" "$@" "$here/status.sbatch" "$out")
echo "parts: job $job, tasks 1-$parts (revoxel-${job}_*.log)"
echo "status: job ${last%%;*} (revoxel-status-${last%%;*}.log)"
