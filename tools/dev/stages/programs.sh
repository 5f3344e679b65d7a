# Stages programs and programs_all: libraries that import safetensors, over the drop-in and over the
# reference package: same files, tensors and errors. In .venv-programs, which takes about 2 GB and has
# no safetensors; the reference lies in a folder of its own, which only its processes search. The first
# stage runs one path a library; the second every step, and every way in which the drop-in is had.

programs_torch=torch==2.13.0
programs_reference=safetensors==0.8.0

# install_programs: torch first, so that nothing else chooses which; the rest without what it asks for,
# because that would bring safetensors.
install_programs() {
  local venv=$root/.venv-programs pip_options=() reference=$root/build/programs/reference packages
  need_python "$programs_torch" scikit-build-core==1.1.2 nanobind==2.15.0
  mapfile -t packages < <(grep -v '^#' "$root/tests/programs/requirements.txt")
  pip_options=(--no-deps)
  need_python "${packages[@]}"
  locked programs-reference install_programs_reference "$reference"
}

# A folder is complete when it has the name of its version, which it gets last.
install_programs_reference() {
  local target=$1/${programs_reference//==/-}
  [ -e "$target" ] && return
  rm -rf --one-file-system "$target.new"
  "$root/.venv-programs/bin/python" -m pip install -q --no-deps --disable-pip-version-check \
    --target "$target.new" "$programs_reference" || cannot "cannot install $programs_reference"
  mv "$target.new" "$target"
}

prepare_programs() { install_programs; }
prepare_programs_all() { install_programs; }

stage_programs() { run_programs programs ""; }
stage_programs_all() { run_programs programs_all all; }

# run_programs NAME EXTENT
run_programs() {
  local venv=$root/.venv-programs status=0 report=$root/build/python/$1.xml
  install_programs
  need_tensorhold
  mkdir -p "$root/build/python"
  rm -f "$report"
  TENSORHOLD_PROGRAMS=$2 TENSORHOLD_REFERENCE=$root/build/programs/reference/${programs_reference//==/-} \
    "$venv/bin/python" -m pytest -p no:cacheprovider tests/programs --durations=0 \
    --basetemp="$root/build/programs/$1" --junitxml="$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}
