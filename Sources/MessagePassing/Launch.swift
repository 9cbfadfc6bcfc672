/// What `mpirun`, `srun` and the like tell a process that they start about itself and the others, by its environment.
package struct Launch: Hashable, Sendable {
  /// Who started the process.
  package enum Launcher: Hashable, Sendable {
    /// `mpirun` of Open MPI.
    case openMPI
    /// `mpirun` of MPICH, Intel MPI and their kin.
    case hydra
    case mvapich
    /// `srun`.
    case slurm
    /// Something else that speaks PMIx, such as `prun`.
    case pmix
  }

  package let launcher: Launcher
  /// The variable that tells of the ranks.
  package let variable: String
  /// Which of the ranks this is.
  package let rank: Int?
  /// How many there are; `nil` if the launcher does not say.
  package let rankCount: Int?
  /// Whether the launcher speaks the protocol of MPICH's family.
  package let usesPMI: Bool

  /// Reads `environment`, the innermost launcher first: where `mpirun` starts its helpers with `srun`, Slurm's numbers are
  /// those of the helpers.
  ///
  /// `SLURM_NTASKS` is not read: a script of `sbatch` has it too, and runs once.
  /// - Returns: `nil` for a process that no launcher started.
  package init?(environment: [String: String]) {
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
    let slurmTasks = number("SLURM_STEP_NUM_TASKS")
    usesPMI = number("OMPI_COMM_WORLD_SIZE") == nil && number("PMI_SIZE") != nil
    if let count = number("OMPI_COMM_WORLD_SIZE") {
      (launcher, variable, rankCount) = (.openMPI, "OMPI_COMM_WORLD_SIZE", count)
      rank = number("OMPI_COMM_WORLD_RANK")
    } else if let count = number("PMI_SIZE") {
      // Hydra, too, may start its helpers with `srun`, but tells how many ranks the host has.
      let isSlurm = slurmTasks == count && environment["MPI_LOCALNRANKS"] == nil
      (launcher, variable, rankCount) = (isSlurm ? .slurm : .hydra, "PMI_SIZE", count)
      rank = number("PMI_RANK")
    } else if let count = number("MV2_COMM_WORLD_SIZE") {
      (launcher, variable, rankCount) = (.mvapich, "MV2_COMM_WORLD_SIZE", count)
      rank = number("MV2_COMM_WORLD_RANK")
    } else if let slurmTasks {
      (launcher, variable, rankCount) = (.slurm, "SLURM_STEP_NUM_TASKS", slurmTasks)
      rank = number("SLURM_PROCID")
    } else if let own = number("PMIX_RANK") {
      (launcher, variable, rankCount, rank) = (.pmix, "PMIX_RANK", nil, own)
    } else if let own = number("SLURM_PROCID"), own > 0 {
      (launcher, variable, rankCount, rank) = (.slurm, "SLURM_PROCID", nil, own)
    } else {
      return nil
    }
  }

  /// Whether the process is one of several; where only its number is known, whether that is not 0.
  package var hasSeveral: Bool { rankCount.map { $0 > 1 } ?? ((rank ?? 0) > 0) }

  /// Whether MPI must be asked: one of several, or of an unknown number.
  package var needsMPI: Bool { rankCount.map { $0 > 1 } ?? true }
}
