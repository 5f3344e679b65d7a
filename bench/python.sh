#!/usr/bin/env bash
# ./dev bench python: the Python package against those that people use today.
set -euo pipefail
. "$(dirname "$0")/../tools/dev/common.sh"
cd "$root"
need_tensorhold torch==2.13.0 fastsafetensors==0.5.0 runai-model-streamer==0.17.0
mkdir -p build/bench
exec .venv/bin/python bench/python.py --folder build/bench --docs docs/bench "$@"
