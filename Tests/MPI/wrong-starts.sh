# Starts that are wrong are refused, with the remedy; sourced by run.

part "Wrong starts"
net="$nets/digits.json"
launch openmpi 0 2 env LOCKSTEP_MPI=libmpich.so.12 "$lockstep" train "$net" --quiet --output "$folder/wrong"
expect 64 "mpirun started 2 tasks, but the MPI library libmpich.so.12 (MPICH Version: " "a library of another family"
expect 64 "LOCKSTEP_MPI=/path/to/libmpi.so.40" "a library of another family"
launch mpich 0 2 env LOCKSTEP_MPI=libmpi.so.40 "$lockstep" train "$net" --quiet --output "$folder/wrong"
expect 64 "LOCKSTEP_MPI=/path/to/libmpi.so.12" "a library of another family"
launch openmpi 0 2 env LOCKSTEP_MPI=libz.so.1 "$lockstep" train "$net" --quiet --output "$folder/wrong"
expect 71 "libz.so.1: the library has no function MPI_Init_thread" "no MPI library"
launch openmpi 0 2 env LOCKSTEP_MPI=/nowhere/libmpi.so "$lockstep" train "$net" --quiet --output "$folder/wrong"
expect 71 "LOCKSTEP_MPI: found /nowhere/libmpi.so; it cannot be opened" "a library that is missing"
launch openmpi 0 1 "$lockstep" train "$net" --quiet --epochs 2 --output "$folder/wrong" : \
  -n 1 "$lockstep" train "$net" --quiet --epochs 3 --output "$folder/wrong"
expect 78 "training.epochs: is 3 for rank 1 on $(hostname), but 2 for rank 0 on $(hostname)" "other configurations"
launch openmpi 0 2 "$lockstep" train "$folder/missing.json" --quiet --output "$folder/wrong"
expect 66 "missing.json" "a configuration that is missing"
[[ "$(grep -c 'cannot be read' "$folder/log")" == 1 ]] || fail "an error of all ranks is printed more than once"
launch openmpi 0 1 "$lockstep" train "$net" --quiet --output "$folder/wrong" : \
  -n 1 "$lockstep" train "$folder/missing.json" --quiet --output "$folder/wrong"
expect 66 "lockstep: rank 1 on $(hostname): " "a rank's own error"
launch openmpi 0 2 "$lockstep" verify "$folder/wrong"
expect 64 "this command is one of a single process" "a command for one process"
# mpirun binds one or two ranks to a core each; where that is one of several, it is said.
if [[ -n "$emulates" ]] && (($(nproc) >= 2)); then
  bound=("$hosts" on ls1 mpirun.openmpi --mca plm_rsh_agent "$folder/agent" --map-by node -H ls1:1,ls2:1 --bind-to core -n 2)
  for flag in --quiet --strict-placement; do
    status=0
    timeout 60 "${bound[@]}" "$lockstep" train "$net" "$flag" --workers 1 --output "$folder/bound$flag" \
      < /dev/null > "$folder/log" 2>&1 || status=$?
    expect $([[ "$flag" == --quiet ]] && echo 0 || echo 71) "may use 1 of $(nproc) CPUs" "ranks bound to a core, $flag"
    expect "$status" "start with mpirun --bind-to none" "ranks bound to a core, $flag"
  done
  echo "  $(grep -m 1 -o 'rank [01] on ls[12] may use.*' "$folder/log")"
fi
[[ ! -e "$folder/wrong" ]] || fail "a start that was refused left a folder"
