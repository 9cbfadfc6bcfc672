#!/bin/bash
# Trains on four hosts, in as many parts as the time limit makes of the run: sbatch Examples/slurm/train.sh CONFIG RUN
#
# Five minutes before the limit all ranks write a checkpoint and end with 75, and the job goes back into the queue.
#SBATCH --nodes=4 --ntasks-per-node=1 --exclusive --time=24:00:00
#SBATCH --requeue --open-mode=append --signal=TERM@300
srun --mpi=pmix --kill-on-bad-exit=1 --cpu-bind=none lockstep train "$1" --output "$2"
code=$?
if [ $code -eq 75 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $code
