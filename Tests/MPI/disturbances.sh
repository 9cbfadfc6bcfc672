# Ranks that are killed or asked to stop, hosts that vanish, slow links; sourced by run.

net=digits library=openmpi count=0
long=(--epochs 500 --set checkpoint.every_steps=5)
start_disturbed() { # RANKS RUN [FLAG...]: in the background; its process is `launcher`
  local ranks="$1" run="$2"
  shift 2
  command_line "${library:-openmpi}" "${count:-0}" "$ranks" "$lockstep" train "$nets/$net.json" --quiet --workers 1 \
    --output "$run" "${long[@]}" "$@"
  "${line[@]}" < /dev/null > "$folder/log" 2>&1 &
  launcher=$!
}
# The ranks' processes below the launcher, by number.
ranks_of() {
  local child
  for child in $(pgrep -P "$1" || true); do
    if [[ "$(readlink "/proc/$child/exe" 2> /dev/null)" == "$lockstep" ]]; then echo "$child"; else ranks_of "$child"; fi
  done
}
wait_for() { # PROCESS SECONDS: its exit code in `status`, `late` if it has not ended
  local i
  for ((i = 0; i < $2 * 10; i++)); do
    if ! kill -0 "$1" 2> /dev/null; then
      status=0
      wait "$1" || status=$?
      return
    fi
    sleep 0.1
  done
  status=late
}
# Waits until a run has a checkpoint, but not its end.
wait_for_checkpoint() {
  local i
  for ((i = 0; i < 600; i++)); do
    compgen -G "$1/checkpoint-*.safetensors" > /dev/null && return
    sleep 0.05
  done
  fail "a run made no checkpoint: $(cat "$folder/log")"
}
undisturbed="$folder/undisturbed"
"$lockstep" train "$nets/$net.json" --workers 1 --quiet --output "$undisturbed" "${long[@]}" > "$folder/log" 2>&1 ||
  fail "a single process does not train $net: $(cat "$folder/log")"
resume() { # RUN RANKS WHAT: the same command again, on as many ranks; compares the end
  local ranks="$2"
  launch "${library:-openmpi}" 0 "$ranks" "$lockstep" train "$nets/$net.json" --quiet --workers 1 --output "$1" "${long[@]}"
  [[ "$status" == 0 ]] || { head -n 40 "$folder/log" >&2; fail "$3: resumed on $ranks ranks: exit code $status"; }
  same "$1" "$undisturbed" "$3, resumed on $ranks ranks"
}

part "Signals: a checkpoint, 75, and the same end on other ranks"
signalled() { # RUN RANKS SIGNAL WHOM WHAT [0: this exit code is right, too]
  rm -rf "$1"
  start_disturbed "$2" "$1"
  wait_for_checkpoint "$1"
  local victims
  mapfile -t victims < <(ranks_of "$launcher")
  if [[ "$4" == launcher ]]; then kill -s "$3" "$launcher"; else kill -s "$3" "${victims[-1]}"; fi
  wait_for "$launcher" 60
  local right=75
  [[ "$status" != "${6:-75}" ]] || right="$status"
  expect "$right" ", interrupted" "$5"
}
run="$folder/signal"
signalled "$run" 3 USR2 launcher "SIGUSR2 to mpirun"; resume "$run" 1 "SIGUSR2 to mpirun"
signalled "$run" 2 TERM rank "SIGTERM to a rank"; resume "$run" 3 "SIGTERM to a rank"
if whole; then
  signalled "$run" 1 USR2 launcher "SIGUSR2 to mpirun with one rank"; resume "$run" 7 "SIGUSR2 to mpirun with one rank"
  library=mpich
  # It does not know SIGUSR2.
  signalled "$run" 3 USR2 rank "SIGUSR2 to a rank of MPICH's mpirun"; resume "$run" 2 "SIGUSR2 to a rank of MPICH's mpirun"
  # Once it was asked to end itself, that of MPICH 4.0 returns 0 for ranks that end with 75, at times; that of MPICH 5 does not.
  signalled "$run" 2 TERM launcher "SIGTERM to MPICH's mpirun" 0; resume "$run" 3 "SIGTERM to MPICH's mpirun"
  library=mpich5
  if [[ -x "${mpirun[$library]}" ]]; then
    signalled "$run" 2 TERM launcher "SIGTERM to MPICH 5's mpirun"; resume "$run" 3 "SIGTERM to MPICH 5's mpirun"
  fi
  library=openmpi
fi

part "Ranks killed at random moments ($kills times), resumed on other numbers of ranks"
killed=0 runs=0
while ((killed < kills)); do
  run="$folder/killed-$runs"
  while ((killed < kills)); do
    start_disturbed $((RANDOM % 4 + 1)) "$run"
    sleep "$(printf '%d.%03d' $((RANDOM % 3)) $((RANDOM % 1000)))"
    mapfile -t victims < <(ranks_of "$launcher")
    if ((${#victims[@]} > 0)); then kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2> /dev/null || true; fi
    wait_for "$launcher" 60
    [[ "$status" == late ]] && fail "mpirun goes on a minute after a rank was killed"
    ((status == 0)) && break
    killed=$((killed + 1))
    [[ -e "$run/summary.json" ]] && break
  done
  if [[ ! -e "$run/summary.json" ]]; then resume "$run" $((RANDOM % 4 + 1)) "killed $killed times"; fi
  same "$run" "$undisturbed" "run $runs of killed ranks"
  rm -rf "$run"
  runs=$((runs + 1))
done
echo "  $runs runs, $killed ranks killed"

[[ -n "$emulates" ]] || return 0
part "A host that vanishes is named, and the job ends with 71"
count=3 run="$folder/vanished"
start_disturbed 3 "$run" --set runtime.mpi.timeout_seconds=3 --epochs 100000
wait_for_checkpoint "$run"
mapfile -t victims < <(ranks_of "$launcher")
ip -n ls3 link set eth0 down
sleep 8
# mpirun itself does not notice; what it leaves is ended by its number.
grep -qE 'rank 0 on ls1: step [0-9]+.*rank 2 on ls3 has not answered for 3(\.0)? s' "$folder/log" ||
  fail "a host that vanished is not named: $(cat "$folder/log")"
echo "  $(grep -m 1 -oE 'rank [0-9] on .* has not answered for 3(\.0)? s' "$folder/log")"
wait_for "$launcher" 30
if [[ "$status" == late ]]; then kill -KILL "${victims[@]}" "$launcher" 2> /dev/null || true; wait "$launcher" || true; else
  [[ "$status" == 71 ]] || fail "a host that vanished: exit code $status, expected 71"
fi
ip -n ls3 link set eth0 up

part "A slow link changes nothing"
for i in 1 2; do ip netns exec "ls$i" tc qdisc add dev eth0 root tbf rate 50mbit burst 64kb latency 400ms; done
digests openmpi 2 2 1 norms
digests openmpi 2 2 1 lenet
for i in 1 2; do ip netns exec "ls$i" tc qdisc del dev eth0 root; done
unset count
