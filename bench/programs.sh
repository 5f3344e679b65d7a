#!/usr/bin/env bash
# ./dev bench programs: libraries that import safetensors, over the drop-in and over the reference.
set -euo pipefail
. "$(dirname "$0")/../tools/dev/common.sh"
. "$root/tools/dev/stages/programs.sh"
cd "$root"
venv=$root/.venv-programs
install_programs
need_tensorhold
mkdir -p build/bench
exec "$venv/bin/python" bench/programs.py --folder build/bench --docs docs/bench \
  --reference "$root/build/programs/reference/${programs_reference//==/-}" "$@"
