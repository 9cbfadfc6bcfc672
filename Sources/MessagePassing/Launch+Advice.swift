extension Launch {
  /// The launcher's command.
  package var command: String {
    switch launcher {
    case .openMPI, .hydra, .mvapich: "mpirun"
    case .slurm: "srun"
    case .pmix: "the launcher"
    }
  }

  /// How many tasks the launcher started, as far as is known.
  package var countText: String { rankCount.map { "\($0) tasks" } ?? "several tasks" }

  /// What to do where the MPI library does not know the launcher: each task believes that it is alone.
  package var libraryAdvice: String {
    switch launcher {
    case .openMPI:
      "name the library of this mpirun, Open MPI's: LOCKSTEP_MPI=/path/to/libmpi.so.40; `which mpirun` says whose it is"
    case .hydra:
      "name the library of this mpirun, one of MPICH's family: LOCKSTEP_MPI=/path/to/libmpi.so.12; `which mpirun` says whose it is"
    case .mvapich: "name the library of this mpirun: LOCKSTEP_MPI=/path/to/libmpi.so.12"
    case .slurm:
      "use srun --mpi=pmix with Open MPI, srun --mpi=pmi2 with MPICH (`srun --mpi=list` says what there is), or start with mpirun "
        + "inside the allocation; LOCKSTEP_MPI names another library"
    case .pmix: "LOCKSTEP_MPI names the library of this launcher"
    }
  }

  /// How the launcher leaves all CPUs of a host to its ranks.
  package var bindingAdvice: String {
    switch launcher {
    case .openMPI: "mpirun --bind-to none"
    case .hydra: "mpirun -bind-to none"
    case .mvapich: "MV2_ENABLE_AFFINITY=0"
    case .slurm: "srun --cpu-bind=none in an allocation of whole hosts (--exclusive), or --cpus-per-task"
    case .pmix: "--bind-to none"
    }
  }
}
